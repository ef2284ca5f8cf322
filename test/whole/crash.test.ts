/**
 * Ingot dies by SIGKILL before and after every step of every operation, and at random moments of writing an image. It
 * is restarted each time, and every operation resumes without help and succeeds. Ingot, its agent, IPMI, HTTP and iSCSI
 * are real; firmware and kernels are simulated (test/crash).
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import {
  bootFiles,
  expectConfigDrive,
  expectKilledEverywhere,
  expectNothingLeft,
  expectOperations,
  expectUnreadable,
  readPartitions,
} from '#test/crash/crash-expectations.ts';
import { type CrashFixture, openCrashFixture, untilEvent } from '#test/crash/crash-fixture.ts';
import {
  createServer,
  deleteServer,
  type PartitionImage,
  portsOf,
  rebuildServer,
  smallFlavor,
  uploadPartition,
  uploadWholeDisk,
  type WholeImage,
} from '#test/crash/crash-jobs.ts';
import { digestRange } from '#test/crash/small-images.ts';

const isRoot = process.getuid?.() === 0;
const options = { concurrency: true, ...(!isRoot && { skip: 'network namespaces need root' }) };
const timeout = 900_000;
const sizes = { mib: 24, dataMib: 8 };

describe('survives a kill at every step', options, () => {
  test('whole-disk image: deploy, delete, clean', { timeout }, async (t) => {
    const fixture = await openCrashFixture({ name: 'crash-direct', crashKinds: ['deploy', 'delete', 'clean'] });
    t.after(() => fixture.close());
    const machine = fixture.rack.machines[0]!;
    const node = await fixture.enrol(machine);
    const image = await uploadWholeDisk(fixture, 'whole', sizes);
    const id = await createServer(fixture, { name: 'web', imageId: image.id, flavorId: await smallFlavor(fixture) });

    const server = await fixture.untilServer(id, ({ status }) => status !== 'BUILD');
    assert.deepEqual([server.status, server.fault], ['ACTIVE', undefined]);
    await expectActive(fixture, { node, id });
    await expectWholeDisk(fixture, image);
    await expectConfigDrive(machine.plan.diskFile, { id, hostname: 'web' }, fixture.folder);
    await machine.untilBooted('disk');
    assert.deepEqual((await bootFiles(fixture)).files, [], 'no boot file for a machine that boots from its disk');

    await deleteServer(fixture, id);
    await expectReleased(fixture, { node, id });

    const store = await fixture.openDatabase();
    await expectOperations(store, { verify: ['done'], deploy: ['done'], delete: ['done'], clean: ['done'] });
    for (const kind of ['deploy', 'delete', 'clean'] as const) await expectKilledEverywhere(fixture, store, { kind });
    await expectNothingLeft(fixture);
    t.diagnostic(`killed ${fixture.ingot.deaths} times`);
  });

  test('partition image: deploy, rebuild, delete, clean', { timeout }, async (t) => {
    const fixture = await openCrashFixture({ name: 'crash-iscsi', crashKinds: ['deploy', 'rebuild', 'delete', 'clean'] });
    t.after(() => fixture.close());
    const machine = fixture.rack.machines[0]!;
    const node = await fixture.enrol(machine);
    const image = await uploadPartition(fixture, 'classic', sizes);
    const id = await createServer(fixture, { name: 'web', imageId: image.id, flavorId: await smallFlavor(fixture) });

    const server = await fixture.untilServer(id, ({ status }) => status !== 'BUILD');
    assert.deepEqual([server.status, server.fault], ['ACTIVE', undefined]);
    await expectActive(fixture, { node, id });
    await expectClassicMachine(fixture, { image, id });

    const other = await uploadPartition(fixture, 'other', sizes);
    await rebuildServer(fixture, id, other.id);
    const rebuilt = await fixture.untilServer(id, ({ status }) => status !== 'REBUILD');
    assert.deepEqual([rebuilt.status, rebuilt.fault], ['ACTIVE', undefined]);
    await expectActive(fixture, { node, id });
    await expectClassicMachine(fixture, { image: other, id });

    await deleteServer(fixture, id);
    await expectReleased(fixture, { node, id });

    const store = await fixture.openDatabase();
    await expectOperations(store, { verify: ['done'], deploy: ['done'], rebuild: ['done'], delete: ['done'], clean: ['done'] });
    for (const kind of ['deploy', 'rebuild', 'delete', 'clean'] as const) await expectKilledEverywhere(fixture, store, { kind });
    await expectNothingLeft(fixture);
    t.diagnostic(`killed ${fixture.ingot.deaths} times`);
  });

  test('rollback of a server deleted during its deployment', { timeout }, async (t) => {
    const fixture = await openCrashFixture({ name: 'crash-undo', crashKinds: ['undo of deploy', 'clean'] });
    t.after(() => fixture.close());
    const machine = fixture.rack.machines[0]!;
    const node = await fixture.enrol(machine);
    const image = await uploadWholeDisk(fixture, 'whole', sizes);
    const booted = machine.until((news) => news.what === 'boot');
    const id = await createServer(fixture, { name: 'web', imageId: image.id, flavorId: await smallFlavor(fixture) });
    await booted;
    // The request is in the database when the response is sent; its in-memory state is lost.
    await Promise.all([deleteServer(fixture, id), fixture.ingot.kill()]);
    await deleteServer(fixture, id);
    await expectReleased(fixture, { node, id });

    const store = await fixture.openDatabase();
    await expectKilledEverywhere(fixture, store, { kind: 'deploy', rolling_back: true });
    const [deploy, ...others] = await store.operations.list({ kind: 'deploy' });
    assert.deepEqual([deploy?.state, deploy?.fault?.code, others.length], ['failed', 'cancelled', 0]);
    await expectNothingLeft(fixture);
  });
});

describe('survives random kills while the image is written', options, () => {
  const large = { mib: 300, dataMib: 256 };

  test('whole-disk image', { timeout }, async (t) => {
    const fixture = await openCrashFixture({ name: 'crash-http' });
    t.after(() => fixture.close());
    const node = await fixture.enrol(fixture.rack.machines[0]!);
    const image = await uploadWholeDisk(fixture, 'large', large);
    const id = await createServer(fixture, { name: 'web', imageId: image.id, flavorId: await smallFlavor(fixture) });
    t.diagnostic(`killed ${await killWhileWriting(fixture, id, 1)} times before the end`);
    await expectActive(fixture, { node, id });
    await expectWholeDisk(fixture, image);
    const store = await fixture.openDatabase();
    await expectOperations(store, { verify: ['done'], deploy: ['done'] });
    await expectNothingLeft(fixture);
  });

  test('partition image', { timeout }, async (t) => {
    const fixture = await openCrashFixture({ name: 'crash-disk' });
    t.after(() => fixture.close());
    const node = await fixture.enrol(fixture.rack.machines[0]!);
    const image = await uploadPartition(fixture, 'large', large);
    const id = await createServer(fixture, { name: 'web', imageId: image.id, flavorId: await smallFlavor(fixture) });
    t.diagnostic(`killed ${await killWhileWriting(fixture, id, 2)} times before the end`);
    await expectActive(fixture, { node, id });
    await expectClassicMachine(fixture, { image, id });
    const store = await fixture.openDatabase();
    await expectOperations(store, { verify: ['done'], deploy: ['done'] });
    await expectNothingLeft(fixture);
  });
});

const mostKills = 10;
const shortestLife = 50;
const longestLife = 400;

/** @returns how often it was killed before the server had left BUILD */
async function killWhileWriting(fixture: CrashFixture, id: string, seed: number): Promise<number> {
  const random = randomFrom(seed);
  await untilEvent(fixture, id, ({ kind, subject }) => kind === 'step' && subject === 'write image');
  let kills = 0;
  while (kills < mostKills && (await fixture.server(id)).status === 'BUILD') {
    await pause(shortestLife + random() * (longestLife - shortestLife));
    await fixture.ingot.kill();
    kills += 1;
  }
  const server = await fixture.untilServer(id, ({ status }) => status !== 'BUILD');
  assert.deepEqual([server.status, server.fault], ['ACTIVE', undefined]);
  assert.ok(kills > 1, 'it was killed while it wrote');
  return kills;
}

/** Park-Miller generator: the same sequence of numbers between 0 and 1 for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

async function expectActive(fixture: CrashFixture, { node, id }: { node: string; id: string }): Promise<void> {
  const held = await fixture.node(node);
  assert.deepEqual(
    [held.provision_state, held.instance_uuid, held.reservation, held.power_state, held.last_error],
    ['active', id, null, 'power on', null],
  );
  const ports = await portsOf(fixture, id);
  assert.deepEqual(ports, [{ ...ports[0], status: 'ACTIVE', mac_address: fixture.rack.machines[0]!.plan.mac }]);
}

/** The image, byte for byte; the partition table has one additional entry, for the config drive. */
async function expectWholeDisk(fixture: CrashFixture, { raw, rootStart, rootSize }: WholeImage): Promise<void> {
  const { diskFile } = fixture.rack.machines[0]!.plan;
  assert.equal(await digestRange(diskFile, rootStart, rootSize), await digestRange(raw, rootStart, rootSize));
  assert.equal(await digestRange(diskFile, 0, 440), await digestRange(raw, 0, 440), 'the boot loader');
  assert.deepEqual(
    (await readPartitions(diskFile)).map(({ type, start }) => [type, start === rootStart]),
    [
      ['ext4', true],
      ['iso9660', false],
    ],
  );
}

async function expectClassicMachine(fixture: CrashFixture, { image, id }: { image: PartitionImage; id: string }): Promise<void> {
  const machine = fixture.rack.machines[0]!;
  const { diskFile } = machine.plan;
  const partitions = await readPartitions(diskFile);
  const root = partitions.find(({ uuid }) => uuid === image.root.uuid);
  assert.ok(root, 'the root file system is in a partition');
  assert.equal(await digestRange(diskFile, root.start, image.root.size), image.root.sha256);
  assert.deepEqual(partitions.map(({ type }) => type).sort(), ['ext4', 'iso9660', 'swap']);
  await expectConfigDrive(diskFile, { id, hostname: 'web' }, fixture.folder);

  const boot = await machine.untilBooted('network');
  assert.deepEqual([boot.system, boot.kernel, boot.initrd], ['network', image.kernel.sha256, image.ramdisk.sha256]);
  assert.match(boot.line, new RegExp(`(^| )root=UUID=${image.root.uuid}( |$)`));
  const config = `pxelinux.cfg/01-${machine.plan.mac.replaceAll(':', '-')}`;
  const { files } = await bootFiles(fixture);
  assert.deepEqual(files, [`${id}/kernel`, `${id}/ramdisk`, config].sort(), 'what the machine boots from, and no more');
  const text = await readFile(join(fixture.stateDir, 'boot', 'tftp', config), 'utf8');
  assert.doesNotMatch(text, /deployment_key|ingot\.token|deploy_kernel/);
}

async function expectReleased(fixture: CrashFixture, { node, id }: { node: string; id: string }): Promise<void> {
  const machine = fixture.rack.machines[0]!;
  const free = await fixture.untilNode(node, ({ reservation, instance_uuid }) => reservation === null && instance_uuid === null);
  assert.deepEqual([free.provision_state, free.maintenance, free.last_error], ['available', false, null]);
  await assert.rejects(fixture.server(id), { status: 404 });
  assert.deepEqual(await portsOf(fixture, id), []);
  assert.equal(machine.power, 'off');
  await expectUnreadable(machine.plan.diskFile);
  assert.deepEqual(await bootFiles(fixture), { files: [], plans: [] });
}
