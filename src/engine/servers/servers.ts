/** Requests for servers: rows and claims are written in one transaction, the rest is done by the worker. */
import { randomUUID } from 'node:crypto';
import { setImmediate as otherRequests } from 'node:timers/promises';
import { Fault } from '#domain/faults.ts';
import type { Json } from '#domain/json.ts';
import { lockKinds } from '#domain/lock-kinds.ts';
import type { Drivers } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { Image } from '#store/tables/images.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { Server } from '#store/tables/servers.ts';
import type { LockRight, NewServer, RebuildChanges, RequestedNetwork, ServerVerbs } from '../contract.ts';
import { busyFault } from '../nodes/busy-node.ts';
import { refuseLocked } from '../nodes/refuse-locked.ts';
import { chooseNodeFor, claimNode, traitsOf } from '../operations/claim-node.ts';
import { beginDeletion, deletion } from '../operations/delete.ts';
import { deployStepsFor, findDeploySteps } from '../operations/deploy-steps.ts';
import { chooseDeployInterface, deployRequest } from '../operations/deployment.ts';
import { type PowerRequest, power } from '../operations/power.ts';
import { rebuild } from '../operations/rebuild.ts';
import { provisionStateMachine as states } from '../operations/registry.ts';
import { wantsDeletion, writeServerDeleted } from '../operations/server-results.ts';
import { service } from '../operations/service.ts';
import { refusePowerUnderChildren } from '../power/family-power.ts';
import { refuseWhileUpdating, type UpdateWatch } from '../power/firmware-updates.ts';
import { describeReasons, whyNotMadeFor } from '../scheduler/choose-node.ts';
import { madeFor } from '../scheduler/choose-requirements.ts';
import type { EngineSettings } from '../settings.ts';
import { type BeginOperation, newOperation } from '../worker/define-operation.ts';
import { imagesRequest, pinImages } from '../worker/operation-images.ts';
import type { Worker } from '../worker/worker.ts';
import { hostNameOf } from './host-names.ts';
import { serverLockVerbs } from './server-locks.ts';
import { resolveNetworks } from './server-network.ts';

export type VerbParts = {
  store: Store;
  drivers: Drivers;
  settings: EngineSettings;
  worker: Worker;
  updates: Pick<UpdateWatch, 'settle'>;
};

export function serverVerbs(parts: VerbParts): ServerVerbs {
  return {
    createServers: (request) => createServers(parts, request),
    deleteServer: (id, by) => deleteServer(parts, id, by),
    stopServer: (id, by) => changeServerPower(parts, id, { ...powerChanges.stop, ...by }),
    startServer: (id, by) => changeServerPower(parts, id, { ...powerChanges.start, ...by }),
    rebootServer: (id, type, by) => changeServerPower(parts, id, { ...powerChanges[type], ...by }),
    rebuildServer: (id, changes, by) => rebuildServer(parts, id, { ...changes, ...by }),
    updateServer: (id, changes) => updateServer(parts.store, id, changes),
    ...serverLockVerbs(parts.store),
  };
}

/**
 * The first server without a node gets the reason; later ones of the request would fail the same way and are not
 * created.
 */
async function createServers(parts: VerbParts, request: NewServer): Promise<Server[]> {
  const { store, worker } = parts;
  const networks = await resolveNetworks(store, request);
  const count = request.count ?? 1;
  const servers: Server[] = [];
  for (let index = 0; index < count; index++) {
    const made = newServer(request, networks, count > 1 ? index : undefined);
    const { server, operation } = await store.transaction((trx) => placeServer(parts, trx, made, request));
    servers.push(server);
    if (!operation) break;
    worker.launch(operation);
    // The database is synchronous: without yielding, a thousand servers would block all other requests.
    await otherRequests();
  }
  return servers;
}

/** Writes the server's row and its claim on a node, or a row in ERROR with the reason, in one transaction. */
async function placeServer(
  parts: VerbParts,
  trx: Store,
  server: Server,
  request: NewServer,
): Promise<{ server: Server; operation?: Operation }> {
  const user = { project_id: request.project_id, is_admin: request.is_admin ?? false };
  await refuseLostProject(trx, request.project_id);
  await refuseManyFailed(trx, request.project_id);
  const { row: image, pinned } = await pinImages(trx, request.image.id, user);
  const choice = await chooseNodeFor(trx, parts, { server, image, ...(request.node && { node: request.node }) });
  const node = 'uuid' in choice ? await trx.nodes.find({ uuid: choice.uuid }) : undefined;
  if (node) {
    const begin: BeginOperation = (...wanted) => parts.worker.begin(...wanted);
    const deployment = { ...imagesRequest(pinned, user), any_node: request.node === undefined };
    const claim = { server, node, image, request: deployment };
    const operation = await claimNode(trx, { ...parts, states, begin }, claim);
    return { server: await trx.servers.insert({ ...server, node_uuid: node.uuid }), operation };
  }
  const reasons = describeReasons('reasons' in choice ? choice.reasons : {});
  const fault = { ...new Fault('noValidHost', { reasons }).toRecord('schedule'), at: server.created_at };
  return { server: await trx.servers.insert({ ...server, vm_state: 'error', task_state: null, fault }) };
}

/** A project may be deleted while a request for it is in progress. */
async function refuseLostProject(trx: Store, id: string): Promise<void> {
  if (!(await trx.projects.find({ id }))) throw new Fault('conflict', { detail: `Project ${id} was deleted.` });
}

/** Each keeps its user data and files until it is deleted, and nothing else limits their number. */
const mostFailed = 256;

/** As in Nova, whose instance quota also counts servers in ERROR. */
async function refuseManyFailed(trx: Store, project_id: string): Promise<void> {
  const failed = await trx.servers.pick(['id'], { project_id, vm_state: 'error', node_uuid: null });
  if (failed.length < mostFailed) return;
  const detail = `Quota exceeded for instances: ${failed.length} servers of this project failed and have no machine; delete them.`;
  throw new Fault('forbidden', { detail });
}

/** @param index if several are requested */
function newServer(request: NewServer, networks: RequestedNetwork[], index?: number): Server {
  const now = new Date().toISOString();
  const id = randomUUID();
  const { name } = request;
  const { flavor, image, keypair } = request;
  return {
    id,
    name: index === undefined ? name : `${name}-${index + 1}`,
    hostname: request.hostname ?? hostNameOf({ id, name }, index),
    project_id: request.project_id,
    user_id: request.user_id,
    flavor,
    image_id: image.id,
    key_name: keypair?.name ?? null,
    public_key: keypair?.public_key ?? null,
    user_data: request.user_data ?? null,
    metadata: request.metadata ?? {},
    tags: [...(request.tags ?? [])],
    personality: request.personality ?? [],
    port_ids: [],
    requested_networks: networks as unknown as Json,
    security_groups: [...(request.security_groups ?? [])],
    availability_zone: request.availability_zone ?? null,
    description: request.description ?? null,
    locked: false,
    locked_by: null,
    locked_reason: null,
    vm_state: 'building',
    task_state: 'spawning',
    preserve_ephemeral: false,
    launch_index: index ?? 0,
    node_uuid: null,
    fault: null,
    console_log: null,
    created_at: now,
    updated_at: now,
    launched_at: null,
    terminated_at: null,
  };
}

async function deleteServer({ store, worker }: VerbParts, id: string, by?: LockRight): Promise<void> {
  const result = await store.transaction(async (trx) => {
    const server = await findServer(trx, id);
    refuseLockedServer(server, by);
    if (server.task_state === 'deleting') return {};
    const node = server.node_uuid ? await trx.nodes.find({ uuid: server.node_uuid }) : undefined;
    if (!node || node.instance_uuid !== id) {
      await writeServerDeleted(trx, id);
      return {};
    }
    refuseProtectedMachine(node, id, 'delete');
    await refuseLocked(trx, node.uuid, lockKinds);
    await trx.servers.update({ id }, { task_state: 'deleting', updated_at: new Date().toISOString() });
    const running = node.operation_id ? await trx.operations.find({ id: node.operation_id }) : undefined;
    // Servicing is no operation of the server: it ends at its next step that may be interrupted.
    const isWaiting = running?.kind === service.kind && node.provision_state === 'service wait';
    if (running && (running.server_id === id || isWaiting)) return { cancel: running.id };
    if (running) throw busyFault(node.name ?? node.uuid, `${running.purpose} (operation ${running.id})`);
    const begin: BeginOperation = (...request) => worker.begin(...request);
    return { operation: await beginDeletion(trx, { node_uuid: node.uuid, server_id: id }, { states, begin }) };
  });
  if (result.cancel) await cancelForDelete(worker, result.cancel, 'server');
  if (result.operation) worker.launch(result.operation);
}

/** A step that must not be interrupted, such as a firmware update, ends before. */
export async function cancelForDelete(worker: Worker, operationId: string, what: 'server' | 'instance'): Promise<void> {
  await worker.abort(operationId, new Fault('cancelled', { what: 'The operation', why: `the ${what} was deleted` }));
}

/** At startup: resumes deletions recorded just before the process ended, while another operation held the node. */
export async function resumeDeletes({ store, worker }: Pick<VerbParts, 'store' | 'worker'>): Promise<void> {
  for (const { operation } of worker.live.values()) {
    if (operation.kind === deletion.kind || !(await wantsDeletion(store, operation))) continue;
    await cancelForDelete(worker, operation.id, operation.server_id === null ? 'instance' : 'server');
  }
}

/** `fromError`: allowed for a deployed server that is in ERROR because it does not boot. */
type PowerChange = {
  action: string;
  target: PowerRequest['target'];
  task_state: string;
  from: readonly Server['vm_state'][];
  fromError: readonly 'error'[];
};

const stoppable = { from: ['active'], fromError: ['error'] } as const;
const powerChanges = {
  stop: { action: 'stop', target: 'power off', task_state: 'powering-off', ...stoppable },
  start: { action: 'start', target: 'power on', task_state: 'powering-on', from: ['stopped'], fromError: [] },
  SOFT: { action: 'reboot', target: 'soft reset', task_state: 'rebooting', from: ['active', 'stopped'], fromError: [] },
  HARD: { action: 'reboot', target: 'reset', task_state: 'rebooting_hard', from: ['active', 'stopped'], fromError: ['error'] },
} as const satisfies Record<string, PowerChange>;

async function changeServerPower(
  { store, worker, settings, updates }: VerbParts,
  id: string,
  change: PowerChange & LockRight,
): Promise<void> {
  const [machine] = change.target === 'power on' ? [] : await store.nodes.pick(['uuid', 'name'], { instance_uuid: id });
  if (machine) await updates.settle(machine, change.target);
  const operation = await store.transaction(async (trx) => {
    const server = await findServer(trx, id);
    refuseLockedServer(server, change);
    const [node] = await trx.nodes.pick(['uuid', 'name', 'provision_state', 'power_state', 'disable_power_off'], {
      uuid: server.node_uuid ?? '',
      instance_uuid: id,
    });
    const allowed = node?.provision_state === 'active' ? [...change.from, ...change.fromError] : change.from;
    if (!allowed.includes(server.vm_state) || server.task_state || !server.node_uuid) {
      const state = server.task_state ?? server.vm_state;
      throw new Fault('conflict', {
        detail: `Cannot '${change.action}' instance ${id} while it is in ${server.task_state ? 'task' : 'vm'}_state ${state}`,
      });
    }
    if (node?.disable_power_off && change.target === 'power off')
      throw new Fault('conflict', { detail: `Cannot '${change.action}' instance ${id}: its machine must not be powered off` });
    if (node && machine) await refuseWhileUpdating(trx, node, change.target);
    if (node) await refusePowerUnderChildren(trx, settings, { node, target: change.target });
    const target_power_state = change.target === 'power off' ? 'power off' : 'power on';
    await trx.nodes.update({ uuid: server.node_uuid }, { target_power_state });
    await trx.servers.update({ id }, { task_state: change.task_state, updated_at: new Date().toISOString() });
    const purpose = `${change.action} server ${server.name}`;
    const about = { purpose, node_uuid: server.node_uuid, server_id: id };
    return worker.begin(trx, newOperation(power, { ...about, request: { target: change.target } }));
  });
  worker.launch(operation);
}

async function rebuildServer(
  { store, worker, drivers, settings }: VerbParts,
  id: string,
  { overridesLock = false, ...changes }: RebuildChanges & LockRight,
): Promise<Server> {
  const { server, operation } = await store.transaction(async (trx) => {
    const before = await findServer(trx, id);
    refuseLockedServer(before, { overridesLock });
    const node = before.node_uuid ? await trx.nodes.find({ uuid: before.node_uuid }) : undefined;
    const isAllowed = ['active', 'stopped', 'error'].includes(before.vm_state) && !before.task_state && node;
    if (!isAllowed)
      throw new Fault('conflict', { detail: `Cannot 'rebuild' instance ${id} while it is in vm_state ${before.vm_state}` });
    refuseProtectedMachine(node, id, 'rebuild');
    if (!states.next(node.provision_state, 'rebuild')) {
      const detail = `Cannot 'rebuild' instance ${id}: its node is in state '${node.provision_state}'`;
      throw new Fault('conflict', { detail });
    }
    // The `preserve_ephemeral` of an earlier rebuild does not apply to this one.
    const { image: asked, is_admin = false, keypair, ...plain } = { preserve_ephemeral: false, ...changes };
    const user = { project_id: before.project_id, is_admin };
    const { row: image, pinned } = await pinImages(trx, asked.id, user);
    refuseForeignImage(node, image);
    const keys = keypair === undefined ? {} : { key_name: keypair?.name ?? null, public_key: keypair?.public_key ?? null };
    const now = new Date().toISOString();
    const patch = { ...plain, ...keys, image_id: image.id, task_state: 'rebuilding', fault: null, updated_at: now };
    const after = { ...before, ...patch, hostname: changes.name ? hostNameOf({ id, name: changes.name }) : before.hostname };
    await trx.servers.update({ id }, { ...patch, hostname: after.hostname });
    await states.apply(trx, node.uuid, 'rebuild', { target_provision_state: 'active', last_error: null });
    const wanted = await findDeploySteps(trx, { drivers, settings, traits: traitsOf(after, image) });
    const steps = deployStepsFor(node, wanted);
    const request = {
      ...(steps && { steps }),
      ...deployRequest(drivers, node, chooseDeployInterface(drivers, node, { image, instance: after })),
      image_id: image.id,
      ...imagesRequest(pinned, user),
    };
    const about = { purpose: `rebuild server ${after.name}`, node_uuid: node.uuid, server_id: id };
    return { server: after, operation: await worker.begin(trx, newOperation(rebuild, { ...about, request })) };
  });
  worker.launch(operation);
  return server;
}

/** Nova also runs its ImagePropertiesFilter at a rebuild; here a rejected server stays unchanged. */
function refuseForeignImage(node: Node, image: Image): void {
  const reason = whyNotMadeFor(node, madeFor(image));
  if (reason) throw new Fault('noValidHost', { reasons: describeReasons({ [reason]: 1 }) });
}

async function updateServer(store: Store, id: string, changes: Parameters<ServerVerbs['updateServer']>[1]): Promise<Server> {
  return store.transaction(async (trx) => {
    const now = await findServer(trx, id);
    const changed = typeof changes === 'function' ? changes(now) : changes;
    await trx.servers.update({ id }, { ...changed, updated_at: new Date().toISOString() });
    return findServer(trx, id);
  });
}

async function findServer(trx: Store, id: string): Promise<Server> {
  const server = await trx.servers.find({ id });
  if (!server || server.vm_state === 'deleted') throw new Fault('notFound', { what: 'Instance', id });
  return server;
}

/** Ironic would refuse it of Nova, which then sets the server to ERROR; here it stays as it is. */
function refuseProtectedMachine({ protected: isProtected }: Pick<Node, 'protected'>, id: string, action: string): void {
  if (!isProtected) return;
  const detail = `Cannot '${action}' instance ${id}: its machine is protected by the operator and cannot be undeployed or rebuilt`;
  throw new Fault('conflict', { detail });
}

function refuseLockedServer(server: Server, by: LockRight = {}): void {
  if (server.locked && !by.overridesLock) throw new Fault('conflict', { detail: `Instance ${server.id} is locked` });
}
