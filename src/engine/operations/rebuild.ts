/**
 * Rebuilds a server on its node with another image. It keeps ports and node; after a failure both stay with the server,
 * so that it can be rebuilt again or deleted. An unusable image is rejected before the running system is powered off.
 */
import { defineOperation } from '../worker/define-operation.ts';
import { isMachineUntouched } from '../worker/disk-state.ts';
import { abortText, failureReport } from '../worker/last-error.ts';
import { beginDeletion } from './delete.ts';
import { writeServerActive } from './deploy.ts';
import { DeployRequest, deployOf, deployStepsOf, releaseStep } from './deployment.ts';
import { downloadSteps } from './downloads.ts';
import { keepConsoleStep, powerOff, withAgentSecret, withdrawBootFiles } from './machine-steps.ts';
import { StepContext } from './node-steps.ts';
import { failServer, wantsDeletion } from './server-results.ts';

export const rebuild = defineOperation({
  kind: 'rebuild',
  request: DeployRequest,
  context: StepContext,
  verbs: [
    {
      name: 'rebuild',
      since: 1,
      from: ['active', 'deploy failed', 'error'],
      to: 'rebuild',
      target: 'active',
      acts: 'deploy-instance',
    },
  ],
  transitions: [
    { from: 'rebuild', event: 'wait', to: 'wait call-back' },
    { from: 'rebuild', event: 'hold', to: 'deploy hold' },
    { from: 'rebuild', event: 'done', to: 'active' },
    { from: 'rebuild', event: 'fail', to: 'deploy failed' },
  ],
  shownAs: {
    ironic: { step: 'deploy_step' },
    nova: {
      action: () => 'rebuild',
      statuses: [{ task: 'rebuilding', status: 'REBUILD', in: ['active', 'stopped', 'error'] }],
    },
  },
  steps: (operation, parts) => withAgentSecret([...downloadSteps(parts, operation), ...deployStepsOf(parts, operation.request)]),
  driverContext: ({ request }, { drivers }) => deployOf(drivers, request).context,
  undo: (operation, parts) =>
    isMachineUntouched(operation)
      ? []
      : [keepConsoleStep(parts, { isOwn: true }), powerOff, releaseStep(parts.drivers, operation.request), withdrawBootFiles],
  async ended(trx, operation, parts) {
    if (operation.state === 'done') return writeServerActive(trx, operation, parts);
    const isDeleted = await wantsDeletion(trx, operation);
    if (!isDeleted) await failServer(trx, operation);
    const wasAborted = operation.fault?.code === 'cancelled';
    const last_error = wasAborted ? abortText(operation, 'deploy') : failureReport(operation);
    await parts.states.apply(trx, operation.node_uuid, 'fail', { last_error });
    return isDeleted ? [await beginDeletion(trx, operation, parts)] : [];
  },
});
