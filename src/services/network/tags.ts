/** Tags of resources (neutron/extensions/tagging.py). */
import { Fault } from '#domain/faults.ts';
import type { RevisedCollection, StandardAttributes } from '#store/tables/standard-attributes.ts';
import { networkFault } from './errors.ts';

export const longestTag = 255;
export const mostTags = 50;

export type Tagged = Pick<StandardAttributes, 'id' | 'tags' | 'updated_at'>;

/** Call in the transaction that has read the resource. @throws Fault `badRequest` */
export async function setTags(
  // biome-ignore lint/suspicious/noExplicitAny: of any resource
  collection: RevisedCollection<any>,
  { id, tags }: Tagged,
  wanted: readonly string[],
): Promise<void> {
  const next = [...new Set(wanted)].sort();
  if (next.length === tags.length && next.every((tag) => tags.includes(tag))) return;
  refuseManyTags(next);
  await collection.update({ id }, { tags: next, updated_at: new Date().toISOString() });
}

/** @throws Fault `badRequest` */
export function refuseManyTags(tags: readonly string[]): void {
  if (new Set(tags).size <= mostTags) return;
  const detail = `Bad tags request: The number of tags exceed the per-resource limit of ${mostTags}.`;
  throw new Fault('badRequest', { detail, type: 'BadRequest' });
}

/** @throws Fault `missing` */
export function requireTag({ tags }: Tagged, tag: string): void {
  if (!tags.includes(tag)) throw networkFault('TagNotFound', `Tag ${tag} could not be found.`);
}
