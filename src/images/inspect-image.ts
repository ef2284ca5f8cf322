/**
 * Inspects an image with QEMU: its size, and whether it is self-contained. An image is untrusted; one that refers to
 * other files (a backing file, external data, flat extents) would copy this host's files to a tenant's disk. The check
 * uses the program that will later read the image, confined, since even the check opens files.
 */
import { stat } from 'node:fs/promises';
import { Fault } from '#domain/faults.ts';
import { checkImageFile, type HowToRun, type ImageFile, type ImageInfo, imageInfo } from '#tools/qemu-img.ts';
import { type DiskFormat, driverOf, refuseImage, refuseUnsafe } from './disk-formats.ts';
import { checkWholeFile } from './whole-file/check-whole-file.ts';

export type Inspection = HowToRun & {
  /** Maximum size of the disk in bytes. */
  maxBytes: number;
};

/** @returns the virtual disk size. Throws `invalidImageData` if the image is damaged, too large, or refers to other files. */
export async function inspectImage(path: string, format: DiskFormat, inspection: Inspection): Promise<number> {
  const driver = driverOf(format);
  if (driver === 'raw') return rawSize(path, format);
  const image = { path, format: driver };
  const info = await imageInfo(image, inspection).catch(refuseUnreadable(image, 'cannot be read', inspection));
  for (const { applies, why } of refusals) if (applies(info)) refuseUnsafe(why);
  const size = info['virtual-size'];
  if (size > inspection.maxBytes) {
    refuseImage(`its disk has ${toGib(size)} GiB, and images may have up to ${toGib(inspection.maxBytes)} GiB`);
  }
  await checkWholeFile(path, format);
  await checkImageFile(image, inspection).catch(refuseUnreadable(image, 'is damaged', inspection));
  return size;
}

/** Formats that are written to a disk unchanged; kernels and ramdisks may have any size. */
const disks: readonly DiskFormat[] = ['raw', 'ami', 'iso'];
const sectorBytes = 512;

async function rawSize(path: string, format: DiskFormat): Promise<number> {
  const { size } = await stat(path);
  if (disks.includes(format) && size < sectorBytes)
    refuseImage(`it has ${size} byte${size === 1 ? '' : 's'}, and a disk at least one sector of ${sectorBytes}`);
  return size;
}

type Refusal = { readonly applies: (info: ImageInfo) => unknown; readonly why: string };

/** Images that Glance rejects (`format_inspector` of oslo.utils), as reported by QEMU. */
const refusals: readonly Refusal[] = [
  {
    applies: (info) => info['backing-filename'] ?? info['full-backing-filename'],
    why: 'it has a backing file; flatten it with `qemu-img convert`',
  },
  {
    applies: (info) => detailsOf(info)['data-file'] ?? detailsOf(info)['data-file-raw'],
    why: 'its data is in another file; flatten it with `qemu-img convert`',
  },
  { applies: (info) => info.encrypted || detailsOf(info)['encrypt'], why: 'it is encrypted' },
  { applies: (info) => detailsOf(info)['corrupt'], why: 'it is marked as corrupt; repair it with `qemu-img check -r`' },
  {
    applies: (info) => info.format === 'vmdk' && !vmdkTypes.includes(detailsOf(info)['create-type']),
    why: 'a vmdk must be monolithicSparse or streamOptimized, not of other extents',
  },
  {
    applies: (info) => info.format === 'vmdk' && detailsOf(info)['parent-cid'] !== noParent,
    why: 'it has a parent; flatten it with `qemu-img convert`',
  },
  { applies: (info) => info.format === 'vmdk' && !isItsOnlyExtent(info), why: 'its data is in another file' },
  { applies: (info) => info['virtual-size'] === 0, why: 'its virtual size is 0 bytes' },
];

const vmdkTypes: readonly unknown[] = ['monolithicSparse', 'streamOptimized'];
/** Virtual Disk Format 5.0: CID_NOPARENT. */
const noParent = 0xffffffff;

function detailsOf(info: ImageInfo): Readonly<Record<string, unknown>> {
  return info['format-specific']?.data ?? {};
}

function isItsOnlyExtent(info: ImageInfo): boolean {
  const { extents } = detailsOf(info);
  const [only, ...others] = Array.isArray(extents) ? (extents as ({ filename?: unknown } | null)[]) : [];
  return others.length === 0 && only?.filename === info.filename;
}

/** Blames the image, unless qemu-img could not run at all (127: not installed) or the caller aborted. */
function refuseUnreadable({ path, format }: ImageFile, what: string, { signal }: HowToRun) {
  return (error: unknown): never => {
    const isItsFault = error instanceof Fault && error.code === 'toolFailed' && error.fields['status'] !== 127;
    if (signal?.aborted || !isItsFault) throw error;
    const said = String(error.fields['detail']).replaceAll('qemu-img: ', '').replaceAll(path, 'image').split('\n')[0];
    return refuseImage(`as a ${format} image it ${what} (${said})`, error);
  };
}

function toGib(bytes: number): number {
  return Math.ceil((bytes / 1024 ** 3) * 10) / 10;
}
