/** Ingot as a process of its own, with fake hardware, in a folder that survives its restarts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { pause } from '#async/timers.ts';
import { CloudClient } from '#demo/cloud-client.ts';
import { type SettingName, variableOf } from '#settings.ts';
import { readRollup } from '../process-meter.ts';
import { Target } from './target.ts';

const program = fileURLToPath(new URL('../../bin/ingot', import.meta.url));
const startTimeoutMs = 60_000;
const password = 'bench';
const steadyBytes = 512 * 1024;

/** Bytes; see `readRollup`. */
export type Memory = { pss: number; rss: number };

export type IngotProcess = {
  readonly target: Target;
  /** Of the API, without a trailing slash. */
  readonly url: string;
  readonly pid: number;
  readonly cloud: CloudClient;
  /** Milliseconds from the start of the program to the first reply of the API. */
  readonly startMs: number;
  /** Memory once the garbage of the start is collected (`src/commands/serve.ts`). */
  atRest(): Promise<Memory>;
  stop(): Promise<void>;
};

/** @param more settings; the polling of power states would be measured with the requests, so it is off by default */
export async function startIngot(folder: string, more: Partial<Record<SettingName, string>> = {}): Promise<IngotProcess> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const settings: Partial<Record<SettingName, string>> = {
    ...{ state_dir: join(folder, 'state'), 'api.listen': '127.0.0.1:0', 'log.level': 'warn' },
    ...{ 'admin.password': password, 'power.sync_interval': '0', 'process.user': 'root', ...more },
  };
  const began = performance.now();
  const child = spawn(program, ['serve'], { stdio: ['ignore', 'pipe', 'pipe'], env: environmentOf(settings) });
  child.stderr.pipe(createWriteStream(join(folder, 'ingot.log'), { flags: 'a' }));
  const url = await untilServing(child);
  await fetch(`${url}/baremetal`);
  const startMs = performance.now() - began;
  const cloud = await CloudClient.login({ url, user: 'admin', password, project: 'admin' });
  const target = new Target({ name: 'Ingot', url: `${url}/baremetal`, token: cloud.token, pids: [child.pid as number] });
  return {
    target,
    url,
    pid: child.pid as number,
    cloud,
    startMs,
    atRest: () => untilSteady(child.pid as number),
    async stop() {
      target.close();
      const closed = once(child, 'close');
      if (child.exitCode === null && child.kill('SIGTERM')) await closed;
    },
  };
}

/** Until it has not changed for a while, or for ten seconds at most. */
async function untilSteady(pid: number): Promise<Memory> {
  let memory = readRollup(pid);
  let equal = 0;
  for (let round = 0; round < 40 && equal < 8; round++) {
    await pause(250);
    const next = readRollup(pid);
    equal = Math.abs(next.rss - memory.rss) < steadyBytes ? equal + 1 : 0;
    memory = next;
  }
  return memory;
}

/** Without the settings of the caller, such as INGOT_PEER_URL, which Ingot does not know. */
function environmentOf(settings: Partial<Record<SettingName, string>>): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('INGOT_'));
  const own = Object.entries(settings).map(([name, value]) => [variableOf(name), value] as const);
  return Object.fromEntries([...others, ...own]);
}

async function untilServing(child: ChildProcess): Promise<string> {
  const served = Promise.withResolvers<string>();
  createInterface({ input: child.stdout as Readable }).on('line', (line) => {
    const url = /^Ingot serves (\S+)/.exec(line)?.[1];
    if (url) served.resolve(url);
  });
  const ended = once(child, 'close', { signal: AbortSignal.timeout(startTimeoutMs) }).then(() => undefined);
  const url = await Promise.race([served.promise, ended]);
  if (!url) throw new Error('Ingot did not start');
  return url;
}
