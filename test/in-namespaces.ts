/** Programs that others wrote run in namespaces: a network with only loopback, and processes that all end with the first. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const words = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--ipc', '--net'];

/** Needs root. @returns the exit code */
export async function runInNamespaces(program: readonly string[], signal: AbortSignal): Promise<number> {
  if (process.getuid?.() !== 0) throw new Error('this needs root: mmdebstrap and namespaces');
  const command = ['--pdeathsig', 'KILL', '--', 'unshare', ...words, '--', ...program];
  const child = spawn('setpriv', command, { stdio: ['ignore', 'inherit', 'inherit'], signal, killSignal: 'SIGKILL' });
  const [code] = await once(child, 'close');
  return code ?? 1;
}
