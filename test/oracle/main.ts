/**
 * `main.ts [WORD…]`: sends the table of requests (rows whose name contains one of the words) to the current Ironic and
 * to Ingot, and compares the responses. `main.ts --walk [WORD…]`: the same with requests that are generated from the routes.
 * `main.ts --bench [api|lifecycle] [--sizes N,N…] [--json FILE]`: runs that
 * `ingot bench` with that Ironic as the peer instead. Needs root and, the first time, a Debian mirror with sid.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '#build/run-command.ts';
import { root as project } from '../../check/sources.ts';
import { ensureDebianRoot } from '../a-debian-root.ts';
import { runInNamespaces } from '../in-namespaces.ts';
import { compareAll } from './compare-all.ts';
import { startIngot } from './ingot-process.ts';
import { startIronic } from './ironic-process.ts';
import { walk } from './walk/walk.ts';

const folder = join(project, '.cache/oracle');
const packages = ['ironic-api', 'ironic-conductor', 'python3-pymysql'];
const innerFlag = '--inside';
const benchFlag = '--bench';
const walkFlag = '--walk';

type Ironic = Awaited<ReturnType<typeof startIronic>>;

/**
 * Both services and this process run in their own namespaces: a network with only loopback, and processes that all end
 * with the first.
 */
async function runInside(words: readonly string[], signal: AbortSignal): Promise<number> {
  await ensureDebianRoot({ folder, suite: 'sid', packages }, signal);
  const program = [process.execPath, ...process.execArgv, fileURLToPath(import.meta.url), innerFlag, ...words];
  return runInNamespaces(program, signal);
}

async function actInside(words: readonly string[]): Promise<number> {
  await runCommand('ip', ['link', 'set', 'lo', 'up']);
  const ironic = await startIronic(join(folder, 'root'), join(folder, 'ironic.log'));
  return words[0] === benchFlag ? bench(ironic, words.slice(1)) : compare(ironic, words);
}

/** Measures both; the peer's processor time is that of its one process, API and conductor. */
async function bench(ironic: Ironic, given: readonly string[]): Promise<number> {
  const options = given[0] === undefined || given[0].startsWith('-') ? ['api', ...given] : given;
  process.stdout.write(`Ironic ${ironic.version} (SQLite) is the peer of this Ingot\n`);
  const env = { ...process.env, INGOT_PEER_URL: ironic.service.base };
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', join(project, 'bin/ingot'), 'bench', ...options], {
    stdio: 'inherit',
    env,
  });
  const [code] = await once(child, 'close').finally(() => ironic.stop());
  return code ?? 1;
}

async function compare(ironic: Ironic, words: readonly string[]): Promise<number> {
  const ingot = await startIngot(ironic.folder, join(folder, 'ingot.log'));
  try {
    process.stdout.write(`Ironic ${ironic.version} and this Ingot are asked the same\n`);
    const pair = { ironic: ironic.service, ingot: ingot.service };
    const areSame = words[0] === walkFlag ? await walk(pair, words.slice(1)) : await compareAll(pair, words);
    return areSame ? 0 : 1;
  } finally {
    ironic.stop();
    ingot.stop();
  }
}

const words = process.argv.slice(2);
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(new Error(signal)));
const isInside = words[0] === innerFlag;
process.exitCode = await (isInside ? actInside(words.slice(1)) : runInside(words, stop.signal)).catch((error: Error) => {
  process.stderr.write(`ironic-oracle: ${error.message}\n`);
  return 1;
});
