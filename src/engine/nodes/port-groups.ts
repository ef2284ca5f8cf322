/** Operator requests for port groups, and the rules for their members. */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import { type UniqueViolation, whereUnique } from '#store/collection.ts';
import type { Store } from '#store/store.ts';
import type { NodePort } from '#store/tables/node-ports.ts';
import type { Node } from '#store/tables/nodes.ts';
import { defaultBondMode, type PortGroup } from '#store/tables/port-groups.ts';
import type { NewPortGroup, NodeVerbs, PortGroupChanges } from '../contract.ts';
import { refuseWhileBusy } from './busy-node.ts';
import { findNode } from './find-node.ts';
import { refuseLocked } from './refuse-locked.ts';

type PortGroupVerbs = Pick<NodeVerbs, 'createPortGroup' | 'updatePortGroup' | 'deletePortGroup'>;

export function portGroupVerbs(store: Store): PortGroupVerbs {
  return {
    createPortGroup: (request) => createPortGroup(store, request),
    updatePortGroup: (uuid, read) => updatePortGroup(store, uuid, read),
    deletePortGroup: (uuid) => deletePortGroup(store, uuid),
  };
}

async function createPortGroup(store: Store, request: NewPortGroup): Promise<PortGroup> {
  const group: PortGroup = {
    name: null,
    address: null,
    mode: defaultBondMode,
    properties: {},
    extra: {},
    standalone_ports_supported: true,
    physical_network: null,
    category: null,
    ...request,
    uuid: request.uuid ?? randomUUID(),
    dynamic_portgroup: false,
    vif_port_id: null,
    created_at: new Date().toISOString(),
    updated_at: null,
  };
  return store.transaction(async (trx) => {
    await findNode(trx, group.node_uuid);
    await refuseLocked(trx, group.node_uuid, ['all']);
    return whereUnique(trx.portgroups.insert(group), (violation) => alreadyExists(violation, group));
  });
}

async function updatePortGroup(
  store: Store,
  uuid: string,
  read: (now: PortGroup, trx: Store) => Promise<PortGroupChanges>,
): Promise<PortGroup> {
  return store.transaction(async (trx) => {
    const before = await findPortGroup(trx, uuid);
    await refuseWhileBusy(trx, await findNode(trx, before.node_uuid));
    const changes = await read(before, trx);
    const group = { ...before, ...changes, updated_at: new Date().toISOString() };
    const members = await trx.node_ports.list({ portgroup_uuid: uuid }, { orderBy: 'id' });
    if (group.node_uuid !== before.node_uuid) await refuseMove(trx, { group, members });
    if (group.address !== before.address && before.vif_port_id) throw inUse(before);
    if (before.standalone_ports_supported && !group.standalone_ports_supported) refuseBootPorts(group, members);
    await whereUnique(trx.portgroups.update({ uuid }, group), (violation) => alreadyExists(violation, group));
    // The members of a bond are connected to one network.
    const { physical_network } = group;
    if (physical_network !== before.physical_network) await trx.node_ports.update({ portgroup_uuid: uuid }, { physical_network });
    return group;
  });
}

async function deletePortGroup(store: Store, uuid: string): Promise<void> {
  await store.transaction(async (trx) => {
    const group = await findPortGroup(trx, uuid);
    await refuseWhileBusy(trx, await findNode(trx, group.node_uuid));
    if (await trx.node_ports.find({ portgroup_uuid: uuid })) {
      const detail = `Cannot complete the requested action because portgroup ${uuid} contains ports.`;
      throw new Fault('badRequest', { detail });
    }
    if (group.vif_port_id) {
      const detail = `Port group ${group.name ?? uuid} is in use by network port ${group.vif_port_id}.`;
      throw new Fault('conflict', { detail });
    }
    await trx.portgroups.remove({ uuid });
  });
}

/** States in which an operator may change to what a node is connected; at other times, in maintenance. */
const rewirable: readonly string[] = ['enroll', 'inspecting', 'inspect wait', 'manageable'];

/** @param what can not be done */
export function refuseRewiring({ name, uuid, provision_state, maintenance }: Node, what: string): void {
  if (maintenance || rewirable.includes(provision_state)) return;
  const detail = `${what} unless node ${name ?? uuid} is in a ${rewirable.join(', ')} state or in maintenance mode. The current state is '${provision_state}'.`;
  throw new Fault('conflict', { detail });
}

async function refuseMove(trx: Store, { group, members }: { group: PortGroup; members: readonly NodePort[] }): Promise<void> {
  const node = await findNode(trx, group.node_uuid);
  await refuseWhileBusy(trx, node);
  refuseRewiring(node, `Portgroup ${group.uuid} can not be associated with another node`);
  if (members.length === 0) return;
  const detail = `Portgroup ${group.uuid} can not be associated with node ${node.uuid} because there are ports associated with this portgroup.`;
  throw new Fault('badRequest', { detail });
}

function refuseBootPorts({ uuid }: PortGroup, members: readonly NodePort[]): void {
  if (!members.some(({ pxe_enabled }) => pxe_enabled)) return;
  const reason = "contains port with 'pxe_enabled' is set to True";
  throw new Fault('conflict', {
    detail: `standalone_ports_supported can not be set to False, because the port group ${uuid} ${reason}`,
  });
}

const memberFields = ['portgroup_uuid', 'physical_network', 'pxe_enabled', 'node_uuid'] as const;
type Membership = Pick<NodePort, 'uuid' | 'vif_port_id' | (typeof memberFields)[number]>;

/**
 * Throws if a new or changed port does not fit into its port group, or may not leave its former one now. Call in the
 * transaction that writes it.
 */
export async function checkMembership(trx: Store, port: Membership, before?: Membership): Promise<void> {
  if (before && memberFields.every((field) => port[field] === before[field])) return;
  const joins = port.portgroup_uuid !== (before?.portgroup_uuid ?? null);
  const isRewired = joins || port.physical_network !== (before?.physical_network ?? null);
  if (before && isRewired) {
    const node = await findNode(trx, port.node_uuid);
    refuseRewiring(node, `Port ${port.uuid} can not change its port group or physical network`);
  }
  if (joins && before?.portgroup_uuid) await findFreeGroup(trx, before.portgroup_uuid);
  if (port.portgroup_uuid === null) return;
  const group = joins ? await findFreeGroup(trx, port.portgroup_uuid) : await findPortGroup(trx, port.portgroup_uuid);
  if (group.node_uuid !== port.node_uuid)
    throw new Fault('badRequest', { detail: 'Port can not be added to a portgroup belonging to a different node.' });
  if (isRewired) await checkPhysicalNetwork(trx, port, group);
  checkStandalone(port, group);
}

/** A bond that a server uses keeps its members. Throws `conflict`, and `badRequest` for an unknown one. */
export async function findFreeGroup(trx: Store, uuid: string): Promise<PortGroup> {
  const group = await trx.portgroups.find({ uuid });
  if (!group) throw new Fault('badRequest', { detail: `Portgroup ${uuid} could not be found.` });
  if (group.vif_port_id) throw inUse(group);
  return group;
}

async function checkPhysicalNetwork(trx: Store, port: Membership, group: PortGroup): Promise<void> {
  const members = await trx.node_ports.list({ portgroup_uuid: group.uuid }, { orderBy: 'id' });
  const other = members.find(({ uuid }) => uuid !== port.uuid);
  const wanted = other ? other.physical_network : (group.physical_network ?? port.physical_network);
  if (port.physical_network === wanted) return;
  const named = (network: string | null) => network ?? 'None';
  const detail = `Port with physical network ${named(port.physical_network)} cannot become a member of port group ${group.uuid} which has ports in physical network ${named(wanted)}.`;
  throw new Fault('conflict', { detail });
}

function checkStandalone(port: Membership, group: PortGroup): void {
  if (group.standalone_ports_supported) return;
  const reasons = [
    ...(port.pxe_enabled ? ["'pxe_enabled' was set to True"] : []),
    ...(port.vif_port_id ? [`VIF ${port.vif_port_id} is attached to the port`] : []),
  ];
  if (reasons.length === 0) return;
  const detail = `Port group ${group.uuid} doesn't support standalone ports. This port ${port.uuid} cannot be a member of that port group because of: ${reasons.join(', ')}`;
  throw new Fault('conflict', { detail });
}

function inUse({ uuid, vif_port_id }: PortGroup): Fault {
  return new Fault('conflict', { detail: `Portgroup ${uuid} is in use by network port ${vif_port_id}.` });
}

function alreadyExists({ columns }: UniqueViolation, { uuid, name, address }: PortGroup): Fault {
  const fields = { name: `name ${name}`, address: `MAC address ${address}` };
  const which = columns.includes('name') ? fields.name : columns.includes('address') ? fields.address : `UUID ${uuid}`;
  return new Fault('conflict', { detail: `A portgroup with ${which} already exists.` });
}

async function findPortGroup(trx: Store, uuid: string): Promise<PortGroup> {
  const group = await trx.portgroups.find({ uuid });
  if (!group) throw new Fault('notFound', { what: 'Portgroup', id: uuid });
  return group;
}
