import { setTimeout as delay } from 'node:timers/promises';
import type { PowerState } from '#domain/records.ts';
import type { NodeFacts, PowerInterface } from '../interfaces.ts';
import { answerAsBmc, fakeProperties, validateFake } from './failures.ts';

/** Machines that exist in memory only. After a restart each is in the state that its row remembers. */
export function createFakePower(delayMs: number): PowerInterface {
  const states = new Map<string, PowerState>();
  return {
    properties: fakeProperties,
    validate: validateFake,
    async getPower(node) {
      answerAsBmc(node, 'power status');
      return states.get(node.uuid) ?? node.power_state ?? 'power off';
    },
    async setPower(node, target) {
      answerAsBmc(node, target);
      await delay(delayOf(node, delayMs), undefined, { ref: false });
      states.set(node.uuid, target === 'power on' || target === 'reset' ? 'power on' : 'power off');
    },
  };
}

function delayOf(node: NodeFacts, fallback: number): number {
  return Number(node.driver_info['fake_power_delay_ms'] ?? fallback);
}
