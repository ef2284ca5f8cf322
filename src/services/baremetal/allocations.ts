/** Allocations: requests for a node by class and traits, which hold the node that was found. */
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { isUuidLike, uuidPattern } from '#domain/uuids.ts';
import { whereUnique } from '#store/collection.ts';
import { isEqual } from '#store/conditions.ts';
import type { ListPage } from '#store/list.ts';
import type { Allocation } from '#store/tables/allocations.ts';
import type { BaremetalContext } from './context.ts';
import { applyPatch, type JsonPatch, membersOf } from './json-patch.ts';
import { uuidOf } from './kept-uuid.ts';
import { nodeKey } from './lookup.ts';
import { isPossibleIdent, NodeName, refuseImpossibleIdent } from './node-names.ts';
import { Trait } from './node-traits.ts';
import { type ListRequest, listRecords } from './record-lists.ts';

type StoreContext = Pick<BaremetalContext, 'store'>;

const TextOrNull = Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()]));
const Extra = Type.Optional(Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()]));
export const AllocationRequest = Type.Object(
  {
    uuid: TextOrNull,
    name: TextOrNull,
    node: TextOrNull,
    owner: TextOrNull,
    resource_class: Type.Optional(Type.Union([Type.String({ maxLength: 80 }), Type.Null()])),
    traits: Type.Optional(Type.Union([Type.Array(Trait, { maxItems: 50 }), Type.Null()])),
    candidate_nodes: Type.Optional(Type.Union([Type.Array(Type.String(), { maxItems: 1000 }), Type.Null()])),
    extra: Extra,
  },
  { additionalProperties: false },
);
const Patched = Type.Object({ name: TextOrNull, extra: Extra });

/** By UUID or name. Throws `notFound`, and `badRequest` if it can be neither. */
export async function findAllocation({ store }: StoreContext, ident: string): Promise<Allocation> {
  refuseImpossibleIdent('allocation', ident);
  const key = uuidPattern.test(ident) ? { uuid: ident.toLowerCase() } : { name: ident };
  const allocation = await store.allocations.find(key);
  if (!allocation) throw new Fault('notFound', { what: 'Allocation', id: ident });
  return allocation;
}

const sortable = [
  ...(['uuid', 'name', 'node_uuid', 'resource_class', 'state', 'owner', 'last_error'] as const),
  ...(['created_at', 'updated_at'] as const),
];

type Filters = Partial<Record<'node_uuid' | 'resource_class' | 'state' | 'owner', string | undefined>>;

/** @param filters values that the rows have */
export function listAllocations(context: StoreContext, request: ListRequest, filters: Filters): Promise<ListPage<Allocation>> {
  const find = (marker: string) => findAllocation(context, marker);
  const where = Object.entries(filters).flatMap(([name, value]) => (value === undefined ? [] : [isEqual(name, value)]));
  return listRecords({ collection: context.store.allocations, sortable, where, find }, request);
}

export type NewAllocation = Omit<Static<typeof AllocationRequest>, 'node' | 'owner'> & {
  owner: string | null;
  /** UUID of the node that the allocation is made for afterwards. */
  node?: string | undefined;
  /** Only nodes of this owner may be candidates. */
  project?: string | undefined;
};

export async function createAllocation(context: BaremetalContext, request: NewAllocation): Promise<Allocation> {
  const { uuid, name, node, owner, resource_class, traits, candidate_nodes, extra, project } = request;
  refuseInvalidName('create', name);
  if (!resource_class && node === undefined)
    throw new Fault('badRequest', { detail: 'The resource_class field is mandatory when not backfilling' });
  return context.engine.createAllocation({
    ...(uuid !== undefined && uuid !== null && { uuid: uuidOf('uuid', uuid) }),
    ...(node !== undefined && { node }),
    ...(resource_class && { resource_class }),
    name: name || null,
    owner,
    traits: [...new Set(traits ?? [])],
    candidate_nodes: await uuidsOf(context, candidate_nodes ?? [], project),
    extra: (extra ?? {}) as JsonObject,
  });
}

/** Throws `badRequest` that names the nodes that are not there, or not of this owner. */
async function uuidsOf({ store }: StoreContext, idents: readonly string[], owner: string | undefined): Promise<string[]> {
  const uuids: string[] = [];
  const missing: string[] = [];
  for (const ident of idents) {
    const node = isPossibleIdent(ident) ? await store.nodes.find(nodeKey(ident)) : undefined;
    if (node && (owner === undefined || node.owner === owner)) uuids.push(node.uuid);
    else missing.push(ident);
  }
  if (missing.length > 0) throw new Fault('badRequest', { detail: `Nodes cannot be found: ${missing.join(', ')}` });
  return uuids;
}

const patchable: readonly string[] = ['name', 'extra'];

export function patchAllocation(context: StoreContext, uuid: string, patch: JsonPatch): Promise<Allocation> {
  const fixed = [...membersOf(patch)].find((name) => !patchable.includes(name));
  if (fixed !== undefined) {
    const only = patchable.join(', ');
    throw new Fault('badRequest', { detail: `Cannot patch /${fixed}. Only the following can be updated: ${only}` });
  }
  return context.store.transaction(async (store) => {
    const { name, extra, ...allocation } = await findAllocation({ store }, uuid);
    const after: unknown = applyPatch({ name, extra }, patch);
    if (!Value.Check(Patched, after)) {
      const [error] = Value.Errors(Patched, after);
      throw new Fault('badRequest', { detail: `Invalid value for ${error?.instancePath.slice(1)}: it ${error?.message}.` });
    }
    refuseInvalidName('update', after.name);
    const changes = { name: after.name || null, extra: (after.extra ?? {}) as JsonObject };
    const changed = { ...changes, updated_at: new Date().toISOString() };
    const detail = `An allocation with name ${changed.name} already exists.`;
    await whereUnique(store.allocations.update({ uuid }, changed), () => new Fault('conflict', { detail }));
    return { ...allocation, ...changed };
  });
}

function refuseInvalidName(verb: 'create' | 'update', name: string | null | undefined): void {
  if (!name || (Value.Check(NodeName, name) && !isUuidLike(name))) return;
  throw new Fault('badRequest', { detail: `Cannot ${verb} allocation with invalid name '${name}'` });
}
