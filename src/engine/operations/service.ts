/**
 * Servicing: steps on the machine of a server or of another instance. Nothing is written to its disks, and at the end its
 * power is what it was before.
 */
import { type Static, Type } from 'typebox';
import type { Step } from '#drivers/interfaces.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { BaseContext, OperationWith } from '../worker/base-context.ts';
import { defineOperation, type EndParts, type VerbArguments } from '../worker/define-operation.ts';
import { abortText, failureReport, failureText } from '../worker/last-error.ts';
import type { ProvisionStateMachine } from '../worker/provision-state-machine.ts';
import { readSteps } from './asked-steps.ts';
import { endOnChildren } from './child-nodes.ts';
import { beginDeletion } from './delete.ts';
import { NodeSteps, StepContext, stepsOf } from './node-steps.ts';
import { PowerStateSchema } from './power.ts';

const ServiceRequest = Type.Object({
  steps: NodeSteps,
  /** It takes the place of one that was held: the power state before that. */
  power_before: Type.Optional(PowerStateSchema),
});
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
      request: requestOf,
    },
    {
      ...{ name: 'service', since: 87, from: ['service hold'], to: 'servicing', target: 'active', acts: 'replace' },
      ...{ requires: 'service_steps', notInMaintenance: 'service', keepsInstance: true },
      request: requestOf,
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
  steps: ({ request }, parts) => [readPower(request), ...stepsOf(parts, request.steps, { use: 'service' }), restorePower],
  // What takes its place restores the power at its end.
  undo: ({ request, context }, parts) => [...endOnChildren(parts, request.steps), ...(context.instead ? [] : [restorePower])],
  async ended(trx, operation, parts) {
    const { states } = parts;
    if (await isDeleted(trx, operation)) return [await deleteInstance(trx, operation, parts)];
    if (isReplaced(operation)) return [await beginInstead(trx, operation, parts)];
    if (operation.state === 'done') await states.apply(trx, operation.node_uuid, 'done', { last_error: null });
    else await writeFailure(trx, operation, states);
    return [];
  },
});

function requestOf(node: Node, { steps, ...about }: VerbArguments): Static<typeof ServiceRequest> {
  return { steps: readSteps({ ...about, node, use: 'service' }, steps) };
}

const readPower = ({ power_before: known }: Static<typeof ServiceRequest>): ServiceStep => ({
  name: 'read power',
  title: 'Read the power state',
  deadlineSeconds: 120,
  powerChanges: 0,
  async run(task) {
    return { next: true, context: { power_before: task.context.power_before ?? known ?? (await task.power.get()) } };
  },
});

const restorePower = simpleStep<ServiceContext>(
  { name: 'restore power', title: 'Restore the power state', deadlineSeconds: 240, powerChanges: 1 },
  async ({ context, power }) => {
    if (context.power_before !== undefined) await power.set(context.power_before);
  },
);

type Ended = OperationWith<Static<typeof ServiceRequest>, BaseContext & Partial<ServiceContext>>;

/** The deletion of the instance was requested during a wait. */
async function isDeleted(trx: Store, { node_uuid }: Ended): Promise<boolean> {
  const [node] = await trx.nodes.pick(['instance_uuid', 'target_provision_state'], { uuid: node_uuid });
  if (!node) return false;
  if (node.target_provision_state === 'available') return true;
  return (await trx.servers.find({ id: node.instance_uuid ?? '' }))?.task_state === 'deleting';
}

async function deleteInstance(trx: Store, { id, node_uuid }: Ended, parts: EndParts): Promise<Operation> {
  const [node] = await trx.nodes.pick(['instance_uuid'], { uuid: node_uuid });
  const server = await trx.servers.find({ id: node?.instance_uuid ?? '' });
  await parts.states.apply(trx, node_uuid, 'fail');
  return beginDeletion(trx, { id, node_uuid, server_id: server?.id ?? null }, parts);
}

/** An abort after it takes effect; a defect ends it like any other operation. */
function isReplaced({ fault, context }: Ended): boolean {
  return context.instead !== undefined && fault?.code === 'cancelled';
}

async function beginInstead(trx: Store, { id, purpose, node_uuid, context }: Ended, { states, begin }: EndParts) {
  const { instead, power_before } = context;
  const request = { ...instead, ...(power_before && { power_before }) };
  await states.apply(trx, node_uuid, 'service', { target_provision_state: 'active', last_error: null });
  // Its row is checked when it begins.
  return begin(trx, { kind: 'service', purpose, node_uuid, server_id: null, request }, id);
}

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
