/**
 * `fresh-debian.ts COMMAND…`: runs shell lines on a fresh machine: a Debian 12 of the required packages and README's
 * requirements, in its own namespaces (mounts, processes, name, network), in a fresh clone. Needs root.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { runCommand } from '#build/run-command.ts';
import { programTableFile, readProgramTable } from '../program-table.ts';
import { root as project } from '../sources.ts';
import { type HostSettings, readHostSettings, suite } from './host-settings.ts';

const folder = join(project, '.cache/nightly/debian');
const enterScript = fileURLToPath(new URL('enter.sh', import.meta.url));
const clone = 'srv/ingot';
const authorities = 'usr/local/share/ca-certificates';

/**
 * slirp4netns forwards queries at this address to this machine's own resolver, even if that listens only on loopback.
 */
const resolver = '10.0.2.3';

/** @returns whether all commands passed */
async function runOnFreshDebian(signal: AbortSignal, commands: readonly string[]): Promise<boolean> {
  if (process.getuid?.() !== 0) throw new Error('a fresh Debian needs root: mmdebstrap, namespaces and devices');
  const settings = await readHostSettings();
  await remove();
  try {
    await makeRoot(settings, signal);
    await runCommand('git', ['clone', '-q', '--no-hardlinks', project, join(folder, clone)], { signal });
    return await enter(commands, settings.environment, signal);
  } finally {
    await remove();
  }
}

/** No mount below it should be visible out here; if one is, it is not followed. */
async function remove(): Promise<void> {
  await runCommand('rm', ['-rf', '--one-file-system', folder]);
}

async function makeRoot({ apt, sources, npm }: HostSettings, signal: AbortSignal): Promise<void> {
  const table = readProgramTable(readFileSync(join(project, programTableFile), 'utf8'));
  const packages = table.filter(({ user }) => user === 'before').map((row) => row.package);
  process.stdout.write(`a fresh Debian ${suite} with ${packages.join(', ')}\n`);
  const args = ['--quiet', '--mode=root', '--variant=minbase', `--include=${packages.join(',')}`];
  const options = apt.map((line) => `--aptopt=${line}`);
  const hooks = existsSync('/etc/apt/auth.conf') ? ['--setup-hook=copy-in /etc/apt/auth.conf /etc/apt'] : [];
  mkdirSync(folder, { recursive: true });
  await runCommand('mmdebstrap', [...args, ...options, ...hooks, suite, folder, ...sources], { signal });
  writeFileSync(join(folder, 'root/.npmrc'), `${npm.join('\n')}\n`, { mode: 0o600 });
  writeFileSync(join(folder, 'etc/resolv.conf'), `nameserver ${resolver}\n`);
  if (existsSync(`/${authorities}`)) {
    const own = readdirSync(`/${authorities}`).filter((name) => name.endsWith('.crt'));
    for (const name of own) copyFileSync(`/${authorities}/${name}`, join(folder, authorities, name));
  }
  await runCommand('chroot', [folder, 'update-ca-certificates'], { signal });
}

async function enter(commands: readonly string[], environment: Readonly<Record<string, string>>, signal: AbortSignal) {
  const script = commands.map((command) => `echo "# ${command}"; ${command} || failed=1`).join('\n');
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  const variables = Object.entries({ HOME: '/root', PATH: path, LANG: 'C.UTF-8', TERM: 'dumb', ...environment });
  const inside = ['env', '-i', ...variables.map((pair) => pair.join('=')), 'sh', '-c', `failed=0\n${script}\nexit $failed`];
  const namespaces = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--uts', '--ipc', '--net'];
  const args = ['--pdeathsig', 'KILL', '--', ...namespaces, 'sh', enterScript, folder, ...inside];
  const machine = spawn('setpriv', args, {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'pipe'],
    signal,
    killSignal: 'SIGKILL',
  });
  const ended = once(machine, 'close').then(([code]) => code as number | null);
  const network = await connect(machine, ended);
  try {
    return (await ended) === 0;
  } finally {
    network?.kill('SIGKILL');
  }
}

/** A network by user-mode NAT: the registries are reachable, and this machine's network is not changed. */
async function connect(machine: ChildProcess, ended: Promise<unknown>): Promise<ChildProcess | undefined> {
  const isThere = once(machine.stdio[3] as Readable, 'data').then(() => true);
  if (!(await Promise.race([isThere, ended.then(() => false)]))) return undefined;
  const options = ['--configure', '--mtu=65520', '--disable-host-loopback', '--ready-fd=3', String(machine.pid), 'tap0'];
  const network = spawn('setpriv', ['--pdeathsig', 'KILL', '--', 'slirp4netns', ...options], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  await Promise.race([once(network.stdio[3] as Readable, 'data'), once(network, 'exit')]);
  (machine.stdio[4] as Writable).end('go\n');
  return network;
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(new Error(signal)));
const passed = await runOnFreshDebian(stop.signal, process.argv.slice(2)).catch((error: Error) => {
  process.stderr.write(`fresh-debian: ${error.message}\n`);
  return false;
});
process.exitCode = passed ? 0 : 1;
