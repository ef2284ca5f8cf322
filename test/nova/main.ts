/**
 * A real Nova (of Debian 12: API, scheduler, conductor, compute with its Ironic driver, Placement, RabbitMQ) uses this
 * Ingot as its Keystone, Glance, Neutron and Ironic, and keeps a server on fake hardware and one on a lab machine.
 * `main.ts [fake|lab]`. Needs root and, the first time, a Debian mirror.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '#build/run-command.ts';
import { buildArtifacts, enrolFacts, type LabCloud, labNetwork, startLabCloud } from '#demo/lab-cloud.ts';
import * as job from '#demo/main-job.ts';
import { stateFiles } from '#store/state-files.ts';
import { root as project } from '../../check/sources.ts';
import { ensureDebianRoot } from '../a-debian-root.ts';
import { runInNamespaces } from '../in-namespaces.ts';
import { type CycleParts, runCycle, type Wanted } from './cycle.ts';
import { NovaClient } from './nova-client.ts';
import { NovaServices, packages } from './nova-services.ts';

const folder = join(project, '.cache/nova');
const innerFlag = '--inside';
const sshMaxWaitMs = 600_000;
const keyName = 'nova';

const say = (line: string) => void process.stdout.write(`${line}\n`);

async function runInside(words: readonly string[], signal: AbortSignal): Promise<number> {
  await ensureDebianRoot({ folder, suite: 'bookworm', packages }, signal);
  await buildArtifacts(say);
  const program = [process.execPath, ...process.execArgv, fileURLToPath(import.meta.url), innerFlag, ...words];
  return runInNamespaces(program, signal);
}

async function actInside(words: readonly string[]): Promise<number> {
  await runCommand('ip', ['link', 'set', 'lo', 'up']);
  const rack = { machines: 1, uefi: 1, namespace: 'ingot-nova', stateDir: join(folder, 'rack') };
  const lab = await startLabCloud({ rack, stateDir: join(folder, 'ingot'), announce: say });
  const services = new NovaServices(join(folder, 'root'), join(folder, 'logs'));
  try {
    const password = (await readFile(join(lab.stateDir, stateFiles.password), 'utf8')).trim();
    await services.start({ url: lab.ingot.url, password });
    const parts = { cloud: lab.cloud, nova: new NovaClient(lab.cloud), services, say };
    const makers = Object.entries(cycles).filter(([name]) => words.length === 0 || words.includes(name));
    const networkId = await job.createNetwork(lab.cloud, 'racknet', labNetwork);
    for (const [, make] of makers) await runCycle(parts, await make(lab, parts, networkId));
    return 0;
  } finally {
    services.stop();
    await lab.close();
  }
}

type Make = (lab: LabCloud, parts: CycleParts, networkId: string) => Promise<Wanted>;

const cycles: Readonly<Record<string, Make>> = { fake: aFakeNode, lab: aLabMachine };

async function aFakeNode({ cloud, stateDir }: LabCloud, _: CycleParts, networkId: string): Promise<Wanted> {
  const body = { name: 'fake', driver: 'fake-hardware', resource_class: 'fake', properties: { cpus: 1, memory_mb: 1024 } };
  const { uuid: node } = await cloud.bareMetal<{ uuid: string }>('/nodes', { method: 'POST', body });
  await cloud.bareMetal('/ports', { method: 'POST', body: { node_uuid: node, address: '52:54:00:12:34:56' } });
  for (const [target, state] of [
    ['manage', 'manageable'],
    ['provide', 'available'],
  ] as const) {
    await cloud.bareMetal(`/nodes/${node}/states/provision`, { method: 'PUT', body: { target } });
    await job.untilNode(cloud, node, state);
  }
  const raw = { disk_format: 'raw', container_format: 'bare' };
  const path = join(stateDir, 'fake.raw');
  await writeFile(path, Buffer.alloc(1024 ** 2));
  const imageId = await job.uploadImage(cloud, { ...raw, name: 'fake', path });
  return { name: 'on-fake-hardware', node, resourceClass: 'fake', imageId, networkId };
}

async function aLabMachine(lab: LabCloud, { nova }: CycleParts, networkId: string): Promise<Wanted> {
  const [machine] = lab.rack.machines;
  if (!machine) throw new Error('the rack has no machine');
  const node = await job.enrolNode(lab.cloud, enrolFacts(machine));
  const qcow2 = { disk_format: 'qcow2', container_format: 'bare' };
  const imageId = await job.uploadImage(lab.cloud, { ...qcow2, name: 'debian-12', path: lab.images.wholeDisk });
  await nova.post('/os-keypairs', { keypair: { name: keyName, type: 'ssh', public_key: lab.key.publicKey } });
  const logIn = async (address: string) => {
    // A rebuilt system has other host keys.
    const said = await job.runBySsh({ ...lab.ssh(address), knownHosts: '/dev/null' }, 'hostname', sshMaxWaitMs);
    if (said.trim() !== 'on-a-lab-machine') throw new Error(`the machine at ${address} calls itself ${said.trim()}`);
  };
  return { name: 'on-a-lab-machine', node, resourceClass: 'baremetal', imageId, networkId, keyName, logIn };
}

const words = process.argv.slice(2);
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(new Error(signal)));
const isInside = words[0] === innerFlag;
process.exitCode = await (isInside ? actInside(words.slice(1)) : runInside(words, stop.signal)).catch((error: Error) => {
  process.stderr.write(`nova: ${error.message}\n`);
  return 1;
});
