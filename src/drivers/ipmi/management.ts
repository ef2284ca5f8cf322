import { Fault, failedBmcFaults } from '#domain/faults.ts';
import { decode, encode } from '#wire/bytes/fields.ts';
import { getDeviceId, getSystemGuid } from '#wire/ipmi/app-commands.ts';
import {
  type BootFlags,
  bootDevices,
  bootFlags,
  bootParameters,
  chassisControl,
  getBootOptions,
  setBootOptions,
  supermicroUefiDisk,
} from '#wire/ipmi/chassis-commands.ts';
import { completionCodes } from '#wire/ipmi/completion-codes.ts';
import { decodeGuid } from '#wire/ipmi/guid.ts';
import type { BootDevice, ManagementInterface, NodeFacts } from '../interfaces.ts';
import { unsupported } from '../unsupported.ts';
import type { AskBmc } from './ask-bmc.ts';
import { askNode, completionOf, type NodeAsker, optionally } from './ask-node.ts';
import { readBmcInfo } from './bmc-info.ts';
import { identify } from './identify.ts';
import { getIndicator, setIndicator } from './indicator.ts';
import { clearLog, readLog } from './log.ts';
import { changePassword, passwordRules } from './own-password.ts';
import { ipmiEndpoints, ipmiProperties, readIpmiSettings } from './properties.ts';
import { resetBmc } from './reset-bmc.ts';
import { SensorRecords } from './sensor-records.ts';
import { readSensors } from './sensors.ts';

/** IPMI defines no boot device for HTTP boot. */
const settable = ['pxe', 'disk', 'cdrom', 'bios', 'safe', 'floppy'] as const;
const deviceNames = new Map<number, BootDevice>(settable.map((device) => [bootDevices[device], device]));

/**
 * Written before the boot flags, IPMI 2.0 rev 1.1 table 28-14: keep the flags even if no power command follows within
 * 60 s (a slow power cycle takes longer), and mark them as new for the firmware. Both are optional for a BMC, so a
 * refusal is not an error.
 */
const preparations = [
  { number: bootParameters.validBitClearing, data: Buffer.of(0x08) },
  { number: bootParameters.bootInfoAcknowledge, data: Buffer.of(0x01, 0x01) },
];

export function createIpmiManagement(ask: AskBmc): ManagementInterface {
  const records = new SensorRecords();
  return {
    properties: ipmiProperties,
    validate: (node) => void readIpmiSettings(node),
    endpoints: ipmiEndpoints,
    bootDevices: settable,
    async setBootDevice(node, device, { persistent, mode }, callOptions) {
      if (!isSettable(device)) return unsupported(node, `boot device '${device}'`);
      const setOption = (number: number, data: Buffer) =>
        ask(node, setBootOptions, { parameter: { number, invalid: false }, data }, callOptions);
      for (const { number, data } of preparations) await setOption(number, data).catch(tolerateRefusal);
      const uefi = mode ? mode === 'uefi' : isUefi(node);
      const setFlags = (number: number) => setOption(bootParameters.bootFlags, encodeFlags(number, { persistent, uefi }));
      const takesOwn = uefi && device === 'disk' && (await isSupermicro(askNode(ask, node, callOptions)));
      if (takesOwn && (await optionally(setFlags(supermicroUefiDisk)))) return;
      await setFlags(bootDevices[device]);
    },
    async getBootDevice(node, callOptions) {
      const query = { parameter: { number: bootParameters.bootFlags }, set: 0, block: 0 };
      const { data } = await ask(node, getBootOptions, query, callOptions).catch(whereOnlySet);
      if (data === undefined) return { device: null, persistent: null };
      const { validity, selection } = readFlags(data, node);
      const isUefiDisk = validity.uefi && selection.device === supermicroUefiDisk;
      const device = isUefiDisk ? 'disk' : deviceNames.get(selection.device);
      if (!validity.valid || !device) return { device: null, persistent: null };
      return { device, persistent: validity.persistent };
    },
    async injectNmi(node, callOptions) {
      await ask(node, chassisControl, { action: 'diagnostic interrupt' }, callOptions);
    },
    getIndicator: (node, callOptions) => getIndicator(askNode(ask, node, callOptions)),
    setIndicator: (node, state, callOptions) => setIndicator(askNode(ask, node, callOptions), state),
    readSensors: (node, callOptions) => readSensors(askNode(ask, node, callOptions), records),
    readLog: (node, callOptions) => readLog(askNode(ask, node, callOptions), records),
    clearLog: (node, callOptions) => clearLog(askNode(ask, node, callOptions)),
    identify: (node, callOptions) => identify(askNode(ask, node, callOptions), records),
    bmcInfo: (node, callOptions) => readBmcInfo(askNode(ask, node, callOptions)),
    resetBmc: (node, kind, callOptions) => resetBmc(ask, node, { ...callOptions, kind }),
    async systemUuid(node, callOptions) {
      const { guid } = (await optionally(askNode(ask, node, callOptions).ask(getSystemGuid, {}))) ?? {};
      return guid && decodeGuid(guid);
    },
    passwordRules: async (node) => passwordRules(node),
    changePassword: (node, password, callOptions) => changePassword(askNode(ask, node, callOptions), password),
  };
}

function isSettable(device: BootDevice): device is (typeof settable)[number] {
  return (settable as readonly string[]).includes(device);
}

/** Its manufacturer ids in Get Device ID; older boards use the second. */
const supermicroNumbers = [10_876, 47_488];

async function isSupermicro(asker: NodeAsker): Promise<boolean> {
  const id = await optionally(asker.ask(getDeviceId, {}));
  return id !== undefined && supermicroNumbers.includes(id.manufacturer);
}

function encodeFlags(device: number, { persistent, uefi }: { persistent: boolean; uefi: boolean }): Buffer {
  const off = { clearCmos: false, lockKeyboard: false, blankScreen: false, lockReset: false };
  return encode(bootFlags, {
    validity: { valid: true, persistent, uefi },
    selection: { device, ...off },
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
    throw new Fault('bmcMalformedReply', { address: readIpmiSettings(node).address, command: getBootOptions.name, detail });
  }
}

/** `boot_mode:uefi` in the capabilities: without the UEFI bit, many BMCs switch a UEFI machine to legacy boot. */
function isUefi({ properties }: NodeFacts): boolean {
  const { capabilities } = properties;
  return typeof capabilities === 'string' && capabilities.split(',').includes('boot_mode:uefi');
}

/** KubeVirtBMC accepts boot flags but does not store them for reading. */
function whereOnlySet(error: unknown): { data?: undefined } {
  if (completionOf(error) === completionCodes.parameterNotSupported) return {};
  throw error;
}

function tolerateRefusal(error: unknown): void {
  if (!(error instanceof Fault && failedBmcFaults.includes(error.code))) throw error;
}
