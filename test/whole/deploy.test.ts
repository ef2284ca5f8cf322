/**
 * The main job on real firmware, BIOS and UEFI: both chains in parallel, Ingot killed three times meanwhile, SSH into
 * both systems; then stop and start, and delete with disk erasure. The UEFI machine uses HTTP boot for deployment, and
 * PXE for cleaning.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { cacheFolder } from '#build/cache.ts';
import type { CloudEvent } from '#demo/cloud-client.ts';
import { type LabCloud, logIn, startLabCloud } from '#demo/lab-cloud.ts';
import * as job from '#demo/main-job.ts';
import { keyName, networkName, prepareCloud } from '#demo/prepare-cloud.ts';
import { canServe, labAccount } from '#lab/start-ingot.ts';

const namespace = 'ingot-test-deploy';
const stateDir = join(cacheFolder, 'test-deploy');
const uefiMachine = 'machine-2';
const sshMaxWaitMs = 600_000;
const operationMaxWaitMs = 900_000;

const question = 'hostname; uname -s; [ -d /sys/firmware/efi ] && echo uefi || echo bios; sudo -n true && lsblk -no LABEL';

const skip = process.getuid?.() !== 0 && 'needs root for a network namespace';
let lab: LabCloud;
let kills = 0;
const servers: Record<'classic' | 'modern', string> = { classic: '', modern: '' };
const nodes: string[] = [];

before(async () => {
  if (skip) return;
  lab = await startLabCloud({
    rack: { machines: 2, uefi: 1, namespace, stateDir: join(stateDir, 'rack') },
    stateDir: join(stateDir, 'ingot'),
    announce: (line) => console.log(line),
  });
  await lab.rack.setNetworkBoot(uefiMachine, 'http');
});
after(async () => {
  await lab?.close();
});

/** A client that survives a restart of the server: retries until it responds. */
async function waitsForSession<T>(call: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + operationMaxWaitMs;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const isGone = error instanceof TypeError || (error as Error).name === 'TimeoutError';
      if (!isGone || Date.now() > deadline) throw error;
      await delay(100);
    }
  }
}

/** Waits for the first matching event of a server. */
async function eventOf(server: string, fits: (event: CloudEvent) => boolean): Promise<CloudEvent> {
  const deadline = Date.now() + operationMaxWaitMs;
  let last = 0;
  while (Date.now() < deadline) {
    const events = await waitsForSession(() => lab.cloud.serverEvents(server, last, 10));
    const found = events.find(fits);
    if (found) return found;
    last = events.at(-1)?.id ?? last;
  }
  throw new Error('the event did not come');
}

/** All events of a node, page by page. */
async function nodeEvents(node: string): Promise<CloudEvent[]> {
  const all: CloudEvent[] = [];
  for (;;) {
    const query = `after=${all.at(-1)?.id ?? 0}&limit=1000`;
    const { events } = await lab.cloud.bareMetal<{ events: CloudEvent[] }>(`/nodes/${node}/events?${query}`);
    if (events.length === 0) return all;
    all.push(...events);
  }
}

async function killAndRestart(): Promise<void> {
  await lab.ingot.kill();
  await lab.ingot.start();
  kills++;
}

async function untilStatus(server: string, wanted: string): Promise<job.ServerView> {
  const deadline = Date.now() + operationMaxWaitMs;
  for (;;) {
    const view = await waitsForSession(() => job.showServer(lab.cloud, server));
    if (view.status === wanted) return view;
    assert.notEqual(view.status, 'ERROR', `${view.name}: ${view.fault?.message} ${view.fault?.details}`);
    assert.ok(Date.now() < deadline, `${view.name} is still ${view.status}`);
    await delay(500);
  }
}

test('deploys two servers, which accept a login, although Ingot is killed three times', { skip }, async () => {
  const { cloud } = lab;
  const { imageIds, ...shared } = await prepareCloud(lab, console.log);
  nodes.push(...shared.nodes);
  const create = (name: string, imageId: string, firmware: 'bios' | 'uefi') =>
    job.createServer(cloud, { ...shared, keyName, flavorId: shared.flavorIds[firmware], name, imageId });
  // pxelinux is a BIOS program: the classic chain needs one. The other machine is controlled by Redfish.
  servers.classic = await create('classic', imageIds.partition, 'bios');
  servers.modern = await create('modern', imageIds['whole-disk'], 'uefi');

  // Before the firmware's first request: a BIOS does not retry an interrupted TFTP transfer, and gives up.
  await eventOf(servers.classic, (event) => event.subject === 'set network boot' && event.data['status'] === 'ended');
  await killAndRestart();
  await eventOf(servers.modern, (event) => event.subject === 'progress');
  await killAndRestart();
  await eventOf(servers.classic, (event) => event.kind === 'step' && event.subject === 'write image');
  await delay(2000);
  await killAndRestart();

  for (const name of ['classic', 'modern'] as const) {
    const { addresses } = await untilStatus(servers[name], 'ACTIVE');
    const address = addresses[networkName]?.[0]?.addr ?? '';
    const output = await job.runBySsh(lab.ssh(address), question, sshMaxWaitMs);
    const [hostname, system, firmware] = output.split('\n');
    assert.deepEqual([hostname, system, firmware], [name, 'Linux', name === 'modern' ? 'uefi' : 'bios']);
    if (name === 'classic') assert.match(output, /swap1/);
  }
  assert.equal(kills, 3);
});

test('the process is not root, and has the capabilities that dnsmasq needs', {
  skip: skip || !canServe(labAccount),
}, async () => {
  const status = await readFile(`/proc/${lab.ingot.pid}/status`, 'utf8');
  assert.match(status, /^Uid:\t64030\t64030\t64030\t64030$/m);
  assert.match(status, /^CapEff:\t0000000000003400$/m);
  assert.match(status, /^CapBnd:\t0000000000003400$/m);
});

test('the record of each machine is complete and in order', { skip }, async () => {
  for (const id of Object.values(servers)) {
    const events = await lab.cloud.serverEvents(id, 0, 0);
    const kinds = new Set(events.map((event) => event.kind));
    for (const kind of ['operation', 'step', 'bmc', 'dhcp', 'agent']) assert.ok(kinds.has(kind), `no ${kind} event`);
    assert.ok(kinds.has('tftp') || kinds.has('http'));
    const ended = events
      .filter((event) => event.kind === 'step' && event.data['status'] === 'ended')
      .map((event) => event.subject);
    assert.equal(new Set(ended).size, ended.length, 'a step ended twice');
    assert.equal(events.filter((event) => event.kind === 'operation' && event.data['status'] === 'done').length, 1);
  }
});

test('the UEFI machine loaded its loader, script and ramdisk by HTTP', { skip }, async () => {
  const events = await lab.cloud.serverEvents(servers.modern, 0, 0);
  const transfers = events.filter((event) => event.kind === 'tftp' || event.kind === 'http');
  const taken = transfers.filter((event) => event.message.startsWith('fetched '));

  assert.deepEqual(new Set(transfers.map((event) => event.kind)), new Set(['http']));
  for (const pattern of [/^\/boot\/firmware\/snponly\.efi$/, /^\/boot\/ipxe\//, /\/deploy_kernel$/, /\/deploy_ramdisk$/])
    assert.ok(
      taken.some((event) => pattern.test(event.subject)),
      `nothing like ${pattern} was taken`,
    );
});

test('stop switches off; start of the classic server boots its kernel from the network again', { skip }, async () => {
  const act = (action: string) =>
    lab.cloud.compute(`/servers/${servers.classic}/action`, { method: 'POST', body: { [action]: null } });
  await act('os-stop');
  await untilStatus(servers.classic, 'SHUTOFF');
  const before = (await lab.cloud.serverEvents(servers.classic, 0, 0)).at(-1)?.id ?? 0;
  await act('os-start');
  await untilStatus(servers.classic, 'ACTIVE');
  const node = (await job.showServer(lab.cloud, servers.classic))['OS-EXT-SRV-ATTR:hypervisor_hostname'];
  const deadline = Date.now() + operationMaxWaitMs;
  let fetched = false;
  while (!fetched && Date.now() < deadline) {
    const query = `after=${before}&limit=500&wait=10`;
    const { events } = await lab.cloud.bareMetal<{ events: CloudEvent[] }>(`/nodes/${node}/events?${query}`);
    fetched = events.some((event) => event.kind === 'tftp' && /\/kernel\b/.test(`${event.subject} ${event.message}`));
    if (!fetched) await delay(500);
  }
  assert.ok(fetched, 'the kernel was not fetched after start');
});

test('deleting the servers erases their disks and makes the nodes available', { skip }, async () => {
  await lab.rack.setNetworkBoot(uefiMachine, 'pxe');
  for (const id of Object.values(servers)) await lab.cloud.compute(`/servers/${id}`, { method: 'DELETE' });
  for (const [index, node] of nodes.entries()) {
    await job.untilNode(lab.cloud, node, 'available', operationMaxWaitMs);
    const events = await nodeEvents(node);
    const erased = events.filter((event) => event.subject === 'erase disks' && event.kind === 'note');
    assert.equal(erased.length, 1);
    const loader = index === 0 ? 'pxelinux.0' : 'snponly.efi';
    assert.ok(events.some(({ kind, subject }) => kind === 'tftp' && subject === loader));
    assert.match(erased[0]?.message ?? '', /^\/dev\/vda: (discard|zeroout|overwrite) of /);
    const { stdout } = await job.runProgram('qemu-img', ['map', '-U', '--output=json', lab.rack.machines[index]?.disk ?? '']);
    const data = (JSON.parse(stdout) as { data: boolean; zero: boolean; length: number }[]).filter(
      (run) => run.data && !run.zero,
    );
    assert.equal(
      data.reduce((sum, run) => sum + run.length, 0),
      0,
      'the disk still holds data',
    );
  }
  for (const id of Object.values(servers)) {
    await assert.rejects(job.showServer(lab.cloud, id), /404/);
  }
  const { ports } = await lab.cloud.call<{ ports: unknown[] }>('/network/v2.0/ports');
  assert.deepEqual(ports, []);
  await logIn(lab.ingot.url, lab.stateDir);
});
