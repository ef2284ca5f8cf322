import { Fault } from '#domain/faults.ts';
import type { PowerInterface } from '../interfaces.ts';

/** An operator switches the machine; its only known state is the one confirmed last. */
export function createManualPower(waitSeconds: number): PowerInterface {
  return {
    properties: {},
    validate() {},
    targets: ['power on', 'power off'],
    operatorTimeoutSeconds: waitSeconds,
    getPower: async (node) => node.power_state ?? 'power off',
    async setPower(node, target) {
      // The engine waits for an operator instead, so this call is a bug.
      throw new Fault('internal', { detail: `${target} of ${node.name ?? node.uuid}: only an operator can do that` });
    },
  };
}
