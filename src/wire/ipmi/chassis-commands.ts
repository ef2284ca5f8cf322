/** Chassis commands, IPMI 2.0 rev 1.1 section 28. */
import { bits, nothing, oneOf, optional, rest, struct, u8, type ValueOf } from '../bytes/fields.ts';
import type { Command } from './command.ts';
import { netFns } from './message.ts';

const chassisStatus = struct({
  power: bits({ on: [0], overload: [1], interlock: [2], fault: [3], controlFault: [4], restorePolicy: [5, 2] }),
  lastPowerEvent: bits({ acFailed: [0], overload: [1], interlock: [2], fault: [3], turnedOnByCommand: [4] }),
  /** `identify`: 0 = off, 1 = for a limited time, 2 = on indefinitely; valid only with `tellsIdentify`. */
  misc: bits({
    intrusion: [0],
    frontPanelLockout: [1],
    driveFault: [2],
    coolingFault: [3],
    identify: [4, 2],
    reportsIdentify: [6],
  }),
  frontPanelButtons: optional(u8),
});

/** Section 28.2. */
export const getChassisStatus: Command<Record<never, never>, ValueOf<typeof chassisStatus>> = {
  name: 'Get Chassis Status',
  netFn: netFns.chassis,
  command: 0x01,
  privilege: 'user',
  request: nothing,
  response: chassisStatus,
};

export const chassisActions = {
  'power down': 0x0,
  'power up': 0x1,
  'power cycle': 0x2,
  'hard reset': 0x3,
  'diagnostic interrupt': 0x4,
  'soft shutdown': 0x5,
} as const;
export type ChassisAction = keyof typeof chassisActions;

const chassisAction = struct({ action: oneOf(chassisActions) });

/** Used where a second command does not disturb the effect of the first. */
const repeatableActions: readonly ChassisAction[] = ['power down', 'power up', 'soft shutdown'];

/** Section 28.3. */
export const chassisControl: Command<ValueOf<typeof chassisAction>, Record<never, never>> = {
  name: 'Chassis Control',
  netFn: netFns.chassis,
  command: 0x02,
  privilege: 'operator',
  request: chassisAction,
  response: nothing,
  repeatable: ({ action }) => repeatableActions.includes(action),
};

const identification = struct({ seconds: optional(u8), force: optional(bits({ on: [0] })) });

/** Section 28.5. 0 s = off; `force`: on indefinitely, which old BMCs do not support. */
export const chassisIdentify: Command<ValueOf<typeof identification>, Record<never, never>> = {
  name: 'Chassis Identify',
  netFn: netFns.chassis,
  command: 0x04,
  privilege: 'operator',
  request: identification,
  response: nothing,
};

const chassisCapabilities = struct({
  flags: bits({ intrusion: [0], frontPanelLockout: [1], diagnosticInterrupt: [2], powerInterlock: [3] }),
  fruAddress: u8,
  sdrAddress: u8,
  selAddress: u8,
  managementAddress: u8,
  bridgeAddress: optional(u8),
});

/** Section 28.1. */
export const getChassisCapabilities: Command<Record<never, never>, ValueOf<typeof chassisCapabilities>> = {
  name: 'Get Chassis Capabilities',
  netFn: netFns.chassis,
  command: 0x00,
  privilege: 'user',
  request: nothing,
  response: chassisCapabilities,
};

/** Parameter numbers of the boot options, table 28-14. */
export const bootParameters = { setInProgress: 0, validBitClearing: 3, bootInfoAcknowledge: 4, bootFlags: 5 } as const;

/** Section 28.12 and table 28-14: 80h to 82h. */
const setBootOptionCodes = { 128: 'parameter not supported', 129: 'another party is setting', 130: 'parameter is read-only' };

const bootOption = struct({ parameter: bits({ number: [0, 7], invalid: [7] }), data: rest });

/** Section 28.12. */
export const setBootOptions: Command<ValueOf<typeof bootOption>, Record<never, never>> = {
  name: 'Set System Boot Options',
  netFn: netFns.chassis,
  command: 0x08,
  privilege: 'operator',
  request: bootOption,
  response: nothing,
  completionCodes: setBootOptionCodes,
};

const bootOptionQuery = struct({ parameter: bits({ number: [0, 7] }), set: u8, block: u8 });
const bootOptionReply = struct({
  version: bits({ number: [0, 4] }),
  parameter: bits({ number: [0, 7], invalid: [7] }),
  data: rest,
});

/** Section 28.13. */
export const getBootOptions: Command<ValueOf<typeof bootOptionQuery>, ValueOf<typeof bootOptionReply>> = {
  name: 'Get System Boot Options',
  netFn: netFns.chassis,
  command: 0x09,
  privilege: 'operator',
  request: bootOptionQuery,
  response: bootOptionReply,
  completionCodes: { 128: 'parameter not supported' },
};

/** Boot device selector, table 28-14, parameter 5, data 2. */
export const bootDevices = { none: 0x0, pxe: 0x1, disk: 0x2, safe: 0x3, cdrom: 0x5, bios: 0x6, floppy: 0xf } as const;

/** Remote media in the specification; with the UEFI flag, Supermicro's firmware boots from disk. */
export const supermicroUefiDisk = 0x9;

/** Data of parameter 5. `device` is a number of `bootDevices` or one that Ingot has no name for. */
export const bootFlags = struct({
  validity: bits({ valid: [7], persistent: [6], uefi: [5] }),
  selection: bits({ device: [2, 4], clearCmos: [7], lockKeyboard: [6], blankScreen: [1], lockReset: [0] }),
  console: u8,
  mux: u8,
  instance: u8,
});
export type BootFlags = ValueOf<typeof bootFlags>;
