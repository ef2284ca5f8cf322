import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { basename, join } from 'node:path';
import { ethernetForm, isInfiniband, mellanoxClientId } from '../agent-protocol/infiniband.ts';
import type { Disk, Inventory, Nic } from '../agent-protocol/messages.ts';
import { readIdentity } from './disk-identity.ts';

/** Reads the hardware inventory from `/proc` and `/sys` below `root` (`/` in the ramdisk). */
export function readInventory(root: string): Inventory {
  return {
    cpu: readCpu(root),
    memory_bytes: readMemory(root),
    disks: readDisks(root).slice(0, 256),
    nics: readNics(root).slice(0, 128),
    system: {
      vendor: dmi(root, 'sys_vendor'),
      product: dmi(root, 'product_name'),
      serial: dmi(root, 'product_serial'),
      uuid: dmi(root, 'product_uuid').toLowerCase(),
    },
    firmware: { mode: existsSync(join(root, 'sys/firmware/efi')) ? 'uefi' : 'bios', version: dmi(root, 'bios_version') },
  };
}

const architectureTable: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };

function readCpu(root: string): Inventory['cpu'] {
  const text = readText(root, 'proc/cpuinfo');
  const field = (name: string) => new RegExp(`^${name}\\s*:\\s*(.*)$`, 'm').exec(text)?.[1] ?? '';
  return {
    count: text.match(/^processor\s*:/gm)?.length ?? 1,
    model: short(field('model name')),
    architecture: architectureTable[process.arch] ?? process.arch,
    flags: field('flags')
      .split(' ')
      .filter((flag) => flag !== '' && flag.length <= 64)
      .slice(0, 1000),
  };
}

/** Memory blocks give the installed memory; MemTotal excludes what firmware and kernel reserve. */
function readMemory(root: string): number {
  const blockBytes = Number.parseInt(readText(root, 'sys/devices/system/memory/block_size_bytes'), 16);
  const blocks = list(root, 'sys/devices/system/memory').filter((name) => /^memory\d+$/.test(name)).length;
  if (blockBytes > 0 && blocks > 0) return blockBytes * blocks;
  return Number(/^MemTotal:\s+(\d+) kB/m.exec(readText(root, 'proc/meminfo'))?.[1] ?? 0) * 1024;
}

const sectorBytes = 512;

/** Whole disks of real (or virtual) controllers; no loop, RAM, CD or device-mapper devices. */
export function readDisks(root: string): Disk[] {
  return list(root, 'sys/block')
    .filter((name) => !/^(sr|fd|loop|ram|zram|dm-|md|nbd)/.test(name) && existsSync(join(root, 'sys/block', name, 'device')))
    .map((name) => readDisk(root, name))
    .filter((disk) => disk.size_bytes > 0);
}

function readDisk(root: string, name: string): Disk {
  const folder = `sys/block/${name}`;
  const number = (file: string) => count(Number(readText(root, `${folder}/${file}`)));
  return {
    device: `/dev/${name.replaceAll('!', '/')}`,
    size_bytes: number('size') * sectorBytes,
    model: short(readText(root, `${folder}/device/model`)),
    serial: short(readText(root, `${folder}/serial`) || readText(root, `${folder}/device/serial`) || scsiSerial(root, folder)),
    rotational: number('queue/rotational') === 1,
    removable: number('removable') === 1,
    ...readIdentity(root, name),
    discard_max_bytes: number('queue/discard_max_bytes'),
    write_zeroes_max_bytes: number('queue/write_zeroes_max_bytes'),
  };
}

/** An array as a disk to write to. @param name kernel name: `md0` */
export function readMd(root: string, name: string): Disk {
  const level = readText(root, `sys/block/${name}/md/level`);
  return { ...readDisk(root, name), model: short(`Linux RAID ${level.replace(/^raid/, '')}`) };
}

/** Zero for non-numbers and impossible values. */
function count(value: number): number {
  return Number.isSafeInteger(value * sectorBytes) && value > 0 ? value : 0;
}

/** SCSI page 0x80 (unit serial number): four bytes of header, then text (SPC-4, 7.8.15). */
function scsiSerial(root: string, folder: string): string {
  try {
    return readFileSync(join(root, folder, 'device/vpd_pg80'))
      .subarray(4)
      .toString('latin1')
      .trim();
  } catch {
    return '';
  }
}

function readNics(root: string): Nic[] {
  const addresses = networkInterfaces();
  return list(root, 'sys/class/net')
    .filter((name) => existsSync(join(root, 'sys/class/net', name, 'device')))
    .map((name) => {
      const folder = `sys/class/net/${name}`;
      const speed = Number(readText(root, `${folder}/speed`));
      return {
        name,
        ...readAddress(root, folder),
        driver: linkName(join(root, folder, 'device/driver')),
        link: readText(root, `${folder}/carrier`) === '1',
        speed_mbps: count(speed) || null,
        address: addresses[name]?.find((entry) => entry.family === 'IPv4')?.address ?? null,
      };
    });
}

const mellanox = '0x15b3';

function readAddress(root: string, folder: string): Pick<Nic, 'mac' | 'infiniband_address' | 'client_id'> {
  const address = readText(root, `${folder}/address`).toLowerCase();
  if (!isInfiniband(address)) return { mac: address.slice(0, 64) };
  const isMellanox = readText(root, `${folder}/device/vendor`) === mellanox;
  return {
    mac: ethernetForm(address),
    infiniband_address: address,
    ...(isMellanox && { client_id: mellanoxClientId(address) }),
  };
}

function dmi(root: string, name: string): string {
  return short(readText(root, `sys/class/dmi/id/${name}`));
}

/** Truncates firmware's text to the protocol's limit (`Text` in messages.ts). */
function short(text: string): string {
  return text.slice(0, 256);
}

/**
 * Empty for missing or unreadable files: a NIC that is down refuses `carrier`, many files exist on some hardware only.
 */
function readText(root: string, path: string): string {
  try {
    return readFileSync(join(root, path), 'utf8').trim();
  } catch {
    return '';
  }
}

function list(root: string, path: string): string[] {
  try {
    return readdirSync(join(root, path)).sort();
  } catch {
    return [];
  }
}

function linkName(path: string): string {
  try {
    return basename(readlinkSync(path));
  } catch {
    return '';
  }
}
