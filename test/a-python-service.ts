/** A third-party Python service from a copy beside the repo: started on a free loopback port, stopped with the test. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { TestContext } from 'node:test';
import { freePort } from './free-port.ts';

export type PythonService = {
  /** Environment variable that names the folder of the copy. */
  variable: string;
  /** Required Python modules; without them it cannot run here. */
  imports: string;
  /** Python code that starts it, with the folder as working directory. */
  program: string;
  /** Arguments, given a port and a writable folder. */
  options: (port: number, state: string) => readonly string[];
  /** Its output, on either stream, when it listens. */
  listening: string;
  /** Added to its environment. */
  env?: Readonly<Record<string, string>>;
};

export function reasonToSkip({ variable, imports }: PythonService): string | false {
  const folder = process.env[variable];
  if (!folder) return `${variable} does not name a copy of it`;
  const { status, stderr } = spawnSync('python3', ['-c', imports], { env: environment(folder), cwd: folder, encoding: 'utf8' });
  return status === 0 ? false : `it does not start: ${stderr?.trim().split('\n').at(-1)}`;
}

/** @returns its port */
export async function startPythonService(t: TestContext, service: PythonService): Promise<number> {
  const folder = process.env[service.variable] ?? '';
  const state = mkdtempSync(join(tmpdir(), 'ingot-python-'));
  const port = await freePort();
  const args = ['-u', '-c', service.program, ...service.options(port, state)];
  const env = { ...environment(folder), TMPDIR: state, ...service.env };
  const child = spawn('python3', args, { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(async () => {
    await stop(child);
    rmSync(state, { recursive: true });
  });
  await untilListening(child, service.listening);
  return port;
}

function environment(folder: string): NodeJS.ProcessEnv {
  return { ...process.env, PYTHONPATH: [folder, process.env['PYTHONPATH']].filter(Boolean).join(delimiter) };
}

function untilListening(child: ChildProcess, words: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let said = '';
  const hear = (text: Buffer) => {
    said = (said + text).slice(-20_000);
    if (said.includes(words)) resolve();
  };
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  child.once('exit', () => reject(new Error(`it ended: ${said}`)));
  return promise;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
