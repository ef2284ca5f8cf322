/** What an inspection has found, in the form that rules, properties and ports are made of. */
import { Value } from 'typebox/value';
import { Inventory } from '#agent-protocol/messages.ts';
import { type DiskFacts, mismatch } from '#agent-protocol/root-device.ts';
import type { FoundDisk, FoundHardware } from '#domain/found-hardware.ts';
import type { Json, JsonObject } from '#domain/json.ts';
import { plainJson } from '#domain/plain-text.ts';
import { rootDeviceOf } from '#drivers/root-device.ts';
import type { Node } from '#store/tables/nodes.ts';
import { isUsableProperty } from '../scheduler/node-properties.ts';
import { shownInventory, summaryOf } from './shown-inventory.ts';

export type ReportedNic = { readonly mac: string; readonly address: string | null };
export type Report = {
  /** As the bare-metal API shows it. */
  readonly inventory: JsonObject;
  readonly plugin_data: JsonObject;
  /** For the node's properties; what the machine does not tell is missing. Throws `badRequest` for invalid root device hints. */
  readonly properties: () => JsonObject;
  readonly nics: readonly ReportedNic[];
  /** It has booted the ramdisk from one of its NICs. */
  readonly isFromRamdisk: boolean;
};

type Reported = Pick<Node, 'name' | 'uuid' | 'properties' | 'inventory' | 'found_hardware'>;

/** The agent's report is kept as the node's inventory when it says hello. */
export function reportOfAgent(node: Reported): Report | undefined {
  if (!Value.Check(Inventory, node.inventory)) return undefined;
  const inventory = plainJson(node.inventory as unknown as JsonObject) as unknown as Inventory;
  return {
    inventory: shownInventory(inventory) as unknown as JsonObject,
    plugin_data: summaryOf(inventory),
    properties: () => propertiesOfAgent(node, inventory),
    nics: inventory.nics.map(({ mac, address }) => ({ mac: mac.toLowerCase(), address })),
    isFromRamdisk: true,
  };
}

function propertiesOfAgent(node: Reported, { cpu, memory_bytes, disks }: Inventory): JsonObject {
  const fixed = disks
    .filter(({ removable }) => !removable)
    .map(({ device, size_bytes, removable: _, ...facts }) => ({ ...facts, name: device, size: size_bytes / gibibyte }));
  const local_gb = localGb(node, fixed);
  return usable({
    cpus: Math.floor(cpu.count),
    cpu_arch: cpu.architecture,
    memory_mb: Math.floor(memory_bytes / mebibyte),
    ...(local_gb > 0 && { local_gb }),
  });
}

export function reportOfBmc(node: Reported): Report | undefined {
  if (!node.found_hardware) return undefined;
  const found = plainJson(node.found_hardware as unknown as JsonObject) as unknown as FoundHardware;
  const { nics, lldp } = found;
  return {
    inventory: inventoryOf(found),
    plugin_data: {
      macs: nics.map(({ mac }) => mac),
      ...(Object.keys(lldp).length > 0 && { parsed_lldp: lldp }),
    },
    properties: () => propertiesOfBmc(node, found),
    nics: nics.map(({ mac, ipv4, ipv6 }) => ({ mac, address: ipv4 ?? ipv6 ?? null })),
    isFromRamdisk: false,
  };
}

function propertiesOfBmc(node: Reported, { cpu, memory_mb, boot_mode, disks }: FoundHardware): JsonObject {
  const large = disks
    .map(({ size_bytes, ...facts }) => ({ ...facts, size: size_bytes / gibibyte }))
    .filter(({ size }) => size >= leastDisk);
  const local_gb = localGb(node, large);
  const { capabilities = '' } = node.properties;
  return usable({
    ...(cpu.count !== undefined && { cpus: cpu.count }),
    ...(cpu.architecture !== undefined && { cpu_arch: cpu.architecture }),
    ...(memory_mb !== undefined && { memory_mb }),
    ...(local_gb > 0 && { local_gb }),
    ...(boot_mode && typeof capabilities === 'string' && { capabilities: withBootMode(capabilities, boot_mode) }),
  });
}

/** The report of the last inspection, or of the ramdisk's last boot if the BMC was not asked. */
export function lastReport(node: Reported): Report | undefined {
  return reportOfBmc(node) ?? reportOfAgent(node);
}

const mebibyte = 2 ** 20;
const gibibyte = 2 ** 30;
/** GiB. Ironic's: a BMC lists SD cards and boot modules, too. */
const leastDisk = 4;

/** What the scheduler could not read is left out, so that a machine that reports nonsense does not make its node unusable. */
function usable(found: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(found).filter(([name, value]) => isUsableProperty(name, value)));
}

/**
 * GiB of the disk that a deployment would choose, less one for partitioning, as in Ironic. 0 if there is no such disk,
 * which is not written: as a property it is the operator's word that nothing has to be erased (known-disks.ts).
 */
function localGb(node: Reported, disks: readonly (DiskFacts & { size: number })[]): number {
  const hints = rootDeviceOf(node);
  const smallest = Math.min(...disks.filter((disk) => mismatch(disk, hints) === undefined).map(({ size }) => size));
  return Number.isFinite(smallest) ? Math.max(Math.floor(smallest) - 1, 0) : 0;
}

function withBootMode(capabilities: string, mode: string): string {
  const pairs = capabilities.split(',').filter((pair) => pair.trim() !== '');
  return pairs.some((pair) => pair.trim().startsWith('boot_mode:')) ? capabilities : [...pairs, `boot_mode:${mode}`].join(',');
}

/** In the format of Ironic's inspect interface `redfish`. */
function inventoryOf(found: FoundHardware): JsonObject {
  const { cpu, memory_mb, system, boot_mode, storage_controllers, pci_devices } = found;
  return {
    cpu: {
      model_name: cpu.model ?? null,
      frequency: cpu.frequency_mhz ?? null,
      count: cpu.count ?? 0,
      architecture: cpu.architecture ?? '',
    },
    ...(memory_mb !== undefined && { memory: { physical_mb: memory_mb } }),
    disks: found.drives.map(shownDisk),
    interfaces: found.nics.map(({ name, mac, speed_mbps = null, link = null, ipv4 = null, ipv6 = null }) => {
      return { name, mac_address: mac, speed_mbps, has_carrier: link, ipv4_address: ipv4, ipv6_address: ipv6 };
    }),
    system_vendor: {
      manufacturer: system.manufacturer ?? null,
      product_name: system.product ?? null,
      serial_number: system.serial ?? null,
      system_uuid: system.uuid ?? null,
      firmware: { vendor: null, version: system.bios_version ?? null, build_date: null },
    },
    boot: { current_boot_mode: boot_mode ?? null, pxe_interface: null },
    ...(storage_controllers.length > 0 && { storage_controllers: [...storage_controllers] }),
    ...(pci_devices.length > 0 && { pci_devices: [...pci_devices] }),
  };
}

function shownDisk({ name, size_bytes, ...facts }: FoundDisk): Json {
  const { model, vendor, serial, wwn, rotational } = facts;
  const [shown, size] = [{ model: model ?? null, vendor: vendor ?? null }, size_bytes];
  return { name, size, ...shown, serial: serial ?? null, wwn: wwn ?? null, rotational: rotational ?? null };
}
