/** Used by a thousand servers, and uploaded twice: an image is converted once. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, mock, test } from 'node:test';
import type { Store } from '#store/store.ts';
import { aStore } from '#test/a-store.ts';
import { anImage } from '#test/a-task.ts';
import { createImageFiles, type ImageStore } from './image-files.ts';

let folder: string;
let store: Store;
let images: ImageStore;
/** Of the conversions that took place. */
let converted: string[];
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-images-'));
  store = await aStore();
  const log = {
    warn() {},
    info: (facts: object, words?: string) =>
      void (words === 'image compressed for machines' && converted.push(JSON.stringify(facts))),
  };
  images = createImageFiles({ store, directory: join(folder, 'store'), log });
  await writeFile(join(folder, 'disk.raw'), Buffer.concat([randomBytes(2 ** 20), Buffer.alloc(2 ** 20)]));
  execFileSync('qemu-img', ['convert', '-O', 'qcow2', join(folder, 'disk.raw'), join(folder, 'disk.qcow2')]);
});
after(async () => {
  await images.close();
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

/** A raw disk needs no conversion by qemu-img, only the compression. */
async function upload(disk_format: 'qcow2' | 'raw' = 'qcow2'): Promise<string> {
  const id = crypto.randomUUID();
  await store.images.insert(anImage({ id, status: 'queued', disk_format }));
  const data = Readable.from([await readFile(join(folder, `disk.${disk_format}`))]);
  await store.images.update({ id }, { ...(await images.upload(id, data, { disk_format })), status: 'active' });
  return id;
}

const inodeOf = async (path: string) => (await stat(path)).ino;

test('a thousand deployments of two images with the same bytes cost one conversion', async () => {
  converted = [];
  const ids = [await upload(), await upload()];

  const made = await Promise.all(Array.from({ length: 1000 }, (_, index) => images.extents(ids[index % 2] as string)));

  assert.equal(converted.length, 1);
  assert.equal(new Set(made.map(({ sha256 }) => sha256)).size, 1);
  const [one, other] = made;
  assert.notEqual(one?.path, other?.path);
  assert.equal(await inodeOf(one?.path ?? ''), await inodeOf(other?.path ?? ''), 'the disk holds it once');
});

test('a later image takes what was made, also for the classic chain, and keeps it when the first is deleted', async () => {
  const first = await upload();
  const [extents, raw] = [await images.extents(first), await images.raw(first)];
  converted = [];
  const second = await upload();
  const later = { extents: await images.extents(second), raw: await images.raw(second) };
  await images.remove(first);
  await store.images.remove({ id: first });

  assert.deepEqual(converted, []);
  assert.deepEqual([later.extents.sha256, later.raw.size], [extents.sha256, raw.size]);
  assert.equal((await images.extents(second)).sha256, extents.sha256);
  assert.equal((await stat(later.raw.path)).nlink, 1);
});

test('what is damaged is not taken from another image, and deleting one does not end the preparation for others', async () => {
  converted = [];
  const first = await upload('raw');
  const { path } = await images.extents(first);
  const file = await open(path, 'r+');
  await file.write(Buffer.alloc(64, 1), 0, 64, 100);
  await file.close();
  const second = await upload('raw');

  await images.extents(second);

  assert.equal(converted.length, 2);
  const [third, fourth] = [await upload('raw'), await upload('raw')];
  for (const id of [first, second]) {
    await images.remove(id);
    await store.images.remove({ id });
  }
  const [doomed, kept] = [images.extents(third), images.extents(fourth)];
  doomed.catch(() => {});
  await images.remove(third);
  await store.images.remove({ id: third });
  assert.equal((await kept).path.includes(fourth), true);
});

for (const moment of ['compared', 'taken'] as const) {
  test(`an image that its owner deletes while its file is ${moment} fails no deployment of another`, async () => {
    for (const { id } of await store.images.list()) await store.images.remove({ id });
    const [first, second] = [await upload('raw'), await upload('raw')];
    await images.extents(first);
    let isNear = false;
    const removeFirst = async () => {
      await restarted.remove(first);
      await store.images.remove({ id: first });
    };
    const rows: Pick<Store['images'], 'find' | 'list'> = {
      list: (...query) => {
        isNear = true;
        return store.images.list(...query);
      },
      find: async (where) => {
        if (isNear && moment === 'taken') await removeFirst();
        return store.images.find(where);
      },
    };
    const parts = { store: { images: rows, fetched_images: store.fetched_images }, directory: join(folder, 'store') };
    const restarted = createImageFiles({ ...parts, log: { info() {}, warn() {} } });
    const digests = mock.method(AbortSignal, 'any', (signals: AbortSignal[]) => {
      const [signal] = signals as [AbortSignal];
      if (isNear && moment === 'compared') void removeFirst();
      return signal;
    });

    const { path } = await restarted.extents(second);

    digests.mock.restore();
    assert.equal(path.includes(second), true);
    await restarted.close();
  });
}
