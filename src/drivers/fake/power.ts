import type { PowerInterface } from '../interfaces.ts';
import { fakeProperties } from './behaviour.ts';
import type { FakeBmc } from './fake-bmc.ts';

/** Machines in memory only. After a restart each has the power state of its row. */
export function createFakePower(bmc: FakeBmc): PowerInterface {
  const { machines } = bmc;
  return {
    properties: fakeProperties,
    validate: (node) => void bmc.behaviour(node),
    async getPower(node, callOptions) {
      await bmc.ask(node, 'power status', callOptions);
      return machines.power(node);
    },
    async setPower(node, target, callOptions) {
      const { powerDelayMs, stuck, softOffSeconds } = await bmc.ask(node, target, callOptions);
      await bmc.wait(powerDelayMs, callOptions?.signal);
      if (stuck.includes(target) || stuck.includes('all')) return;
      if (target === 'soft power off' && softOffSeconds > 0) {
        if (machines.power(node) === 'power off') return;
        Object.assign(machines.change(node), { power: 'power on', offAt: performance.now() + softOffSeconds * 1000 });
        return;
      }
      const isOff = target === 'power off' || target === 'soft power off';
      machines.setPower(node, isOff ? 'power off' : 'power on');
      machines.note(node, { severity: 'ok', source: 'power', message: target });
    },
  };
}
