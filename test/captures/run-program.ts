import { execFile } from 'node:child_process';

export type ProgramResult = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** Runs an external program to completion, with a timeout of 60 s. */
export function runProgram(program: string, args: readonly string[]): Promise<ProgramResult> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr });
    });
  });
}
