import { spawn } from 'node:child_process';

export type RunOptions = { signal?: AbortSignal; input?: string; timeoutMs?: number; env?: NodeJS.ProcessEnv };
/** Runs a program to completion and returns its output. */
export type RunProgram = (command: string, args: readonly string[], options?: RunOptions) => Promise<string>;

const outputMax = 1024 * 1024;

/** Throws an Error with the last lines of stderr when the program fails, is missing or times out. */
export const runProgram: RunProgram = (command, args, { signal, input, timeoutMs = 60_000, env = process.env } = {}) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'pipe', timeout: timeoutMs, killSignal: 'SIGKILL', signal, env });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      if (out.length < outputMax) out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      err = (err + text).slice(-2000);
    });
    child.on('error', (error) => reject(new Error(`${command} did not run: ${error.message}`)));
    child.on('close', (code, killed) => {
      if (code === 0) resolve(out);
      else reject(new Error(`${command} failed (${killed ?? `exit ${code}`}): ${err.trim() || out.trim().slice(-500)}`));
    });
    // A program that exits without reading its input is judged by its exit code, not by the broken pipe.
    child.stdin.on('error', () => {});
    child.stdin.end(input ?? '');
  });
