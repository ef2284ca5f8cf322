/** What hardware has that lacks a part: Ironic's `noop` and `no-…` interfaces. */
import type { BiosInterface, ConsoleInterface, FirmwareInterface, ManagementInterface, VendorInterface } from './interfaces.ts';
import { lacks } from './lacks.ts';

const nothing = { properties: {}, validate() {} };

/** The firmware's own boot order stands, and must begin with the network: Ingot's boot server then says what to boot. */
export const noopManagement: ManagementInterface = {
  ...nothing,
  bootDevices: ['pxe', 'disk', 'cdrom', 'bios', 'safe', 'floppy'],
  async setBootDevice() {},
  getBootDevice: async () => ({ device: null, persistent: null }),
};

export const noConsole: ConsoleInterface = { ...nothing, log: async () => null };

export const noBios: BiosInterface = {
  ...nothing,
  readSettings: (node) => lacks(node, 'BIOS settings'),
  applySettings: (node) => lacks(node, 'BIOS settings'),
  factoryReset: (node) => lacks(node, 'BIOS settings'),
};

export const noFirmware: FirmwareInterface = {
  ...nothing,
  readComponents: (node) => lacks(node, 'firmware inventory'),
  update: (node) => lacks(node, 'firmware update'),
};

export const noVendor: VendorInterface = { ...nothing, methods: {} };
