import { parseArgs } from 'node:util';
import { classicDisks, classicParameters, deployHelperPort, donePort, iscsiPort } from '../agent-protocol/classic.ts';
import { kernelParameters } from '../agent-protocol/routes.ts';
import { bootMac, bootServer, type KernelLine, parseKernelLine } from './kernel-line.ts';

export type ServerOptions = {
  /** URL for messages. */
  url: string;
  /** From the kernel line: valid for one hello. */
  token: string;
  /** SHA-256 of the server's certificate, in hex; required if `url` is HTTPS. */
  certificate?: string;
};

/** The classic chain's parameters; see agent-protocol/classic.ts. */
export type ClassicOptions = {
  iqn: string;
  deploymentId: string;
  deploymentKey: string;
  /** In order of preference, as kernel names: `sda`, `cciss/c0d0`. */
  disks: string[];
  /** The conductor: receives the POST, and is the only host admitted as an iSCSI initiator and by the `done` port. */
  bootServer: string;
  helperPort: number;
  iscsiPort: number;
  donePort: number;
};

export type AgentOptions = {
  server?: ServerOptions;
  classic?: ClassicOptions;
  bootMac: string | null;
  troubleshoot: boolean;
  /** Host mode: files that represent the machine's disks. */
  diskFiles: string[];
  /** Host mode: reboot and power-off exit the agent instead. */
  noReboot: boolean;
  /** File that keeps the agent's identity across restarts of its program; undefined = not kept. */
  stateFile: string | undefined;
};

export const agentHelp = `The program in Ingot's deploy ramdisk. It reads the kernel line; flags are for trying it on a plain host.

  --kernel-line FILE   file with the kernel line (default /proc/cmdline)
  --url URL            provisioning listener by HTTP; overrides ingot.url and ingot.secure_url
  --token TOKEN        overrides ingot.token; the variable INGOT_AGENT_TOKEN keeps it out of the process list
  --state FILE         keeps who this agent is (default /run/ingot-agent.json; with --no-reboot: nothing is kept)
  --disk FILE          a file that stands for a disk; may be repeated
  --no-reboot          reboot and power-off end the program with status 0
  --classic NAME=VALUE a parameter of the classic chain: iscsi_target_iqn, deployment_id, deployment_key, disk,
                       boot_server, helper_port, iscsi_port, done_port; may be repeated
`;

const flags = {
  'kernel-line': { type: 'string', default: '/proc/cmdline' },
  url: { type: 'string' },
  token: { type: 'string' },
  state: { type: 'string' },
  disk: { type: 'string', multiple: true, default: [] as string[] },
  'no-reboot': { type: 'boolean', default: false },
  classic: { type: 'string', multiple: true, default: [] as string[] },
  help: { type: 'boolean', default: false },
} as const;

/** Throws TypeError on an unknown flag. @returns nothing when help was requested */
export function readOptions(
  argv: string[],
  env: NodeJS.ProcessEnv,
  readText: (path: string) => string,
): AgentOptions | undefined {
  const { values } = parseArgs({ args: argv, options: flags, strict: true });
  if (values.help) return undefined;
  const line = parseKernelLine(`${readText(values['kernel-line'])} ${values.classic.join(' ')}`);
  const url = values.url ?? line.get(kernelParameters.url);
  const token = values.token ?? env['INGOT_AGENT_TOKEN'] ?? line.get(kernelParameters.token);
  return {
    ...(url && token && { server: readServer(line, values.url, token) }),
    classic: readClassic(line, url),
    bootMac: bootMac(line),
    troubleshoot: line.get(classicParameters.troubleshoot) === '1',
    diskFiles: values.disk,
    noReboot: values['no-reboot'],
    stateFile: values.state ?? (values['no-reboot'] ? undefined : '/run/ingot-agent.json'),
  };
}

/** HTTPS without a pinned certificate would prove nothing, so one parameter without the other is rejected. */
function readServer(line: KernelLine, asked: string | undefined, token: string): ServerOptions {
  const secureUrl = asked === undefined ? line.get(kernelParameters.secureUrl) : undefined;
  const certificate = line.get(kernelParameters.certificate)?.toLowerCase();
  if (!secureUrl) return { url: withoutSlash(asked ?? line.get(kernelParameters.url) ?? ''), token };
  if (!/^[0-9a-f]{64}$/.test(certificate ?? ''))
    throw new TypeError(
      `the kernel line has ${kernelParameters.secureUrl}, but no ${kernelParameters.certificate} of 64 hex digits`,
    );
  return { url: withoutSlash(secureUrl), token, certificate };
}

function withoutSlash(url: string): string {
  return url.replace(/\/$/, '');
}

function readClassic(line: KernelLine, url: string | undefined): ClassicOptions | undefined {
  const iqn = line.get(classicParameters.iqn);
  if (!iqn) return undefined;
  const server = line.get('boot_server') ?? bootServer(line) ?? (url && new URL(url).hostname);
  if (!server) throw new TypeError('the kernel line has iscsi_target_iqn, but neither ip= nor ingot.url tells the boot server');
  return {
    iqn,
    deploymentId: line.get(classicParameters.deploymentId) ?? '',
    deploymentKey: line.get(classicParameters.deploymentKey) ?? '',
    disks: (line.get(classicParameters.disk) || classicDisks).split(','),
    bootServer: server,
    helperPort: Number(line.get('helper_port') ?? deployHelperPort),
    iscsiPort: Number(line.get('iscsi_port') ?? iscsiPort),
    donePort: Number(line.get('done_port') ?? donePort),
  };
}
