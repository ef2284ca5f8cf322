/**
 * Inspection by the node's inspect interface. By `agent` the machine boots the ramdisk, whose agent reports the hardware;
 * by another one the BMC is asked, and the machine is not switched. The properties that the scheduler uses are filled in
 * where the operator has given none, and the inspection rules are applied.
 */
import { Type } from 'typebox';
import { asFault, Fault } from '#domain/faults.ts';
import type { Step } from '#drivers/interfaces.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import { rootDeviceOf } from '#drivers/root-device.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import { defineOperation, type OperationParts } from '../worker/define-operation.ts';
import { failureReport } from '../worker/last-error.ts';
import { interfaceOf } from '../worker/task.ts';
import { bmcStep } from './bmc-steps.ts';
import { type Reporter, resultOfInspection } from './inspection-result.ts';
import { bootRamdiskSteps, keepConsoleStep, powerOff, withAgentSecret, withdrawBootFiles } from './machine-steps.ts';
import { outOfMaintenance } from './plain-verbs.ts';

const failure = 'Inspection';

export const inspect = defineOperation({
  kind: 'inspect',
  forbiddenBy: ['power', 'all'],
  // Absent in rows of earlier versions: `agent`.
  request: Type.Object({ inspect_interface: Type.Optional(Type.String()) }),
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
      request(node, { drivers }) {
        // Invalid hints are refused here: at the end they would keep the operation from ending.
        rootDeviceOf(node);
        if (interfaceOf(drivers.inspect, node.inspect_interface).unsupported) throw lacking(node);
        return { boot_interface: node.boot_interface, inspect_interface: node.inspect_interface };
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
  steps({ request }, parts) {
    const way = wayOf(request, parts);
    if (way === 'none') return [nothingToInspect];
    if (way === 'bmc') return [askHardware(parts), rulesStep(parts, way)];
    return withAgentSecret([...bootRamdiskSteps(parts), powerOff, withdrawBootFiles, rulesStep(parts, way)]);
  },
  undo: ({ request }, parts) => (wayOf(request, parts) === 'agent' ? [keepConsoleStep(parts), powerOff, withdrawBootFiles] : []),
  async ended(trx, operation, parts) {
    const { states } = parts;
    const way = wayOf(operation.request, parts);
    const node = await trx.nodes.find({ uuid: operation.node_uuid });
    if (!node) return [];
    if (operation.state === 'done' && way === 'none') {
      await states.apply(trx, node.uuid, 'done', { last_error: null, inspection_finished_at: new Date().toISOString() });
    } else if (operation.state === 'done') {
      await writeResult(trx, node, { ...parts, by: way === 'bmc' ? 'bmc' : 'agent' });
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

type Request = { readonly boot_interface?: string | undefined; readonly inspect_interface?: string | undefined };

/** Who reports the hardware; a simulated machine has no agent. */
function wayOf({ boot_interface = '', inspect_interface = 'agent' }: Request, { drivers }: OperationParts): Reporter | 'none' {
  if (drivers.inspect[inspect_interface]?.readHardware) return 'bmc';
  return drivers.boot[boot_interface]?.simulated ? 'none' : 'agent';
}

function lacking({ name, uuid, driver }: Node): Fault {
  return new Fault('unsupportedByHardware', { node: name ?? uuid, driver, what: 'inspection' });
}

/** A machine with many parts is hundreds of requests, one after the other. */
const askSeconds = 900;

function askHardware(parts: OperationParts): Step {
  const named = { name: 'read hardware', title: 'Ask the BMC for the hardware', deadlineSeconds: askSeconds, powerChanges: 0 };
  return bmcStep(parts, { ...named, keepsMachine: true, keepsDisk: true }, async ({ node, signal, note }) => {
    const { readHardware } = interfaceOf(parts.drivers.inspect, node.inspect_interface);
    if (!readHardware) throw lacking(node);
    const found_hardware = await readHardware(node, { signal, notice: (message) => note('inspection', message) });
    await parts.store.nodes.update({ uuid: node.uuid }, { found_hardware });
  });
}

const nothingToInspect = simpleStep({ name: 'inspect', title: 'Inspect', deadlineSeconds: 60 }, async (task) =>
  task.note('inspect', 'fake hardware has no agent: nothing is reported'),
);

/** Tells whether the rules can be applied, and what they say; `ended` writes their result. */
function rulesStep(parts: OperationParts, by: Reporter) {
  return simpleStep(
    { name: 'apply inspection rules', title: 'Apply the inspection rules', deadlineSeconds: 60 },
    async (task) => {
      const node = await parts.store.nodes.find({ uuid: task.node.uuid });
      const { messages } = node ? await resultOfInspection(parts, node, by) : { messages: [] };
      for (const message of messages) task.note('inspection rule', message);
    },
  );
}

type Writing = Pick<OperationParts, 'states' | 'settings' | 'builtInRules'> & { readonly by: Reporter };

async function writeResult(trx: Store, node: Node, { states, settings, builtInRules, by }: Writing): Promise<void> {
  const inspection_finished_at = new Date().toISOString();
  try {
    const { node: changes, ports, added, removed } = await resultOfInspection({ store: trx, settings, builtInRules }, node, by);
    for (const { uuid, changes: each } of ports)
      await trx.node_ports.update({ uuid }, { ...each, updated_at: inspection_finished_at });
    for (const { uuid } of removed) await trx.node_ports.remove({ uuid });
    for (const port of added) await trx.node_ports.insert(port);
    await states.apply(trx, node.uuid, 'done', { ...changes, last_error: null, inspection_finished_at });
  } catch (error) {
    // A rule or the node has changed since the step.
    const fault = asFault(error);
    if (fault.code !== 'inspectionRule' && fault.code !== 'inspectionIncomplete') throw error;
    await states.apply(trx, node.uuid, 'fail', { target_provision_state: 'manageable', last_error: fault.message });
  }
}
