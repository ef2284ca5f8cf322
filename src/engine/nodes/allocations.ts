/** Allocations: a node is chosen and held by the same transaction, as for a server. */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import type { CandidateNeeds } from '#store/candidate-rules.ts';
import { type UniqueViolation, whereUnique } from '#store/collection.ts';
import type { Store } from '#store/store.ts';
import type { Allocation } from '#store/tables/allocations.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { NewAllocation, NodeVerbs } from '../contract.ts';
import { nodesUpdating } from '../power/firmware-updates.ts';
import { serverOn } from '../servers/server-on-node.ts';
import { refuseWhileBusy } from './busy-node.ts';
import { findNode } from './find-node.ts';

type AllocationVerbs = Pick<NodeVerbs, 'createAllocation' | 'deleteAllocation'>;

export function allocationVerbs(store: Store): AllocationVerbs {
  return {
    createAllocation: (request) => createAllocation(store, request),
    deleteAllocation: (uuid) => deleteAllocation(store, uuid),
  };
}

/** A refusal to backfill a node rolls back: Ironic keeps the allocation in state `error`, which nobody asked for. */
async function createAllocation(store: Store, { node: backfilled, ...request }: NewAllocation): Promise<Allocation> {
  return store.transaction(async (trx) => {
    const node = backfilled === undefined ? undefined : await findNode(trx, backfilled);
    const draft = draftOf(request, node);
    await refuseTakenUuid(trx, draft.uuid, node);
    if (node) await refuseBackfill(trx, draft, node);
    const choice = node ?? (await choose(trx, draft));
    const allocation = { ...draft, ...('uuid' in choice ? { node_uuid: choice.uuid } : failure(draft, choice.error)) };
    const written = await whereUnique(trx.allocations.insert(allocation), (violation) => alreadyExists(violation, draft));
    if (written.node_uuid) await hold(trx, written.node_uuid, written);
    return written;
  });
}

function draftOf({ uuid, resource_class, ...request }: Omit<NewAllocation, 'node'>, node: Node | undefined): Allocation {
  return {
    ...request,
    // The UUID is what the node's instance has, if it has one.
    uuid: uuid ?? node?.instance_uuid ?? randomUUID(),
    resource_class: resource_class ?? node?.resource_class ?? null,
    node_uuid: null,
    state: 'active',
    last_error: null,
    created_at: new Date().toISOString(),
    updated_at: null,
  };
}

function failure({ uuid }: Allocation, error: string) {
  return { state: 'error', last_error: `Failed to process allocation ${uuid}: ${error}.` } as const;
}

async function hold(trx: Store, uuid: string, allocation: Allocation): Promise<void> {
  const { instance_info } = await findNode(trx, uuid);
  await trx.nodes.update(
    { uuid },
    {
      instance_uuid: allocation.uuid,
      allocation_uuid: allocation.uuid,
      instance_info: { ...instance_info, traits: allocation.traits },
      updated_at: allocation.created_at,
    },
  );
}

/** The UUID becomes the instance's, by which servers and nodes find each other: it must not be that of another one. */
async function refuseTakenUuid(trx: Store, uuid: string, node: Node | undefined): Promise<void> {
  const holder = await trx.nodes.find({ instance_uuid: uuid });
  const server = await trx.servers.find({ id: uuid });
  if ((!holder || holder.uuid === node?.uuid) && (!server || server.node_uuid === node?.uuid)) return;
  const which = node ? `node ${node.uuid}` : 'allocation';
  const detail = `Instance ${uuid} is already associated with a node, it cannot be associated with this other ${which}`;
  throw new Fault('conflict', { detail });
}

async function refuseBackfill(trx: Store, allocation: Allocation, node: Node): Promise<void> {
  const { uuid, resource_class, traits, candidate_nodes } = allocation;
  await refuseWhileBusy(trx, node);
  if (node.instance_uuid && node.instance_uuid !== uuid)
    throw new Fault('conflict', { detail: `Node ${node.uuid} is associated with instance ${node.instance_uuid}.` });
  const errors = [
    ...(node.provision_state === 'active'
      ? []
      : [`Node must be in the "active" state, but the current state is "${node.provision_state}"`]),
    ...(resource_class === node.resource_class
      ? []
      : [`Resource class ${node.resource_class} does not match the requested resource class ${resource_class}`]),
    ...(traits.every((trait) => node.traits.includes(trait))
      ? []
      : [`List of traits ${node.traits.join(', ')} does not match the requested traits ${traits.join(', ')}`]),
    ...(candidate_nodes.length === 0 || candidate_nodes.includes(node.uuid)
      ? []
      : [`Candidate nodes must be empty or contain the target node, but got ${candidate_nodes.join(', ')}`]),
  ];
  if (errors.length === 0) return;
  const detail = `Failed to process allocation ${uuid}: Cannot backfill an allocation for node ${node.uuid}: ${errors.join('; ')}.`;
  throw new Fault('conflict', { detail });
}

/** A node with the allocation's name is preferred; otherwise the order is the scheduler's. */
async function choose(trx: Store, allocation: Allocation): Promise<{ uuid: string } | { error: string }> {
  const needs = { ...needsOf(allocation), updating: await nodesUpdating(trx) };
  const namesake = allocation.name ? await firstOf(trx, { ...needs, node: allocation.name }) : undefined;
  return namesake ?? (await firstOf(trx, needs)) ?? { error: await whyNone(trx, allocation, needs) };
}

function needsOf({ resource_class, candidate_nodes, traits, owner }: Allocation): Omit<CandidateNeeds, 'updating'> {
  return {
    allocated: { resource_class, owner, ...(candidate_nodes.length > 0 && { nodes: candidate_nodes }) },
    sizes: { cpus: 0, memory_mb: 0, local_gb: 0 },
    resources: {},
    traits: traits.map((name) => ({ name, required: true })),
    nics: 0,
  };
}

async function firstOf(trx: Store, needs: CandidateNeeds): Promise<{ uuid: string } | undefined> {
  for await (const { uuid } of trx.nodes.candidates(needs)) return { uuid };
  return undefined;
}

async function whyNone(trx: Store, { resource_class, candidate_nodes, traits }: Allocation, needs: CandidateNeeds) {
  if (traits.length > 0 && (await firstOf(trx, { ...needs, traits: [] })))
    return `no suitable nodes have the requested traits ${traits.join(', ')}`;
  return candidate_nodes.length > 0
    ? `none of the requested nodes are available and match the resource class ${resource_class}`
    : `no available nodes match the resource class ${resource_class}`;
}

async function deleteAllocation(store: Store, uuid: string): Promise<void> {
  await store.transaction(async (trx) => {
    const { node_uuid } = (await trx.allocations.find({ uuid })) ?? { node_uuid: null };
    const node = node_uuid ? await trx.nodes.find({ uuid: node_uuid }) : undefined;
    if (node) {
      await refuseWhileBusy(trx, node, ['deploy']);
      await refuseRelease(trx, uuid, node);
      await trx.nodes.update({ uuid: node.uuid }, { instance_uuid: null, updated_at: new Date().toISOString() });
      await removeAllocation(trx, node.uuid);
    } else await trx.allocations.remove({ uuid });
  });
}

/** Without its `instance_uuid`, a node would lose its server, whatever Ironic allows in maintenance. */
async function refuseRelease(trx: Store, uuid: string, node: Node): Promise<void> {
  const about = `Cannot remove allocation ${uuid} for node ${node.uuid}, because`;
  if (await serverOn(trx, node)) throw new Fault('conflict', { detail: `${about} a server is on the node: delete the server` });
  if (node.maintenance || node.provision_state !== 'active') return;
  throw new Fault('conflict', { detail: `${about} the node is active (and maintenance mode is off)` });
}

/** The allocation of a node ends with the instance on it. Call in the transaction that ends the instance. */
export async function removeAllocation(trx: Store, node_uuid: string): Promise<void> {
  await trx.nodes.update({ uuid: node_uuid }, { allocation_uuid: null });
  await trx.allocations.remove({ node_uuid });
}

function alreadyExists({ columns }: UniqueViolation, { uuid, name }: Allocation): Fault {
  const which = columns.includes('name') ? `name ${name}` : `UUID ${uuid}`;
  return new Fault('conflict', { detail: `An allocation with ${which} already exists.` });
}
