/** `ingot lab serve`: Ingot in the foreground beside a running rack, for interactive use. Programs use `startIngot`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { openApiPort } from './api-port.ts';
import { connectRack } from './rack.ts';
import { defaultStateDir } from './rack-plan.ts';
import { apiDescriptor, ingotCommand, ingotEnvironment } from './start-ingot.ts';

export const serveHelp = `Usage: ingot lab serve [--listen HOST:PORT] [--state DIR] [-- --SETTING VALUE …]

Runs \`ingot serve\` where the rack's servers and BMCs can be reached, until Ctrl-C; its API can be reached from outside. Settings
after -- go to it as they are: see ingot serve --help. For deployments it needs a ramdisk: ingot ramdisk build --profile lab

  --listen HOST:PORT  of the API, outside (127.0.0.1:6385)
  --state DIR         state folder of the rack (.cache/lab); that of Ingot is the folder ingot in it
`;

const options = {
  state: { type: 'string', default: defaultStateDir },
  listen: { type: 'string', default: '127.0.0.1:6385' },
  help: { type: 'boolean', short: 'h' },
} as const;

/**
 * `args` begin after `serve`. @returns Ingot's exit code. @throws RangeError or parseArgs' error for wrong arguments.
 */
export async function runServeCommand(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  if (values.help) {
    process.stdout.write(serveHelp);
    return 0;
  }
  const rack = await connectRack(resolve(values.state));
  if (!rack) throw new Error('the rack is down; `ingot lab up` starts it');
  rack.disconnect();
  const stateDir = join(rack.record.state_dir, 'ingot');
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const listener = await listenOutside(values.listen);
  return runInside(rack.record.namespace, { listener, stateDir, words: positionals });
}

/** An address of the host's own network: clients cannot reach any address inside the namespace. */
async function listenOutside(words: string): Promise<Server> {
  const [, host, port] = /^\[?([^\]]+?)\]?:(\d+)$/.exec(words) ?? [];
  if (!host) throw new RangeError(`--listen must be HOST:PORT, not '${words}'`);
  return openApiPort(Number(port), host);
}

type Inside = { readonly listener: Server; readonly stateDir: string; readonly words: readonly string[] };

async function runInside(namespace: string, { listener, stateDir, words }: Inside): Promise<number> {
  const { address, family, port } = listener.address() as AddressInfo;
  const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  const [program, ...args] = ingotCommand(namespace);
  const { _handle: handle } = listener as unknown as { _handle: { fd: number } };
  const child = spawn(program, [...args, ...words], {
    stdio: ['ignore', 'inherit', 'inherit', handle.fd],
    env: {
      ...process.env,
      ...ingotEnvironment({ stateDir, url, descriptor: apiDescriptor }, { 'console.folders': dirname(stateDir) }),
    },
  });
  listener.close();
  // A terminal's Ctrl-C reaches the child as well; a signal sent only to us must be forwarded.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  const [code] = (await once(child, 'close')) as [number | null];
  return code ?? 1;
}
