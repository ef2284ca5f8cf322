/** Changes the power state of a machine. */
import { type Static, Type } from 'typebox';
import type { PowerState } from '#domain/power-states.ts';
import type { PowerTarget, Step } from '#drivers/interfaces.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import type { Store } from '#store/store.ts';
import type { Server } from '#store/tables/servers.ts';
import { softOffSeconds } from '../power/power.ts';
import type { RunningOperation } from '../worker/base-context.ts';
import { defineOperation, type OperationParts } from '../worker/define-operation.ts';
import { failureText } from '../worker/last-error.ts';
import { StepWait } from '../worker/step-wait.ts';
import { beginDeletion } from './delete.ts';
import { wantsDeletion } from './server-results.ts';

export const PowerStateSchema = Type.Union([Type.Literal('power on'), Type.Literal('power off')]);

const softOff: Step = {
  name: 'shut down',
  title: 'Shut down',
  deadlineSeconds: softOffSeconds + 60,
  powerChanges: 0,
  async run(task) {
    await task.power.set('soft power off').catch((error: unknown) => {
      task.signal.throwIfAborted();
      if (error instanceof StepWait) throw error;
      task.note('shut down', `soft power off had no effect, switching off hard: ${(error as Error).message}`);
    });
    return { next: true };
  },
};

const set = (target: PowerTarget, how = {}) =>
  simpleStep({ name: target, title: target, deadlineSeconds: 240, powerChanges: 1 }, (task) => task.power.set(target, how));
const off = set('power off');
const on = set('power on');
/** As in Ironic, a restart and a shutdown do not concern the machine's child nodes. */
const offAlone = set('power off', { alone: true });
const restart = [offAlone, set('power on', { alone: true })];

type Row = { readonly steps: readonly Step[]; readonly leadsTo: PowerState; readonly action: 'start' | 'stop' | 'reboot' };

/** By target: the steps, the power state after them, and Nova's name of the action. */
const targetTable = {
  'power on': { steps: [on], leadsTo: 'power on', action: 'start' },
  'power off': { steps: [off], leadsTo: 'power off', action: 'stop' },
  'soft power off': { steps: [softOff, offAlone], leadsTo: 'power off', action: 'stop' },
  reset: { steps: restart, leadsTo: 'power on', action: 'reboot' },
  'soft reset': { steps: [softOff, ...restart], leadsTo: 'power on', action: 'reboot' },
} as const satisfies Readonly<Record<string, Row>>;

const PowerRequest = Type.Object({
  target: Type.Union([
    Type.Literal('power on'),
    Type.Literal('power off'),
    Type.Literal('soft power off'),
    Type.Literal('reset'),
    Type.Literal('soft reset'),
  ]),
});
export type PowerRequest = Static<typeof PowerRequest>;

export const power = defineOperation({
  kind: 'power',
  forbiddenBy: ['power', 'all'],
  request: PowerRequest,
  context: Type.Object({}),
  verbs: [],
  transitions: [],
  leadsToPower: ({ target }) => targetTable[target].leadsTo,
  shownAs: {
    ironic: {},
    nova: {
      action: ({ target }) => targetTable[target].action,
      statuses: [
        { task: 'rebooting', status: 'REBOOT', in: ['active', 'stopped'] },
        { task: 'rebooting_hard', status: 'HARD_REBOOT', in: ['active', 'stopped'] },
      ],
    },
  },
  steps: ({ request }) => targetTable[request.target].steps,
  async ended(trx, operation, parts) {
    if (await wantsDeletion(trx, operation)) return [await beginDeletion(trx, operation, parts)];
    await writePowerEnd(trx, operation, parts);
    return [];
  },
});

async function writePowerEnd(
  trx: Store,
  operation: Omit<RunningOperation, 'request'>,
  { lastErrors }: Pick<OperationParts, 'lastErrors'>,
): Promise<void> {
  const node = await trx.nodes.find({ uuid: operation.node_uuid });
  if (!node) return;
  const failed = operation.state === 'failed';
  const last_error = failed ? failureText(operation) : await lastErrors.besidePower(trx, node);
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
