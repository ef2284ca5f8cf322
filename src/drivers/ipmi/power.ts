import { type ChassisAction, chassisControl, getChassisStatus } from '#wire/ipmi/chassis-commands.ts';
import type { PowerInterface, PowerTarget } from '../interfaces.ts';
import type { AskBmc } from './ask-bmc.ts';
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
    async getPower(node, asking) {
      const { power } = await ask(node, getChassisStatus, {}, asking);
      return power.on ? 'power on' : 'power off';
    },
    async setPower(node, target, asking) {
      await ask(node, chassisControl, { action: actionTable[target] }, asking);
    },
  };
}
