import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { ExtentsReader } from '#agent-protocol/extents.ts';
import type { Image } from '#store/tables/images.ts';
import { anImage } from '#test/a-task.ts';
import { efiProgram, makeBootDisk } from '#test/boot-disks.ts';
import { readExtentsFile } from './extents-file.ts';
import { createImageFiles, type ImageStore } from './image-files.ts';

const mib = 1024 * 1024;
const rows = new Map<string, Image>();
const silent = { info() {}, warn() {} };
let folder: string;
let directory: string;
let images: ImageStore;
/** 24 MiB with data, a hole, zeros written as data, and data that ends within a block. */
let content: Buffer;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-images-'));
  directory = join(folder, 'store');
  images = openImages();
  content = Buffer.alloc(24 * mib);
  randomBytes(5 * mib + 4096).copy(content, 0);
  randomBytes(100).copy(content, 12 * mib + 70_000);
  randomBytes(512).copy(content, content.length - 512);
  await writeFile(join(folder, 'disk.raw'), content);
  for (const format of ['qcow2', 'vmdk', 'vdi', 'vpc', 'vhdx']) {
    const options = format === 'vpc' ? ['-o', 'force_size=on'] : [];
    execFileSync('qemu-img', ['convert', '-O', format, ...options, join(folder, 'disk.raw'), join(folder, `disk.${format}`)]);
  }
});

after(async () => {
  await images.close();
  await rm(folder, { recursive: true, force: true });
});

function openImages(): ImageStore {
  const store = {
    images: {
      find: async ({ id }: { id?: unknown }) => rows.get(id as string),
      list: async (where: object) =>
        [...rows.values()].filter((row) => Object.entries(where).every(([name, value]) => row[name as keyof Image] === value)),
    },
    fetched_images: { find: async () => undefined },
  };
  return createImageFiles({ store, directory, log: silent });
}

const newId = () => crypto.randomUUID();

/** Uploads a file and stores its row, as the API does. */
async function upload(file: string, disk_format: string): Promise<string> {
  const id = newId();
  const facts = await images.upload(id, Readable.from([await readFile(file)]), { disk_format });
  rows.set(id, anImage({ id, ...facts }));
  return id;
}

test('stores an upload, computes the fields of its row, and reads it back', async () => {
  const id = await upload(join(folder, 'disk.raw'), 'raw');
  const row = rows.get(id);
  assert.equal(row?.size, content.length);
  assert.equal(row?.virtual_size, content.length);
  assert.equal(row?.checksum, createHash('md5').update(content).digest('hex'));
  assert.equal(row?.os_hash_value, createHash('sha512').update(content).digest('hex'));
  const { stream, size } = await images.read(id);
  assert.equal(size, content.length);
  assert.ok(Buffer.concat(await stream.toArray()).equals(content));
});

for (const [disk_format, file] of [
  ['qcow2', 'qcow2'],
  ['vmdk', 'vmdk'],
  ['vdi', 'vdi'],
  ['vhd', 'vpc'],
  ['vhdx', 'vhdx'],
] as const) {
  test(`converts ${disk_format} to the same raw disk, sparse`, async () => {
    const id = await upload(join(folder, `disk.${file}`), disk_format);
    assert.equal(rows.get(id)?.virtual_size, content.length);
    const { path, size } = await images.raw(id);
    assert.equal(size, content.length);
    assert.ok((await readFile(path)).equals(content));
    assert.ok((await stat(path)).blocks * 512 < content.length);
  });
}

test('the extents file contains the disk without its zeros', async () => {
  const id = await upload(join(folder, 'disk.qcow2'), 'qcow2');
  const facts = await images.extents(id);
  const file = await readFile(facts.path);
  assert.equal(file.length, facts.size);
  assert.equal(createHash('sha256').update(file).digest('hex'), facts.sha256);
  assert.equal(facts.virtual_size, content.length);
  const { disk, reader } = await expand(facts.path, facts.virtual_size);
  assert.ok(disk.equals(content));
  assert.equal(reader.virtualSize, content.length);
  assert.equal(reader.dataBytes, facts.data_bytes);
  // 5 MiB + 4 KiB are rounded up to a block; two separate blocks follow.
  assert.equal(facts.data_bytes, 5 * mib + 3 * 65536);
  assert.deepEqual(await readdir(join(directory, id)), ['data', 'extents', 'extents.json']);
});

test('the extents file omits zeros stored as data', async () => {
  const id = await upload(join(folder, 'disk.raw'), 'raw');
  const facts = await images.extents(id);
  assert.equal(facts.data_bytes, 5 * mib + 3 * 65536);
  assert.ok((await expand(facts.path, facts.virtual_size)).disk.equals(content));
});

async function expand(path: string, size: number): Promise<{ disk: Buffer; reader: ExtentsReader }> {
  const disk = Buffer.alloc(size);
  const reader = new ExtentsReader();
  for await (const chunk of readExtentsFile(path)) {
    for (const { offset, data } of reader.read(chunk as Buffer)) data.copy(disk, offset);
  }
  reader.finish();
  return { disk, reader };
}

test('distinguishes disks with and without boot sector', async () => {
  const file = join(folder, 'bootable.raw');
  const disk = Buffer.from(content);
  disk.fill(0, 446, 510);
  disk.writeUInt16BE(0x55aa, 510);
  await writeFile(file, disk);
  assert.equal((await images.extents(await upload(file, 'raw'))).boot?.boot_code, true);
  disk.writeUInt16BE(0, 510);
  await writeFile(file, disk);
  assert.equal((await images.extents(await upload(file, 'raw'))).boot?.boot_code, false);
});

test('reads the boot contents when an image is prepared, and stores them with it', async () => {
  const files = { '/EFI/BOOT/BOOTX64.EFI': efiProgram() };
  const raw = makeBootDisk(folder, 'efi.raw', { label: 'gpt', files });
  execFileSync('qemu-img', ['convert', '-O', 'qcow2', '-c', raw, join(folder, 'efi.qcow2')]);
  const id = await upload(join(folder, 'efi.qcow2'), 'qcow2');

  const { boot } = await images.extents(id);
  const later = openImages();
  const again = await later.extents(id);
  await later.close();

  assert.deepEqual(boot?.efi_loaders, [{ path: '/EFI/BOOT/BOOTX64.EFI', architecture: 'x86_64', is_default: true }]);
  assert.deepEqual(again.boot, boot);
});

test('rebuilds a prepared file of an earlier version without boot contents', async () => {
  const id = await upload(join(folder, 'disk.qcow2'), 'qcow2');
  const { path, boot } = await images.extents(id);
  const { boot: _, boot_reader: __, ...former } = JSON.parse(await readFile(`${path}.json`, 'utf8'));
  await writeFile(`${path}.json`, JSON.stringify(former));
  assert.deepEqual((await images.extents(id)).boot, boot);
});

test('shares one conversion among hundreds of callers', async () => {
  const id = await upload(join(folder, 'disk.qcow2'), 'qcow2');
  const all = await Promise.all(Array.from({ length: 200 }, () => Promise.all([images.extents(id), images.raw(id)])));
  assert.equal(new Set(all.map(([extents]) => extents.sha256)).size, 1);
  assert.equal(new Set(all.map(([, raw]) => raw.path)).size, 1);
});

test('converts many images at once', async () => {
  const ids = await Promise.all(Array.from({ length: 6 }, () => upload(join(folder, 'disk.qcow2'), 'qcow2')));
  const made = await Promise.all(ids.map((id) => images.extents(id)));
  assert.equal(new Set(made.map(({ data_bytes }) => data_bytes)).size, 1);
});

test('rebuilds a damaged extents file', async () => {
  const id = await upload(join(folder, 'disk.qcow2'), 'qcow2');
  const first = await images.extents(id);
  await truncate(first.path, 1000);
  const again = await images.extents(id);
  assert.equal(again.sha256, first.sha256);
  assert.equal((await readFile(again.path)).length, first.size);
});

for (const [disk_format, file] of [
  ['qcow2', 'disk.qcow2'],
  ['raw', 'disk.raw'],
] as const) {
  test(`rebuilds corrupt prepared files of a ${disk_format} image from the upload, also after a restart`, async () => {
    const id = await upload(join(folder, file), disk_format);
    const first = await images.extents(id);
    if (disk_format === 'qcow2') await rot((await images.raw(id)).path);
    await rot(first.path);
    const later = openImages();

    const again = await later.extents(id);

    assert.ok((await expand(again.path, again.virtual_size)).disk.equals(content));
    assert.ok((await readFile((await later.raw(id)).path)).equals(content));
    await later.close();
  });
}

test('checks a file again after a machine reported corruption', async () => {
  const id = await upload(join(folder, 'disk.qcow2'), 'qcow2');
  const { path, virtual_size } = await images.extents(id);
  await rot(path);
  assert.equal(await images.recheck(id), false);
  await images.extents(id);
  assert.ok((await expand(path, virtual_size)).disk.equals(content));
  assert.equal(await images.recheck(id), true);
});

test('rebuilds a raw file of an earlier version without a checksum', async () => {
  const id = await upload(join(folder, 'disk.qcow2'), 'qcow2');
  const { path } = await images.raw(id);
  await rm(`${path}.json`);
  await rot(path);
  assert.ok((await readFile((await images.raw(id)).path)).equals(content));
});

/** Flips one bit and keeps size and times, as a failing disk does. */
async function rot(path: string): Promise<void> {
  const { atime, mtime } = await stat(path);
  const bytes = await readFile(path);
  bytes[bytes.length >> 1]! ^= 1;
  const file = await open(path, 'r+');
  await file.write(bytes, 0, bytes.length, 0);
  await file.utimes(atime, mtime);
  await file.close();
}

test('does not deploy data changed since the upload', async () => {
  const id = await upload(join(folder, 'disk.qcow2'), 'qcow2');
  const data = join(directory, id, 'data');
  const bytes = await readFile(data);
  bytes[bytes.length - 1] = ~(bytes.at(-1) ?? 0);
  await writeFile(data, bytes);
  await assert.rejects(images.extents(id), { code: 'checksumMismatch' });
  await assert.rejects(images.raw(id), { code: 'checksumMismatch' });
  await assert.rejects(images.file(id), { code: 'checksumMismatch' });
});

test('rejects an image that has no data or is not active', async () => {
  const id = newId();
  rows.set(id, anImage({ id, status: 'queued' }));
  await assert.rejects(images.raw(id), { code: 'imageUnusable', message: /status is queued/ });
  rows.set(id, anImage({ id }));
  await assert.rejects(images.raw(id), { code: 'imageUnusable', message: /missing/ });
  await assert.rejects(images.raw(newId()), { code: 'notFound' });
  await assert.rejects(images.read(newId()), { code: 'notFound' });
});

test('an id cannot lead out of the store', async () => {
  await assert.rejects(images.upload('../../etc', Readable.from([Buffer.from('x')]), { disk_format: 'raw' }), {
    code: 'notFound',
  });
});

test('removes the data and all prepared files', async () => {
  const id = await upload(join(folder, 'disk.qcow2'), 'qcow2');
  await images.extents(id);
  await images.remove(id);
  assert.ok(!(await readdir(directory)).includes(id));
});

test('removing an image aborts its conversion', async () => {
  const id = await upload(join(folder, 'disk.qcow2'), 'qcow2');
  const conversion = assert.rejects(images.extents(id));
  await new Promise((resolve) => setImmediate(resolve));
  await images.remove(id);
  await conversion;
});

test('removes incomplete files of a crash at the start', async () => {
  const id = await upload(join(folder, 'disk.qcow2'), 'qcow2');
  await writeFile(join(directory, id, 'raw.part'), 'half');
  await images.tidy();
  assert.deepEqual(await readdir(join(directory, id)), ['data']);
});

const refusals = [
  {
    why: 'a qcow2 with a backing file',
    make: ['create', '-f', 'qcow2', '-b', '/etc/passwd', '-F', 'raw'],
    as: 'qcow2',
    says: /backing file/,
  },
  {
    why: 'a qcow2 with external data',
    make: ['create', '-f', 'qcow2', '-o', 'data_file=/etc/hostname.ingot-test'],
    as: 'qcow2',
    says: /another file/,
  },
  { why: 'a vmdk of flat extents', make: ['create', '-f', 'vmdk', '-o', 'subformat=monolithicFlat'], as: 'vmdk', says: /not/ },
  {
    why: 'a qcow2 declared as raw',
    make: ['create', '-f', 'qcow2'],
    as: 'raw',
    says: /disk_format raw does not match stream data qcow2/,
  },
  {
    why: 'a vmdk declared as qcow2',
    make: ['create', '-f', 'vmdk'],
    as: 'qcow2',
    says: /disk_format qcow2 does not match stream data vmdk/,
  },
];
for (const { why, make, as, says } of refusals) {
  test(`rejects ${why}, and stores nothing`, async () => {
    const file = join(folder, 'strange');
    // qemu-img would create the external data file at its name; keep it in our folder and rename the reference.
    const args = make.map((arg) => arg.replace('/etc/hostname.ingot-test', join(folder, 'outside')));
    execFileSync('qemu-img', [...args, file, '1M']);
    const id = newId();
    await assert.rejects(images.upload(id, Readable.from([await readFile(file)]), { disk_format: as }), {
      code: 'invalidImageData',
      message: says,
    });
    assert.deepEqual(await readdir(join(directory, id)), []);
    await assert.rejects(images.read(id), { code: 'notFound' });
  });
}

test('rejects an upload that does not match its declaration', async () => {
  const send = (request: object) =>
    images.upload(newId(), Readable.from([Buffer.from('kernel')]), { disk_format: 'aki', ...request });
  await assert.rejects(send({ checksum: { algorithm: 'md5', value: '0'.repeat(32) } }), { code: 'badRequest', message: /md5/ });
  await assert.rejects(send({ size: 7 }), { code: 'badRequest', message: /size 7 expected, 6 received/ });
  await assert.rejects(send({ disk_format: 'docker' }), { code: 'badRequest', message: /docker/ });
  const md5 = createHash('md5').update('kernel').digest('hex');
  assert.equal((await send({ size: 6, checksum: { algorithm: 'md5', value: md5.toUpperCase() } })).checksum, md5);
});

test('leaves nothing of an interrupted upload, which can be repeated', async () => {
  const id = newId();
  const broken = Readable.from(
    (async function* () {
      yield Buffer.from('half');
      throw new Error('the client went away');
    })(),
  );
  await assert.rejects(images.upload(id, broken, { disk_format: 'raw' }), /went away/);
  assert.deepEqual(await readdir(join(directory, id)), []);
  const [first, second] = await Promise.allSettled(
    [1, 2].map(() => images.upload(id, Readable.from([Buffer.alloc(512, 'whole')]), { disk_format: 'raw' })),
  );
  assert.equal(first?.status, 'fulfilled');
  assert.equal(second?.status === 'rejected' && second.reason.code, 'conflict');
});
