/** The hardware that IPA reports (`poll.get_hardware_info`), as Ingot's own agent reports it. */
import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import { ethernetForm, isInfiniband } from '#agent-protocol/infiniband.ts';
import { type Disk, Inventory, type Nic } from '#agent-protocol/messages.ts';
import { plainLine } from '#domain/plain-text.ts';

const nullable = <S extends TSchema>(schema: S) => Type.Optional(Type.Union([schema, Type.Null()]));
/** Shortened, not refused: vendors write what they like. */
const Text = nullable(Type.Union([Type.String(), Type.Number()]));
const Count = nullable(Type.Number({ minimum: 0 }));

const IpaDisk = Type.Object({
  name: Type.String({ pattern: '^/dev/[A-Za-z0-9/_-]{1,58}$' }),
  size: Type.Number({ minimum: 0 }),
  ...{ model: Text, serial: Text, vendor: Text, wwn: Text, wwn_vendor_extension: Text, wwn_with_extension: Text },
  ...{ hctl: Text, by_path: Text, tran: Text },
  rotational: nullable(Type.Boolean()),
});
const IpaNic = Type.Object({
  ...{ name: Text, mac_address: Text, driver: Text, ipv4_address: Text, client_id: Text },
  has_carrier: nullable(Type.Boolean()),
  speed_mbps: Count,
});
const Reported = Type.Object({
  cpu: Type.Object({
    ...{ count: Count, model_name: Text, architecture: Text },
    flags: nullable(Type.Array(Type.String(), { maxItems: 1000 })),
  }),
  memory: Type.Object({ total: Count, physical_mb: Count }),
  disks: Type.Array(IpaDisk, { maxItems: 256 }),
  interfaces: Type.Array(IpaNic, { maxItems: 128 }),
  system_vendor: Type.Object({
    ...{ manufacturer: Text, product_name: Text, serial_number: Text },
    firmware: nullable(Type.Object({ version: Text })),
  }),
  boot: Type.Object({ current_boot_mode: Text }),
});

/** @returns undefined if it cannot be understood */
export function readInventory(report: unknown): Inventory | undefined {
  if (!Value.Check(Reported, report)) return undefined;
  const { cpu, memory, disks, interfaces, system_vendor: system, boot } = report;
  const inventory: Inventory = {
    cpu: {
      count: cpu.count ?? 1,
      model: short(cpu.model_name, 256),
      architecture: short(cpu.architecture, 64),
      flags: (cpu.flags ?? []).filter((flag) => flag.length <= 64).map((flag) => plainLine(flag)),
    },
    memory_bytes: memory.physical_mb ? memory.physical_mb * 2 ** 20 : (memory.total ?? 0),
    disks: disks.map(diskOf),
    nics: interfaces.map(nicOf),
    system: {
      vendor: short(system.manufacturer, 256),
      product: short(system.product_name, 256),
      serial: short(system.serial_number, 256),
      // IPA does not report it.
      uuid: '',
    },
    firmware: { mode: boot.current_boot_mode === 'uefi' ? 'uefi' : 'bios', version: short(system.firmware?.version, 256) },
  };
  return Value.Check(Inventory, inventory) ? inventory : undefined;
}

const namedFields = ['vendor', 'wwn', 'wwn_vendor_extension', 'wwn_with_extension', 'hctl', 'by_path', 'tran'] as const;

function diskOf(disk: Static<typeof IpaDisk>): Disk {
  const named = namedFields.flatMap((key) => (disk[key] ? [[key, short(disk[key], 256)] as const] : []));
  return {
    ...{ device: disk.name, size_bytes: disk.size, model: short(disk.model, 256), serial: short(disk.serial, 256) },
    rotational: disk.rotational ?? false,
    // IPA lists only disks that it would erase, and none that is a CD or a floppy.
    removable: false,
    ...{ discard_max_bytes: 0, write_zeroes_max_bytes: 0 },
    ...Object.fromEntries(named),
  };
}

function nicOf({ name, mac_address, driver, ipv4_address, has_carrier, speed_mbps, client_id }: Static<typeof IpaNic>): Nic {
  const mac = short(mac_address, 64).toLowerCase();
  return {
    ...{ name: short(name, 64), mac: ethernetForm(mac), driver: short(driver, 64) },
    ...{ link: has_carrier ?? false, speed_mbps: speed_mbps ?? null },
    address: ipv4_address ? short(ipv4_address, 64) : null,
    ...(isInfiniband(mac) && { infiniband_address: mac }),
    ...(client_id && { client_id: short(client_id, 64) }),
  };
}

function short(value: string | number | null | undefined, characters: number): string {
  return plainLine(String(value ?? '').slice(0, characters)).trim();
}
