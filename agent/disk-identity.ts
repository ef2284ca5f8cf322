/**
 * Identifiers of a disk besides its device name, derived as udev does (its rules 60-persistent-storage and its built-in
 * path_id), from `/sys` since the ramdisk has no udev. Uncertain ones are omitted, so that no hint matches them.
 */
import { readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Disk } from '../agent-protocol/messages.ts';

type Identity = Pick<Disk, 'vendor' | 'wwn' | 'wwn_vendor_extension' | 'wwn_with_extension' | 'hctl' | 'by_path' | 'tran'>;

/** @param root `/` in the ramdisk. @param name kernel name: `sda` */
export function readIdentity(root: string, name: string): Identity {
  const folder = join(root, 'sys/block', name);
  const path = realPath(folder).slice(realPath(root).replace(/\/$/, '').length);
  const hctl = basename(linkOf(join(folder, 'device')));
  return {
    ...withValue('vendor', readText(join(folder, 'device/vendor')).replace(/^0x.*/, '')),
    ...worldWideName(readText(join(folder, 'wwid')) || readText(join(folder, 'device/wwid'))),
    ...(/^\d+:\d+:\d+:\d+$/.test(hctl) && { hctl }),
    ...withValue('by_path', byPath(path)),
    ...withValue('tran', transports.find(([sign]) => sign.test(path))?.[1] ?? ''),
  };
}

/**
 * `naa.` is followed by 16 or 32 hexadecimal digits (SPC-4, 7.8.6.6): udev calls the first half of a long one ID_WWN
 * and the second half its vendor extension.
 */
function worldWideName(id: string): Identity {
  const [, first, second] = /^naa\.([0-9a-f]{16})([0-9a-f]{16})?$/i.exec(id) ?? [];
  if (first !== undefined) {
    const wwn = `0x${first}`;
    return second === undefined
      ? { wwn, wwn_with_extension: wwn }
      : { wwn, wwn_vendor_extension: `0x${second}`, wwn_with_extension: wwn + second };
  }
  return /^(eui|nvme|uuid)\./.test(id) ? { wwn: id, wwn_with_extension: id } : {};
}

/** Position of the device in the tree of `/sys/devices` → lsblk's TRAN. */
const transports: readonly (readonly [sign: RegExp, tran: string])[] = [
  [/\/nvme\//, 'nvme'],
  [/\/usb\d+\//, 'usb'],
  [/\/ata\d+\//, 'sata'],
  [/\/end_device-/, 'sas'],
  [/\/virtio\d+\//, 'virtio'],
];

/**
 * Only for disks directly behind a PCI device. udev has special rules for RAID and SAS controllers, and names of ATA
 * disks differ between its versions (`-ata-1`, `-ata-1.0`): those are not implemented here.
 */
const pathTable: readonly (readonly [sign: RegExp, name: (match: RegExpExecArray) => string])[] = [
  [/\/nvme\/nvme\d+\/nvme\d+n(\d+)$/, ([, namespace]) => `-nvme-${namespace}`],
  [/\/virtio\d+\/block\/vd[a-z]+$/, () => ''],
];

function byPath(path: string): string {
  const pci = path.match(/[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7](?=\/)/g)?.at(-1);
  for (const [sign, name] of pathTable) {
    const match = sign.exec(path);
    if (match && pci) return `/dev/disk/by-path/pci-${pci}${name(match)}`;
  }
  return '';
}

function withValue<N extends keyof Identity>(name: N, value: string): Pick<Identity, N> {
  return (value === '' ? {} : { [name]: value }) as Pick<Identity, N>;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim().slice(0, 256);
  } catch {
    return '';
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return '';
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
