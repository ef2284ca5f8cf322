import { type ChassisAction, chassisControl, getChassisStatus } from '#wire/ipmi/chassis-commands.ts';
import { completionCodes } from '#wire/ipmi/completion-codes.ts';
import type { PowerInterface, PowerTarget } from '../interfaces.ts';
import type { AskBmc } from './ask-bmc.ts';
import { completionOf } from './ask-node.ts';
import { ipmiEndpoints, ipmiProperties, readIpmiSettings } from './properties.ts';

const actionTable: Readonly<Record<PowerTarget, ChassisAction>> = {
  'power on': 'power up',
  'power off': 'power down',
  reset: 'hard reset',
  'soft power off': 'soft shutdown',
  'power cycle': 'power cycle',
};

export function createIpmiPower(ask: AskBmc): PowerInterface {
  return {
    properties: ipmiProperties,
    validate: (node) => void readIpmiSettings(node),
    endpoints: ipmiEndpoints,
    async getPower(node, callOptions) {
      const { power } = await ask(node, getChassisStatus, {}, callOptions);
      return power.on ? 'power on' : 'power off';
    },
    async setPower(node, target, callOptions) {
      const control = (action: ChassisAction) => ask(node, chassisControl, { action }, callOptions);
      try {
        await control(actionTable[target]);
      } catch (error) {
        if (completionOf(error) !== completionCodes.notInThisState) throw error;
        const { power } = await ask(node, getChassisStatus, {}, callOptions);
        if (doneTable[target] === power.on) return;
        if (power.on || !restarts.includes(target)) throw error;
        await control('power up');
      }
    },
  };
}

/**
 * A command refused because the machine is already in that state (D5h, on Dell and others) has succeeded; a restart
 * of a machine that is off becomes a power on.
 */
const doneTable: Readonly<Partial<Record<PowerTarget, boolean>>> = {
  'power on': true,
  'power off': false,
  'soft power off': false,
};
const restarts: readonly PowerTarget[] = ['reset', 'power cycle'];
