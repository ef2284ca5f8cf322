import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { chapAccount } from '#agent-protocol/classic.ts';
import { aFlavor, anImage, aServer, aTask, runStep, type TaskParts, type TestTask } from '#test/a-task.ts';
import { anIscsiTarget } from '#test/an-iscsi-target.ts';
import { createIscsiDeploy } from './index.ts';

const mib = 1024 * 1024;
const gib = 1024 * mib;
const image = anImage({ properties: { kernel_id: 'k', ramdisk_id: 'r' }, virtual_size: 200 * mib });
let folder: string;
let root: string;
let rootUuid: string;
let drive: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-iscsi-'));
  root = join(folder, 'root.raw');
  const tree = join(folder, 'tree');
  await mkdir(join(tree, 'etc'), { recursive: true });
  await writeFile(join(tree, 'etc', 'noise'), randomBytes(20 * mib));
  execFileSync('truncate', ['-s', '200M', root]);
  execFileSync('mke2fs', ['-q', '-t', 'ext4', '-d', tree, root]);
  rootUuid = execFileSync('blkid', ['-p', '-o', 'value', '-s', 'UUID', root], { encoding: 'utf8' }).trim();
  drive = join(folder, 'config.iso');
  await writeFile(drive, randomBytes(300_000));
});
after(() => rm(folder, { recursive: true, force: true }));

const deploy = (donePort = 1) => createIscsiDeploy({ agentTimeout: 60, imageTimeout: 60, silenceTimeout: 30, donePort });

function task(parts: TaskParts = {}): TestTask {
  return aTask({
    images: {
      get: async () => image,
      raw: async () => ({ path: root, size: 200 * mib }),
      file: async (id) => `/images/${id}`,
    },
    imageIds: { kernel: 'k', ramdisk: 'r' },
    configDrive: async () => drive,
    workDir: join(folder, 'work'),
    ...parts,
  });
}

/** Runs the steps up to the ramdisk's POST and returns its fields for a target on loopback. */
async function untilPost(machine: TestTask): Promise<{ key: string; iqn: string }> {
  const { steps } = deploy();
  for (const name of ['fetch images', 'write boot files', 'power off', 'set network boot', 'power on'])
    await runStep(steps, name, machine);
  return { key: String(machine.operation.context['deployment_key']), iqn: String(machine.operation.context['iqn']) };
}

test('boot files contain the classic parameters; the key is random and kept on a repeat', async () => {
  const machine = task();
  const { key, iqn } = await untilPost(machine);
  assert.match(key, /^[0-9a-f]{32}$/);
  assert.equal(iqn, `iqn.2012-12.org.ingot:${machine.server.id}`);
  const { args } = machine.calls.find(({ name }) => name === 'boot.serve') ?? { args: [] };
  assert.deepEqual(args[0], {
    boot: 'deploy',
    deploy: {
      kernel: '/images/deploy-kernel',
      ramdisk: '/images/deploy-ramdisk',
      parameters: {
        selinux: '0',
        disk: 'cciss/c0d0,sda,hda,vda,nvme0n1',
        iscsi_target_iqn: iqn,
        deployment_id: '7',
        deployment_key: key,
        troubleshoot: '0',
        'ingot.url': 'http://172.30.0.1:8088',
        'ingot.token': 'token',
      },
    },
    instance: { kernel: '/images/k', ramdisk: '/images/r' },
  });
  await runStep(deploy().steps, 'fetch images', machine);
  assert.equal(machine.operation.context['deployment_key'], key);
  const order = machine.calls.map(({ name, args }) => [name, args[0], args[1]]);
  assert.deepEqual(order.slice(1), [
    ['power.set', 'power off', undefined],
    ['setBootDevice', 'pxe', { persistent: true }],
    ['power.set', 'power on', undefined],
  ]);
});

test('the step waits for the POST; its error fails the deployment; another disk is rejected', async () => {
  const messages: NonNullable<TaskParts['messages']> = {};
  const machine = task({ messages });
  const { iqn } = await untilPost(machine);
  const wait = () => runStep(deploy().steps, 'wait for the ramdisk', machine);
  assert.deepEqual(await wait(), { wait: 'the deploy ramdisk to offer its disk' });
  messages['deploy-post'] = { i: '7', a: '127.0.0.1', n: iqn, e: 'no disk found' };
  await assert.rejects(wait, { code: 'ramdiskError', message: /no disk found/ });
  for (const [field, wrong] of [
    ['n', 'iqn-other'],
    ['a', 'localhost'],
    ['p', '-1'],
    ['l', 'x,file.filename=/etc'],
  ] as const) {
    messages['deploy-post'] = { i: '7', a: '127.0.0.1', n: iqn, [field]: wrong };
    await assert.rejects(wait, { code: 'ramdiskError' });
  }
  messages['deploy-post'] = { i: '7', a: '127.0.0.1', n: iqn };
  await wait();
  assert.deepEqual(machine.operation.context['target'], { address: '127.0.0.1', port: 3260, iqn, lun: 1 });
});

const diskSteps = ['partition disk', 'write image', 'make swap', 'make ephemeral', 'write config drive'];

for (const thin of [false, true]) {
  test(`writes a used disk over iSCSI with CHAP, ${thin ? 'thin' : 'plain'} target`, async (t) => {
    const disk = join(folder, `disk-${thin}`);
    const diskBytes = 1600 * mib;
    const machine = task({ server: { flavor: aFlavor({ disk: 1, ephemeral: 0, swap: 8 }) } });
    await dirtyFile(disk, diskBytes, 400 * mib);
    const { key, iqn } = await untilPost(machine);
    const target = await anIscsiTarget({ file: disk, iqn, ...chapAccount(key, iqn), thin });
    t.after(() => target.close());
    machine.operation.context['target'] = { address: '127.0.0.1', port: target.port, iqn, lun: 1 };
    const before = await readFile(root);
    for (const name of diskSteps) {
      await runStep(deploy().steps, name, machine);
      // Each step may be interrupted and rerun.
      await runStep(deploy().steps, name, machine);
    }
    const [rootPart, swap, config] = placesOf(disk);
    assert.ok((await slice(disk, rootPart!.start, before.length)).equals(before), 'zeros of the image are zeros on the disk');
    assert.equal(blkid(disk, rootPart!, 'UUID'), rootUuid);
    assert.equal(blkid(disk, swap!, 'TYPE'), 'swap');
    assert.equal(swap!.size, 8 * mib);
    const iso = await readFile(drive);
    assert.ok((await slice(disk, config!.start, iso.length)).equals(iso));
    assert.ok((await slice(disk, diskBytes - mib, mib)).equals(Buffer.alloc(mib)));
    assert.deepEqual(await readdir(join(folder, 'work')), []);
    assert.ok(machine.notes.some((text) => /200 MiB written at [\d.]+ MB\/s/.test(text)));
  });
}

test('creates a valid ext4 ephemeral partition on a used disk, and keeps it over a rebuild on request', async (t) => {
  const disk = join(folder, 'disk-ephemeral');
  const server = { flavor: aFlavor({ disk: 1, ephemeral: 1, swap: 1 }) };
  await dirtyFile(disk, 3 * gib, 1100 * mib);
  const machine = task({ server });
  const { key, iqn } = await untilPost(machine);
  const target = await anIscsiTarget({ file: disk, iqn, ...chapAccount(key, iqn) });
  t.after(() => target.close());
  const context = { target: { address: '127.0.0.1', port: target.port, iqn, lun: 1 } };
  Object.assign(machine.operation.context, context);
  for (const name of diskSteps) await runStep(deploy().steps, name, machine);
  const [ephemeral, , rootPart] = placesOf(disk);
  assert.equal(blkid(disk, ephemeral!, 'LABEL'), 'ephemeral0');
  assert.equal(blkid(disk, rootPart!, 'UUID'), rootUuid);
  const uuid = blkid(disk, ephemeral!, 'UUID');
  const fileSystem = `${disk}?offset=${ephemeral!.start}`;
  execFileSync('e2fsck', ['-f', '-n', fileSystem], { stdio: 'pipe' });
  // The journal's log area is zeros: no old transactions can be replayed.
  const journal = execFileSync('debugfs', ['-R', 'cat <8>', fileSystem], { maxBuffer: 200 * mib, stdio: 'pipe' });
  assert.ok(journal.length > mib && journal.subarray(4096).equals(Buffer.alloc(journal.length - 4096)));

  const again = task({
    server: { ...server, preserve_ephemeral: true },
    operation: { kind: 'rebuild', context: { ...machine.operation.context } },
  });
  for (const name of diskSteps) await runStep(deploy().steps, name, again);
  assert.equal(blkid(disk, ephemeral!, 'UUID'), uuid);
  assert.ok(again.notes.includes('kept as it is'));
});

test('reports a wrong key as such, without the password', async (t) => {
  const disk = join(folder, 'disk-chap');
  await dirtyFile(disk, 2 * gib, mib);
  const machine = task();
  const { key, iqn } = await untilPost(machine);
  const target = await anIscsiTarget({ file: disk, iqn, ...chapAccount('another key', iqn) });
  t.after(() => target.close());
  machine.operation.context['target'] = { address: '127.0.0.1', port: target.port, iqn, lun: 1 };
  const { password } = chapAccount(key, iqn);
  await assert.rejects(runStep(deploy().steps, 'partition disk', machine), (error: { code: string; message: string }) => {
    assert.equal(error.code, 'agentFailed');
    assert.match(error.message, /iSCSI/);
    assert.ok(!error.message.includes(password));
    return true;
  });
});

test('rejects a disk that is too small before writing anything', async (t) => {
  const disk = join(folder, 'disk-small');
  await dirtyFile(disk, 50 * mib, 50 * mib);
  const before = await readFile(disk);
  const machine = task();
  const { key, iqn } = await untilPost(machine);
  const target = await anIscsiTarget({ file: disk, iqn, ...chapAccount(key, iqn) });
  t.after(() => target.close());
  machine.operation.context['target'] = { address: '127.0.0.1', port: target.port, iqn, lun: 1 };
  await assert.rejects(runStep(deploy().steps, 'partition disk', machine), {
    code: 'diskUnfit',
    message: /the disk has 50 MiB/,
  });
  assert.ok((await readFile(disk)).equals(before));
});

test('fails the step if the target disappears; an abort ends it', async () => {
  const machine = task();
  const { iqn } = await untilPost(machine);
  machine.operation.context['target'] = { address: '127.0.0.1', port: 1, iqn, lun: 1 };
  await assert.rejects(runStep(deploy().steps, 'partition disk', machine), {
    code: 'agentFailed',
    message: /failed to take data over iSCSI: Failed to connect/,
  });
  const cancelled = task({
    signal: AbortSignal.abort(new Error('cancelled')),
    operation: { context: machine.operation.context },
  });
  await assert.rejects(runStep(deploy().steps, 'partition disk', cancelled), /cancelled/);
});

test('times out if the target does not respond', async (t) => {
  const mute = createServer().listen(0, '127.0.0.1');
  t.after(() => mute.close());
  await once(mute, 'listening');
  const machine = task();
  const { iqn } = await untilPost(machine);
  machine.operation.context['target'] = { address: '127.0.0.1', port: (mute.address() as { port: number }).port, iqn, lun: 1 };
  machine.operation.context['partitions'] = [{ role: 'swap', start: mib, length: mib }];
  const { steps } = createIscsiDeploy({ agentTimeout: 1, imageTimeout: 1, silenceTimeout: 0.2 });
  await assert.rejects(runStep(steps, 'make swap', machine), { code: 'agentFailed', message: /no data was transferred/ });
});

test('switches the boot files to the system, without the key, and ends by `done` or a power cycle', async (t) => {
  let said = '';
  const listener = createServer((socket) => {
    socket.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
  }).listen(0, '127.0.0.1');
  t.after(() => listener.close());
  await once(listener, 'listening');
  const { steps } = deploy((listener.address() as { port: number }).port);
  const machine = task();
  await untilPost(machine);
  machine.operation.context['target'] = { address: '127.0.0.1', port: 1, iqn: 'x', lun: 1 };
  await runStep(steps, 'switch boot files', machine);
  assert.deepEqual(machine.calls.at(-1)?.args[0], {
    boot: 'instance',
    instance: { kernel: '/images/k', ramdisk: '/images/r', root: `UUID=${rootUuid}` },
  });
  const calls = machine.calls.length;
  await runStep(steps, 'restart', machine);
  assert.equal(said, 'done');
  assert.equal(machine.calls.length, calls);
  await runStep(deploy(1).steps, 'restart', machine);
  assert.deepEqual(
    machine.calls.slice(calls).map(({ args }) => args[0]),
    ['power off', 'power on'],
  );
});

test('rejects whole-disk images, other formats and impossible flavors before the machine is changed', () => {
  const { checkImage } = deploy();
  checkImage(image, aServer());
  assert.throws(() => checkImage(anImage(), aServer()), { code: 'imageUnusable', message: /kernel_id and ramdisk_id missing/ });
  assert.throws(() => checkImage({ ...image, disk_format: 'vmdk' }, aServer()), { code: 'imageUnusable', message: /vmdk/ });
  assert.throws(() => checkImage(image, aServer({ flavor: aFlavor({ disk: 3000 }) })), { code: 'diskUnfit', message: /2 TiB/ });
});

test("rejects a node whose ramdisk has Ironic's own agent before the machine is changed", async () => {
  const machine = task({ agentKind: 'ipa' });
  await assert.rejects(runStep(deploy().steps, 'fetch images', machine), { code: 'imageUnusable', message: /agent is ipa/ });
  assert.deepEqual(machine.calls, []);
});

test('rejects an image without a file system', async () => {
  const machine = task({
    images: { get: async () => image, raw: async () => ({ path: drive, size: 1 }), file: async () => '/x' },
  });
  await assert.rejects(runStep(deploy().steps, 'fetch images', machine), { code: 'imageUnusable', message: /no file system/ });
});

test('rejects a kernel that pxelinux cannot start unless its owner skips the check', async () => {
  const foreign = { format: 'EFI program', architecture: 'aarch64' } as const;
  const images = { raw: async () => ({ path: root, size: 200 * mib }), file: async () => '/x', kernel: async () => foreign };
  const machine = task({
    images: { ...images, get: async (id) => (id === image.id ? image : { ...image, id, name: 'vmlinuz' }) },
  });
  await assert.rejects(runStep(deploy().steps, 'fetch images', machine), {
    code: 'imageNotBootable',
    message: /its kernel \(image vmlinuz\) is an EFI program for aarch64, and pxelinux starts only a bzImage of x86/,
  });
  assert.deepEqual(machine.calls, []);

  const properties = { ...image.properties, ingot_boot_check: 'skip' };
  await runStep(deploy().steps, 'fetch images', task({ images: { ...images, get: async () => ({ ...image, properties }) } }));
});

/** Writes old data wherever the test will check. */
async function dirtyFile(path: string, bytes: number, dirtyBytes: number): Promise<void> {
  const file = await open(path, 'w');
  const noise = randomBytes(mib);
  // An eighth of each MiB: every written or zeroed range is larger than the gaps.
  for (let at = 0; at < dirtyBytes; at += mib) await file.write(noise, 0, mib / 8, at);
  await file.truncate(bytes);
  await file.write(noise, 0, mib, bytes - mib);
  await file.close();
  assert.equal((await stat(path)).size, bytes);
}

function placesOf(disk: string): { start: number; size: number }[] {
  const { partitiontable } = JSON.parse(execFileSync('sfdisk', ['--json', disk], { encoding: 'utf8' }));
  return partitiontable.partitions.map(({ start, size }: { start: number; size: number }) => ({
    start: start * 512,
    size: size * 512,
  }));
}

function blkid(disk: string, place: { start: number; size: number }, field: string): string {
  const args = ['-p', '-O', String(place.start), '-S', String(place.size), '-o', 'value', '-s', field, disk];
  return execFileSync('blkid', args, { encoding: 'utf8' }).trim();
}

async function slice(path: string, start: number, length: number): Promise<Buffer> {
  const file = await open(path);
  try {
    return (await file.read(Buffer.alloc(length), 0, length, start)).buffer;
  } finally {
    await file.close();
  }
}
