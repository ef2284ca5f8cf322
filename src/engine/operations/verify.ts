/** Verifies a node's BMC credentials, and that no other node has the same machine. */
import { Type } from 'typebox';
import type { Step } from '#drivers/interfaces.ts';
import { askSystemUuid, claimEndpoints, refuseSameSystem } from '../nodes/endpoints.ts';
import { bmcDeadline } from '../power/bmc-deadline.ts';
import { defineOperation, type OperationParts } from '../worker/define-operation.ts';
import { failureText } from '../worker/last-error.ts';
import { interfaceOf } from '../worker/task.ts';
import { outOfMaintenance } from './plain-verbs.ts';
import { PowerStateSchema } from './power.ts';

/** Timeout for optional BMC information (milliseconds). */
const boundMs = 30_000;

const VerifyContext = Type.Object({
  power_state: PowerStateSchema,
  system_uuid: Type.Union([Type.String(), Type.Null()]),
});
type VerifyStep = Step<{ power_state: 'power on' | 'power off'; system_uuid: string | null }>;

export const verify = defineOperation({
  kind: 'verify',
  forbiddenBy: ['all'],
  request: Type.Object({}),
  context: VerifyContext,
  verbs: [
    {
      name: 'manage',
      since: 4,
      from: ['enroll'],
      to: 'verifying',
      target: 'manageable',
      patch: { last_error: null, ...outOfMaintenance },
      request: () => ({}),
    },
  ],
  transitions: [
    { from: 'verifying', event: 'verified', to: 'manageable' },
    { from: 'verifying', event: 'fail', to: 'enroll' },
  ],
  shownAs: { ironic: {}, nova: { action: () => 'verify' } },
  steps: (_, parts) => [askBmc, compareMachine(parts), askBootState(parts)],
  async ended(trx, { state, node_uuid, fault, context }, { states }) {
    const { power_state = null, system_uuid = null } = context;
    if (state === 'done') await states.apply(trx, node_uuid, 'verified', { power_state, system_uuid, last_error: null });
    else await states.apply(trx, node_uuid, 'fail', { last_error: failureText({ fault }) });
    return [];
  },
});

export const askBmc: VerifyStep = {
  name: 'ask the BMC',
  title: 'Ask the BMC',
  deadlineSeconds: 120,
  async run(task) {
    return { next: true, context: { power_state: await task.power.get() } };
  },
};

/** Optional: not every BMC reports it, and a node is not rejected without it. */
const askBootState = ({ bootStates }: Pick<OperationParts, 'bootStates'>): Step => ({
  name: 'ask how it boots',
  title: 'Ask how it boots',
  deadlineSeconds: 120,
  async run({ node, signal }) {
    const callOptions = { signal: AbortSignal.any([signal, bmcDeadline(node, boundMs)]) };
    await bootStates.ask(node, callOptions).catch(() => signal.throwIfAborted());
    return { next: true };
  },
});

const compareMachine = ({ store, drivers }: Pick<OperationParts, 'store' | 'drivers'>): VerifyStep => ({
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
