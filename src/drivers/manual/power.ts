import { Fault } from '#domain/faults.ts';
import type { PowerInterface } from '../interfaces.ts';

/** A person switches the machine; what they last said is all that is known of it. */
export function createManualPower(waitSeconds: number): PowerInterface {
  return {
    properties: {},
    validate() {},
    targets: ['power on', 'power off'],
    operatorTimeoutSeconds: waitSeconds,
    getPower: async (node) => node.power_state ?? 'power off',
    async setPower(node, target) {
      // The engine asks a person instead; whoever comes here has forgotten that.
      throw new Fault('internal', { detail: `${target} of ${node.name ?? node.uuid}: only an operator can do that` });
    },
  };
}
