/**
 * In-band inspection, as by Ironic's inspect interface `agent`: the machine boots the ramdisk, whose agent reports the
 * hardware; the properties that the scheduler uses are filled in where the operator has given none.
 */
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { Inventory } from '#agent-protocol/messages.ts';
import { mismatch } from '#agent-protocol/root-device.ts';
import type { JsonObject } from '#domain/json.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import { rootDeviceOf } from '#drivers/root-device.ts';
import type { Node } from '#store/tables/nodes.ts';
import { isUsableProperty } from '../scheduler/node-properties.ts';
import { defineOperation } from '../worker/define-operation.ts';
import { failureReport } from '../worker/last-error.ts';
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
      patch: { last_error: null },
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
      : withAgentSecret([...bootRamdiskSteps(parts), powerOff, withdrawBootFiles]),
  undo: ({ request }, parts) =>
    parts.drivers.boot[request.boot_interface ?? '']?.simulated ? [] : [keepConsoleStep(parts), powerOff, withdrawBootFiles],
  async ended(trx, operation, { states }) {
    const node = await trx.nodes.find({ uuid: operation.node_uuid });
    if (!node) return [];
    if (operation.state === 'done') {
      const properties = { ...foundProperties(node), ...node.properties };
      await states.apply(trx, node.uuid, 'done', { properties, last_error: null });
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

/**
 * From the agent's report, which is kept as the node's inventory when it says hello. What the scheduler could not read
 * is left out, so that a machine that reports nonsense does not make its node unusable.
 */
function foundProperties(node: Pick<Node, 'name' | 'uuid' | 'properties' | 'inventory'>): JsonObject {
  const { inventory } = node;
  if (!Value.Check(Inventory, inventory)) return {};
  const { cpu, memory_bytes } = inventory;
  const local_gb = localGb(node, inventory);
  const found: JsonObject = {
    cpus: Math.floor(cpu.count),
    cpu_arch: cpu.architecture,
    memory_mb: Math.floor(memory_bytes / 2 ** 20),
    ...(local_gb > 0 && { local_gb }),
  };
  return Object.fromEntries(Object.entries(found).filter(([name, value]) => isUsableProperty(name, value)));
}

/**
 * GiB of the disk that a deployment would choose, less one for partitioning, as in Ironic. 0 if there is no such disk,
 * which is not written: as a property it is the operator's word that nothing has to be erased (known-disks.ts).
 */
function localGb(node: Pick<Node, 'name' | 'uuid' | 'properties'>, { disks }: Inventory): number {
  const hints = rootDeviceOf(node);
  const fitting = disks.filter(({ device, size_bytes, removable, ...facts }) => {
    return !removable && mismatch({ ...facts, name: device, size: size_bytes / 2 ** 30 }, hints) === undefined;
  });
  const smallest = Math.min(...fitting.map(({ size_bytes }) => size_bytes));
  return Number.isFinite(smallest) ? Math.max(Math.floor(smallest / 2 ** 30) - 1, 0) : 0;
}
