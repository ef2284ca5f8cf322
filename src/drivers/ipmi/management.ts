import { Fault } from '#domain/faults.ts';
import { decode, encode } from '#wire/bytes/fields.ts';
import {
  type BootFlags,
  bootDevices,
  bootFlags,
  bootParameters,
  getBootOptions,
  setBootOptions,
} from '#wire/ipmi/chassis-commands.ts';
import type { BootDevice, ManagementInterface, NodeFacts } from '../interfaces.ts';
import { lacks } from '../lacks.ts';
import type { AskBmc } from './ask-bmc.ts';
import { ipmiProperties, readIpmiSettings } from './properties.ts';

/** IPMI has no number for booting by HTTP. */
const settable = ['pxe', 'disk', 'cdrom', 'bios', 'safe', 'floppy'] as const;
const deviceNames = new Map<number, BootDevice>(settable.map((device) => [bootDevices[device], device]));

/**
 * Written before the boot flags, IPMI 2.0 rev 1.1 table 28-14. Both are optional for a BMC, so a refusal is no fault:
 * keep the flags although no power command follows within 60 s (a slow power cycle takes longer), and mark them as new
 * for the firmware.
 */
const preparations = [
  { number: bootParameters.validBitClearing, data: Buffer.of(0x08) },
  { number: bootParameters.bootInfoAcknowledge, data: Buffer.of(0x01, 0x01) },
];

export function createIpmiManagement(ask: AskBmc): ManagementInterface {
  const setOption = (node: NodeFacts, number: number, data: Buffer) =>
    ask(node, setBootOptions, { parameter: { number, invalid: false }, data });
  return {
    properties: ipmiProperties,
    validate: (node) => void readIpmiSettings(node),
    bootDevices: settable,
    async setBootDevice(node, device, { persistent }) {
      if (!isSettable(device)) return lacks(node, `boot device '${device}'`);
      for (const { number, data } of preparations) await setOption(node, number, data).catch(tolerateRefusal);
      await setOption(node, bootParameters.bootFlags, encodeFlags(node, device, persistent));
    },
    async getBootDevice(node) {
      const query = { parameter: { number: bootParameters.bootFlags }, set: 0, block: 0 };
      const { data } = await ask(node, getBootOptions, query);
      const { validity, selection } = readFlags(data, node);
      const device = deviceNames.get(selection.device);
      if (!validity.valid || !device) return { device: null, persistent: null };
      return { device, persistent: validity.persistent };
    },
  };
}

function isSettable(device: BootDevice): device is (typeof settable)[number] {
  return (settable as readonly string[]).includes(device);
}

function encodeFlags(node: NodeFacts, device: (typeof settable)[number], persistent: boolean): Buffer {
  const off = { clearCmos: false, lockKeyboard: false, blankScreen: false, lockReset: false };
  return encode(bootFlags, {
    validity: { valid: true, persistent, uefi: isUefi(node) },
    selection: { device: bootDevices[device], ...off },
    console: 0,
    mux: 0,
    instance: 0,
  });
}

function readFlags(data: Buffer, node: NodeFacts): BootFlags {
  try {
    return decode(bootFlags, data, 'boot flags');
  } catch {
    const detail = `boot flags of ${data.length} bytes`;
    throw new Fault('bmcError', { address: readIpmiSettings(node).address, command: getBootOptions.name, detail });
  }
}

/** `boot_mode:uefi` among the capabilities: without the bit, many BMCs switch a UEFI machine to legacy boot. */
function isUefi({ properties }: NodeFacts): boolean {
  return String(properties['capabilities'] ?? '')
    .split(',')
    .includes('boot_mode:uefi');
}

function tolerateRefusal(error: unknown): void {
  if (!(error instanceof Fault && error.code === 'bmcError')) throw error;
}
