/** Upload of image data, streamed and never held in memory. */
import type { Readable } from 'node:stream';
import { Fault } from '#domain/faults.ts';
import type { Image } from '#store/tables/images.ts';
import type { Caller } from '../caller.ts';
import type { ImageContext } from './context.ts';
import { eraseImage } from './delete.ts';

type Data = Pick<ImageContext, 'store' | 'images'>;

/** After a crash: resets interrupted uploads to queued, and completes interrupted deletions. */
export async function takeUpImages(context: Data): Promise<void> {
  await context.store.images.update({ status: 'saving' }, { status: 'queued' });
  for (const { id } of await context.store.images.pick(['id'], { status: 'deleted' })) await eraseImage(context, id);
}

export type Upload = {
  readonly data: Readable;
  /** As the client announced it. */
  readonly size?: number | undefined;
  /** Whether the client has disconnected. */
  readonly isAborted: () => boolean;
};

/** @throws Fault `badRequest`, `conflict`, `notFound`, `clientDisconnected`, and those of the image store */
export async function uploadData(
  context: Data,
  caller: Caller,
  { image, upload }: { image: Image; upload: Upload },
): Promise<void> {
  const { store, images } = context;
  const { id, disk_format } = image;
  refuseUnset(image);
  // The row is the lock: of two concurrent uploads, only one finds it queued.
  const claim = { status: 'saving', uploaded_by_admin: caller.is_admin } as const;
  const claimed = await store.images.update({ id, status: 'queued' }, claim);
  if (claimed === 0) throw new Fault('conflict', { detail: `Image ${id} is not queued: it has or gets data already.` });
  try {
    const { data, size } = upload;
    const checks = { unpacks: true, checks_boot_record: true };
    const facts = await images.upload(id, data, { disk_format, ...checks, ...(size !== undefined && { size }) });
    const updated_at = new Date().toISOString();
    const saved = await store.images.update({ id, status: 'saving' }, { ...facts, status: 'active', updated_at });
    if (saved === 0) throw new Fault('notFound', { what: 'Image', id });
  } catch (error) {
    await giveBack(context, id);
    throw upload.isAborted() ? new Fault('clientDisconnected', { what: `The upload of image ${id}` }) : error;
  }
}

function refuseUnset(image: Image): void {
  const unset = (['disk_format', 'container_format'] as const).filter((name) => image[name] === null);
  if (unset.length > 0)
    throw new Fault('badRequest', { detail: `Properties ${unset.join(', ')} must be set prior to saving data.` });
}

/** After a failed upload: the image is queued again, unless it was deleted meanwhile. */
async function giveBack({ store, images }: Data, id: string): Promise<void> {
  const isStill = await store.images.update({ id, status: 'saving' }, { status: 'queued' });
  if (isStill > 0) return;
  await images.remove(id);
  throw new Fault('notFound', { what: 'Image', id });
}
