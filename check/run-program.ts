import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { plainEnvironment } from './environment.ts';
import { root } from './sources.ts';

export type Program = { command: string; args: readonly string[] };

/** Runs a program of node_modules/.bin in the root folder with live output. @returns the error, if any */
export async function runProgram({ command, args }: Program, signal: AbortSignal): Promise<string | undefined> {
  const child = spawn(`${root}/node_modules/.bin/${command}`, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: plainEnvironment(),
    signal,
  });
  try {
    const [code, endedBy] = await once(child, 'exit');
    return code === 0 ? undefined : `${command} ended with ${code ?? endedBy}`;
  } catch (error) {
    return `${command}: ${(error as Error).message}`;
  }
}
