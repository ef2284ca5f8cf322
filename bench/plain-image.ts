/** The image in the peer's format: raw, compressed by zstd at its default level. */

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readManifest } from '#build/cache.ts';
import { runCommand } from '#build/run-command.ts';
import { moveIntoPlace } from '#files/write-atomically.ts';

/** Cached in `folder` until the image changes. @param key of the image's build */
export async function compressImage(qcow2: string, { folder, key }: { folder: string; key: string }): Promise<string> {
  const file = join(folder, 'image.raw.zst');
  const manifest = join(folder, 'manifest.json');
  if (readManifest(manifest, key)) return file;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const raw = join(folder, 'image.raw');
  await runCommand('qemu-img', ['convert', '-O', 'raw', qcow2, raw]);
  await runCommand('zstd', ['-q', '-3', '-T0', raw, '-o', `${file}.new`]);
  rmSync(raw);
  await moveIntoPlace(`${file}.new`, file);
  writeFileSync(manifest, JSON.stringify({ key }));
  return file;
}

type Run = { length: number; zero: boolean; data: boolean };

/** Bytes of an image that are not zeros, at the granularity of its format. */
export async function dataBytesOf(qcow2: string): Promise<number> {
  const runs = JSON.parse(await runCommand('qemu-img', ['map', '--output=json', '-f', 'qcow2', qcow2])) as Run[];
  return runs.filter(({ zero, data }) => data && !zero).reduce((sum, { length }) => sum + length, 0);
}
