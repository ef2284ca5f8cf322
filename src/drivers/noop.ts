/** Interfaces of hardware without that function: Ironic's `noop` and `no-…` interfaces. */
import { Fault } from '#domain/faults.ts';
import type {
  BiosInterface,
  ConsoleInterface,
  Drivers,
  FirmwareInterface,
  InspectInterface,
  ManagementInterface,
  RaidInterface,
  VendorInterface,
} from './interfaces.ts';
import { unsupported } from './unsupported.ts';

const nothing = { properties: {}, validate() {} };

/** Keeps the firmware's boot order, which must start with the network: Ingot's boot server then selects the boot. */
export const noopManagement: ManagementInterface = {
  ...nothing,
  bootDevices: ['pxe', 'disk', 'cdrom', 'bios', 'safe', 'floppy'],
  async setBootDevice() {},
  getBootDevice: async () => ({ device: null, persistent: null }),
};

export const noConsole: ConsoleInterface = { ...nothing, log: async () => null };

export const noBios: BiosInterface = {
  ...nothing,
  unsupported: true,
  readSettings: (node) => unsupported(node, 'BIOS settings'),
  applySettings: (node) => unsupported(node, 'BIOS settings'),
  factoryReset: (node) => unsupported(node, 'BIOS settings'),
};

export const noFirmware: FirmwareInterface = {
  ...nothing,
  unsupported: true,
  readComponents: (node) => unsupported(node, 'firmware inventory'),
  startUpdate: (node) => unsupported(node, 'firmware update'),
  pollUpdate: (node) => unsupported(node, 'firmware update'),
};

/** The ramdisk's agent reports the hardware at each boot: nothing is needed of the driver. */
export const agentInspect: InspectInterface = nothing;

export const noInspect: InspectInterface = {
  ...nothing,
  validate({ driver }) {
    throw new Fault('unsupportedExtension', { driver, extension: 'inspect' });
  },
  unsupported: true,
  readHardware: (node) => unsupported(node, 'inspection'),
};

export const noVendor: VendorInterface = { ...nothing, methods: {} };

export const noRaid: RaidInterface = {
  ...nothing,
  unsupported: true,
  validate(node) {
    throw new Fault('unsupportedExtension', { driver: node.driver, extension: 'raid' });
  },
  applies: { nonroot: true, deletes: true },
  checkConfig() {},
};

/** To be added to the drivers' own, by kind: what needs no driver. */
export const absentInterfaces = {
  console: { 'no-console': noConsole },
  bios: { 'no-bios': noBios },
  firmware: { 'no-firmware': noFirmware },
  inspect: { agent: agentInspect, 'no-inspect': noInspect },
  vendor: { 'no-vendor': noVendor },
  raid: { 'no-raid': noRaid },
} as const satisfies Partial<Drivers>;
