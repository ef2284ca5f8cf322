import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type BootDisk, efiProgram, efiProgramFor, makeBootDisk, writeAt } from '#test/boot-disks.ts';
import { aGptDisk } from '#test/fuzz/boot-images.ts';
import { DiskBytes } from './disk-bytes.ts';
import { bootContentsOf, readBootContents } from './read-boot-contents.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-boot-contents-'));
after(() => rmSync(folder, { recursive: true }));

const mib = 1024 * 1024;
const path = '/EFI/BOOT/BOOTX64.EFI';
const files = { [path]: efiProgram() };
const loader = { path, architecture: 'x86_64', is_default: true };
const aarch64 = 0xaa64;

let disks = 0;
const contentsOf = (plan: BootDisk) => bootContentsOf(makeBootDisk(folder, `disk-${disks++}`, plan));

for (const [what, plan, layout] of [
  ['GPT with FAT12', { label: 'gpt', fat: 12, mib: 8, files }, 'gpt'],
  ['GPT with FAT16', { label: 'gpt', fat: 16, mib: 32, files }, 'gpt'],
  ['GPT with FAT32', { label: 'gpt', fat: 32, mib: 64, files }, 'gpt'],
  ['MBR with FAT12', { label: 'dos', fat: 12, mib: 8, files }, 'mbr'],
  ['MBR with FAT32', { label: 'dos', fat: 32, mib: 64, files }, 'mbr'],
  [
    'MBR with the FAT in a logical partition',
    {
      ...{ label: 'dos', fat: 16, mib: 40, start: 12, space: 20, files },
      partitions:
        'start=2048, size=2048, type=83\nstart=4096, type=5\nstart=8192, size=4096, type=83\nstart=24576, size=40960, type=ef',
    },
    'mbr',
  ],
] as const satisfies readonly (readonly [string, BootDisk, string])[]) {
  test(`finds the loader in a ${what}`, async () => {
    const contents = await contentsOf(plan);

    assert.deepEqual([contents.layout, contents.efi_loaders, contents.unread], [layout, [loader], []]);
    assert.equal(contents.boot_code, false);
    assert.equal(contents.cut_off, undefined);
  });
}

test('finds the loader in a FAT without a partition table', async () => {
  const contents = await contentsOf({ fat: 32, mib: 48, files });
  assert.deepEqual([contents.layout, contents.file_system, contents.efi_loaders], ['file system', 'FAT', [loader]]);
});

test('reads a table written by sgdisk', async () => {
  const disk = makeBootDisk(folder, 'sgdisk', { label: 'gpt', mib: 64, files });
  execFileSync('sgdisk', ['-q', '-o', '-n', '1:2048:+62M', '-t', '1:ef00', disk], { stdio: 'pipe' });
  const contents = await bootContentsOf(disk);
  assert.deepEqual([contents.layout, contents.efi_loaders, contents.damage], ['gpt', [loader], []]);
});

test('distinguishes loaders by machine type, and finds some only by name', async () => {
  const { efi_loaders } = await contentsOf({
    label: 'gpt',
    files: {
      '/EFI/DEBIAN/GRUBAA64.EFI': efiProgramFor(aarch64),
      '/EFI/BOOT/BOOTX64.EFI': efiProgramFor(aarch64),
      '/EFI/BOOT/BOOTAA64.EFI': efiProgramFor(aarch64),
      '/EFI/BOOT/BOOTRISCV64.EFI': efiProgramFor(0x5064),
      '/EFI/BOOT/BOOTIA32.EFI': Buffer.from('no program'),
      '/EFI/BOOT/ODD.EFI': efiProgramFor(0x1234),
      '/EFI/BOOT/GRUB.CFG': Buffer.from('set'),
    },
  });
  assert.deepEqual(
    efi_loaders.map(({ path, architecture, is_default }) => [path, architecture, is_default]),
    [
      ['/EFI/BOOT/BOOTAA64.EFI', 'aarch64', true],
      ['/EFI/BOOT/BOOTRI~1.EFI', 'riscv64', true],
      ['/EFI/DEBIAN/GRUBAA64.EFI', 'aarch64', false],
      ['/EFI/BOOT/BOOTX64.EFI', 'aarch64', false],
      ['/EFI/BOOT/BOOTIA32.EFI', null, false],
      ['/EFI/BOOT/ODD.EFI', 'machine type 0x1234', false],
    ],
  );
});

test('reads a loader whose header is in its second cluster', async () => {
  const program = efiProgram();
  const at = program.readUInt32LE(0x3c);
  const moved = Buffer.concat([program.subarray(0, at), Buffer.alloc(1024), program.subarray(at)]);
  moved.writeUInt32LE(at + 1024, 0x3c);
  const { efi_loaders } = await contentsOf({ label: 'gpt', fat: 16, clusterSectors: 1, mib: 16, files: { [path]: moved } });
  assert.deepEqual(efi_loaders, [loader]);
});

test('finds the loader of Windows', async () => {
  const { efi_loaders } = await contentsOf({
    label: 'gpt',
    files: { '/EFI/MICROSOFT/BOOT/BOOTMGFW.EFI': efiProgram(), '/EFI/MICROSOFT/BOOT/RESOURCES/DE/A/B.EFI': efiProgram() },
  });
  assert.deepEqual(efi_loaders, [{ path: '/EFI/MICROS~1/BOOT/BOOTMGFW.EFI', architecture: 'x86_64', is_default: false }]);
});

test('reports more folders than it reads, instead of a missing loader', async () => {
  const many = Object.fromEntries(
    Array.from({ length: 17 * 16 }, (_, at) => [`/EFI/F${at >> 4}/G${at & 15}/X`, Buffer.from('x')]),
  );
  const { efi_loaders, unread } = await contentsOf({ label: 'gpt', files: many });
  assert.deepEqual(efi_loaders, []);
  assert.match(unread.join(), /there are too many folders in \/EFI/);
});

for (const fat of [12, 16, 32] as const) {
  test(`finds a loader behind a hundred files of a FAT${fat} in the last cluster of its directory`, async () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`/EFI/BOOT/F${index}`, Buffer.from('x')]));
    const mib = { 12: 3, 16: 16, 32: 64 }[fat];
    const contents = await contentsOf({ label: 'gpt', fat, clusterSectors: 1, mib, files: { ...many, ...files } });
    assert.deepEqual(contents.efi_loaders, [loader]);
  });
}

test('reports a directory cycle', async () => {
  const disk = makeBootDisk(folder, 'loop', { label: 'dos', fat: 32, files });
  const volume = readFileSync(disk).subarray(mib);
  const fat = volume.readUInt16LE(14) * 512;
  const root = volume.readUInt32LE(44);
  // The directory has no end marker either, or its reader would stop there.
  const cluster = Buffer.alloc(512 * (volume[13] ?? 0), 0x41);
  const data = fat + (volume[16] ?? 0) * volume.readUInt32LE(36) * 512;
  writeAt(disk, cluster, mib + data + (root - 2) * cluster.length);
  const entry = Buffer.alloc(4);
  entry.writeUInt32LE(root);
  writeAt(disk, entry, mib + fat + root * 4);

  const { efi_loaders, unread } = await bootContentsOf(disk);

  assert.deepEqual(efi_loaders, []);
  assert.deepEqual(unread, ['the FAT in partition 1 cannot be read to its end (a directory is too large)']);
});

test('reads a damaged GPT from its backup, or reports the damage', async () => {
  const disk = makeBootDisk(folder, 'damaged', { label: 'gpt', files });
  writeAt(disk, Buffer.from([0xff]), 512 + 20);
  const once = await bootContentsOf(disk);
  writeAt(disk, Buffer.from([0xff]), 64 * mib - 512 + 20);
  const twice = await bootContentsOf(disk);

  assert.deepEqual([once.efi_loaders, once.damage], [[loader], ['the first GPT is damaged, only that at its end can be read']]);
  assert.deepEqual([twice.layout, twice.efi_loaders, twice.damage], ['gpt', [], ['its GPT is missing or damaged']]);
});

test('reads a GPT for disks with sectors of 4096 bytes, and reports the size', async () => {
  const { layout, efi_loaders, damage } = await readBootContents(inMemory(aGptDisk(4096)));
  assert.deepEqual([layout, efi_loaders], ['gpt', [loader]]);
  assert.deepEqual(damage, ['its GPT is made for disks with sectors of 4096 bytes']);
});

test('counts code in the boot sector as BIOS boot code, but not a table alone', async () => {
  const bootCode = Buffer.from([0xfa, 0xf4]);
  assert.equal((await contentsOf({ label: 'gpt', bootCode })).boot_code, true);
  assert.equal((await contentsOf({ label: 'dos' })).boot_code, false);
  assert.equal(await readBootCode(Buffer.concat([bootCode, Buffer.alloc(510)])), false, 'without signature');
});

async function readBootCode(disk: Buffer): Promise<boolean> {
  return (await readBootContents(inMemory(disk))).boot_code;
}

function inMemory(disk: Buffer): DiskBytes {
  return new DiskBytes({ size: disk.length, read: async (at, length) => Buffer.from(disk.subarray(at, at + length)) });
}

test('names file systems without a table, and finds nothing in random bytes', async () => {
  const ext = join(folder, 'ext');
  writeFileSync(ext, '');
  truncateSync(ext, 8 * mib);
  execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', ext], { stdio: 'pipe' });
  const noise = randomBytes(100_000);
  noise.writeUInt16LE(0, 510);

  const found = [
    await bootContentsOf(ext),
    await readBootContents(inMemory(noise)),
    await readBootContents(inMemory(Buffer.from('x'))),
  ];

  assert.deepEqual(
    found.map(({ layout, file_system }) => [layout, file_system]),
    [
      ['file system', 'ext'],
      ['unknown', undefined],
      ['unknown', undefined],
    ],
  );
});

test("reads an ISO for UEFI by its boot catalog, and Debian's hybrid by its partition table too", async () => {
  const tree = join(folder, 'tree');
  mkdirSync(tree);
  rmSync(join(tree, 'efi.img'), { force: true });
  makeBootDisk(tree, 'efi.img', { fat: 12, mib: 2, files });
  const iso = join(folder, 'iso');
  execFileSync('genisoimage', ['-quiet', '-e', 'efi.img', '-no-emul-boot', '-o', iso, tree], { stdio: 'pipe' });
  const plain = await bootContentsOf(iso);
  const hybrid = await bootContentsOf('/usr/lib/ipxe/ipxe.iso');

  assert.deepEqual([plain.layout, plain.boot_code, plain.efi_loaders], ['iso9660', false, [loader]]);
  assert.deepEqual([hybrid.layout, hybrid.boot_code, hybrid.efi_loaders], ['mbr', true, [loader]]);
});

for (const label of ['gpt', 'dos'] as const) {
  test(`reports half of a disk with a ${label} table as truncated`, async () => {
    const disk = makeBootDisk(folder, `half-${label}`, { label, files });
    truncateSync(disk, 32 * mib);
    const { cut_off } = await bootContentsOf(disk);
    assert.equal(cut_off, `its partition 1 ends at byte ${63 * mib}, but the image at ${32 * mib}: it seems to be cut off`);
  });
}
