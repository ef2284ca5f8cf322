import { spawn } from 'node:child_process';
import { Fault } from '#domain/faults.ts';

export type CommandOptions = { cwd?: string; env?: NodeJS.ProcessEnv; input?: string; signal?: AbortSignal; timeoutMs?: number };

/** Runs a program to completion. @returns its standard output. Throws the Fault `toolFailed` with the end of stderr. */
export function runCommand(command: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { cwd, env, input, signal, timeoutMs = 1_800_000 } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, LC_ALL: 'C', ...env }, signal, timeout: timeoutMs });
    const out: Buffer[] = [];
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.setEncoding('utf8').on('data', (text) => {
      err = (err + text).slice(-4000);
    });
    child.on('error', (error) => reject(new Fault('toolFailed', { tool: command, detail: error.message })));
    child.on('close', (code, killed) => {
      if (code === 0) return resolve(Buffer.concat(out).toString('utf8'));
      const detail = err.trim().split('\n').slice(-5).join('; ') || 'no message';
      reject(new Fault('toolFailed', { tool: command, detail: `${killed ?? `exit ${code}`}: ${detail}` }));
    });
    child.stdin.on('error', () => {});
    child.stdin.end(input ?? '');
  });
}
