/**
 * Ironic's own agent (IPA) as a scripted peer: its lookup, heartbeats and command API as in its source
 * (`ironic_python_agent/api/app.py`, `extensions/base.py`). Commands end when the test says so.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { type Certificate, ensureSelfMade } from '#boot-server/self-made-certificate.ts';
import type { JsonObject } from '#domain/json.ts';
import type { Requester } from '#domain/requesters.ts';
import type { Engine } from '#engine/contract.ts';

type Command = {
  id: string;
  command_name: string;
  command_status: string;
  command_error: unknown;
  command_result: unknown;
};
export type Sent = { name: string; params: JsonObject };
/** The result of a command; an Error fails it; undefined: it runs until `finish`. */
export type Script = (sent: Sent) => unknown;

export const ipaDisk = {
  name: '/dev/vda',
  model: '',
  size: 21_474_836_480,
  rotational: true,
  serial: 'D1',
  wwn: null,
  tran: 'virtio',
};

export function ipaHardware(changes: JsonObject = {}): JsonObject {
  return {
    interfaces: [
      { name: 'eth0', mac_address: '52:54:00:00:00:01', ipv4_address: '127.0.0.1', has_carrier: true, speed_mbps: 1000 },
    ],
    cpu: { model_name: 'QEMU', frequency: '2000', count: 2, architecture: 'x86_64', flags: ['fpu'], socket_count: 1 },
    disks: [ipaDisk],
    memory: { total: 2_000_000_000, physical_mb: 2048 },
    bmc_address: '0.0.0.0',
    system_vendor: {
      ...{ product_name: 'Standard PC', serial_number: '', manufacturer: 'QEMU' },
      firmware: { vendor: 'SeaBIOS', version: '1.16', build_date: '' },
    },
    boot: { current_boot_mode: 'bios', pxe_interface: null },
    hostname: 'localhost',
    ...changes,
  };
}

const writeResult = {
  deploy_result: { result: 'prepare_image: image (i) written to device /dev/vda root_uuid=0x1' },
  deploy_step: {},
};
export const ipaCleanSteps = {
  clean_steps: {
    GenericHardwareManager: [
      { step: 'erase_devices', priority: 10, interface: 'deploy', reboot_requested: false, abortable: true },
      { step: 'erase_devices_metadata', priority: 99, interface: 'deploy', reboot_requested: false, abortable: true },
      { step: 'burnin_cpu', priority: 0, interface: 'deploy', reboot_requested: false, abortable: true },
    ],
  },
  hardware_manager_version: { generic_hardware_manager: '1.2' },
};

/** All goes well, at once. */
export const willingScript: Script = ({ name, params }) => {
  if (name === 'poll.get_hardware_info') return ipaHardware();
  if (name === 'deploy.execute_deploy_step') return writeResult;
  if (name === 'clean.get_clean_steps') return ipaCleanSteps;
  const step = params['step'] as { step?: string } | undefined;
  if (step?.step === 'erase_devices') return { clean_result: { '/dev/vda': null }, clean_step: step };
  return name.startsWith('standby.') ? null : { clean_result: null, clean_step: step };
};

export type AnIpa = {
  readonly url: string;
  readonly certificate: string;
  readonly sent: Sent[];
  script: Script;
  /** Once: the command begins, but its reply is lost. */
  losesReply: boolean;
  /** Answers everything with this body. */
  nonsense: string | undefined;
  /** Requests with another token. */
  unauthorized: number;
  token: string;
  /** Ends the running command. */
  finish(result: unknown): void;
  untilSent(name: string): Promise<Sent>;
  close(): Promise<void>;
};

export async function anIpa(script: Script = willingScript): Promise<AnIpa> {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-ipa-peer-'));
  const made = { name: 'agent', subject: 'ipa', address: '127.0.0.1', kind: 'ec' as const, isGood: () => true };
  const certificate: Certificate = await ensureSelfMade({ folder, ...made });
  await rm(folder, { recursive: true, force: true });
  const commands: Command[] = [];
  const waiters: { name: string; resolve: (sent: Sent) => void }[] = [];
  const run = (sent: Sent): Command => {
    const name = sent.name.split('.')[1] ?? '';
    const command = {
      id: randomUUID(),
      command_name: name,
      command_status: 'RUNNING',
      command_error: null,
      command_result: null,
    };
    commands.push(command);
    ipa.sent.push(sent);
    const result = ipa.script(sent);
    if (result !== undefined) end(command, result);
    for (const waiter of waiters.filter((each) => each.name === sent.name)) waiter.resolve(sent);
    return command;
  };
  const server = createServer({ ...certificate }, async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'https://ipa');
    const reply = (status: number, body: unknown) => response.writeHead(status).end(ipa.nonsense ?? JSON.stringify(body));
    if (searchParams.get('agent_token') !== ipa.token) {
      ipa.unauthorized++;
      return reply(401, { faultcode: 'Client', faultstring: '401 Unauthorized: Token invalid.' });
    }
    const id = /^\/v1\/commands\/(.*)$/.exec(pathname)?.[1];
    if (request.method === 'GET') {
      const found = commands.find((command) => command.id === id);
      if (id === '') return reply(200, { commands });
      return found ? reply(200, found) : reply(404, { faultcode: 'Client', faultstring: 'Requested object not found' });
    }
    const sent = (await json(request)) as Sent;
    if (commands.at(-1)?.command_status === 'RUNNING')
      return reply(409, { faultcode: 'Client', faultstring: 'Agent is busy: executing another' });
    const command = run(sent);
    if (!ipa.losesReply) return reply(200, command);
    ipa.losesReply = false;
    return request.socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const ipa: AnIpa = {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    certificate: certificate.cert,
    sent: [],
    script,
    losesReply: false,
    nonsense: undefined,
    unauthorized: 0,
    token: '',
    finish: (result) => end(commands.at(-1) as Command, result),
    untilSent(name) {
      const found = ipa.sent.find((each) => each.name === name);
      if (found) return Promise.resolve(found);
      return new Promise((resolve) => waiters.push({ name, resolve }));
    },
    close: () => closed(server),
  };
  return ipa;
}

function end(command: Command, result: unknown): void {
  if (result instanceof Error) {
    const { message: details } = result;
    command.command_error = { type: 'CommandExecutionError', code: 500, message: 'Command execution failed', details };
    command.command_status = 'FAILED';
  } else {
    command.command_result = result;
    command.command_status = 'SUCCEEDED';
  }
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

type Caller = { token: string; requester: Requester; node: string };

/** Looks the node up as IPA does when it starts, and keeps the agent token. */
export async function lookUp(engine: Pick<Engine, 'ipaLookup'>, ipa: AnIpa, { token, requester }: Caller): Promise<string> {
  const { config } = await engine.ipaLookup(token, { addresses: requester.macs.join(',') }, requester);
  if (config.agent_token.length >= 32) ipa.token = config.agent_token;
  return config.agent_token;
}

export async function beat(
  engine: Pick<Engine, 'ipaHeartbeat'>,
  ipa: AnIpa,
  { token, requester, node }: Caller,
  changes: JsonObject = {},
): Promise<void> {
  const body = { callback_url: ipa.url, agent_token: ipa.token, agent_version: '13.0.0', agent_verify_ca: ipa.certificate };
  await engine.ipaHeartbeat(token, { ...body, ...changes, node_uuid: node }, requester);
}
