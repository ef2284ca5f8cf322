/**
 * Runs an external program on untrusted bytes of a tenant, with access to its own files only: bubblewrap gives it a
 * root folder that holds /usr read-only and the files named here, an empty process table and, except for iSCSI, no
 * network; prlimit limits its memory, time and output. A malicious image that passes every check still reads nothing of
 * this host.
 */
import { chmod, chown, lstat, readlink } from 'node:fs/promises';
import { Fault } from '#domain/faults.ts';
import { type DiskSpace, withDiskSpace } from './disk-room.ts';
import { isInstalled, runTool, type ToolOptions } from './run-tool.ts';
import type { ToolSettings } from './settings.ts';

/** By bubblewrap, or none, with all rights of Ingot. */
export type Confinement = ToolSettings['tools.confinement'];

export type ConfinedFile = { path: string; writable?: boolean };

export type Limits = {
  memoryMiB: number;
  cpuSeconds: number;
  /** Wall-clock timeout. */
  seconds: number;
};

/** Nova's limits for `qemu-img info`, and ours for long runs. */
export const limitTable = {
  inspect: { memoryMiB: 1024, cpuSeconds: 30, seconds: 120 },
  check: { memoryMiB: 1024, cpuSeconds: 300, seconds: 900 },
  write: { memoryMiB: 2048, cpuSeconds: 4 * 3600, seconds: 12 * 3600 },
} as const satisfies Record<string, Limits>;

export type ConfinedRun<Name extends string> = {
  /** All files visible to the program besides itself and its libraries. */
  files: Readonly<Record<Name, ConfinedFile>>;
  /** Builds its arguments from the paths of the files inside the sandbox. */
  args: (at: Readonly<Record<Name, string>>) => readonly string[];
  limits: Limits;
  /** Maximum size in bytes of a file it writes; default: it writes none. */
  fileBytes?: number;
  /** Kills it before the disk that it writes to is full. */
  space?: DiskSpace | undefined;
  /** For programs that connect to a machine. Such a run must never parse a tenant's data. */
  network?: boolean;
  env?: Readonly<Record<string, string>>;
  signal?: AbortSignal | undefined;
  onOutput?: (text: string) => void;
  /** See ToolOptions. */
  outputMax?: number;
};

/** @returns standard output. Throws `toolFailed`, or `notConfined` if the program could not be confined. */
export async function runConfined<Name extends string>(
  tool: string,
  run: ConfinedRun<Name>,
  confinement: Confinement = 'bwrap',
): Promise<string> {
  const { limits, signal, space, onOutput, outputMax } = run;
  const inTime = AbortSignal.timeout(limits.seconds * 1000);
  const work = (noRoom?: AbortSignal) => {
    const signals = [signal, inTime, noRoom].filter((one) => one !== undefined);
    const output = { ...(onOutput && { onOutput }), ...(outputMax !== undefined && { outputMax }) };
    const options = { name: tool, signal: AbortSignal.any(signals), ...output };
    return confinement === 'none' ? runBare(tool, run, options) : runInside(tool, run, options);
  };
  try {
    return await (space ? withDiskSpace(space, work) : work());
  } catch (error) {
    if (error !== inTime.reason || !inTime.aborted) throw error;
    throw new Fault('toolFailed', { tool, detail: `it did not finish within ${limits.seconds} s` });
  }
}

type RunOptions = { name: string; signal: AbortSignal } & Pick<ToolOptions, 'onOutput' | 'outputMax'>;

function runBare<Name extends string>(tool: string, run: ConfinedRun<Name>, options: RunOptions): Promise<string> {
  const at = mapFiles(run.files, ({ path }) => path);
  const [program = '', ...args] = limited(tool, run, at);
  return runTool(program, args, { ...options, ...(run.env && { env: run.env }) });
}

async function runInside<Name extends string>(tool: string, run: ConfinedRun<Name>, options: RunOptions): Promise<string> {
  const refuse = (detail: string, cause?: unknown) => new Fault('notConfined', { tool, detail }, cause);
  if (!(await isInstalled('bwrap'))) throw refuse('bwrap is not installed');
  const isRoot = process.getuid?.() === 0;
  if (isRoot) for (const file of Object.values<ConfinedFile>(run.files)) await admit(file);
  const at = mapFiles(run.files, (_, name) => `/in/${name}`);
  const command = [...(isRoot ? dropping : []), ...limited(tool, run, at)];
  const args = [...(isRoot ? rootNamespaces : userNamespaces), ...(run.network ? ['--share-net'] : []), ...(await rootFolder())];
  for (const [name, { path, writable }] of Object.entries<ConfinedFile>(run.files)) {
    args.push(writable ? '--bind' : '--ro-bind', path, at[name as Name]);
  }
  for (const [name, value] of Object.entries(run.env ?? {})) args.push('--setenv', name, value);
  args.push('--remount-ro', '/', '--chdir', '/', '--', ...command);
  try {
    // A service manager may have given Ingot capabilities, with which bwrap refuses to start.
    return await runTool('setpriv', ['--inh-caps=-all', '--ambient-caps=-all', '--', 'bwrap', ...args], options);
  } catch (error) {
    const isOurs =
      error instanceof Fault && error.code === 'toolFailed' && /^(bwrap|setpriv): /.test(String(error.fields['detail']));
    throw isOurs ? refuse(String(error.fields['detail']), error) : error;
  }
}

const always = ['--die-with-parent', '--new-session', '--clearenv', '--cap-drop', 'ALL'];
const names = ['--unshare-ipc', '--unshare-pid', '--unshare-net', '--unshare-uts', '--unshare-cgroup-try'];
/** An unused user id: outside the ranges of Debian's accounts. */
const confinedId = 65_200;
const userNamespaces = [...always, ...names, '--unshare-user', '--uid', String(confinedId), '--gid', String(confinedId)];
/**
 * Root in a user namespace created by root would still be root to the kernel (for /proc/sys, and in what RLIMIT_NPROC
 * counts). So no user namespace is used: root builds the folder and then switches to a user that owns nothing.
 */
const rootNamespaces = [...always, ...names, '--cap-add', 'CAP_SETUID', '--cap-add', 'CAP_SETGID'];
const dropping = ['setpriv', `--reuid=${confinedId}`, `--regid=${confinedId}`, '--clear-groups', '--inh-caps=-all', '--'];

/** Makes root's files accessible to the confined user; parent folders, which it never sees, stay closed to others. */
async function admit({ path, writable }: ConfinedFile): Promise<void> {
  await chown(path, -1, confinedId);
  await chmod(path, writable ? 0o660 : 0o640);
}

/** prlimit runs inside bwrap: the limits must not count bwrap's own processes. */
function limited<Name extends string>(tool: string, run: ConfinedRun<Name>, at: Readonly<Record<Name, string>>): string[] {
  const { limits, fileBytes = 0 } = run;
  return [
    'prlimit',
    `--as=${limits.memoryMiB * 1024 * 1024}`,
    `--cpu=${limits.cpuSeconds}`,
    `--fsize=${fileBytes}`,
    '--core=0',
    '--nofile=64',
    '--nproc=256',
    '--',
    tool,
    ...run.args(at),
  ];
}

function mapFiles<Name extends string>(
  files: Readonly<Record<Name, ConfinedFile>>,
  toName: (file: ConfinedFile, name: string) => string,
): Record<Name, string> {
  const entries = Object.entries<ConfinedFile>(files).map(([name, file]) => [name, toName(file, name)]);
  return Object.fromEntries(entries) as Record<Name, string>;
}

/** No /proc, no /sys, no home; two files of /dev; nothing is writable. */
async function rootFolder(): Promise<string[]> {
  const args = ['--ro-bind', '/usr', '/usr'];
  for (const path of ['/dev', '/etc', '/in']) args.push('--perms', '0755', '--dir', path);
  for (const path of ['/bin', '/sbin', '/lib', '/lib32', '/lib64']) {
    const found = await lstat(path).catch(() => undefined);
    if (found?.isSymbolicLink()) args.push('--symlink', await readlink(path), path);
    else if (found) args.push('--ro-bind', path, path);
  }
  for (const path of ['/etc/ld.so.cache', '/etc/alternatives', '/etc/mke2fs.conf']) args.push('--ro-bind-try', path, path);
  for (const path of ['/dev/null', '/dev/urandom']) args.push('--dev-bind', path, path);
  // A few memory arenas instead of one per thread: those would count as memory in use.
  args.push('--setenv', 'PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin');
  args.push('--setenv', 'LC_ALL', 'C.UTF-8', '--setenv', 'MALLOC_ARENA_MAX', '4');
  return args;
}
