/** Limits that Glance does not have: a reply shows all of a namespace. */
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { MetadefKind, MetadefNamespace } from '#store/tables/metadefs.ts';

const mostNamespaces = 1000;
/** In one namespace. A list of namespaces shows the resource types of each. */
export const mostItems: Readonly<Record<MetadefKind, number>> = { object: 1000, property: 1000, tag: 1000, resource_type: 64 };
const mostCharacters = 512 * 1024;
/** Of all namespaces: they stay when no namespace names them any more, as in Glance. */
const mostResourceTypes = 1000;

/** @throws Fault `tooLarge` */
export async function refuseManyNamespaces(trx: Store, owner: string): Promise<void> {
  const count = await trx.metadef_namespaces.count({ owner });
  if (count >= mostNamespaces) throw tooMany('namespaces of metadata definitions', count + 1, mostNamespaces);
}

/** After a change of the items. @throws Fault `tooLarge` */
export async function refuseLargeNamespace(trx: Store, { id, namespace }: MetadefNamespace): Promise<void> {
  const sizes = await trx.metadef_items.sizes(id);
  for (const { kind, count } of sizes)
    if (count > mostItems[kind]) throw tooMany(`definitions of one kind in namespace ${namespace}`, count, mostItems[kind]);
  const characters = sizes.reduce((sum, size) => sum + size.characters, 0);
  if (characters > mostCharacters) throw tooMany(`characters in namespace ${namespace}`, characters, mostCharacters);
}

/** @throws Fault `tooLarge` */
export async function refuseManyResourceTypes(trx: Store): Promise<void> {
  const count = await trx.metadef_resource_types.count();
  if (count > mostResourceTypes) throw tooMany('resource types', count, mostResourceTypes);
}

function tooMany(what: string, attempted: number, maximum: number): Fault {
  const detail = `The limit has been exceeded on the number of allowed ${what}. Attempted: ${attempted}, Maximum: ${maximum}.`;
  return new Fault('tooLarge', { detail });
}
