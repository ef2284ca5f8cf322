/** Operator requests for node ports (NICs). */
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { Fault } from '#domain/faults.ts';
import { type UniqueViolation, whereUnique } from '#store/collection.ts';
import type { Store } from '#store/store.ts';
import type { NodePort } from '#store/tables/node-ports.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { NewNodePort, NodeVerbs } from '../contract.ts';
import { refuseWhileBusy } from './busy-node.ts';
import { findNode } from './find-node.ts';
import { checkMembership, findFreeGroup, refuseRewiring } from './port-groups.ts';
import { refuseLocked } from './refuse-locked.ts';

type NodePortVerbs = Pick<NodeVerbs, 'createNodePort' | 'updateNodePort' | 'deleteNodePort'>;

export function nodePortVerbs(store: Store): NodePortVerbs {
  return {
    createNodePort: (request) => createNodePort(store, request),
    updateNodePort: (uuid, changes) => updateNodePort(store, uuid, changes),
    deleteNodePort: (uuid) => deleteNodePort(store, uuid),
  };
}

const macPattern = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

async function createNodePort(store: Store, request: NewNodePort): Promise<NodePort> {
  const address = checkMac(request.address);
  const now = new Date().toISOString();
  return store.transaction(async (trx) => {
    await findNode(trx, request.node_uuid);
    await refuseLocked(trx, request.node_uuid, ['all']);
    await refuseDuplicate(trx, { address });
    if (request.name) await refuseDuplicate(trx, { name: request.name });
    const port = {
      uuid: request.uuid ?? randomUUID(),
      node_uuid: request.node_uuid,
      address,
      name: request.name || null,
      description: request.description ?? null,
      vendor: request.vendor ?? null,
      category: request.category ?? null,
      pxe_enabled: request.pxe_enabled ?? true,
      available_for_dynamic_portgroup: request.available_for_dynamic_portgroup ?? true,
      local_link_connection: request.local_link_connection ?? {},
      extra: request.extra ?? {},
      portgroup_uuid: request.portgroup_uuid ?? null,
      physical_network: request.physical_network ?? null,
      vif_port_id: null,
      created_at: now,
      updated_at: now,
    };
    await checkMembership(trx, port);
    return whereUnique(trx.node_ports.insert(port), (violation) => alreadyExists(violation, port));
  });
}

async function updateNodePort(store: Store, uuid: string, changes: Partial<Omit<NewNodePort, 'uuid'>>): Promise<NodePort> {
  return store.transaction(async (trx) => {
    const port = await findNodePort(trx, uuid);
    const node = await findNode(trx, port.node_uuid);
    await refuseWhileBusy(trx, node);
    refuseInUse(node, port, changes);
    const address = changes.address === undefined ? port.address : checkMac(changes.address);
    if (address !== port.address) await refuseDuplicate(trx, { address });
    if (changes.name && changes.name !== port.name) await refuseDuplicate(trx, { name: changes.name });
    if (changes.node_uuid !== undefined && changes.node_uuid !== port.node_uuid) await checkMove(trx, port, changes.node_uuid);
    if (changes.portgroup_uuid !== undefined && changes.portgroup_uuid !== port.portgroup_uuid) refuseUsed(port);
    await checkMembership(trx, { ...port, ...changes }, port);
    const name = changes.name === undefined ? port.name : changes.name || null;
    const changed = { ...changes, name, address, updated_at: new Date().toISOString() };
    await whereUnique(trx.node_ports.update({ uuid }, changed), (violation) => alreadyExists(violation, { ...port, ...changed }));
    return findNodePort(trx, uuid);
  });
}

const connectivity = ['portgroup_uuid', 'pxe_enabled', 'local_link_connection', 'physical_network'] as const;

/** The rules of Ironic's `update_port`: what connects a machine that is in use changes only in maintenance. */
function refuseInUse(node: Node, port: NodePort, changes: Partial<NewNodePort>): void {
  const isInUse = node.provision_state === 'active' || node.instance_uuid !== null;
  if (isInUse && !node.maintenance && changes.address !== undefined && checkMac(changes.address) !== port.address)
    throw new Fault('conflict', {
      detail: `Cannot update hardware address for port ${port.uuid} as node ${node.uuid} is active or has instance UUID assigned`,
    });
  if (!connectivity.some((name) => changes[name] !== undefined && !isDeepStrictEqual(changes[name], port[name]))) return;
  refuseRewiring(node, `Port ${port.uuid} can not have any connectivity attributes (${connectivity.join(', ')}) updated`);
}

async function deleteNodePort(store: Store, uuid: string): Promise<void> {
  await store.transaction(async (trx) => {
    const port = await findNodePort(trx, uuid);
    await refuseWhileBusy(trx, await findNode(trx, port.node_uuid));
    refuseUsed(port);
    if (port.portgroup_uuid) await findFreeGroup(trx, port.portgroup_uuid);
    await trx.node_ports.remove({ uuid });
  });
}

async function checkMove(trx: Store, port: NodePort, to: string): Promise<void> {
  refuseUsed(port);
  await refuseWhileBusy(trx, await findNode(trx, to));
}

function refuseUsed({ address, vif_port_id }: NodePort): void {
  if (vif_port_id) throw new Fault('conflict', { detail: `Port ${address} is in use by network port ${vif_port_id}.` });
}

function checkMac(address: string): string {
  const mac = address.toLowerCase().replaceAll('-', ':');
  if (!macPattern.test(mac)) throw new Fault('badRequest', { detail: `Expected a MAC address but received ${address}.` });
  return mac;
}

async function refuseDuplicate(trx: Store, wanted: { address: string } | { name: string }): Promise<void> {
  if (!(await trx.node_ports.find(wanted))) return;
  const which = 'name' in wanted ? `name ${wanted.name}` : `MAC address ${wanted.address}`;
  throw new Fault('conflict', { detail: `A port with ${which} already exists.` });
}

type Names = Pick<NodePort, 'uuid' | 'name' | 'address'>;

/** For a twin that was committed after `refuseDuplicate`. */
function alreadyExists({ columns }: UniqueViolation, { uuid, name, address }: Names): Fault {
  const fields = { name: `name ${name}`, address: `MAC address ${address}` };
  const which = columns.includes('name') ? fields.name : columns.includes('address') ? fields.address : `UUID ${uuid}`;
  return new Fault('conflict', { detail: `A port with ${which} already exists.` });
}

async function findNodePort(trx: Store, uuid: string): Promise<NodePort> {
  const port = await trx.node_ports.find({ uuid });
  if (!port) throw new Fault('notFound', { what: 'Port', id: uuid });
  return port;
}
