/** Interfaces of hardware without that function: Ironic's `noop` and `no-…` interfaces. */
import { Fault } from '#domain/faults.ts';
import type { InterfaceKind } from '#domain/interface-kinds.ts';
import type {
  BiosInterface,
  ConsoleInterface,
  Drivers,
  FirmwareInterface,
  InspectInterface,
  Interface,
  ManagementInterface,
  RaidInterface,
  VendorInterface,
} from './interfaces.ts';
import { unsupported } from './unsupported.ts';

const nothing = { properties: {}, validate() {} };

/** As in Ironic, a node is valid without the function, but its interface is not. */
const absent = (extension: InterfaceKind): Interface => ({
  properties: {},
  validate({ driver }) {
    throw new Fault('unsupportedExtension', { driver, extension });
  },
});

/** Keeps the firmware's boot order, which must start with the network: Ingot's boot server then selects the boot. */
export const noopManagement: ManagementInterface = {
  ...nothing,
  bootDevices: ['pxe', 'disk', 'cdrom', 'bios', 'safe', 'floppy'],
  async setBootDevice() {},
  getBootDevice: async () => ({ device: null, persistent: null }),
};

export const noConsole: ConsoleInterface = { ...absent('console'), log: async () => null };

export const noBios: BiosInterface = {
  ...absent('bios'),
  unsupported: true,
  readSettings: (node) => unsupported(node, 'BIOS settings'),
  applySettings: (node) => unsupported(node, 'BIOS settings'),
  factoryReset: (node) => unsupported(node, 'BIOS settings'),
};

export const noFirmware: FirmwareInterface = {
  ...absent('firmware'),
  unsupported: true,
  readComponents: (node) => unsupported(node, 'firmware inventory'),
  startUpdate: (node) => unsupported(node, 'firmware update'),
  pollUpdate: (node) => unsupported(node, 'firmware update'),
};

/** The ramdisk's agent reports the hardware at each boot: nothing is needed of the driver. */
export const agentInspect: InspectInterface = nothing;

export const noInspect: InspectInterface = {
  ...absent('inspect'),
  unsupported: true,
  readHardware: (node) => unsupported(node, 'inspection'),
};

export const noVendor: VendorInterface = { ...nothing, methods: {} };

export const noRaid: RaidInterface = {
  ...absent('raid'),
  unsupported: true,
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
