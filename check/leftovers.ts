/** Finds processes that a test started and did not end, by a mark in the environment they inherited. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

export const leftoverVariable = 'CHECK_RUN_ID';

/** Children that were told to end may take a moment. */
const graceMs = 5000;

/** Ends what is left of the run with this id. @returns `PID COMMAND` of each process that had to be ended */
export async function endLeftovers(id: string): Promise<string[]> {
  const deadline = performance.now() + graceMs;
  while (findMarked(id).length > 0 && performance.now() < deadline) await pause(50);
  const left = findMarked(id);
  for (const { pid } of left) endProcess(pid);
  return left.map(({ pid, command }) => `${pid} ${command}`);
}

function findMarked(id: string): { pid: number; command: string }[] {
  return processIds().flatMap((pid) => {
    const entries = readProc(pid, 'environ').split('\0');
    if (!entries.includes(`${leftoverVariable}=${id}`)) return [];
    return [{ pid, command: readProc(pid, 'comm').trim() }];
  });
}

function processIds(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

/** Empty where the process has ended, is a zombie, or belongs to somebody else. */
function readProc(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself meanwhile.
  }
}
