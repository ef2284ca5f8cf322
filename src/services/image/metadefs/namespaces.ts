/** Namespaces of metadata definitions: Glance's rules and messages (glance/api/v2/metadef_namespaces.py). */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import { whereUnique } from '#store/collection.ts';
import { anyOf, type Condition, isEqual } from '#store/conditions.ts';
import type { Store } from '#store/store.ts';
import type { MetadefKind, MetadefNamespace } from '#store/tables/metadefs.ts';
import type { Caller } from '../../caller.ts';
import type { Namespace } from './bodies.ts';
import { itemsOf } from './contents.ts';
import { addItems } from './items.ts';
import { refuseManyNamespaces } from './limits.ts';

type Context = { readonly store: Store };

/** The project's own, and public ones. */
export function visibleNamespaces(caller: Caller): Condition[] {
  return caller.is_admin ? [] : [anyOf(isEqual('owner', caller.project_id), isEqual('visibility', 'public'))];
}

/** One that the caller may not see is not there. @throws Fault `missing` */
export async function findNamespace({ store }: Context, caller: Caller, name: string): Promise<MetadefNamespace> {
  const [found] = await store.metadef_namespaces.list([...visibleNamespaces(caller), isEqual('namespace', name)]);
  if (!found) throw gone(name);
  return found;
}

function gone(name: string): Fault {
  return new Fault('missing', { detail: `Metadata definition namespace=${name} was not found.` });
}

/** With all that the body defines, or not at all. @throws Fault `conflict`, `tooLarge` */
export function createNamespace({ store }: Context, caller: Caller, body: Namespace): Promise<MetadefNamespace> {
  const now = new Date().toISOString();
  const namespace: MetadefNamespace = { id: randomUUID(), ...fieldsOf(body, caller), created_at: now, updated_at: now };
  return store.transaction(async (trx) => {
    if (!caller.is_admin) await refuseManyNamespaces(trx, namespace.owner);
    const detail = `The metadata definition namespace=${body.namespace} already exists.`;
    await whereUnique(trx.metadef_namespaces.insert(namespace), () => new Fault('conflict', { detail }));
    await addItems(trx, namespace, itemsOf(body));
    return namespace;
  });
}

/** What the body leaves out is as in a new one. @throws Fault `conflict`, `missing` */
export async function updateNamespace(
  { store }: Context,
  caller: Caller,
  { namespace, body }: { namespace: MetadefNamespace; body: Namespace },
): Promise<MetadefNamespace> {
  const changes = { ...fieldsOf(body, caller), updated_at: new Date().toISOString() };
  const detail = `Invalid update. It would result in a duplicate metadata definition namespace with the same name of ${body.namespace}`;
  const update = store.metadef_namespaces.update({ id: namespace.id }, changes);
  if ((await whereUnique(update, () => new Fault('conflict', { detail }))) === 0) throw gone(namespace.namespace);
  return { ...namespace, ...changes };
}

function fieldsOf(body: Namespace, caller: Caller) {
  const { namespace, display_name = null, description = null, visibility = 'private', owner = caller.project_id } = body;
  return {
    ...{ namespace, display_name, description, owner, protected: body.protected ?? false },
    visibility: visibility as MetadefNamespace['visibility'],
  };
}

/** With its contents. @throws Fault `forbidden` */
export async function deleteNamespace({ store }: Context, namespace: MetadefNamespace): Promise<void> {
  await whileUnprotected(store, namespace, (trx) => trx.metadef_namespaces.remove({ id: namespace.id }));
}

/** Removes all of a kind. @throws Fault `forbidden` */
export async function emptyNamespace(
  { store }: Context,
  { namespace, kind }: { namespace: MetadefNamespace; kind: MetadefKind },
): Promise<void> {
  await whileUnprotected(store, namespace, (trx) => trx.metadef_items.remove({ namespace_id: namespace.id, kind }));
}

function whileUnprotected(
  store: Store,
  { id, namespace }: MetadefNamespace,
  work: (trx: Store) => Promise<unknown>,
): Promise<void> {
  return store.transaction(async (trx) => {
    if ((await trx.metadef_namespaces.update({ id }, { id })) === 0) throw gone(namespace);
    const now = await trx.metadef_namespaces.find({ id });
    if (now?.protected)
      throw new Fault('forbidden', { detail: `Metadata definition namespace ${namespace} is protected and cannot be deleted.` });
    await work(trx);
  });
}
