/** Finds processes that a test started and did not end, by a marker in their inherited environment. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

export const leftoverVariable = 'CHECK_RUN_ID';

/** Grace period for children that were told to exit. */
const graceMs = 5000;

/** Ends the remaining processes of the run with this id. @returns `PID COMMAND` of each process that had to be ended */
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

/** Empty when the process has exited, is a zombie, or belongs to another user. */
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
    // It exited meanwhile.
  }
}
