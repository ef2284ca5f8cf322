/** Deploys a server: the steps around those of the deploy interface, and the handling of success and failure. */
import type { Static } from 'typebox';
import type { Store } from '#store/store.ts';
import type { Operation } from '#store/tables/operations.ts';
import { releaseHeld } from '../servers/held-addresses.ts';
import type { BaseContext, BaseRequest, RunningOperation } from '../worker/base-context.ts';
import { defineOperation, type EndParts } from '../worker/define-operation.ts';
import { isDiskUntouched } from '../worker/disk-state.ts';
import { abortText, failureReport } from '../worker/last-error.ts';
import { isNeverCleaned } from './automated-cleaning.ts';
import { unleased } from './automatic-lessee.ts';
import { leaveUncleaned } from './clean.ts';
import { cleanOrRelease } from './clean-or-release.ts';
import { beginDeletion } from './delete.ts';
import { DeployRequest, deployOf, deployStepsOf, releaseStep } from './deployment.ts';
import { downloadSteps } from './downloads.ts';
import {
  bindPortsStep,
  clearConsoleStep,
  keepConsoleStep,
  mayStillRun,
  powerOff,
  unbindPortsStep,
  withAgentSecret,
  withdrawBootFiles,
} from './machine-steps.ts';
import { StepContext } from './node-steps.ts';
import { isNodesFault, tryOtherNode } from './other-node.ts';
import { failServer, serverOf, wantsDeletion, writeServerDeleted } from './server-results.ts';

/** The start of the failure's text in `last_error`. */
const failure = 'Deploy';

export const deploy = defineOperation({
  kind: 'deploy',
  request: DeployRequest,
  context: StepContext,
  verbs: [
    {
      name: 'active',
      since: 1,
      aliases: [{ name: 'deploy', since: 73 }],
      from: ['available', 'deploy failed'],
      to: 'deploying',
      target: 'active',
      acts: 'deploy-instance',
    },
    { name: 'unhold', since: 85, from: ['deploy hold'], to: 'wait call-back', acts: 'unhold' },
    { name: 'abort', since: 110, from: ['wait call-back'], to: 'deploy failed', acts: 'cancel' },
    { name: 'abort', since: 13, from: ['deploy hold'], to: 'deploy failed', acts: 'cancel' },
  ],
  transitions: [
    { from: 'deploying', event: 'wait', to: 'wait call-back' },
    { from: 'wait call-back', event: 'resume', to: 'deploying' },
    { from: 'deploying', event: 'hold', to: 'deploy hold' },
    { from: 'deploy hold', event: 'resume', to: 'deploying' },
    { from: 'deploy hold', event: 'fail', to: 'deploy failed' },
    { from: 'deploying', event: 'done', to: 'active' },
    { from: 'deploying', event: 'fail', to: 'deploy failed' },
    { from: 'wait call-back', event: 'fail', to: 'deploy failed' },
    { from: 'deploy failed', event: 'release', to: 'available' },
    { from: 'deploy failed', event: 'clean', to: 'cleaning' },
  ],
  failure,
  shownAs: { ironic: { step: 'deploy_step' }, nova: { action: () => 'create' } },
  steps: (operation, parts) =>
    withAgentSecret([
      bindPortsStep(parts, operation),
      clearConsoleStep(parts.consoles),
      ...downloadSteps(parts, operation),
      ...deployStepsOf(parts, operation.request),
    ]),
  driverContext: ({ request }, { drivers }) => deployOf(drivers, request).context,
  undo: (operation, parts) => [
    keepConsoleStep(parts, { keepsForOwner: true }),
    powerOff,
    releaseStep(parts.drivers, operation.request),
    withdrawBootFiles,
    // Otherwise the next owner could read the console record until her own deployment clears it.
    clearConsoleStep(parts.consoles),
    // An instance of Ironic's API keeps its VIFs, with which it may be deployed again, until it is deleted.
    ...(operation.request.instance ? [] : [unbindPortsStep(parts.store)]),
  ],
  ended: (trx, operation, parts) =>
    operation.state === 'done' ? writeServerActive(trx, operation, parts) : writeFailure(trx, operation, parts),
});

export async function writeServerActive(
  trx: Store,
  operation: Pick<Operation, 'id' | 'node_uuid' | 'server_id'> & { request: BaseRequest },
  parts: EndParts,
): Promise<Operation[]> {
  // The deletion was requested too late to abort this operation.
  if (await wantsDeletion(trx, operation)) return [await beginDeletion(trx, operation, parts)];
  const now = new Date().toISOString();
  await trx.servers.update(
    { id: operation.server_id ?? '' },
    { vm_state: 'active', task_state: null, fault: null, launched_at: now, updated_at: now },
  );
  const patch = { failures: 0, last_error: null, power_state: 'power on' } as const;
  await parts.states.apply(trx, operation.node_uuid, 'done', patch);
  await releaseHeld(trx, { node_uuid: operation.node_uuid }, 'the machine has another system');
  return [];
}

type Ended = Omit<RunningOperation, 'request' | 'context'> & {
  request: BaseRequest & Static<typeof DeployRequest>;
  context: BaseContext & Partial<Static<typeof StepContext>>;
};

/**
 * Makes the node usable again. Unless its disk is known to hold no tenant data, it goes through cleaning, which makes
 * it available or, on failure, takes it out of service with the cause. The server may go on with another node.
 */
async function writeFailure(trx: Store, operation: Ended, parts: EndParts): Promise<Operation[]> {
  if (operation.server_id === null) return writeInstanceFailure(trx, operation, parts);
  const node = await trx.nodes.find({ uuid: operation.node_uuid });
  const wasCancelled = operation.fault?.code === 'cancelled';
  await parts.states.apply(trx, operation.node_uuid, 'fail', {
    instance_uuid: null,
    instance_info: {},
    ...(node && unleased(node)),
    failures: (node?.failures ?? 0) + Number(isNodesFault(operation.fault)),
    last_error: wasCancelled ? null : failureReport(operation, failure),
  });
  return [...(await handBack(trx, operation, parts)), ...(await writeServerFailure(trx, operation, parts))];
}

/** @returns the cleaning */
async function handBack(trx: Store, operation: Ended, parts: EndParts): Promise<Operation[]> {
  if (isDiskUntouched(operation)) return releaseUntouched(trx, operation, parts);
  const [node] = await trx.nodes.pick(['automated_clean', 'disable_power_off'], { uuid: operation.node_uuid });
  // The next server would be given a machine on which the former one may still run.
  if (node && !node.disable_power_off && mayStillRun(operation) && isNeverCleaned(node, parts.settings)) {
    await leaveUncleaned(trx, operation, { states: parts.states, why: 'It could not be powered off.' });
    return [];
  }
  return cleanOrRelease(trx, operation, parts);
}

async function releaseUntouched(trx: Store, { node_uuid, request }: Ended, { states }: EndParts): Promise<Operation[]> {
  const [node] = await trx.nodes.pick(['retired'], { uuid: node_uuid });
  await states.apply(trx, node_uuid, node?.retired ? 'manage' : 'release', { must_clean: request.uncleaned === true });
  return [];
}

/** @returns the deployment on another node */
async function writeServerFailure(trx: Store, operation: Ended, parts: EndParts): Promise<Operation[]> {
  const server = await serverOf(trx, operation);
  if (!server) return [];
  if (server.task_state === 'deleting') {
    await writeServerDeleted(trx, server.id);
    return [];
  }
  const result = await tryOtherNode(trx, operation, { server, parts });
  if ('next' in result) return [result.next];
  await failServer(trx, operation, { node_uuid: null }, result);
  return [];
}

/**
 * The node keeps the instance, as in Ironic: its user deploys again or deletes it, which cleans the node.
 */
async function writeInstanceFailure(trx: Store, operation: Ended, parts: EndParts): Promise<Operation[]> {
  const isDeleted = await wantsDeletion(trx, operation);
  const node = await trx.nodes.find({ uuid: operation.node_uuid });
  await parts.states.apply(trx, operation.node_uuid, 'fail', {
    failures: (node?.failures ?? 0) + Number(isNodesFault(operation.fault)),
    last_error: isDeleted ? null : instanceFailure(operation),
    ...(!isDeleted && { target_provision_state: 'active' }),
  });
  return isDeleted ? [await beginDeletion(trx, operation, parts)] : [];
}

function instanceFailure(operation: Ended): string {
  return operation.fault?.code === 'cancelled' ? abortText(operation, 'deploy') : failureReport(operation, failure);
}
