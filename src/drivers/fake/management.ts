import type { BootDevice, ManagementInterface } from '../interfaces.ts';
import { bootDevices } from '../machine-interfaces.ts';
import { answerAsBmc, fakeProperties, validateFake } from './failures.ts';

export function createFakeManagement(): ManagementInterface {
  const devices = new Map<string, { device: BootDevice; persistent: boolean }>();
  return {
    properties: fakeProperties,
    validate: validateFake,
    bootDevices,
    async setBootDevice(node, device, { persistent }) {
      answerAsBmc(node, 'boot device');
      devices.set(node.uuid, { device, persistent });
    },
    async getBootDevice(node) {
      answerAsBmc(node, 'boot device');
      return devices.get(node.uuid) ?? { device: null, persistent: null };
    },
  };
}
