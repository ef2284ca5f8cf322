/** Deactivation: the data of an image is neither downloaded nor deployed, for example while it is examined. */
import { Fault } from '#domain/faults.ts';
import type { Image } from '#store/tables/images.ts';
import type { Caller } from '../caller.ts';
import type { ImageContext } from './context.ts';

const actionTable = {
  deactivate: { from: 'active', to: 'deactivated' },
  reactivate: { from: 'deactivated', to: 'active' },
} as const satisfies Record<string, { from: Image['status']; to: Image['status'] }>;

export type ImageAction = keyof typeof actionTable;
export const imageActions = Object.keys(actionTable) as ImageAction[];

/** Nothing changes if it is done already. @throws Fault `forbidden` for an image without data */
export async function runAction({ store }: Pick<ImageContext, 'store'>, image: Image, action: ImageAction): Promise<void> {
  const { from, to } = actionTable[action];
  const changed = await store.images.update({ id: image.id, status: from }, { status: to, updated_at: new Date().toISOString() });
  if (changed > 0) return;
  const status = (await store.images.find({ id: image.id }))?.status ?? 'deleted';
  if (status !== to) throw new Fault('forbidden', { detail: `Not allowed to ${action} image in status '${status}'` });
}

/** @throws Fault `forbidden` */
export function refuseDeactivated({ status }: Image, caller: Caller): void {
  if (status !== 'deactivated' || caller.is_admin) return;
  throw new Fault('forbidden', { detail: 'The requested image has been deactivated. Image data download is forbidden.' });
}
