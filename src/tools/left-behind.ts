/**
 * Confined programs that a killed Ingot has left behind. bubblewrap asks the kernel to end its inner process with the outer one
 * only after it has laid the mounts: if Ingot is killed within these milliseconds, the program starts all the same, or waits for
 * ever, and an old writer would compete with the retried step.
 */
import { readdir, readFile } from 'node:fs/promises';

/**
 * Kills those that were given a file below the folder. Call when this process alone uses the folder, and before it starts any.
 * @returns their process ids
 */
export async function endLeftBehind(folder: string): Promise<number[]> {
  if (process.platform !== 'linux') return [];
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map(async (pid) => ((await isConfinedBelow(pid, folder)) ? [pid] : [])));
  return found.flat().filter(kill);
}

async function isConfinedBelow(pid: number, folder: string): Promise<boolean> {
  const args = (await readProcess(pid, 'cmdline')).split('\0');
  const isConfined =
    args.includes('bwrap') && args.includes('--die-with-parent') && args.some((arg) => arg.startsWith(`${folder}/`));
  return isConfined && isOfThisPidNamespace(await readProcess(pid, 'status'));
}

/**
 * In a container the same path is another folder. Seen from here, bubblewrap's outer process has one process id, and its inner
 * one, the first of its namespace, has 1 as its second; those of a container have one more each. proc_pid_status(5), NSpid.
 */
function isOfThisPidNamespace(status: string): boolean {
  const ids = /^NSpid:\s+(.*)$/m.exec(status)?.[1]?.split(/\s+/) ?? [];
  return ids.length === 1 || (ids.length === 2 && ids[1] === '1');
}

/** Empty for a process that has just ended, or of another user. */
function readProcess(pid: number, file: 'cmdline' | 'status'): Promise<string> {
  return readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
}

function kill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended, or belongs to another user.
    return false;
  }
}
