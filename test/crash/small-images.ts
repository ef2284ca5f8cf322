/** Images of a few MiB with known content, which can be compared with the disk afterwards. */
import { execFile } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdir, open, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const mebibyte = 1024 ** 2;

export type SmallFile = { path: string; sha256: string };
export type FileSystemImage = SmallFile & { uuid: string; size: number };

/**
 * Stands for a kernel or a ramdisk: never executed here, but with a bzImage's magic, without which it is not served.
 */
export async function makeBootFile(folder: string, name: string): Promise<SmallFile> {
  const content = randomBytes(64 * 1024 + 17);
  content.writeUInt16LE(0xaa55, 0x1fe);
  content.write('HdrS', 0x202, 'latin1');
  const path = join(folder, name);
  // dnsmasq would send only world-readable files.
  await writeFile(path, content, { mode: 0o644 });
  return { path, sha256: createHash('sha256').update(content).digest('hex') };
}

/** An ext4 file system with `dataMib` of random files in it. */
export async function makeFileSystem(
  folder: string,
  name: string,
  { mib, dataMib }: { mib: number; dataMib: number },
): Promise<FileSystemImage> {
  const tree = join(folder, `${name}-tree`);
  await mkdir(join(tree, 'etc'), { recursive: true });
  await writeFile(join(tree, 'etc', 'hostname'), `${name}\n`);
  await writeFile(join(tree, 'data'), randomBytes(dataMib * mebibyte));
  const path = join(folder, `${name}.ext4`);
  await writeFile(path, '');
  await truncate(path, mib * mebibyte);
  const uuid = randomUUID();
  await run('mke2fs', ['-q', '-F', '-t', 'ext4', '-U', uuid, '-L', 'root', '-d', tree, path]);
  const sha256 = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  return { path, sha256, uuid, size: mib * mebibyte };
}

/**
 * A disk with an MBR, a boot loader's signature, and one partition; returned as qcow2 and as the equivalent raw disk.
 */
export async function makeWholeDisk(folder: string, name: string, { mib, dataMib }: { mib: number; dataMib: number }) {
  const root = await makeFileSystem(folder, `${name}-root`, { mib: mib - 2, dataMib });
  const raw = join(folder, `${name}.raw`);
  await writeFile(raw, '');
  await truncate(raw, mib * mebibyte);
  const table = `label: dos\nstart=2048, size=${((mib - 2) * mebibyte) / 512}, type=83, bootable\n`;
  const sfdisk = run('sfdisk', ['-q', raw]);
  sfdisk.child.stdin?.end(table);
  await sfdisk;
  await copyInto(root.path, raw, mebibyte);
  // Without code in the boot sector it would be rejected as not bootable: cli, hlt.
  const disk = await open(raw, 'r+');
  await disk.write(Buffer.from([0xfa, 0xf4]), 0, 2, 0);
  await disk.close();
  const path = join(folder, `${name}.qcow2`);
  await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, path]);
  return { path, raw, size: mib * mebibyte, rootStart: mebibyte, rootSize: root.size };
}

async function copyInto(source: string, target: string, offset: number): Promise<void> {
  const file = await open(target, 'r+');
  try {
    const content = await readFile(source);
    await file.write(content, 0, content.length, offset);
  } finally {
    await file.close();
  }
}

/** SHA-256 of a range of a file. */
export async function digestRange(path: string, start: number, length: number): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'r');
  try {
    if (length > 0)
      for await (const chunk of file.createReadStream({ start, end: start + length - 1, autoClose: false }))
        hash.update(chunk as Buffer);
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}
