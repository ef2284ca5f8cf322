/** Deploy and rebuild: the steps around those of the deploy driver, and the handling of success and failure. */
import { randomBytes } from 'node:crypto';
import type { FaultCode } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { nextState } from '#domain/provision-states.ts';
import type { DeployInterface, Drivers, Step } from '#drivers/interfaces.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { Server } from '#store/tables/servers.ts';
import type { Consoles } from '../consoles/consoles.ts';
import type { EngineSettings } from '../settings.ts';
import { isDiskUntouched, isMachineUntouched } from '../worker/disk-state.ts';
import { consoleTailOf, failureReport } from '../worker/last-error.ts';
import type { NewOperation, OperationDefinition } from '../worker/operation-kinds.ts';
import { interfaceOf } from '../worker/task.ts';
import {
  bindPortsStep,
  clearConsoleStep,
  keepConsoleStep,
  powerOff,
  powerOffIfPossible,
  unbindPortsStep,
  withdrawBootFiles,
} from './machine-steps.ts';

export type BeginOperation = (trx: Store, request: NewOperation, handedOverBy?: string | null) => Promise<Operation>;
export type DefinitionParts = {
  store: Store;
  drivers: Drivers;
  settings: EngineSettings;
  consoles: Pick<Consoles, 'clearRecord' | 'log'>;
  begin: BeginOperation;
};

export function deployOf(drivers: Drivers, operation: Operation): DeployInterface {
  return interfaceOf(drivers.deploy, String(operation.request['deploy_interface']));
}

/** What a deployment's row must contain so that a restart rebuilds the same steps. */
export function deployRequest(drivers: Drivers, node: Node, deployInterface: string): JsonObject {
  const { boot } = interfaceOf(drivers.deploy, deployInterface);
  const bootInterface = boot.includes(node.boot_interface) ? node.boot_interface : (boot[0] ?? node.boot_interface);
  return { deploy_interface: deployInterface, boot_interface: node.boot_interface === 'fake' ? 'fake' : bootInterface };
}

/**
 * The agent's bootstrap secret on the kernel command line; created before the first step, kept only in the operation's
 * context.
 */
const makeAgentSecret: Step = {
  name: 'claim node',
  title: 'Claim the node',
  deadlineSeconds: 60,
  keepsDisk: true,
  keepsMachine: true,
  phase: 'prepare',
  async run(task) {
    const secret = task.operation.context['agent_secret'] ?? randomBytes(32).toString('base64url');
    return { next: true, context: { agent_secret: secret } };
  },
};

export function withAgentSecret(steps: readonly Step[]): readonly Step[] {
  return [makeAgentSecret, ...steps];
}

function releaseStep(drivers: Drivers): Step {
  return simpleStep({ name: 'release', title: 'Remove temporary files', deadlineSeconds: 120 }, async (task) => {
    if (task.operation.request['deploy_interface']) await deployOf(drivers, task.operation).release(task);
  });
}

export function deployDefinition(parts: DefinitionParts): OperationDefinition {
  const { store, drivers, consoles, begin } = parts;
  const bind = bindPortsStep(parts);
  const clear = clearConsoleStep(consoles);
  // Otherwise the next owner could read the console record until her own deployment clears it.
  const undo = [keepConsoleStep(parts), powerOff, releaseStep(drivers), withdrawBootFiles, clear, unbindPortsStep(store)];
  return {
    steps: (operation) => withAgentSecret([bind, clear, ...deployOf(drivers, operation).steps]),
    undo: () => undo,
    async ended(trx, operation) {
      if (operation.state === 'done') return writeServerActive(trx, operation, begin);
      return writeDeployFailure(trx, operation, begin);
    },
  };
}

/**
 * A rebuild keeps ports and node. After a failure both stay with the server, so that it can be rebuilt again or
 * deleted. An unusable image is rejected before the running system is powered off.
 */
export function rebuildDefinition({ begin, ...parts }: Omit<DefinitionParts, 'settings'>): OperationDefinition {
  const { drivers } = parts;
  const undo = [keepConsoleStep(parts), powerOff, releaseStep(drivers), withdrawBootFiles];
  return {
    steps: (operation) => withAgentSecret(deployOf(drivers, operation).steps),
    undo: (operation) => (isMachineUntouched(operation) ? [] : undo),
    async ended(trx, operation) {
      if (operation.state === 'done') return writeServerActive(trx, operation, begin);
      const isDeleted = await wantsDeletion(trx, operation);
      if (!isDeleted) await failServer(trx, operation, {});
      await processEvent(trx, operation.node_uuid, 'fail', { last_error: failureReport(operation) });
      return isDeleted ? [await beginDeletion(trx, operation, begin)] : [];
    },
  };
}

/** A server may be deleted during another operation, which is then aborted and followed by the deletion. */
export async function wantsDeletion(trx: Store, operation: Operation): Promise<boolean> {
  const server = operation.server_id ? await trx.servers.find({ id: operation.server_id }) : undefined;
  return server?.task_state === 'deleting';
}

/** @param former the operation that ends and hands the node over, if any */
export async function beginDeletion(
  trx: Store,
  former: Pick<Operation, 'node_uuid' | 'server_id'> & { id?: string },
  begin: BeginOperation,
): Promise<Operation> {
  const { node_uuid, server_id } = former;
  await processEvent(trx, node_uuid, 'deleted', { target_provision_state: 'available', last_error: null });
  const server = await trx.servers.find({ id: server_id ?? '' });
  const deployed = await trx.operations.list(
    { server_id: server_id ?? '', kind: ['deploy', 'rebuild'] },
    { orderBy: 'created_at', descending: true, limit: 1 },
  );
  // Clean up with the interfaces that were used for the deployment.
  const { deploy_interface, boot_interface } = deployed[0]?.request ?? {};
  const request = { ...(deploy_interface && { deploy_interface }), ...(boot_interface && { boot_interface }) };
  return begin(
    trx,
    { kind: 'delete', purpose: `delete server ${server?.name}`, node_uuid, server_id, request },
    former.id ?? null,
  );
}

export function deleteDefinition({ store, drivers, consoles, begin }: DefinitionParts): OperationDefinition {
  const steps = [releaseStep(drivers), powerOffIfPossible, clearConsoleStep(consoles), withdrawBootFiles, unbindPortsStep(store)];
  return {
    steps: () => steps,
    undo: () => [],
    async ended(trx, operation) {
      if (operation.state === 'failed') {
        await failServer(trx, operation, {});
        await processEvent(trx, operation.node_uuid, 'fail', { last_error: failureReport(operation) });
        return [];
      }
      await writeServerDeleted(trx, operation.server_id);
      await trx.nodes.update({ uuid: operation.node_uuid }, { instance_uuid: null, instance_info: {} });
      return [await beginCleaning(trx, operation, begin)];
    },
  };
}

async function writeServerActive(trx: Store, operation: Operation, begin: BeginOperation): Promise<Operation[]> {
  // The deletion was requested too late to abort this operation.
  if (await wantsDeletion(trx, operation)) return [await beginDeletion(trx, operation, begin)];
  const now = new Date().toISOString();
  await trx.servers.update(
    { id: operation.server_id ?? '' },
    { vm_state: 'active', task_state: null, fault: null, launched_at: now, updated_at: now },
  );
  await processEvent(trx, operation.node_uuid, 'done', { failures: 0, last_error: null, power_state: 'power on' });
  return [];
}

/** Faults that would occur on any node: they do not count against this one. */
const notTheNodes: ReadonlySet<FaultCode | undefined> = new Set([
  ...(['cancelled', 'checksumMismatch', 'preparedImageDamaged', 'imageUnusable', 'imageNotBootable', 'agentOutdated'] as const),
  ...(['notConfined', 'noSpace', 'stateFolder', 'internal'] as const),
]);

/**
 * Makes the node usable again. Unless its disk is known to hold no tenant data, it goes through cleaning, which makes
 * it available or, on failure, takes it out of service with the cause.
 */
async function writeDeployFailure(trx: Store, operation: Operation, begin: BeginOperation): Promise<Operation[]> {
  const server = await trx.servers.find({ id: operation.server_id ?? '' });
  if (server?.task_state === 'deleting') await writeServerDeleted(trx, server.id);
  else await failServer(trx, operation, { node_uuid: null });
  const node = await trx.nodes.find({ uuid: operation.node_uuid });
  const wasCancelled = operation.fault?.code === 'cancelled';
  await processEvent(trx, operation.node_uuid, 'fail', {
    instance_uuid: null,
    instance_info: {},
    failures: (node?.failures ?? 0) + (notTheNodes.has(operation.fault?.code) ? 0 : 1),
    last_error: wasCancelled ? null : failureReport(operation),
  });
  if (!isDiskUntouched(operation)) return [await beginCleaning(trx, operation, begin)];
  await processEvent(trx, operation.node_uuid, 'release', { must_clean: false });
  return [];
}

/** Cleaning takes over the lock of the operation that ends, so the node is never free in between. */
async function beginCleaning(trx: Store, former: Operation, begin: BeginOperation): Promise<Operation> {
  const node = await trx.nodes.find({ uuid: former.node_uuid });
  await processEvent(trx, former.node_uuid, 'clean', { target_provision_state: 'available' });
  const request = {
    kind: 'clean',
    purpose: `clean node ${node?.name ?? former.node_uuid}`,
    node_uuid: former.node_uuid,
    server_id: null,
    request: { target: 'available', boot_interface: node?.boot_interface ?? 'ipxe' },
  } as const;
  return begin(trx, request, former.id);
}

export async function writeServerDeleted(trx: Store, serverId: string | null): Promise<void> {
  const now = new Date().toISOString();
  await trx.servers.update(
    { id: serverId ?? '' },
    {
      vm_state: 'deleted',
      task_state: null,
      node_uuid: null,
      terminated_at: now,
      updated_at: now,
      // The row is kept permanently, so large columns are cleared.
      user_data: null,
      personality: [],
      metadata: {},
      public_key: null,
      console_log: null,
    },
  );
}

async function failServer(trx: Store, operation: Operation, patch: Partial<Server>): Promise<void> {
  const now = new Date().toISOString();
  const [node] = await trx.nodes.pick(['uuid', 'name'], { uuid: operation.node_uuid });
  const console = consoleTailOf(operation).join('\n');
  const fault = operation.fault && { ...operation.fault, at: now, ...(node && { node }), ...(console && { console }) };
  await trx.servers.update(
    { id: operation.server_id ?? '' },
    { ...patch, vm_state: 'error', task_state: null, fault, updated_at: now },
  );
}

/** Applies an engine event to a node's provision state; a wait state counts as its working state. */
export async function processEvent(trx: Store, uuid: string, event: string, patch: Partial<Node>): Promise<void> {
  const node = await trx.nodes.find({ uuid });
  if (!node) return;
  const state =
    nextState(node.provision_state, event) ?? nextState(nextState(node.provision_state, 'resume') ?? node.provision_state, event);
  const now = new Date().toISOString();
  const moved = state && { provision_state: state, target_provision_state: null, provision_updated_at: now };
  await trx.nodes.update({ uuid }, { ...moved, updated_at: now, ...patch });
}
