/**
 * In-band inspection, as by Ironic's inspect interface `agent`: the machine boots the ramdisk, whose agent reports the
 * hardware; the properties that the scheduler uses are filled in where the operator has given none, and the inspection
 * rules are applied.
 */
import { Type } from 'typebox';
import { asFault } from '#domain/faults.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import { rootDeviceOf } from '#drivers/root-device.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import { defineOperation, type OperationParts } from '../worker/define-operation.ts';
import { failureReport } from '../worker/last-error.ts';
import { resultOfInspection } from './inspection-result.ts';
import { bootRamdiskSteps, keepConsoleStep, powerOff, withAgentSecret, withdrawBootFiles } from './machine-steps.ts';
import { outOfMaintenance } from './plain-verbs.ts';

const failure = 'Inspection';

export const inspect = defineOperation({
  kind: 'inspect',
  forbiddenBy: ['power', 'all'],
  request: Type.Object({}),
  context: Type.Object({}),
  verbs: [
    {
      name: 'inspect',
      since: 6,
      from: ['manageable', 'inspect failed'],
      to: 'inspecting',
      target: 'manageable',
      patch: { last_error: null, inspection_finished_at: null },
      begins: 'inspection_started_at',
      request(node) {
        // Invalid hints are refused here: at the end they would keep the operation from ending.
        rootDeviceOf(node);
        return { boot_interface: node.boot_interface };
      },
    },
    { name: 'manage', since: 4, from: ['inspect failed'], to: 'manageable', patch: outOfMaintenance },
    { name: 'abort', since: 41, from: ['inspect wait'], to: 'inspect failed', acts: 'cancel' },
  ],
  transitions: [
    { from: 'inspecting', event: 'wait', to: 'inspect wait' },
    { from: 'inspect wait', event: 'resume', to: 'inspecting' },
    { from: 'inspecting', event: 'done', to: 'manageable' },
    { from: 'inspecting', event: 'fail', to: 'inspect failed' },
    { from: 'inspect wait', event: 'fail', to: 'inspect failed' },
  ],
  failure,
  shownAs: { ironic: {}, nova: { action: () => 'inspect' } },
  steps: ({ request }, parts) =>
    parts.drivers.boot[request.boot_interface ?? '']?.simulated
      ? [nothingToInspect]
      : withAgentSecret([...bootRamdiskSteps(parts), powerOff, withdrawBootFiles, rulesStep(parts)]),
  undo: ({ request }, parts) =>
    parts.drivers.boot[request.boot_interface ?? '']?.simulated ? [] : [keepConsoleStep(parts), powerOff, withdrawBootFiles],
  async ended(trx, operation, { states, drivers }) {
    const node = await trx.nodes.find({ uuid: operation.node_uuid });
    if (!node) return [];
    if (operation.state === 'done' && drivers.boot[operation.request.boot_interface ?? '']?.simulated) {
      await states.apply(trx, node.uuid, 'done', { last_error: null, inspection_finished_at: new Date().toISOString() });
    } else if (operation.state === 'done') {
      await writeResult(trx, node, states);
    } else {
      const wasAborted = operation.fault?.code === 'cancelled';
      await states.apply(trx, node.uuid, 'fail', {
        // As in Ironic, where the node can be inspected again to get there.
        target_provision_state: 'manageable',
        last_error: wasAborted ? 'Inspection was aborted by request.' : failureReport(operation, failure),
      });
    }
    return [];
  },
});

const nothingToInspect = simpleStep({ name: 'inspect', title: 'Inspect', deadlineSeconds: 60 }, async (task) =>
  task.note('inspect', 'fake hardware has no agent: nothing is reported'),
);

/** Tells whether the rules can be applied, and what they say; `ended` writes their result. */
function rulesStep({ store }: Pick<OperationParts, 'store'>) {
  return simpleStep(
    { name: 'apply inspection rules', title: 'Apply the inspection rules', deadlineSeconds: 60 },
    async (task) => {
      const node = await store.nodes.find({ uuid: task.node.uuid });
      const { messages } = node ? await resultOfInspection(store, node) : { messages: [] };
      for (const message of messages) task.note('inspection rule', message);
    },
  );
}

async function writeResult(trx: Store, node: Node, states: OperationParts['states']): Promise<void> {
  const inspection_finished_at = new Date().toISOString();
  try {
    const { node: changes, ports, found } = await resultOfInspection(trx, node);
    for (const { uuid, changes: each } of ports)
      await trx.node_ports.update({ uuid }, { ...each, updated_at: inspection_finished_at });
    for (const port of found) await trx.node_ports.insert(port);
    await states.apply(trx, node.uuid, 'done', { ...changes, last_error: null, inspection_finished_at });
  } catch (error) {
    // A rule or the node has changed since the step.
    const fault = asFault(error);
    if (fault.code !== 'inspectionRule') throw error;
    await states.apply(trx, node.uuid, 'fail', { target_provision_state: 'manageable', last_error: fault.message });
  }
}
