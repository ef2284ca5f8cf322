/** One Ingot on this host, without a provisioning network, with an event loop meter inside. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { CloudClient } from '#demo/cloud-client.ts';
import { type SettingName, variableOf } from '#settings.ts';
import { stateFiles } from '#store/state-files.ts';
import type { LoopSample } from './loop-meter.ts';

const program = fileURLToPath(new URL('../../bin/ingot', import.meta.url));
const meterProgram = fileURLToPath(new URL('loop-meter.ts', import.meta.url));
const startMaxWait = 60_000;

export type MeteredIngot = {
  readonly pid: number;
  readonly cloud: CloudClient;
  /** Undefined before the first measurement is written. */
  loop(): LoopSample | undefined;
  stop(): Promise<void>;
};

export async function startMeteredIngot(folder: string): Promise<MeteredIngot> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const meterFile = join(folder, 'loop.json');
  const state = join(folder, 'state');
  const settings: Partial<Record<SettingName, string>> = { state_dir: state, 'api.listen': '127.0.0.1:0', 'log.level': 'warn' };
  const environment = Object.fromEntries(Object.entries(settings).map(([name, value]) => [variableOf(name), value]));
  const child = spawn(program, ['serve'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment, METER_FILE: meterFile, NODE_OPTIONS: `--import=${meterProgram}` },
  });
  const log = createWriteStream(join(folder, 'ingot.log'));
  child.stderr.pipe(log);
  const url = await firstWord(child);
  const password = readFileSync(join(state, stateFiles.password), 'utf8').trim();
  return {
    pid: child.pid as number,
    cloud: await CloudClient.login({ url, user: 'admin', password, project: 'admin' }),
    loop: () => {
      try {
        return JSON.parse(readFileSync(meterFile, 'utf8')) as LoopSample;
      } catch {
        return undefined;
      }
    },
    async stop() {
      const closed = once(child, 'close');
      if (child.exitCode === null && child.kill('SIGTERM')) await closed;
    },
  };
}

async function firstWord(child: ChildProcess): Promise<string> {
  const lines = createInterface({ input: child.stdout as Readable });
  const reported = new Promise<string>((resolve) => {
    lines.on('line', (line) => {
      const url = /^Ingot serves (\S+)/.exec(line)?.[1];
      if (url) resolve(url);
    });
  });
  const ended = once(child, 'close', { signal: AbortSignal.timeout(startMaxWait) }).then(() => undefined);
  const url = await Promise.race([reported, ended]);
  if (!url) throw new Error('Ingot did not start');
  return url;
}
