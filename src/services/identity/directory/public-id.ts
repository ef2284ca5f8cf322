/** Ids of what a directory has, as Keystone makes them (its generator `sha256`): the same at each start and on each database. */
import { createHash } from 'node:crypto';

type LocalEntity = { readonly domain_id: string; readonly entity_type: 'user' | 'group'; readonly local_id: string };

export function publicId({ domain_id, entity_type, local_id }: LocalEntity): string {
  return createHash('sha256').update(domain_id).update(entity_type).update(local_id).digest('hex');
}
