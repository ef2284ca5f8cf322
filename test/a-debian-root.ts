/** Root folders of Debian with programs that tests run beside Ingot: created once and cached. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '#build/run-command.ts';
import { type HostSettings, readHostSettings } from '../check/nightly/host-settings.ts';

type DebianRoot = {
  /** Receives `root/`, and `complete`, written last. */
  readonly folder: string;
  readonly suite: string;
  readonly packages: readonly string[];
};

const maxWaitMs = 3_600_000;
/** Compiling hundreds of packages takes most of the time: programs compile what they import. An unfinished root is made anew. */
const dpkg = ['path-exclude=/usr/bin/py3compile', 'force-unsafe-io'];

/** @returns the path of the root folder. Throws when the mirror is unreachable. */
export async function ensureDebianRoot({ folder, suite, packages }: DebianRoot, signal: AbortSignal): Promise<string> {
  const root = join(folder, 'root');
  const complete = join(folder, 'complete');
  if (existsSync(complete)) return root;
  process.stdout.write(`a root folder of Debian ${suite} with ${packages.join(', ')}\n`);
  await runCommand('rm', ['-rf', '--one-file-system', root]);
  mkdirSync(folder, { recursive: true });
  const words = argumentsFor({ root, suite, packages }, await readHostSettings(process.env, suite));
  await runCommand('mmdebstrap', words, { signal, timeoutMs: maxWaitMs }).catch((error: Error) => {
    throw new Error(`${packages[0]} cannot be installed: is a Debian mirror with ${suite} reachable? ${error.message}`);
  });
  writeFileSync(complete, '');
  return root;
}

function argumentsFor(
  { root, suite, packages }: Omit<DebianRoot, 'folder'> & { root: string },
  { apt, sources }: HostSettings,
): string[] {
  const options = ['Acquire::Check-Valid-Until "false"', 'Acquire::Retries "2"', 'Acquire::http::Timeout "30"', ...apt];
  const hooks = existsSync('/etc/apt/auth.conf') ? ['--setup-hook=copy-in /etc/apt/auth.conf /etc/apt'] : [];
  return [
    ...['--quiet', '--mode=root', '--variant=minbase', `--include=${packages.join(',')}`],
    ...options.map((line) => `--aptopt=${line}`),
    ...dpkg.map((line) => `--dpkgopt=${line}`),
    ...hooks,
    ...[suite, root, ...sources],
  ];
}
