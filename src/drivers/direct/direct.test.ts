import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Value } from 'typebox/value';
import { WriteConfigDrive, WriteImage } from '#agent-protocol/messages.ts';
import type { BootContents } from '#domain/boot-contents.ts';
import { type Fault, redactFault } from '#domain/faults.ts';
import { aFlavor, anImage, aServer, aTask, runStep, type TaskParts } from '#test/a-task.ts';
import { createDirectDeploy } from './index.ts';

const { steps, checkImage } = createDirectDeploy({ agentTimeout: 60, imageTimeout: 60 });
const extents = { path: '/x', size: 300, sha256: 'a'.repeat(64), virtual_size: 5 * 1024 ** 3, data_bytes: 1000 };
const written = { device: '/dev/vda', data_bytes: 1000, skipped_bytes: 0, seconds: 2 };

let folder: string;
let drive: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-direct-'));
  drive = join(folder, 'drive.iso');
  await writeFile(drive, 'a drive');
});
after(() => rm(folder, { recursive: true, force: true }));

const task = (parts: TaskParts = {}) =>
  aTask({ images: { get: async () => anImage(), extents: async () => extents }, configDrive: async () => drive, ...parts });

test("refuses to write to software RAID by Ironic's own agent, before the machine is touched", async () => {
  const raid_config = {
    logical_disks: [{ raid_level: '1' as const, size_gb: 'MAX' as const, controller: 'software', volume_name: 'root' }],
    last_updated: 'then',
  };
  const machine = task({ agentKind: 'ipa', node: { raid_config } });
  await assert.rejects(runStep(steps, 'prepare image', machine), /has software RAID.*driver_info\/agent is ingot/);
  assert.deepEqual(await runStep(steps, 'prepare image', task({ node: { raid_config } })), { next: true });
});

test('deploys in order', async () => {
  const replies: NonNullable<TaskParts['replies']> = {};
  const machine = task({ replies, heard: true, node: { properties: { root_device: { serial: 'S1', size: 20 } } } });
  for (const name of ['prepare image', 'write boot files', 'power off', 'set network boot', 'power on', 'wait for the ramdisk']) {
    assert.deepEqual(await runStep(steps, name, machine), { next: true });
  }
  assert.deepEqual(await runStep(steps, 'write image', machine), { wait: 'the ramdisk to write the image' });
  replies['write-image'] = { ok: true, result: written };
  await runStep(steps, 'write image', machine);
  assert.deepEqual(await runStep(steps, 'write config drive', machine), { wait: 'the ramdisk to write the config drive' });
  replies['write-config-drive'] = { ok: true, result: {} };
  for (const name of ['write config drive', 'boot from disk', 'restart']) await runStep(steps, name, machine);

  const asked = machine.calls.filter(({ name }) => name === 'agent.ask').map(({ args }) => args);
  assert.equal(asked.length, 4);
  const [name, params] = asked[0] as [string, object];
  assert.equal(name, 'write-image');
  assert.ok(Value.Check(WriteImage, params));
  assert.deepEqual(params, {
    path: `/agent/v2/images/${machine.server.image_id}`,
    sha256: extents.sha256,
    size: 300,
    virtual_size: extents.virtual_size,
    minimum_bytes: extents.virtual_size,
    root_device: { serial: 'S1', size: '20' },
  });
  const drivePlace = asked[2]?.[1];
  assert.ok(Value.Check(WriteConfigDrive, drivePlace));
  assert.equal(drivePlace.sha256, createHash('sha256').update('a drive').digest('hex'));
  assert.deepEqual([drivePlace.size, drivePlace.device], [7, '/dev/vda']);

  const machineCalls = machine.calls.filter((call) => call.name !== 'agent.ask').map((call) => [call.name, ...call.args]);
  assert.deepEqual(machineCalls, [
    [
      'boot.serve',
      {
        boot: 'deploy',
        deploy: {
          kernel: '/images/deploy-kernel',
          ramdisk: '/images/deploy-ramdisk',
          parameters: machine.boot.agentParameters(),
        },
      },
    ],
    ['power.set', 'power off'],
    ['setBootDevice', 'pxe', { persistent: false }],
    ['power.set', 'power on'],
    ['boot.serve', { boot: 'local' }],
    ['setBootDevice', 'disk', { persistent: true }],
    ['power.set', 'power off'],
    ['power.set', 'power on'],
  ]);
});

test('requires a disk at least as large as the flavor', async () => {
  const machine = task({ server: { flavor: aFlavor({ disk: 40 }) } });
  await runStep(steps, 'write image', machine);
  const params = machine.calls[0]?.args[1] as { minimum_bytes?: number } | undefined;
  assert.equal(params?.minimum_bytes, 40 * 1024 ** 3);
});

const nothing: BootContents = { layout: 'unknown', boot_code: false, efi_loaders: [], unread: [], damage: [] };
const forBios: BootContents = { ...nothing, layout: 'mbr', boot_code: true };
const forArm: BootContents = {
  ...{ ...nothing, layout: 'gpt' },
  efi_loaders: [{ path: '/EFI/BOOT/BOOTAA64.EFI', architecture: 'aarch64', is_default: true }],
};
const uefi = { properties: { cpu_arch: 'x86_64', capabilities: 'boot_mode:uefi' } };

/** Prepares an image with the given boot contents. */
async function prepare(boot: BootContents, parts: TaskParts = {}, properties = {}) {
  const images = { get: async () => anImage({ properties }), extents: async () => ({ ...extents, boot }) };
  const machine = task({ ...parts, images });
  await runStep(steps, 'prepare image', machine);
  return machine;
}

test('rejects an image that cannot boot before the machine is changed', async () => {
  for (const [boot, node, detail] of [
    [nothing, {}, /no boot sector, partition table or file system was recognised/],
    [forArm, {}, /an EFI loader for aarch64 \(\/EFI\/BOOT\/BOOTAA64\.EFI\) only; the machine is x86_64/],
    [forBios, uefi, /boot code for BIOS only; the machine is x86_64 and boots by UEFI/],
    [forBios, { boot_mode: 'uefi' as const }, /boots by UEFI/],
    [{ ...forBios, cut_off: 'it is cut off' }, {}, /it is cut off/],
  ] as const) {
    await assert.rejects(prepare(boot, { node }), (error: Fault) => {
      assert.equal(error.code, 'imageNotBootable');
      assert.match(error.message, /^Image debian-12 would not start on node rack1-u7: .* Nothing was restarted\.$/);
      assert.match(error.message, detail);
      assert.doesNotMatch(redactFault(error).message, /rack1-u7/);
      return true;
    });
  }
});

test('deploys an image that may boot, or whose owner skips the check', async () => {
  for (const [boot, node, properties] of [
    [forBios, {}, {}],
    [forBios, { boot_mode: 'bios' }, {}],
    [forArm, { properties: { cpu_arch: 'arm64' } }, {}],
    [nothing, {}, { ingot_boot_check: 'skip' }],
  ] as const) {
    const machine = await prepare(boot, { node }, properties);
    assert.equal(/may not start/.test(machine.notes.join()), boot === nothing, machine.notes.join());
  }
});

test('records doubts about booting in the timeline', async () => {
  const inventory = { cpu: { architecture: 'x86_64' }, firmware: { mode: 'uefi' } };
  const hidden = { path: '/EFI/DEBIAN/GRUBX64.EFI', architecture: 'x86_64', is_default: false };

  const lastByUefi = await prepare(forBios, { node: { inventory, properties: {} } });
  const elsewhere = await prepare({ ...forArm, efi_loaders: [hidden] }, { node: uefi });
  const unread = await prepare({ ...forArm, efi_loaders: [], unread: ['the FAT in partition 1 cannot be read'] }, { node: uefi });

  assert.match(lastByUefi.notes.join(), /may not start: it has boot code for BIOS only; .*boots by UEFI/);
  assert.match(elsewhere.notes.join(), /its EFI loader is \/EFI\/DEBIAN\/GRUBX64\.EFI, not below \/EFI\/BOOT/);
  assert.match(unread.notes.join(), /the FAT in partition 1 cannot be read/);
});

test('waits for the ramdisk', async () => {
  assert.deepEqual(await runStep(steps, 'wait for the ramdisk', task()), { wait: 'the ramdisk to report' });
});

test("fails the deployment with the agent's error, and finds the cause of a checksum mismatch", async () => {
  const failing = (error: string) => task({ replies: { 'write-image': { ok: false, error } } });
  await assert.rejects(runStep(steps, 'write image', failing('no disk of 5 GiB')), {
    code: 'agentFailed',
    message: /no disk of 5 GiB/,
  });
  await assert.rejects(runStep(steps, 'write image', failing('checksum of the stream is wrong')), {
    code: 'agentFailed',
    message: /checksum of the stream is wrong; the copy on this host is intact/,
  });
  const damaged = failing('checksum of the stream is wrong');
  damaged.images.recheck = async () => false;
  await assert.rejects(runStep(steps, 'write image', damaged), { code: 'preparedImageDamaged', message: /debian-12/ });
  const odd = task({ replies: { 'write-image': { ok: true, result: { device: 3 } } } });
  await assert.rejects(runStep(steps, 'write image', odd), { code: 'agentFailed', message: /cannot be understood/ });
});

test('rejects unsuitable images before the machine is changed', () => {
  checkImage(anImage({ disk_format: 'qcow2', virtual_size: 1024 ** 3 }), aServer());
  const refuse = (changes: Parameters<typeof anImage>[0]) => () => checkImage(anImage(changes), aServer());
  assert.throws(refuse({ properties: { kernel_id: 'k' } }), { code: 'imageUnusable', message: /partition image/ });
  assert.throws(refuse({ disk_format: 'aki' }), { code: 'imageUnusable', message: /aki/ });
  assert.throws(refuse({ virtual_size: 2 * 1024 ** 3 }), { code: 'imageUnusable', message: /2 GiB is larger than the 1 GiB/ });
  checkImage(anImage({ virtual_size: 2 * 1024 ** 3 }), aServer({ flavor: aFlavor({ disk: 0 }) }));
});

test('rejects a whole-disk image with preserve_ephemeral', () => {
  assert.throws(() => checkImage(anImage(), aServer({ preserve_ephemeral: true })), /no ephemeral partition can be preserved/);
});

test('rejects invalid root device hints, in validate and before power on', async () => {
  const { validate } = createDirectDeploy({ agentTimeout: 60, imageTimeout: 60 });
  for (const [root_device, detail] of [
    ['{"serial": "S1"}', /root_device must be an object of hints/],
    [{ size: '8GB' }, /'size' must be a positive integer/],
    [{ colour: 'red' }, /'colour' is not known/],
  ] as const) {
    const machine = task({ node: { properties: { root_device } } });
    assert.throws(() => validate(machine.node), { code: 'badRequest', message: detail });
    await assert.rejects(runStep(steps, 'prepare image', machine), { code: 'badRequest', message: detail });
    assert.deepEqual(machine.calls, []);
  }
  validate(task({ node: { properties: { root_device: null } } }).node);
});

test('writes no config drive for an instance without one', async () => {
  const machine = task({ configDrive: async () => undefined, operation: { context: { root_device: '/dev/sda' } } });
  assert.deepEqual(await runStep(steps, 'write config drive', machine), { next: true });
  assert.deepEqual(machine.calls, []);
});
