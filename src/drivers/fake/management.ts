import { Fault } from '#domain/faults.ts';
import type { BootMode, ManagementInterface, MediaDevice, NodeFacts } from '../interfaces.ts';
import { bootDevices } from '../machine-interfaces.ts';
import { fakeProperties } from './behaviour.ts';
import type { FakeBmc } from './fake-bmc.ts';
import { fakeSensors } from './sensors.ts';

const mediaDevices = ['cdrom', 'floppy'] as const satisfies readonly MediaDevice[];

export function createFakeManagement(bmc: FakeBmc): ManagementInterface {
  return {
    properties: fakeProperties,
    validate: (node) => void bmc.behaviour(node),
    bootDevices,
    ...bootCommands(bmc),
    ...healthCommands(bmc),
    media: mediaCommands(bmc),
  };
}

function bootCommands(bmc: FakeBmc) {
  const { machines } = bmc;
  return {
    async setBootDevice(node, device, { persistent, mode, uri }, callOptions) {
      await bmc.ask(node, 'boot device', callOptions);
      if (device === 'uefihttp' && !uri)
        throw new Fault('badRequest', { detail: 'uefihttp needs the address of what is booted' });
      const machine = machines.change(node);
      machine.boot = { device, persistent };
      if (mode) machine.mode = mode;
    },
    async getBootDevice(node, callOptions) {
      await bmc.ask(node, 'boot device', callOptions);
      return machines.stateOf(node).boot ?? { device: null, persistent: null };
    },
    async getBootMode(node, callOptions) {
      await bmc.ask(node, 'boot mode', callOptions);
      return machines.stateOf(node).mode ?? capableMode(node);
    },
    async setBootMode(node, mode, callOptions) {
      await bmc.ask(node, 'boot mode', callOptions);
      machines.change(node).mode = mode;
    },
    async getSecureBoot(node, callOptions) {
      await bmc.ask(node, 'secure boot', callOptions);
      return machines.stateOf(node).secureBoot ?? false;
    },
    async setSecureBoot(node, on, callOptions) {
      await bmc.ask(node, 'secure boot', callOptions);
      const mode = machines.stateOf(node).mode ?? capableMode(node);
      if (on && mode !== 'uefi') throw new Fault('badRequest', { detail: 'Secure Boot needs the boot mode uefi' });
      machines.change(node).secureBoot = on;
    },
  } satisfies Partial<ManagementInterface>;
}

function capableMode({ properties }: NodeFacts): BootMode {
  const { capabilities } = properties;
  return typeof capabilities === 'string' && capabilities.split(',').includes('boot_mode:uefi') ? 'uefi' : 'bios';
}

function healthCommands(bmc: FakeBmc) {
  const { machines } = bmc;
  return {
    async injectNmi(node, callOptions) {
      await bmc.ask(node, 'nmi', callOptions);
      if (machines.power(node) === 'power off') {
        const address = `fake:${node.name ?? node.uuid}`;
        throw new Fault('bmcError', { address, command: 'nmi', detail: 'the machine is off' });
      }
      machines.note(node, { severity: 'critical', source: 'processor', message: 'NMI' });
    },
    async getIndicator(node, callOptions) {
      await bmc.ask(node, 'indicator', callOptions);
      return machines.stateOf(node).indicator ?? 'off';
    },
    async setIndicator(node, state, callOptions) {
      await bmc.ask(node, 'indicator', callOptions);
      machines.change(node).indicator = state;
    },
    async readSensors(node, callOptions) {
      await bmc.ask(node, 'sensors', callOptions);
      return fakeSensors(node, machines.power(node));
    },
    async readLog(node, callOptions) {
      await bmc.ask(node, 'log', callOptions);
      return [...(machines.stateOf(node).log ?? [])];
    },
    async clearLog(node, callOptions) {
      await bmc.ask(node, 'log', callOptions);
      machines.change(node).log = [];
    },
    async identify(node, callOptions) {
      await bmc.ask(node, 'identify', callOptions);
      const serial = node.uuid.slice(0, 8).toUpperCase();
      return { manufacturer: 'Ingot', product: 'Fake Machine', serial, details: {} };
    },
    async bmcInfo(node, callOptions) {
      await bmc.ask(node, 'bmc info', callOptions);
      return {
        manufacturer: 'Ingot',
        product: 'Fake BMC',
        firmware_version: machines.stateOf(node).firmware?.['bmc'] ?? '1.0.0',
      };
    },
    async resetBmc(node, kind, callOptions) {
      await bmc.ask(node, 'bmc reset', callOptions);
      machines.note(node, { severity: 'warning', source: 'bmc', message: `${kind} reset` });
    },
    async changePassword(node, password, callOptions) {
      if (password === '' || Buffer.byteLength(password) > 20)
        throw new Fault('badRequest', { detail: 'The password must have from 1 to 20 bytes' });
      await bmc.ask(node, 'password', callOptions);
    },
  } satisfies Partial<ManagementInterface>;
}

function mediaCommands(bmc: FakeBmc): NonNullable<ManagementInterface['media']> {
  const { machines } = bmc;
  const hasSlot = (device: MediaDevice) => {
    if (!(mediaDevices as readonly MediaDevice[]).includes(device))
      throw new Fault('badRequest', { detail: `There is no slot for ${device}; there are: ${mediaDevices.join(', ')}` });
  };
  return {
    async slots(node, callOptions) {
      await bmc.ask(node, 'media', callOptions);
      const { media = {} } = machines.stateOf(node);
      return mediaDevices.map((device) => ({ device, inserted: device in media, image: media[device] ?? null }));
    },
    async insert(node, device, imageUrl, callOptions) {
      hasSlot(device);
      if (!/^(?:https?|nfs):\/\//.test(imageUrl))
        throw new Fault('badRequest', { detail: 'The image must be an http, https or nfs URL' });
      await bmc.ask(node, 'media', callOptions);
      const machine = machines.change(node);
      machine.media = { ...machine.media, [device]: imageUrl };
    },
    async eject(node, device, callOptions) {
      hasSlot(device);
      await bmc.ask(node, 'media', callOptions);
      const { [device]: _, ...others } = machines.stateOf(node).media ?? {};
      machines.change(node).media = others;
    },
  };
}
