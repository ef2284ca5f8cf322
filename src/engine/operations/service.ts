/**
 * Servicing: steps on the machine of a server or of another instance. Nothing is written to its disks, and at the end its
 * power is what it was before.
 */
import { type Static, Type } from 'typebox';
import type { Step } from '#drivers/interfaces.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import type { Store } from '#store/store.ts';
import type { BaseContext, OperationWith } from '../worker/base-context.ts';
import { defineOperation } from '../worker/define-operation.ts';
import { abortText, failureReport, failureText } from '../worker/last-error.ts';
import type { ProvisionStateMachine } from '../worker/provision-state-machine.ts';
import { readSteps } from './asked-steps.ts';
import { isFlashing, NodeSteps, StepContext, stepsOf } from './node-steps.ts';
import { PowerStateSchema } from './power.ts';

const ServiceRequest = Type.Object({ steps: NodeSteps });
const ServiceContext = Type.Object({ ...StepContext.properties, power_before: PowerStateSchema });
type ServiceContext = Static<typeof ServiceContext>;
type ServiceStep = Step<ServiceContext>;

/** The start of the failure's text in `last_error`. */
const failure = 'Servicing';

export const service = defineOperation({
  kind: 'service',
  request: ServiceRequest,
  context: ServiceContext,
  verbs: [
    {
      name: 'service',
      since: 87,
      from: ['active', 'service failed'],
      to: 'servicing',
      target: 'active',
      requires: 'service_steps',
      notInMaintenance: 'service',
      keepsInstance: true,
      patch: { last_error: null },
      request: (node, { drivers, settings, steps, disableRamdisk }) => ({
        steps: readSteps({ drivers, settings, node, use: 'service', disableRamdisk }, steps),
      }),
    },
    { name: 'unhold', since: 85, from: ['service hold'], to: 'service wait', acts: 'unhold' },
    { name: 'abort', since: 13, from: ['service wait', 'service hold'], to: 'service failed', acts: 'cancel' },
    {
      name: 'abort',
      since: 13,
      from: ['service failed'],
      to: 'active',
      patch: { last_error: 'By request, the service operation was aborted' },
    },
  ],
  transitions: [
    { from: 'servicing', event: 'wait', to: 'service wait' },
    { from: 'service wait', event: 'resume', to: 'servicing' },
    { from: 'servicing', event: 'hold', to: 'service hold' },
    { from: 'service hold', event: 'resume', to: 'servicing' },
    { from: 'servicing', event: 'done', to: 'active' },
    { from: 'servicing', event: 'aborted', to: 'active' },
    { from: 'servicing', event: 'fail', to: 'service failed' },
    { from: 'service wait', event: 'fail', to: 'service failed' },
    { from: 'service hold', event: 'fail', to: 'service failed' },
  ],
  failure,
  abortedAs: 'service',
  shownAs: { ironic: { step: 'service_step' }, nova: { action: () => 'service' } },
  steps: ({ request }, parts) => [readPower, ...stepsOf(parts, request.steps, { use: 'service' }), restorePower],
  // A machine whose firmware is being written must stay powered.
  undo: ({ context }) => (isFlashing(context) ? [] : [restorePower]),
  async ended(trx, operation, { states }) {
    if (operation.state === 'done') await states.apply(trx, operation.node_uuid, 'done', { last_error: null });
    else await writeFailure(trx, operation, states);
    return [];
  },
});

const readPower: ServiceStep = {
  name: 'read power',
  title: 'Read the power state',
  deadlineSeconds: 120,
  powerChanges: 0,
  async run(task) {
    return { next: true, context: { power_before: task.context.power_before ?? (await task.power.get()) } };
  },
};

const restorePower = simpleStep<ServiceContext>(
  { name: 'restore power', title: 'Restore the power state', deadlineSeconds: 240, powerChanges: 1 },
  async ({ context, power }) => {
    if (context.power_before !== undefined) await power.set(context.power_before);
  },
);

type Ended = OperationWith<Static<typeof ServiceRequest>, BaseContext>;

/** As in Ironic, an aborted operation leaves the node active, and one that failed leaves it in maintenance. */
async function writeFailure(trx: Store, operation: Ended, states: ProvisionStateMachine): Promise<void> {
  if (operation.fault?.code === 'cancelled') {
    await states.apply(trx, operation.node_uuid, 'aborted', { last_error: abortText(operation, 'service') });
    return;
  }
  const node = await trx.nodes.find({ uuid: operation.node_uuid });
  if (!node) return;
  const former = node.maintenance && node.maintenance_reason ? [node.maintenance_reason] : [];
  await states.apply(trx, node.uuid, 'fail', {
    maintenance: true,
    maintenance_reason: [
      ...former,
      `${failureText(operation, failure)} Correct the cause and end the maintenance, then run \`service\`, or \`abort\` to leave it.`,
    ].join(' '),
    fault: 'service failure',
    last_error: failureReport(operation, failure),
  });
}
