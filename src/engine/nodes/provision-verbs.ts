/** Provision verbs of Ironic's API: plain transitions, operations on the node, and what changes its instance. */
import { Fault } from '#domain/faults.ts';
import type { ImageUser } from '#domain/image-visibility.ts';
import type { JsonObject } from '#domain/json.ts';
import { lockKinds } from '#domain/lock-kinds.ts';
import type { Drivers } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { ProvisionOptions, ServerVerbs } from '../contract.ts';
import { adopt, refuseUncleaned } from '../operations/adopt.ts';
import { askedOnChildren } from '../operations/asked-steps.ts';
import { noteUncleaned } from '../operations/automated-cleaning.ts';
import { leased } from '../operations/automatic-lessee.ts';
import { beginDeletion } from '../operations/delete.ts';
import { newInstanceOperation, saveConfigDrive } from '../operations/node-instance.ts';
import { power } from '../operations/power.ts';
import { type KindVerb, provisionStateMachine as states, verbs } from '../operations/registry.ts';
import { service } from '../operations/service.ts';
import { serverOn } from '../servers/server-on-node.ts';
import { cancelForDelete } from '../servers/servers.ts';
import type { EngineSettings } from '../settings.ts';
import { BaseRequest, fits } from '../worker/base-context.ts';
import type { BeginOperation } from '../worker/define-operation.ts';
import { abortFault, type Worker } from '../worker/worker.ts';
import { refuseBusyNode, refuseWhileBusy } from './busy-node.ts';
import { refuseProtected } from './change-rules.ts';
import { findNode } from './find-node.ts';
import { refuseLocked } from './refuse-locked.ts';

type Parts = {
  store: Store;
  drivers: Drivers;
  worker: Worker;
  settings: EngineSettings;
  deleteServer: ServerVerbs['deleteServer'];
};

type Request = { name: string; options: ProvisionOptions };
type Result = { begun?: Operation | undefined; cancelled?: string; server?: string; replaced?: Replacement };
type Replacement = { readonly id: string; readonly instead: JsonObject };

export async function setProvisionState(parts: Parts, uuid: string, request: Request): Promise<void> {
  const { store, worker } = parts;
  const { name, options } = request;
  const acts = verbs.find((verb) => verb.name === name)?.acts;
  if (acts === 'cancel' || acts === 'unhold') return interrupt(parts, uuid, { name, acts });
  const { begun, cancelled, server, replaced } = await store.transaction(async (trx): Promise<Result> => {
    const node = await findNode(trx, uuid);
    const server = await serverOn(trx, node);
    if (acts === 'delete-instance' && server) {
      refuseProtected(node);
      return { server: server.id };
    }
    if (acts === 'delete-instance') return deleteInstance(parts, trx, node);
    const replacing = verbs.find(
      (verb) => verb.name === name && verb.acts === 'replace' && verb.from.includes(node.provision_state),
    );
    if (replacing) return { replaced: await replacement(parts, trx, { node, verb: replacing, options: request.options }) };
    await refuseWhileBusy(trx, node);
    const keeps = verbs.some((verb) => verb.name === name && verb.keepsInstance);
    if (server && !keeps) throw belongsTo(server.id, node, name);
    const verb = verbFor(parts, node, name);
    refuseRetired(node, name);
    if (name === adopt.kind) await refuseUncleaned(trx, node);
    if (acts === 'deploy-instance') return { begun: await deployInstance(parts, trx, { node, verb, options: request.options }) };
    // Reserved for an instance to come, by an allocation or a client.
    if (node.instance_uuid && node.provision_state === 'available') throw belongsTo(node.instance_uuid, node, name);
    return { begun: await applyVerb(parts, trx, { node, verb, options: request.options }) };
  });
  if (server !== undefined) await parts.deleteServer(server, { overridesLock: options.user?.is_admin ?? false });
  if (cancelled !== undefined) await cancelForDelete(worker, cancelled, 'instance');
  if (begun) worker.launch(begun);
  // It may have gone on meanwhile.
  if (replaced && !(await worker.replace(replaced.id, replaced.instead))) await refuseBusyNode(store, uuid);
}

/** What a held operation is to be replaced by. */
async function replacement({ drivers, settings }: Parts, trx: Store, { node, verb, options }: Applied): Promise<Replacement> {
  if (verb.notInMaintenance && node.maintenance) throw inMaintenance(node, verb.notInMaintenance);
  await refuseLocked(trx, node.uuid, lockKinds);
  const instead = await verb.request?.(node, { trx, drivers, settings, ...(await stepsGiven(trx, node, options)) });
  if (!instead || node.operation_id === null) return refuseBusyNode(trx, node.uuid);
  return { id: node.operation_id, instead };
}

function belongsTo(id: string, node: Node, name: string): Fault {
  const detail = `Node ${node.name ?? node.uuid} is associated with instance ${id}: '${name}' would take it away.`;
  return new Fault('conflict', { detail });
}

/** Text of Ironic's `NodeIsRetired`. */
function refuseRetired({ uuid, retired }: Node, name: string): void {
  if (name !== 'provide' || !retired) return;
  const detail = `The providing operation can't be performed on node ${uuid} because it is retired.`;
  throw new Fault('badRequest', { detail });
}

/** @throws Fault `wrongState` with the verbs that the node's state allows */
function verbFor({ settings }: Pick<Parts, 'settings'>, node: Node, name: string): KindVerb {
  const allowed = verbs.filter(({ from }) => from.includes(node.provision_state));
  const verb = allowed.find((each) => each.name === name && (each.when?.(node, settings) ?? true));
  if (verb) return verb;
  throw new Fault('wrongState', {
    action: `${name} (allowed here: ${[...new Set(allowed.map((each) => each.name))].join(', ') || 'none'})`,
    node: node.name ?? node.uuid,
    state: node.provision_state,
  });
}

type Applied = { node: Node; verb: KindVerb; options: ProvisionOptions };

async function applyVerb({ worker, drivers, settings }: Parts, trx: Store, { node, verb, options }: Applied) {
  if (verb.notInMaintenance && node.maintenance) throw inMaintenance(node, verb.notInMaintenance);
  const request = await verb.request?.(node, { trx, drivers, settings, ...(await stepsGiven(trx, node, options)) });
  await writeTransition(trx, node, verb);
  if (verb.name === 'provide' && !request && node.must_clean) noteUncleaned(trx, node);
  if (!request || verb.kind === undefined) return undefined;
  const purpose = `${verb.kind} node ${node.name ?? node.uuid}`;
  return worker.begin(trx, { kind: verb.kind, purpose, node_uuid: node.uuid, server_id: null, request });
}

/** A runbook is as it is now: later changes of it do not reach the operation. */
async function stepsGiven(trx: Store, node: Node, options: ProvisionOptions) {
  const { clean_steps, service_steps, disable_ramdisk: disableRamdisk } = options;
  const runbook = await options.runbook?.(node, trx);
  if (runbook) return { steps: runbook.steps, disableRamdisk: runbook.disable_ramdisk };
  const steps = clean_steps ?? service_steps;
  return { steps, disableRamdisk, children: await childrenFor(trx, node, { steps, options }) };
}

type ForChildren = { steps: unknown; options: ProvisionOptions };

/** Of a node whose steps are executed on them, if the caller may do that with each. */
async function childrenFor(trx: Store, { uuid }: Node, { steps, options }: ForChildren): Promise<Node[] | undefined> {
  const isForThem = (step: unknown) => typeof step === 'object' && step !== null && 'execute_on_child_nodes' in step;
  if (!Array.isArray(steps) || !steps.some(isForThem)) return undefined;
  const children = await trx.nodes.list({ parent_node: uuid }, { orderBy: 'id' });
  const use = options.clean_steps ? 'clean' : 'service';
  for (const { child, step, isNamed } of askedOnChildren(steps, children)) options.onChild?.(child, { use, step, isNamed });
  return children;
}

async function writeTransition(trx: Store, { uuid }: Node, verb: KindVerb): Promise<void> {
  const now = new Date().toISOString();
  const target_provision_state = verb.target ?? null;
  const state = { provision_state: verb.to, target_provision_state, provision_updated_at: now, updated_at: now };
  await trx.nodes.update({ uuid }, { ...state, ...verb.patch, ...(verb.begins && { [verb.begins]: now }) });
}

/** Ironic's `NodeInMaintenance`. */
function inMaintenance({ uuid }: Node, what: string): Fault {
  const detail = `The ${what} operation can't be performed on node ${uuid} because it's in maintenance mode.`;
  return new Fault('badRequest', { detail });
}

/** Deploys, or deploys again, what the node's `instance_info` describes. */
async function deployInstance(
  { worker, drivers, settings }: Parts,
  trx: Store,
  { node, verb, options }: Applied,
): Promise<Operation> {
  if (node.maintenance) throw inMaintenance(node, 'provisioning');
  if (verb.name === 'rebuild') refuseProtected(node);
  const user: ImageUser = options.user ?? { project_id: '', is_admin: false };
  const drive = options.configdrive ?? (await trx.config_drives.find({ id: node.uuid }))?.document;
  const operation = await newInstanceOperation(trx, {
    ...{ drivers, settings, node, user, kind: verb.kind ?? '' },
    deploySteps: options.deploy_steps,
    hasDriveUrl: typeof drive?.['url'] === 'string',
  });
  if (options.configdrive) await saveConfigDrive(trx, node, options.configdrive);
  await writeTransition(trx, node, verb);
  // The disk holds a user's data from now on.
  const lease = { instance: node.instance_info['project_id'], request: user.project_id };
  const changes = { must_clean: true, last_error: null, ...(verb.name !== 'rebuild' && leased(node, settings, lease)) };
  await trx.nodes.update({ uuid: node.uuid }, changes);
  return worker.begin(trx, operation);
}

/** A deployment that runs is aborted, and deletes the instance at its end. */
async function deleteInstance({ settings, worker }: Parts, trx: Store, node: Node): Promise<Result> {
  const running = node.operation_id === null ? undefined : await trx.operations.find({ id: node.operation_id });
  if (running && (isOfInstance(running) || isServiceWait(node, running))) {
    if (running.kind === service.kind) refuseProtected(node);
    await refuseLocked(trx, node.uuid, lockKinds);
    await trx.nodes.update({ uuid: node.uuid }, { target_provision_state: 'available' });
    return { cancelled: running.id };
  }
  await refuseWhileBusy(trx, node);
  refuseProtected(node);
  verbFor({ settings }, node, 'deleted');
  const begin: BeginOperation = (...request) => worker.begin(...request);
  return { begun: await beginDeletion(trx, { node_uuid: node.uuid, server_id: null }, { states, begin }) };
}

function isOfInstance({ server_id, request }: Operation): boolean {
  return server_id === null && fits(BaseRequest, request) && request.instance !== undefined;
}

/** Of a node without a server of the compute API; see `deleteServer` for those. */
function isServiceWait({ provision_state }: Node, { kind }: Operation): boolean {
  return kind === service.kind && provision_state === 'service wait';
}

type Interruption = { name: string; acts: 'cancel' | 'unhold' };

/** Of a wait or a hold. While the operation works, it cannot be interrupted, as in Ironic: the node is locked. */
async function interrupt({ store, worker, settings }: Parts, uuid: string, { name, acts }: Interruption): Promise<void> {
  const node = await findNode(store, uuid);
  const isAllowed = verbs.some((verb) => verb.name === name && verb.from.includes(node.provision_state));
  if (!isAllowed && node.operation_id !== null) return interruptPower({ store, worker }, node, acts);
  if (verbFor({ settings }, node, name).acts === undefined) return leave({ store, settings }, uuid, name);
  const { operation_id: id } = node;
  if (id === null) throw new Fault('wrongState', { action: name, node: node.name ?? uuid, state: node.provision_state });
  // It may have gone on meanwhile.
  const isDone = await (acts === 'cancel' ? worker.abort(id, abortFault()) : worker.unhold(id));
  if (!isDone) await refuseBusyNode(store, uuid);
}

/** A power change that hangs can be ended in any state; Ironic leaves its node locked until it times out. */
async function interruptPower({ store, worker }: Pick<Parts, 'store' | 'worker'>, node: Node, acts: Interruption['acts']) {
  const running = await store.operations.find({ id: node.operation_id ?? '' });
  if (running?.kind !== power.kind || acts !== 'cancel') return refuseBusyNode(store, node.uuid);
  worker.cancel(running.id, abortFault());
}

/** Of a failed operation, whose node goes on as before. Ironic answers 409 in maintenance. */
async function leave({ store, settings }: Pick<Parts, 'store' | 'settings'>, uuid: string, name: string): Promise<void> {
  await store.transaction(async (trx) => {
    const node = await findNode(trx, uuid);
    await refuseWhileBusy(trx, node);
    const verb = verbFor({ settings }, node, name);
    if (node.maintenance) {
      const detail = `Can not ${name} the ${node.provision_state} node "${uuid}" while it is in maintenance mode. Remove it from maintenance first.`;
      throw new Fault('conflict', { detail });
    }
    await writeTransition(trx, node, verb);
  });
}
