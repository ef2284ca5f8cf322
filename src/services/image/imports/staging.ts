/** Data that a client stages: kept unchecked until it is imported. */
import type { Readable } from 'node:stream';
import { Fault } from '#domain/faults.ts';
import type { Image } from '#store/tables/images.ts';
import type { Caller } from '../../caller.ts';
import type { ImageContext } from '../context.ts';
import type { Upload } from '../data.ts';
import { refuseManyUploads } from '../limits.ts';

type Data = Pick<ImageContext, 'store' | 'images'>;

/** @throws Fault `conflict`, `tooLarge`, `notFound`, `clientDisconnected`, and those of the image store */
export async function stageData(
  context: Data,
  caller: Caller,
  { image, upload }: { image: Image; upload: Upload },
): Promise<void> {
  const { store, images } = context;
  const { id } = image;
  await store.transaction(async (trx) => {
    const claim = { status: 'uploading', size: null, uploaded_by_admin: caller.is_admin } as const;
    if ((await trx.images.update({ id, status: 'queued' }, claim)) === 0) throw notQueued(image);
    if (!caller.is_admin) await refuseManyUploads(trx, image.owner, 0);
  });
  const receiving = { id, status: 'uploading', size: null } as const;
  try {
    const size = await images.stage(id, upload.data as Readable, upload.size === undefined ? {} : { size: upload.size });
    const staged = await store.images.update(receiving, { size, updated_at: new Date().toISOString() });
    if (staged === 0) throw new Fault('notFound', { what: 'Image', id });
  } catch (error) {
    const isStill = await store.images.update(receiving, { status: 'queued' });
    if (isStill === 0) {
      await images.remove(id);
      throw new Fault('notFound', { what: 'Image', id });
    }
    throw upload.isAborted() ? new Fault('clientDisconnected', { what: `The upload of image ${id}` }) : error;
  }
}

function notQueued({ status }: Image): Fault {
  const detail = `Image status transition from ${status} to uploading is not allowed`;
  return new Fault('conflict', { detail });
}

/** Images whose data nobody has imported wait for data again. */
export async function sweepStaged({ store, images }: Data, keepMs: number): Promise<void> {
  const before = new Date(Date.now() - keepMs).toISOString();
  const staged = await store.images.pick(['id', 'size', 'updated_at'], { status: 'uploading' });
  for (const { id, size, updated_at } of staged) {
    if (size === null || updated_at >= before) continue;
    // The row is the lock: an import that begins now finds it queued, and new data is staged after the old is gone.
    const claimed = await store.images.update({ id, status: 'uploading', size, updated_at }, { size: null });
    if (claimed === 0) continue;
    await images.unstage(id);
    await store.images.update({ id, status: 'uploading', size: null }, { status: 'queued' });
  }
}
