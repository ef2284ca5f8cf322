/** Ports: the physical NICs of nodes. */
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { isUuidLike } from '#domain/uuids.ts';
import { ethernetForm, type NewNodePort } from '#engine/contract.ts';
import type { NodePort } from '#store/tables/node-ports.ts';
import { booleanOf, LooseBoolean } from '../loose-booleans.ts';
import type { BaremetalContext } from './context.ts';
import { applyPatch, type JsonPatch, membersOf, writtenMembersOf } from './json-patch.ts';
import { newUuid } from './kept-uuid.ts';
import { checkLink, LinkConnection } from './link-connection.ts';
import { findNamedNode, findPort } from './lookup.ts';
import { NodeName, refuseReservedName } from './node-names.ts';

const Mac = Type.String({ maxLength: 64, pattern: '^[0-9a-fA-F]{2}((:[0-9a-fA-F]{2})+|(-[0-9a-fA-F]{2})+)$' });
const Text = Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()]));
const PortFields = {
  address: Mac,
  name: Type.Optional(Type.Union([NodeName, Type.Null()])),
  description: Text,
  vendor: Text,
  category: Text,
  pxe_enabled: Type.Optional(Type.Union([LooseBoolean, Type.Null()])),
  available_for_dynamic_portgroup: Type.Optional(Type.Boolean()),
  local_link_connection: Type.Optional(Type.Union([LinkConnection, Type.Null()])),
  extra: Type.Optional(Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()])),
  portgroup_uuid: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  physical_network: Type.Optional(Type.Union([Type.String({ maxLength: 64 }), Type.Null()])),
};
const NodeIdent = Type.String({ minLength: 1 });
export const PortRequest = Type.Object({
  ...PortFields,
  node_uuid: Type.Optional(NodeIdent),
  node_ident: Type.Optional(NodeIdent),
  is_smartnic: Type.Optional(Type.Unknown()),
  uuid: Type.Optional(Type.Union([Type.String(), Type.Null()])),
});
export type PortRequest = Static<typeof PortRequest>;
const PatchedPort = Type.Object({ ...PortFields, node_uuid: NodeIdent });

export type PortChanges = Partial<Omit<NewNodePort, 'uuid'>>;

export async function createPort(context: BaremetalContext, request: PortRequest): Promise<NodePort> {
  refuseFixedFields(request);
  return context.engine.createNodePort(await readPort(context, request));
}

async function readPort(context: BaremetalContext, request: PortRequest): Promise<NewNodePort> {
  const { address, pxe_enabled, local_link_connection, extra, uuid, node_uuid, node_ident } = request;
  const ident = node_ident ?? node_uuid;
  if (ident === undefined || (node_ident !== undefined && node_uuid !== undefined))
    throw new Fault('badRequest', { detail: "A port needs 'node_uuid' or 'node_ident', and one of them only." });
  refuseReservedName('port', request.name);
  const node = await findNamedNode(context, ident);
  return {
    node_uuid: node.uuid,
    address: readMac(address),
    uuid: newUuid(uuid),
    ...Object.fromEntries(textNames.flatMap((name) => (request[name] ? [[name, request[name]]] : []))),
    ...(pxe_enabled !== undefined && pxe_enabled !== null && { pxe_enabled: booleanOf('pxe_enabled', pxe_enabled) }),
    ...(request.available_for_dynamic_portgroup === false && { available_for_dynamic_portgroup: false }),
    ...(local_link_connection && { local_link_connection: checkLink(local_link_connection) }),
    ...(extra && { extra: extra as JsonObject }),
    portgroup_uuid: readPortGroup(request.portgroup_uuid),
    physical_network: readPhysicalNetwork(request.physical_network),
  };
}

const textNames = ['name', 'description', 'vendor', 'category'] as const;
const groupNames = ['portgroup_uuid', 'physical_network'] as const;
const plainNames = [
  ...(['address', 'pxe_enabled', 'available_for_dynamic_portgroup', 'local_link_connection', 'extra', 'node_uuid'] as const),
] as const;
const patchable = [...plainNames, ...groupNames, ...textNames] as const;

/** What a removed field becomes. */
const removedTable = { pxe_enabled: true, available_for_dynamic_portgroup: true, local_link_connection: {}, extra: {} };

/** The changes that a patch means; `node_uuid` may still be a name. */
export function readPortPatch(port: NodePort, patch: JsonPatch): PortChanges {
  for (const name of membersOf(patch)) {
    if ((patchable as readonly string[]).includes(name)) continue;
    const only = patchable.join(', ');
    throw new Fault('badRequest', { detail: `Cannot patch /${name}. Only the following can be updated: ${only}` });
  }
  const touched = writtenMembersOf(patch);
  const before = Object.fromEntries(patchable.map((name) => [name, port[name]])) as JsonObject;
  const after = { ...removedTable, ...applyPatch(before, patch) };
  if (!Value.Check(PatchedPort, after)) {
    const [error] = Value.Errors(PatchedPort, after);
    throw new Fault('badRequest', {
      detail: `Invalid value for ${error?.instancePath.slice(1) || 'port'}: it ${error?.message}.`,
    });
  }
  refuseReservedName('port', after.name);
  // As in a new port: a removed flag is set.
  const pxe_enabled = booleanOf('pxe_enabled', after.pxe_enabled ?? true);
  // A removed or empty text means none.
  const emptied = Object.fromEntries(textNames.map((name) => [name, after[name] || null]));
  const bags = { extra: after.extra ?? {}, local_link_connection: checkLink(after.local_link_connection ?? {}) };
  const group = {
    portgroup_uuid: readPortGroup(after.portgroup_uuid),
    physical_network: readPhysicalNetwork(after.physical_network),
  };
  const changed: Record<string, unknown> = { ...after, ...bags, ...group, pxe_enabled, ...emptied };
  const changes = Object.fromEntries([...touched].map((name) => [name, changed[name]]));
  return { ...changes, ...(touched.has('address') && { address: readMac(after.address) }) };
}

export async function updatePort(context: BaremetalContext, port: NodePort, changes: PortChanges): Promise<NodePort> {
  const { node_uuid } = changes;
  const moved = node_uuid === undefined ? {} : { node_uuid: (await findNamedNode(context, node_uuid)).uuid };
  return context.engine.updateNodePort(port.uuid, { ...changes, ...moved });
}

export async function deletePort(context: BaremetalContext, ident: string): Promise<void> {
  await context.engine.deleteNodePort((await findPort(context, ident)).uuid);
}

/** There are no Smart NICs. */
function refuseFixedFields(body: object): void {
  const { is_smartnic } = body as Record<string, unknown>;
  if (is_smartnic !== undefined && is_smartnic !== null && booleanOf('is_smartnic', is_smartnic))
    throw new Fault('unsupported', { what: 'A Smart NIC port' });
}

function readPortGroup(uuid: string | null | undefined): string | null {
  if (!uuid) return null;
  if (!isUuidLike(uuid)) throw new Fault('badRequest', { detail: `Expected UUID for portgroup_uuid: ${uuid}` });
  return uuid.toLowerCase();
}

function readPhysicalNetwork(name: string | null | undefined): string | null {
  if (name === '') throw new Fault('badRequest', { detail: 'A non-empty value is required when setting physical_network' });
  return name ?? null;
}

const macShape = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

/** Canonical form. Group addresses are taken as Ironic takes them, though no NIC sends from one. */
export function readMac(text: string): string {
  const address = text.toLowerCase().replaceAll('-', ':');
  if (!macShape.test(address)) throw noMac(text);
  if (address === '00:00:00:00:00:00' || address === 'ff:ff:ff:ff:ff:ff')
    throw new Fault('badRequest', { detail: `Expected valid MAC address for address: ${text} is none that a NIC has` });
  return address;
}

/** Ironic also accepts InfiniBand ports by the Ethernet form of their GUID. */
function noMac(text: string): Fault {
  const form = ethernetForm(text);
  const hint =
    form === text ? '' : `; the port of an InfiniBand NIC has the Ethernet form of its GUID, ${form}, and extra/client-id`;
  return new Fault('badRequest', { detail: `Expected valid MAC address for address: ${text} is none${hint}` });
}
