/** Cleaning: erases a tenant's data from the disks before anyone else gets the machine. */
import { type Static, Type } from 'typebox';
import { CleanResult } from '#agent-protocol/messages.ts';
import { Fault } from '#domain/faults.ts';
import type { Step } from '#drivers/interfaces.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import type { Store } from '#store/store.ts';
import type { Operation } from '#store/tables/operations.ts';
import { type BaseContext, fits, type OperationWith } from '../worker/base-context.ts';
import { defineOperation, type EndParts, newOperation, type OperationParts } from '../worker/define-operation.ts';
import { failureReport, failureText } from '../worker/last-error.ts';
import type { ProvisionStateMachine } from '../worker/provision-state-machine.ts';
import { isCleanedFirst } from './automated-cleaning.ts';
import { AskedSteps, CleanContext, isErase, isFlashing, outOfBandSteps, readCleanSteps } from './clean-steps.ts';
import { disksOf, expectAllErased } from './known-disks.ts';
import { bootRamdiskSteps, keepConsoleStep, next, powerOff, withAgentSecret, withdrawBootFiles } from './machine-steps.ts';
import { outOfMaintenance } from './plain-verbs.ts';

const eraseDisks = (deadlineSeconds: number): Step => ({
  name: 'erase disks',
  title: 'Erase the disks',
  deadlineSeconds,
  phase: 'image',
  async run(task) {
    const reply = await task.agent.ask('clean', {});
    if (!reply) return { wait: 'the ramdisk to erase the disks' };
    if (!reply.ok) throw new Fault('agentFailed', { command: 'erase the disks', detail: reply.error });
    if (!fits(CleanResult, reply.result))
      throw new Fault('agentFailed', { command: 'erase the disks', detail: 'its report cannot be understood' });
    const { disks } = reply.result;
    for (const disk of disks) {
      task.note('erase disks', `${disk.device}: ${disk.method} of ${disk.size_bytes} bytes in ${disk.seconds} s`, disk);
    }
    expectAllErased(
      task.node,
      disks.map(({ device }) => device),
    );
    return next;
  },
});

const nothingToErase = simpleStep({ name: 'erase disks', title: 'Erase the disks', deadlineSeconds: 60 }, async (task) =>
  task.note('erase disks', 'fake hardware has no disk: nothing to erase'),
);

const CleanRequest = Type.Object({
  /** The provision state after it; absent in rows of former versions. */
  target: Type.Optional(Type.Union([Type.Literal('available'), Type.Literal('manageable')])),
  clean_steps: Type.Optional(AskedSteps),
});
type CleanRequest = Static<typeof CleanRequest>;

/** The start of the failure's text in `last_error`. */
const failure = 'Cleaning';

export const clean = defineOperation({
  kind: 'clean',
  request: CleanRequest,
  context: CleanContext,
  verbs: [
    {
      name: 'clean',
      since: 15,
      from: ['manageable'],
      to: 'cleaning',
      target: 'manageable',
      requires: 'clean_steps',
      patch: { last_error: null },
      request: (node, { drivers, clean_steps = [] }) => ({
        target: 'manageable' as const,
        boot_interface: node.boot_interface,
        clean_steps: readCleanSteps(drivers, node, clean_steps),
      }),
    },
    {
      name: 'provide',
      since: 4,
      from: ['manageable'],
      to: 'cleaning',
      target: 'available',
      patch: { last_error: null },
      when: isCleanedFirst,
      request: ({ boot_interface }) => ({ target: 'available' as const, boot_interface }),
    },
  ],
  transitions: [
    { from: 'cleaning', event: 'wait', to: 'clean wait' },
    { from: 'clean wait', event: 'resume', to: 'cleaning' },
    { from: 'cleaning', event: 'done', to: 'available' },
    { from: 'cleaning', event: 'cleaned-by-hand', to: 'manageable' },
    { from: 'cleaning', event: 'fail', to: 'clean failed' },
    { from: 'clean wait', event: 'fail', to: 'clean failed' },
  ],
  failure,
  shownAs: { ironic: { step: 'clean_step' }, nova: { action: () => 'clean' } },
  steps({ request }, parts) {
    const erase = parts.drivers.boot[request.boot_interface ?? '']?.simulated
      ? [powerOff, nothingToErase]
      : withAgentSecret(eraseByRamdisk(parts));
    return [...outOfBandSteps(parts, request.clean_steps ?? []), ...(erasesDisks(request) ? erase : [])];
  },
  // A machine whose firmware is being written must stay powered.
  undo: ({ request, context }, parts) =>
    erasesDisks(request) ? [keepConsoleStep(parts), ...(isFlashing(context) ? [] : [powerOff]), withdrawBootFiles] : [],
  async ended(trx, operation, { states }) {
    await (operation.state === 'done' ? writeCleaned(trx, operation, states) : writeFailure(trx, operation, states));
    return [];
  },
});

function eraseByRamdisk({ consoles, settings }: OperationParts): readonly Step[] {
  return [
    ...bootRamdiskSteps({ consoles, settings }),
    eraseDisks(settings['clean.timeout']),
    { ...powerOff, formerName: 'power off again' },
    withdrawBootFiles,
  ];
}

/** No specific steps requested: a full cleaning. */
function erasesDisks({ clean_steps: asked = [] }: CleanRequest): boolean {
  return asked.length === 0 || asked.some(isErase);
}

/** Cleaning takes over the lock of the operation that ends, so the node is never free in between. */
export async function beginCleaning(
  trx: Store,
  former: Pick<Operation, 'id' | 'node_uuid'>,
  { states, begin }: Pick<EndParts, 'states' | 'begin'>,
): Promise<Operation> {
  const { id, node_uuid } = former;
  const node = await trx.nodes.find({ uuid: node_uuid });
  await states.apply(trx, node_uuid, 'clean', { target_provision_state: 'available' });
  const purpose = `clean node ${node?.name ?? node_uuid}`;
  const request = { target: 'available', boot_interface: node?.boot_interface ?? 'ipxe' } as const;
  return begin(trx, newOperation(clean, { purpose, node_uuid, request }), id);
}

const cleanFailure = 'clean failure';
const disksMayHoldData =
  "Its disks may still hold a tenant's data. Correct the cause, then run `manage` and `provide`, which cleans it first.";

type Ended = OperationWith<CleanRequest, BaseContext>;

async function writeCleaned(trx: Store, { node_uuid, request }: Ended, states: ProvisionStateMachine): Promise<void> {
  const node = await trx.nodes.find({ uuid: node_uuid });
  if (!node) return;
  const byHand = request.target === 'manageable';
  // It belongs to the instance that was erased; a deployment that failed keeps it until then.
  if (erasesDisks(request)) await trx.config_drives.remove({ id: node_uuid });
  // A retired node gets no further instance.
  await states.apply(trx, node_uuid, byHand || node.retired ? 'cleaned-by-hand' : 'done', {
    ...(erasesDisks(request) && {
      power_state: 'power off' as const,
      must_clean: false,
      known_disks: disksOf(node.inventory),
    }),
    // Maintenance set by an operator is kept.
    ...(byHand && { last_error: null, ...(node.fault === cleanFailure && outOfMaintenance) }),
  });
}

async function writeFailure(trx: Store, operation: Ended, states: ProvisionStateMachine): Promise<void> {
  const node = await trx.nodes.find({ uuid: operation.node_uuid });
  if (!node) return;
  await states.apply(trx, node.uuid, 'fail', {
    maintenance: true,
    maintenance_reason: [
      // An operator had set maintenance for other reasons, possibly during the cleaning.
      ...(node.maintenance && node.fault !== cleanFailure && node.maintenance_reason ? [node.maintenance_reason] : []),
      `${failureText(operation, failure)} ${erasesDisks(operation.request) ? disksMayHoldData : 'Correct the cause, then run `manage`.'}`,
    ].join(' '),
    fault: cleanFailure,
    last_error: failureReport(operation, failure),
  });
}
