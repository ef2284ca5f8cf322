/**
 * Ironic's own agent (IPA), unmodified, in the ramdisk of a lab machine: it looks its node up, is asked for its
 * hardware, writes an image with the config drive, and erases the disk when the server is deleted. Ingot is killed while
 * the image is written.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { cacheFolder } from '#build/cache.ts';
import { buildImages } from '#build/image/build-images.ts';
import type { Ramdisk } from '#build/ramdisk/build-ramdisk.ts';
import { enrolFacts, type LabCloud, labNetwork, startLabCloud } from '#demo/lab-cloud.ts';
import * as job from '#demo/main-job.ts';
import { ensureIpaRamdisk } from './ipa-ramdisk.ts';

const skip = process.getuid?.() !== 0 && 'needs root for a network namespace';
const maxWaitMs = 3_600_000;
const stateDir = join(cacheFolder, 'test-ipa');

type NodeView = { provision_state: string; last_error: string | null; properties: Record<string, unknown> };

let lab: LabCloud;
let node = '';
let server = '';

before(async () => {
  if (skip) return;
  const announce = (line: string) => console.log(line);
  const ipa = await ensureIpaRamdisk(join(cacheFolder, 'ipa-ramdisk'), AbortSignal.timeout(maxWaitMs));
  const images = await buildImages({ announce });
  lab = await startLabCloud({
    // The ramdisk unpacks into memory.
    rack: { machines: 1, memory: 2560, namespace: 'ingot-test-ipa', stateDir: join(stateDir, 'rack') },
    stateDir: join(stateDir, 'ingot'),
    settings: { 'deploy.agent': 'ipa', 'deploy.ipa_kernel': ipa.kernel, 'deploy.ipa_ramdisk': ipa.ramdisk },
    artifacts: { images, ramdisk: ipa as Ramdisk },
    announce,
  });
});
after(async () => {
  await lab?.close();
});

async function untilState(wanted: string): Promise<NodeView> {
  const deadline = Date.now() + maxWaitMs;
  for (;;) {
    const view = await lab.cloud.bareMetal<NodeView>(`/nodes/${node}`);
    if (view.provision_state === wanted) return view;
    assert.ok(!view.provision_state.endsWith('failed'), `${view.provision_state}: ${view.last_error}`);
    assert.ok(Date.now() < deadline, `still ${view.provision_state}`);
    await delay(500);
  }
}

test('inspects a machine by the inventory of the agent', { skip }, async () => {
  const { cloud, rack } = lab;
  const [machine] = rack.machines;
  node = await job.enrolNode(cloud, enrolFacts(machine!));
  const provision = (target: string) => cloud.bareMetal(`/nodes/${node}/states/provision`, { method: 'PUT', body: { target } });
  await provision('manage');
  await untilState('manageable');
  const patch = ['cpus', 'memory_mb', 'local_gb'].map((name) => ({ op: 'remove', path: `/properties/${name}` }));
  await cloud.bareMetal(`/nodes/${node}`, { method: 'PATCH', body: patch as never });
  await provision('inspect');
  const { properties } = await untilState('manageable');
  assert.deepEqual([properties['cpus'], properties['local_gb'], properties['cpu_arch']], [1, 7, 'x86_64']);
  await provision('provide');
  await untilState('available');
});

test('deploys an image, although Ingot is killed meanwhile', { skip }, async () => {
  const { cloud } = lab;
  await job.importKeypair(cloud, 'ipa', lab.key.publicKey);
  const flavorId = await job.createFlavor(cloud, 'metal', { cpu_arch: 'x86_64' });
  const networkId = await job.createNetwork(cloud, 'racknet', labNetwork);
  const bare = { disk_format: 'qcow2', container_format: 'bare' };
  const imageId = await job.uploadImage(cloud, { ...bare, name: 'debian-12', path: lab.images.wholeDisk });
  server = await job.createServer(cloud, { name: 'by-ipa', keyName: 'ipa', flavorId, networkId, imageId });
  await untilEvent('agent', 'hello');
  await lab.ingot.kill();
  await lab.ingot.start();
  const deadline = Date.now() + maxWaitMs;
  let view: job.ServerView;
  do {
    await delay(500);
    view = await soundServer();
    assert.ok(Date.now() < deadline, `still ${view.status}`);
  } while (view.status !== 'ACTIVE');
  const address = view.addresses['racknet']?.[0]?.addr ?? '';
  const output = await job.runBySsh(lab.ssh(address), 'hostname; lsblk -no LABEL', 900_000);
  assert.match(output, /^by-ipa\n/);
  assert.match(output, /config-2/);
});

test('erases the disk by the clean steps of the agent', { skip }, async () => {
  await lab.cloud.compute(`/servers/${server}`, { method: 'DELETE' });
  await untilState('available');
  const { events } = await lab.cloud.bareMetal<{ events: { subject: string; message: string }[] }>(
    `/nodes/${node}/events?limit=1000`,
  );
  assert.ok(events.some(({ message }) => /^\/dev\/vda: overwrite of 8589934592 bytes/.test(message)));
});

/** @returns the server, unless its deployment has failed */
async function soundServer(): Promise<job.ServerView> {
  const view = await job.showServer(lab.cloud, server);
  assert.notEqual(view.status, 'ERROR', `${view.fault?.message} ${view.fault?.details}`);
  return view;
}

async function untilEvent(kind: string, subject: string): Promise<void> {
  const deadline = Date.now() + maxWaitMs;
  for (let last = 0; Date.now() < deadline; ) {
    await soundServer();
    const events = await lab.cloud.serverEvents(server, last, 10);
    if (events.some((event) => event.kind === kind && event.subject === subject)) return;
    last = events.at(-1)?.id ?? last;
  }
  throw new Error(`no event ${kind} ${subject}`);
}
