/** Ingot with default settings, and its administrator's token. Exits with this process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { freePort } from '../free-port.ts';
import { Service } from './service.ts';

const program = fileURLToPath(new URL('../../bin/ingot', import.meta.url));
const password = 'oracle';
const startMaxWaitMs = 300_000;

/** @param folder for its state, which is empty @param logFile for its output */
export async function startIngot(folder: string, logFile: string): Promise<{ service: Service; stop(): void }> {
  const state = join(folder, 'state');
  const port = await freePort();
  const flags = { state: state, listen: `127.0.0.1:${port}`, 'admin.password': password, 'process.user': 'root' };
  const words = Object.entries({ ...flags, 'power.poll_ms': '10' }).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', program, 'serve', ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = createWriteStream(logFile);
  child.stdout.pipe(log);
  child.stderr.pipe(log);
  await untilServing(child);
  const url = `http://127.0.0.1:${port}`;
  const service = new Service('Ingot', `${url}/baremetal`, { 'x-auth-token': await tokenFrom(url) });
  return { service, stop: () => void child.kill('SIGKILL') };
}

function untilServing(child: ChildProcess): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error('Ingot did not serve in time')), startMaxWaitMs);
  child.once('exit', (code) => reject(new Error(`Ingot ended with ${code}`)));
  if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => line.startsWith('Ingot serves') && resolve());
  return promise.finally(() => clearTimeout(timer));
}

async function tokenFrom(url: string): Promise<string> {
  const domain = { id: 'default' };
  const user = { name: 'admin', domain, password };
  const auth = { identity: { methods: ['password'], password: { user } }, scope: { project: { name: 'admin', domain } } };
  const reply = await fetch(`${url}/identity/v3/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ auth }),
    signal: AbortSignal.timeout(startMaxWaitMs),
  });
  const token = reply.headers.get('x-subject-token');
  if (token === null) throw new Error(`login at Ingot: ${reply.status} ${await reply.text()}`);
  return token;
}
