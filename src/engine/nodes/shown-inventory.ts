/** An inventory in the format of Ironic's agent. Facts that our agent does not collect are null. */
import type { Inventory } from '#agent-protocol/messages.ts';
import type { JsonObject } from '#domain/json.ts';

const mebibyte = 2 ** 20;
const gibibyte = 2 ** 30;

export function shownInventory({ cpu, memory_bytes, disks, nics, system, firmware }: Inventory) {
  return {
    cpu: { model_name: cpu.model, frequency: null, count: cpu.count, architecture: cpu.architecture, flags: cpu.flags },
    memory: { total: memory_bytes, physical_mb: Math.round(memory_bytes / mebibyte) },
    disks: disks.map(({ device, size_bytes, model, serial, rotational }) => {
      return { name: device, model, size: size_bytes, rotational, serial: serial || null, vendor: null, wwn: null };
    }),
    interfaces: nics.map((nic) => ({
      name: nic.name,
      mac_address: nic.mac,
      client_id: nic.client_id ?? null,
      ...(nic.infiniband_address && { infiniband_address: nic.infiniband_address }),
      ipv4_address: nic.address,
      ipv6_address: null,
      has_carrier: nic.link,
      speed_mbps: nic.speed_mbps,
      driver: nic.driver,
      lldp: null,
      vendor: null,
      product: null,
    })),
    system_vendor: {
      manufacturer: system.vendor,
      product_name: system.product,
      serial_number: system.serial,
      firmware: { vendor: null, version: firmware.version, build_date: null },
    },
    boot: { current_boot_mode: firmware.mode, pxe_interface: null },
  };
}

/** For the node's properties; the disk is the one that an image without root device hints is written to. */
export function summaryOf({ cpu, memory_bytes, disks, nics }: Inventory): JsonObject {
  const sizes = disks.filter(({ removable }) => !removable).map(({ size_bytes }) => size_bytes);
  return {
    macs: nics.map(({ mac }) => mac),
    cpus: cpu.count,
    cpu_arch: cpu.architecture,
    memory_mb: Math.round(memory_bytes / mebibyte),
    local_gb: sizes.length === 0 ? 0 : Math.floor(Math.min(...sizes) / gibibyte),
  };
}
