/**
 * Ironic's reserved steps (`ironic/conductor/steps.py`), which belong to no interface: whatever interface the request
 * names, the step's own name decides.
 */
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import type { PowerTarget, Step } from '#drivers/interfaces.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import { refuseOff } from '../power/never-off.ts';
import type { BaseContext } from '../worker/base-context.ts';
import type { OperationParts } from '../worker/define-operation.ts';
import { next } from './machine-steps.ts';

/** What they keep for a restart of Ingot. */
export const FlowContext = Type.Object({
  /** Until when the step `wait` waits. */
  pause: Type.Object({ step: Type.String(), until: Type.String() }),
  /** The request of the operation that takes the place of this one, which is held. */
  instead: Type.Unsafe<JsonObject>(Type.Object({})),
});
type FlowContext = Static<typeof FlowContext>;

export const WaitArgs = Type.Object(
  {
    seconds: Type.Optional(Type.Union([Type.Integer({ minimum: 0, maximum: 86_400 }), Type.String({ pattern: '^[0-9]{1,5}$' })])),
  },
  { additionalProperties: false },
);

type Limits = Pick<OperationParts, 'settings'>;

/** Waits until an operator ends it. */
export function holdStep({ settings }: Limits): Step<BaseContext & FlowContext> {
  return {
    name: 'hold',
    title: 'Hold for an operator',
    deadlineSeconds: 60,
    async run({ context, operation, node }) {
      if (context.instead)
        throw new Fault('cancelled', { what: 'The operation', why: 'other steps were requested in its place' });
      if (context.released === operation.step) return next;
      const wait = `an operator to end the hold: \`baremetal node unhold ${node.name ?? node.uuid}\``;
      return { wait, seconds: settings['steps.hold_timeout'], shows: 'hold' };
    },
  };
}

/** Pauses. Ironic waits without `seconds` for the next heartbeat of an agent; here it waits as long as is allowed. */
export function waitStep({ settings }: Limits, { seconds }: Static<typeof WaitArgs>): Step<FlowContext> {
  const most = settings['steps.longest_wait'];
  const length = Math.min(Number(seconds ?? most), most);
  return {
    name: 'wait',
    title: 'Wait',
    deadlineSeconds: length + 60,
    async run(task) {
      const { pause } = task.context;
      const { step } = task.operation;
      const end = pause?.step === step ? Date.parse(pause.until) : Date.now() + length * 1000;
      if (pause?.step !== step) await task.saveContext({ pause: { step, until: new Date(end).toISOString() } });
      // The clock may have been set back.
      const left = Math.min((end - Date.now()) / 1000, length);
      return left > 0 ? { wait: 'the requested time to pass', againIn: left, shows: 'wait' } : next;
    },
  };
}

export function powerStep(name: string, target: PowerTarget): Step {
  return simpleStep({ name, title: name, deadlineSeconds: 240, powerChanges: 1 }, async (task) => {
    refuseOff(task.node, target);
    await task.power.set(target);
  });
}
