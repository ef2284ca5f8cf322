/**
 * `main.ts [WORD…]`: sends the requests of the scenarios (whose name contains one of the words) to Keystone, Glance and
 * Neutron of Debian 12 and to Ingot, and compares the replies. Needs root and, the first time, a Debian mirror.
 */
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startIngot } from '#bench/api/ingot-process.ts';
import { databases, password, urlOf } from '#bench/cloud/peer-config.ts';
import { PeerServices, packages } from '#bench/cloud/peer-services.ts';
import { runCommand } from '#build/run-command.ts';
import { root as project } from '../../check/sources.ts';
import { ensureDebianRoot } from '../a-debian-root.ts';
import { runInNamespaces } from '../in-namespaces.ts';
import { glanceFolders, ingotSettings, peerConfig, peerWords } from './peer-configs.ts';
import { runScenarios } from './run.ts';
import { Side } from './side.ts';

/** The same as that of `ingot bench cloud`. */
const debian = join(project, '.cache/bench-cloud/debian');
const folder = join(project, '.cache/cloud-oracle');
const innerFlag = '--inside';

/** All services and this process run in namespaces of their own: with only loopback, and all end with the first. */
async function runInside(words: readonly string[], signal: AbortSignal): Promise<number> {
  await ensureDebianRoot({ folder: debian, suite: 'bookworm', packages }, signal);
  const program = [process.execPath, ...process.execArgv, fileURLToPath(import.meta.url), innerFlag, ...words];
  return runInNamespaces(program, signal);
}

async function actInside(words: readonly string[]): Promise<number> {
  await runCommand('ip', ['link', 'set', 'lo', 'up']);
  rmSync(folder, { recursive: true, force: true });
  const memory = join(folder, 'memory');
  mkdirSync(memory, { recursive: true });
  await runCommand('mount', ['-t', 'tmpfs', 'tmpfs', memory]);
  const root = await layerOver(join(debian, 'root'), memory);
  const services = new PeerServices(root, join(folder, 'logs'), {
    ...{ config: peerConfig, words: peerWords },
  });
  const started = await Promise.all([services.start(), startIngot(join(memory, 'ingot'), ingotSettings)]);
  const ingot = started[1];
  try {
    const peer = new Side('peer', { identity: urlOf('keystone'), image: urlOf('glance'), network: urlOf('neutron') });
    const { url } = ingot;
    const own = new Side('Ingot', { identity: `${url}/identity`, image: `${url}/image`, network: `${url}/network` });
    return (await runScenarios({ peer, ingot: own }, password, words)) ? 0 : 1;
  } finally {
    await Promise.all([services.stop(), ingot.stop()]);
    for (const name of databases) cpSync(join(root, 'var/log', name), join(folder, 'logs', name), { recursive: true });
  }
}

/** In this mount namespace: what a run writes is in memory, so that the root folder stays as it is, whoever else uses it. */
async function layerOver(below: string, memory: string): Promise<string> {
  const [upper, work, root] = ['upper', 'work', 'root'].map((name) => join(memory, name)) as [string, string, string];
  for (const path of [upper, work, root]) mkdirSync(path);
  const options = `lowerdir=${below},upperdir=${upper},workdir=${work}`;
  await runCommand('mount', ['-t', 'overlay', 'overlay', '-o', options, root]);
  await runCommand('mount', ['-t', 'proc', 'proc', join(root, 'proc')]);
  for (const path of glanceFolders) mkdirSync(join(root, path), { recursive: true });
  await runCommand('chmod', ['777', ...glanceFolders.map((path) => join(root, path))]);
  return root;
}

const words = process.argv.slice(2);
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(new Error(signal)));
const isInside = words[0] === innerFlag;
process.exitCode = await (isInside ? actInside(words.slice(1)) : runInside(words, stop.signal)).catch((error: Error) => {
  process.stderr.write(`cloud-oracle: ${error.message}\n`);
  return 1;
});
