import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

/** An entry of a cpio archive; `path` without a leading slash. */
export type CpioEntry = { path: string; mode: number } & (
  | { type: 'folder' }
  | { type: 'file'; content: Buffer }
  | { type: 'link'; target: string }
  | { type: 'device'; major: number; minor: number }
);

const typeBits = { folder: 0o040000, file: 0o100000, link: 0o120000, device: 0o020000 } as const;

/**
 * A cpio archive in the `newc` format that the kernel unpacks as initramfs: 110 bytes of header in hexadecimal text,
 * name and content each padded to four bytes. Owner, times and inode numbers are fixed, so the build is reproducible.
 */
export function* cpioArchive(entries: Iterable<CpioEntry>): Generator<Buffer> {
  let inode = 1;
  for (const entry of entries) {
    const content = contentOf(entry);
    yield header({ inode, mode: typeBits[entry.type] | entry.mode, size: content.length, entry });
    yield content;
    yield padding(content.length);
    inode += 1;
  }
  yield header({ inode: 0, mode: 0, size: 0, entry: { path: 'TRAILER!!!' } });
}

function contentOf(entry: CpioEntry): Buffer {
  if (entry.type === 'file') return entry.content;
  if (entry.type === 'link') return Buffer.from(entry.target);
  return Buffer.alloc(0);
}

function header(parts: {
  inode: number;
  mode: number;
  size: number;
  entry: { path: string; major?: number; minor?: number };
}): Buffer {
  const { inode, mode, size, entry } = parts;
  const name = Buffer.from(`${entry.path}\0`);
  // Fields: ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
  const fields = [inode, mode, 0, 0, 1, 0, size, 0, 0, entry.major ?? 0, entry.minor ?? 0, name.length, 0];
  const text = `070701${fields.map((value) => value.toString(16).padStart(8, '0')).join('')}`;
  return Buffer.concat([Buffer.from(text), name, padding(110 + name.length)]);
}

export function padding(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4);
}

/** Entries for everything below a folder, in a fixed order; folders precede their contents. */
export function* folderEntries(folder: string, below = folder): Generator<CpioEntry> {
  for (const name of readdirSync(below).sort()) {
    const full = join(below, name);
    const path = relative(folder, full);
    const status = lstatSync(full);
    if (status.isDirectory()) {
      yield { path, mode: 0o755, type: 'folder' };
      yield* folderEntries(folder, full);
    } else if (status.isSymbolicLink()) yield { path, mode: 0o777, type: 'link', target: readlinkSync(full) };
    else yield { path, mode: statSync(full).mode & 0o111 ? 0o755 : 0o644, type: 'file', content: readFileSync(full) };
  }
}
