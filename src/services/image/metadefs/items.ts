/** What a namespace of metadata definitions contains: Glance's rules and messages (glance/db/sqlalchemy/metadef_api). */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import { whereUnique } from '#store/collection.ts';
import type { Store } from '#store/store.ts';
import type { MetadefItem, MetadefKind, MetadefNamespace } from '#store/tables/metadefs.ts';
import type { NewItem } from './contents.ts';
import { refuseLargeNamespace, refuseManyResourceTypes } from './limits.ts';

type Context = { readonly store: Store };
type Words = {
  /** In the message that it is protected. */
  readonly noun: string;
  readonly missing: (name: string) => string;
  readonly duplicate: (name: string, namespace: string) => string;
};

const caseNote = ' (Please note that metadata tag names are case insensitive).';
const wordTable: Readonly<Record<MetadefKind, Words>> = {
  object: {
    noun: 'object',
    missing: (name) => `Could not find metadata object ${name}`,
    duplicate: (name, namespace) => `A metadata definition object with name=${name} already exists in namespace=${namespace}.`,
  },
  property: {
    noun: 'property',
    missing: (name) => `Could not find property ${name}`,
    duplicate: (name, namespace) => `A metadata definition property with name=${name} already exists in namespace=${namespace}.`,
  },
  tag: {
    noun: 'tag',
    missing: (name) => `Could not find metadata tag ${name}`,
    duplicate: (name, namespace) => `A metadata tag with name=${name} already exists in namespace=${namespace}.${caseNote}`,
  },
  resource_type: {
    noun: 'resource-type-association',
    missing: (name) => `Failed to find resource type ${name} to delete`,
    duplicate: (name, namespace) =>
      `The metadata definition resource-type association of resource-type=${name} to namespace=${namespace} already exists.`,
  },
};

const conflict = (kind: MetadefKind, name: string, { namespace }: MetadefNamespace) =>
  new Fault('conflict', { detail: wordTable[kind].duplicate(name, namespace) });
const missing = (kind: MetadefKind, name: string) => new Fault('missing', { detail: wordTable[kind].missing(name) });

/** The oldest first. */
export function listItems({ store }: Context, { id }: MetadefNamespace, kind?: MetadefKind): Promise<MetadefItem[]> {
  const where = { namespace_id: id, ...(kind && { kind }) };
  return store.metadef_items.list(where, { order: [{ column: 'created_at' }, { column: 'name' }, { column: 'id' }] });
}

export type ItemAt = { readonly namespace: MetadefNamespace; readonly kind: MetadefKind; readonly name: string };

/** @throws Fault `missing` */
export async function findItem({ store }: Context, { namespace, kind, name }: ItemAt): Promise<MetadefItem> {
  const found = await store.metadef_items.find({ namespace_id: namespace.id, kind, name });
  if (!found) throw missing(kind, name);
  return found;
}

/** @throws Fault `conflict`, `tooLarge` */
export async function addItem({ store }: Context, namespace: MetadefNamespace, item: NewItem): Promise<MetadefItem> {
  const [added] = await store.transaction((trx) => addItems(trx, namespace, [item]));
  return added as MetadefItem;
}

/** Instead of those that are there, unless they are to be kept. @throws Fault `conflict`, `tooLarge` */
export async function addTags(
  { store }: Context,
  namespace: MetadefNamespace,
  { items, keep }: { items: readonly NewItem[]; keep: boolean },
): Promise<void> {
  await store.transaction(async (trx) => {
    await lock(trx, namespace);
    if (!keep && items.length > 0) await trx.metadef_items.remove({ namespace_id: namespace.id, kind: 'tag' });
    await addItems(trx, namespace, items);
  });
}

/** In a transaction. @throws Fault `conflict`, `tooLarge` */
export async function addItems(trx: Store, namespace: MetadefNamespace, items: readonly NewItem[]): Promise<MetadefItem[]> {
  await lock(trx, namespace);
  const now = new Date().toISOString();
  const added: MetadefItem[] = [];
  for (const { kind, name, content } of items) {
    const item = { id: randomUUID(), namespace_id: namespace.id, kind, name, content, created_at: now, updated_at: now };
    added.push(await whereUnique(trx.metadef_items.insert(item), () => conflict(kind, name, namespace)));
    if (kind === 'resource_type') await trx.metadef_resource_types.insertIfAbsent({ name, created_at: now, updated_at: now });
  }
  await refuseLargeNamespace(trx, namespace);
  if (items.some(({ kind }) => kind === 'resource_type')) await refuseManyResourceTypes(trx);
  return added;
}

/** @throws Fault `missing`, `conflict`, `tooLarge` */
export function saveItem(
  { store }: Context,
  { at, item: { name, content } }: { at: ItemAt; item: NewItem },
): Promise<MetadefItem> {
  const { namespace, kind } = at;
  return store.transaction(async (trx) => {
    await lock(trx, namespace);
    const former = await findItem({ store: trx }, at);
    const changes = { name, content, updated_at: new Date().toISOString() };
    await whereUnique(trx.metadef_items.update({ id: former.id }, changes), () => conflict(kind, name, namespace));
    await refuseLargeNamespace(trx, namespace);
    return { ...former, ...changes };
  });
}

/** @throws Fault `missing`, `forbidden` */
export async function removeItem({ store }: Context, { namespace, kind, name }: ItemAt): Promise<void> {
  await store.transaction(async (trx) => {
    await lock(trx, namespace);
    const now = await trx.metadef_namespaces.find({ id: namespace.id });
    const detail = `Metadata definition ${wordTable[kind].noun} ${name} is protected and cannot be deleted.`;
    const found = await findItem({ store: trx }, { namespace, kind, name });
    if (now?.protected) throw new Fault('forbidden', { detail });
    await trx.metadef_items.remove({ id: found.id });
  });
}

/** Its items are counted by one request at a time, and its deletion comes before or after. */
async function lock(trx: Store, { id, namespace }: MetadefNamespace): Promise<void> {
  if ((await trx.metadef_namespaces.update({ id }, { id })) > 0) return;
  throw new Fault('missing', { detail: `Metadata definition namespace=${namespace} was not found.` });
}
