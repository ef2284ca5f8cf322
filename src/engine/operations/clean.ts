/** Cleaning: erases a tenant's data from the disks before anyone else gets the machine. */
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';
import { findNode } from '../nodes/find-node.ts';
import { releaseHeld } from '../servers/held-addresses.ts';
import type { BaseContext, OperationWith } from '../worker/base-context.ts';
import { defineOperation, type EndParts, newOperation } from '../worker/define-operation.ts';
import { abortText, failureReport, failureText } from '../worker/last-error.ts';
import type { ProvisionStateMachine } from '../worker/provision-state-machine.ts';
import { readSteps } from './asked-steps.ts';
import { isCleanedFirst } from './automated-cleaning.ts';
import { automaticSteps } from './automatic-steps.ts';
import { endOnChildren } from './child-nodes.ts';
import { cleaningSteps, refusalOf } from './cleaning-steps.ts';
import { disksOf } from './known-disks.ts';
import { keepConsoleStep, powerOff, withdrawBootFiles } from './machine-steps.ts';
import { isByAgent, isErase, NodeStep, NodeSteps, StepContext, stepsOf } from './node-steps.ts';
import { outOfMaintenance } from './plain-verbs.ts';

/** As rows of former versions have them: those that need no ramdisk are executed first. */
const FormerSteps = Type.Array(Type.Omit(NodeStep, ['priority']), { maxItems: 100 });

const CleanRequest = Type.Object({
  /** The provision state after it; absent in rows of former versions. */
  target: Type.Optional(Type.Union([Type.Literal('available'), Type.Literal('manageable')])),
  clean_steps: Type.Optional(FormerSteps),
  /** In the order of their execution. */
  steps: Type.Optional(NodeSteps),
});
type CleanRequest = Static<typeof CleanRequest>;

/** The start of the failure's text in `last_error`. */
const failure = 'Cleaning';

export const clean = defineOperation({
  kind: 'clean',
  request: CleanRequest,
  context: StepContext,
  verbs: [
    {
      name: 'clean',
      since: 15,
      from: ['manageable'],
      to: 'cleaning',
      target: 'manageable',
      requires: 'clean_steps',
      notInMaintenance: 'cleaning',
      patch: { last_error: null },
      request: (node, { drivers, settings, steps, disableRamdisk, children }) => ({
        target: 'manageable' as const,
        boot_interface: node.boot_interface,
        steps: steps
          ? readSteps({ drivers, settings, node, use: 'clean', disableRamdisk, children }, steps)
          : automaticSteps({ drivers, settings, node }),
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
      request: async (node, { trx, drivers, settings }) => ({
        target: 'available' as const,
        boot_interface: node.boot_interface,
        steps: await cleaningSteps(trx, { drivers, settings, node }),
      }),
    },
    { name: 'unhold', since: 85, from: ['clean hold'], to: 'clean wait', acts: 'unhold' },
    { name: 'abort', since: 13, from: ['clean wait', 'clean hold'], to: 'clean failed', acts: 'cancel' },
  ],
  transitions: [
    { from: 'cleaning', event: 'wait', to: 'clean wait' },
    { from: 'clean wait', event: 'resume', to: 'cleaning' },
    { from: 'cleaning', event: 'hold', to: 'clean hold' },
    { from: 'clean hold', event: 'resume', to: 'cleaning' },
    { from: 'clean hold', event: 'fail', to: 'clean failed' },
    { from: 'cleaning', event: 'done', to: 'available' },
    { from: 'cleaning', event: 'cleaned-by-hand', to: 'manageable' },
    { from: 'cleaning', event: 'fail', to: 'clean failed' },
    { from: 'clean wait', event: 'fail', to: 'clean failed' },
  ],
  failure,
  abortedAs: 'clean',
  shownAs: { ironic: { step: 'clean_step' }, nova: { action: () => 'clean' } },
  steps: ({ request }, parts) => stepsOf(parts, orderOf(request), { use: 'clean', boot_interface: request.boot_interface }),
  undo: ({ request }, parts) => [
    ...endOnChildren(parts, orderOf(request)),
    ...(orderOf(request).some((step) => isByAgent(parts.drivers, step))
      ? [keepConsoleStep(parts), powerOff, withdrawBootFiles]
      : []),
  ],
  async ended(trx, operation, { states }) {
    await (operation.state === 'done' ? writeCleaned(trx, operation, states) : writeFailure(trx, operation, states));
    return [];
  },
});

/** A row of former versions that names no steps is a full cleaning. */
function orderOf({ steps, clean_steps: former = [] }: CleanRequest): readonly NodeStep[] {
  if (steps) return steps;
  const erase = { interface: 'deploy', step: 'erase_devices' };
  const others = former
    .filter((step) => !isErase(step))
    .map(({ interface: slot, step, args = {} }) => ({ interface: slot, step, args }));
  return former.length === 0 || former.some(isErase) ? [...others, erase] : others;
}

function erasesDisks(request: CleanRequest): boolean {
  return orderOf(request).some(isErase);
}

/** The disks that were erased are those of the former RAID. */
function changesRaid(request: CleanRequest): boolean {
  return orderOf(request).some(({ raid }) => raid?.is_erased);
}

/**
 * Cleaning takes over the lock of the operation that ends, so the node is never free in between.
 * @returns undefined if there are no steps by which the node can be cleaned: it is where a failed cleaning leaves it
 */
export async function beginCleaning(
  trx: Store,
  former: Pick<Operation, 'id' | 'node_uuid'>,
  { states, begin, drivers, settings }: Pick<EndParts, 'states' | 'begin' | 'drivers' | 'settings'>,
): Promise<Operation | undefined> {
  const { id, node_uuid } = former;
  const node = await findNode(trx, node_uuid);
  await states.apply(trx, node_uuid, 'clean', { target_provision_state: 'available' });
  const purpose = `clean node ${node.name ?? node_uuid}`;
  const found = await cleaningSteps(trx, { drivers, settings, node }).then((steps) => ({ steps }), refusalOf);
  if (found instanceof Fault) {
    const reason = failureText({ fault: found.toRecord('choose the steps') }, failure);
    await writeUncleaned(trx, node, { states, reason: String(reason) });
    await trx.nodes.update({ uuid: node_uuid }, { last_error: reason });
    return undefined;
  }
  const request = { target: 'available', boot_interface: node.boot_interface, ...found } as const;
  return begin(trx, newOperation(clean, { purpose, node_uuid, request }), id);
}

const cleanFailure = 'clean failure';
const disksMayHoldData =
  "Its disks may still hold a tenant's data. Correct the cause, then run `manage` and `provide`, which cleans it first.";

/** After a failed deployment, whose machine must be left as it is: the node is where a failed cleaning leaves it. */
export async function leaveUncleaned(
  trx: Store,
  { node_uuid, fault }: Pick<Operation, 'node_uuid' | 'fault'>,
  { states, why }: { states: ProvisionStateMachine; why: string },
): Promise<void> {
  const node = await findNode(trx, node_uuid);
  await states.apply(trx, node_uuid, 'clean', { target_provision_state: 'available' });
  await writeUncleaned(trx, node, { states, reason: `${failureText({ fault }, 'Deploy')} ${why}` });
}

type Uncleaned = { states: ProvisionStateMachine; reason: string };

async function writeUncleaned(trx: Store, node: Node, { states, reason }: Uncleaned): Promise<void> {
  await states.apply(trx, node.uuid, 'fail', {
    maintenance: true,
    maintenance_reason: [
      ...(node.maintenance && node.maintenance_reason ? [node.maintenance_reason] : []),
      `${reason} ${disksMayHoldData}`,
    ].join(' '),
    fault: cleanFailure,
  });
}

type Ended = OperationWith<CleanRequest, BaseContext>;

async function writeCleaned(trx: Store, { node_uuid, request }: Ended, states: ProvisionStateMachine): Promise<void> {
  const node = await trx.nodes.find({ uuid: node_uuid });
  if (!node) return;
  const byHand = request.target === 'manageable';
  // It belongs to the instance that was erased; a deployment that failed keeps it until then.
  if (erasesDisks(request)) await trx.config_drives.remove({ id: node_uuid });
  // A retired node gets no further instance.
  await states.apply(trx, node_uuid, byHand || node.retired ? 'cleaned-by-hand' : 'done', {
    ...(erasesDisks(request) && { must_clean: false, known_disks: changesRaid(request) ? [] : disksOf(node.inventory) }),
    // Maintenance set by an operator is kept.
    ...(byHand && { last_error: null, ...(node.fault === cleanFailure && outOfMaintenance) }),
  });
  if (erasesDisks(request)) await releaseHeld(trx, { node_uuid }, 'the machine was cleaned');
}

async function writeFailure(trx: Store, operation: Ended, states: ProvisionStateMachine): Promise<void> {
  const node = await trx.nodes.find({ uuid: operation.node_uuid });
  if (!node) return;
  if (operation.fault?.code === 'cancelled') {
    await states.apply(trx, node.uuid, 'fail', { last_error: abortText(operation, 'clean') });
    return;
  }
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
