/** Short operations on a node: verification and power changes. */

import type { PowerState } from '#domain/power-states.ts';
import type { Drivers, PowerTarget, Step } from '#drivers/interfaces.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import type { Store } from '#store/store.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { Server } from '#store/tables/servers.ts';
import { askSystemUuid, claimEndpoints, refuseSameSystem } from '../nodes/endpoints.ts';
import { bmcDeadline } from '../power/bmc-deadline.ts';
import type { BootStates } from '../power/boot-states.ts';
import { WaitForOperator } from '../power/manual-power.ts';
import { softOffSeconds } from '../power/power.ts';
import { errorBesidePower, failureText } from '../worker/last-error.ts';
import type { OperationDefinition } from '../worker/operation-kinds.ts';
import { interfaceOf } from '../worker/task.ts';
import { beginDeletion, type DefinitionParts, processEvent, wantsDeletion } from './deploy.ts';

/** Timeout for optional BMC information (milliseconds). */
const boundMs = 30_000;

const askBmc: Step = {
  name: 'ask the BMC',
  title: 'Ask the BMC',
  deadlineSeconds: 120,
  async run(task) {
    return { next: true, context: { power_state: await task.power.get() } };
  },
};

/** Optional: not every BMC reports it, and a node is not rejected without it. */
const askBootState = (bootStates: Pick<BootStates, 'ask'>): Step => ({
  name: 'ask how it boots',
  title: 'Ask how it boots',
  deadlineSeconds: 120,
  async run({ node, signal }) {
    const callOptions = { signal: AbortSignal.any([signal, bmcDeadline(node, boundMs)]) };
    await bootStates.ask(node, callOptions).catch(() => signal.throwIfAborted());
    return { next: true };
  },
});

const compareMachine = ({ store, drivers }: VerifyParts): Step => ({
  name: 'compare with other nodes',
  title: 'Compare with other nodes',
  deadlineSeconds: 120,
  async run(task) {
    await store.transaction((trx) => claimEndpoints(trx, drivers, task.node));
    const management = interfaceOf(drivers.management, task.node.management_interface);
    // Optional: not every BMC reports it.
    const signal = AbortSignal.any([task.signal, bmcDeadline(task.node, boundMs)]);
    const system_uuid = await askSystemUuid(management, { node: task.node, signal }).catch(() => null);
    task.signal.throwIfAborted();
    if (system_uuid !== null) await refuseSameSystem(store, task.node, system_uuid);
    return { next: true, context: { system_uuid } };
  },
});

type VerifyParts = { store: Store; drivers: Drivers; bootStates: Pick<BootStates, 'ask'> };

export function verifyDefinition(parts: VerifyParts): OperationDefinition {
  const steps = [askBmc, compareMachine(parts), askBootState(parts.bootStates)];
  return {
    steps: () => steps,
    undo: () => [],
    async ended(trx, operation) {
      const power_state = operation.context['power_state'] as PowerState | undefined;
      if (operation.state === 'done')
        await processEvent(trx, operation.node_uuid, 'verified', {
          power_state: power_state ?? null,
          system_uuid: (operation.context['system_uuid'] as string | null | undefined) ?? null,
          last_error: null,
        });
      else await processEvent(trx, operation.node_uuid, 'fail', { last_error: failureText(operation) });
      return [];
    },
  };
}

const softOff: Step = {
  name: 'shut down',
  title: 'Shut down',
  deadlineSeconds: softOffSeconds + 60,
  powerChanges: 0,
  async run(task) {
    await task.power.set('soft power off').catch((error: unknown) => {
      task.signal.throwIfAborted();
      if (error instanceof WaitForOperator) throw error;
      task.note('shut down', `soft power off had no effect, switching off hard: ${(error as Error).message}`);
    });
    return { next: true };
  },
};

const set = (name: string, target: PowerTarget) =>
  simpleStep({ name, title: name, deadlineSeconds: 240, powerChanges: 1 }, (task) => task.power.set(target));

const powerSteps: Record<string, readonly Step[]> = {
  'power on': [set('power on', 'power on')],
  'power off': [set('power off', 'power off')],
  'soft power off': [softOff, set('power off', 'power off')],
  reset: [set('power off', 'power off'), set('power on', 'power on')],
  'soft reset': [softOff, set('power off', 'power off'), set('power on', 'power on')],
};

/** `request.target` is a row of `powerSteps`. */
export function powerDefinition({ begin }: Pick<DefinitionParts, 'begin'>): OperationDefinition {
  return {
    steps: (operation) => powerSteps[String(operation.request['target'])] ?? [],
    undo: () => [],
    async ended(trx, operation) {
      if (await wantsDeletion(trx, operation)) return [await beginDeletion(trx, operation, begin)];
      await writePowerEnd(trx, operation);
      return [];
    },
  };
}

async function writePowerEnd(trx: Store, operation: Operation): Promise<void> {
  const node = await trx.nodes.find({ uuid: operation.node_uuid });
  if (!node) return;
  const failed = operation.state === 'failed';
  const last_error = failed ? failureText(operation) : await errorBesidePower(trx, node);
  await trx.nodes.update({ uuid: node.uuid }, { target_power_state: null, last_error });
  const server = await trx.servers.find({ id: node.instance_uuid ?? '' });
  if (!server) return;
  const now = new Date().toISOString();
  // A server whose machine did not boot gets another attempt; any other server in ERROR has no system on its machine.
  const staysInError = server.vm_state === 'error' && (failed || node.provision_state !== 'active');
  const before = server.vm_state === 'error' ? null : server.fault;
  const after: Partial<Server> = {
    vm_state: node.power_state === 'power on' ? 'active' : 'stopped',
    fault: failed && operation.fault ? { ...operation.fault, at: now } : before,
  };
  await trx.servers.update({ id: server.id }, { task_state: null, updated_at: now, ...(!staysInError && after) });
}
