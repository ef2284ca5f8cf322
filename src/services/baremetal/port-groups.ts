/** Port groups: the ports of a node that form one bond. */
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { uuidPattern } from '#domain/uuids.ts';
import type { PortGroupChanges } from '#engine/contract.ts';
import { type Condition, isAmong, isEqual, isOneOf, nothing } from '#store/conditions.ts';
import type { ListPage } from '#store/list.ts';
import type { Store } from '#store/store.ts';
import { defaultBondMode, type PortGroup } from '#store/tables/port-groups.ts';
import { booleanOf, LooseBoolean } from '../loose-booleans.ts';
import type { BaremetalContext } from './context.ts';
import { applyPatch, type JsonPatch, membersOf, writtenMembersOf } from './json-patch.ts';
import { newUuid } from './kept-uuid.ts';
import { findNamedNode, findNode } from './lookup.ts';
import { NodeName, refuseImpossibleIdent, refuseReservedName } from './node-names.ts';
import { readMac } from './ports.ts';
import { type ListRequest, listRecords } from './record-lists.ts';

type StoreContext = Pick<BaremetalContext, 'store'>;

const Nullable = <S extends Parameters<typeof Type.Union>[0][number]>(schema: S) =>
  Type.Optional(Type.Union([schema, Type.Null()]));
const Bag = Type.Record(Type.String(), Type.Unknown());
const fields = {
  node_uuid: Type.String({ minLength: 1 }),
  address: Nullable(Type.String({ maxLength: 64 })),
  category: Nullable(Type.String({ maxLength: 80 })),
  extra: Nullable(Bag),
  mode: Nullable(Type.String({ maxLength: 255 })),
  name: Nullable(NodeName),
  physical_network: Nullable(Type.String({ maxLength: 64 })),
  properties: Nullable(Bag),
  standalone_ports_supported: Nullable(LooseBoolean),
};
export const PortGroupRequest = Type.Object({ ...fields, uuid: Nullable(Type.String()) }, { additionalProperties: false });
type PortGroupRequest = Static<typeof PortGroupRequest>;
const Patched = Type.Object(fields);

/** By UUID or name. Throws `notFound`, and `badRequest` if it can be neither. */
export async function findPortGroup({ store }: StoreContext, ident: string): Promise<PortGroup> {
  refuseImpossibleIdent('portgroup', ident);
  const key = uuidPattern.test(ident) ? { uuid: ident.toLowerCase() } : { name: ident };
  const group = await store.portgroups.find(key);
  if (!group) throw new Fault('notFound', { what: 'Portgroup', id: ident });
  return group;
}

type Filters = {
  node?: string | undefined;
  address?: string | undefined;
  shard?: string | undefined;
  conductor_groups?: string | undefined;
};

const sortable = [
  ...(['uuid', 'name', 'address', 'mode', 'node_uuid', 'standalone_ports_supported', 'physical_network'] as const),
  ...(['category', 'created_at', 'updated_at'] as const),
];

export async function listPortGroups(context: StoreContext, request: ListRequest & Filters): Promise<ListPage<PortGroup>> {
  const find = (marker: string) => findPortGroup(context, marker);
  const where = await conditionsOf(context, request);
  return listRecords({ collection: context.store.portgroups, sortable, where, find }, request);
}

async function conditionsOf(context: StoreContext, filters: Filters): Promise<Condition[]> {
  const { node, address, shard, conductor_groups: groups } = filters;
  if ([node, address, shard, groups].filter(Boolean).length > 1)
    throw new Fault('badRequest', { detail: 'Filtering by node, address, or shard simultaneously is not supported.' });
  if (node) return [isEqual('node_uuid', (await findNode(context, node)).uuid)];
  if (address) return [isEqual('address', readMac(address))];
  if (shard) return [isAmong('node_uuid', { table: 'nodes', select: 'uuid', where: [isOneOf('shard', shard.split(','))] })];
  // All nodes are in the conductor group without a name.
  return groups && !groups.split(',').includes('') ? [nothing] : [];
}

export async function createPortGroup(context: BaremetalContext, request: PortGroupRequest): Promise<PortGroup> {
  const { uuid, node_uuid, ...given } = request;
  const node = await findNamedNode(context, node_uuid);
  return context.engine.createPortGroup({
    ...readFields(given),
    node_uuid: node.uuid,
    uuid: newUuid(uuid),
  });
}

const patchable = Object.keys(fields) as (keyof typeof fields)[];

export async function patchPortGroup(context: BaremetalContext, ident: string, patch: JsonPatch): Promise<PortGroup> {
  const { uuid } = await findPortGroup(context, ident);
  const fixed = [...membersOf(patch)].find((name) => !(patchable as string[]).includes(name));
  if (fixed !== undefined) {
    const only = patchable.join(', ');
    throw new Fault('badRequest', { detail: `Cannot patch /${fixed}. Only the following can be updated: ${only}` });
  }
  return context.engine.updatePortGroup(uuid, (now, trx) => readPatch(now, trx, patch));
}

async function readPatch(now: PortGroup, trx: Store, patch: JsonPatch): Promise<PortGroupChanges> {
  const before = Object.fromEntries(patchable.map((name) => [name, now[name]])) as JsonObject;
  const after: JsonObject = applyPatch(before, patch);
  if (!('mode' in after)) throw new Fault('badRequest', { detail: "'mode' is a mandatory attribute and can not be removed" });
  if (!Value.Check(Patched, after)) {
    const [error] = Value.Errors(Patched, after);
    const where = error?.instancePath.slice(1) || 'portgroup';
    throw new Fault('badRequest', { detail: `Invalid value for ${where}: it ${error?.message}.` });
  }
  const { node_uuid, ...others } = after;
  const changes = { ...readFields(others), node_uuid: (await findNamedNode({ store: trx }, node_uuid)).uuid };
  const touched = writtenMembersOf(patch);
  return Object.fromEntries(Object.entries(changes).filter(([name]) => touched.has(name)));
}

/** The values of all fields: what is missing, null or empty is none, or the default. */
function readFields(given: Omit<Static<typeof Patched>, 'node_uuid'>): Omit<PortGroupChanges, 'node_uuid'> {
  refuseReservedName('portgroup', given.name);
  const { standalone_ports_supported: standalone } = given;
  return {
    name: given.name || null,
    address: given.address ? readMac(given.address) : null,
    category: given.category || null,
    physical_network: given.physical_network || null,
    extra: (given.extra ?? {}) as JsonObject,
    properties: (given.properties ?? {}) as JsonObject,
    mode: given.mode || defaultBondMode,
    standalone_ports_supported: booleanOf('standalone_ports_supported', standalone ?? true),
  };
}
