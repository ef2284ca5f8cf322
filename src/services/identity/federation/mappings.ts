/** Mappings: what the claims of identity providers mean here, as in Keystone. A change holds from the next login on. */

import { Fault } from '#domain/faults.ts';
import { checkRules, MappingError, type MappingRule } from '#domain/federation/mapping-rules.ts';
import type { FederationMapping } from '#store/tables/federation.ts';
import type { StoreContext } from '../context.ts';

const mappingsMost = 200;

/** @throws Fault `notFound` */
export async function getMapping({ store }: StoreContext, id: string): Promise<FederationMapping> {
  const mapping = await store.federation_mappings.find({ id });
  if (!mapping) throw new Fault('notFound', { what: 'Mapping', id });
  return mapping;
}

export function listMappings({ store }: StoreContext): Promise<FederationMapping[]> {
  return store.federation_mappings.list({}, { orderBy: 'id' });
}

export function createMapping({ store }: StoreContext, id: string, rules: readonly MappingRule[]): Promise<FederationMapping> {
  refuseWrong(rules);
  return store.transaction(async (trx) => {
    if (await trx.federation_mappings.find({ id }))
      throw new Fault('conflict', {
        detail: `Conflict occurred attempting to store mapping - Duplicate entry found with ID ${id}.`,
      });
    if ((await trx.federation_mappings.count()) >= mappingsMost)
      throw new Fault('forbidden', { detail: `There are ${mappingsMost} mappings already.` });
    return trx.federation_mappings.insert({ id, rules: [...rules] });
  });
}

export function updateMapping({ store }: StoreContext, id: string, rules: readonly MappingRule[]): Promise<FederationMapping> {
  refuseWrong(rules);
  return store.transaction(async (trx) => {
    await getMapping({ store: trx }, id);
    const changed = { id, rules: [...rules] };
    await trx.federation_mappings.update({ id }, changed);
    return changed;
  });
}

export async function deleteMapping({ store }: StoreContext, id: string): Promise<void> {
  await store.transaction(async (trx) => {
    await getMapping({ store: trx }, id);
    await trx.federation_mappings.remove({ id });
  });
}

function refuseWrong(rules: readonly MappingRule[]): void {
  try {
    checkRules(rules);
  } catch (error) {
    if (!(error instanceof MappingError)) throw error;
    throw new Fault('badRequest', { detail: error.message }, error);
  }
}
