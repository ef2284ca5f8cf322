/** The EFI images of a bootable CD (El Torito 1.0), which UEFI firmware also finds on a disk. */
import { type DiskBytes, DiskContentsError } from './disk-bytes.ts';

const cdSector = 2048;
const firstDescriptor = 16;
/** Maximum number of volume descriptors read. */
const mostDescriptors = 32;
const efiPlatform = 0xef;

export type CdImage = {
  isIso: boolean;
  /** Offsets of its EFI images in bytes. */
  efiImages: number[];
};

export async function readCd(disk: DiskBytes): Promise<CdImage> {
  let isIso = false;
  for (let index = 0; index < mostDescriptors; index += 1) {
    const at = (firstDescriptor + index) * cdSector;
    if (at + cdSector > disk.size) break;
    const descriptor = await disk.read(at, cdSector);
    if (descriptor.toString('latin1', 1, 6) !== 'CD001') break;
    isIso = true;
    // El Torito figure 7: type 0, and the position of the catalog.
    if (descriptor[0] === 0 && descriptor.toString('latin1', 7, 30) === 'EL TORITO SPECIFICATION')
      return { isIso, efiImages: await readCatalog(disk, descriptor.readUInt32LE(0x47) * cdSector) };
    if (descriptor[0] === 0xff) break;
  }
  return { isIso, efiImages: [] };
}

/** El Torito figures 2 to 5: validation entry, initial entry, then section headers with their entries; 32 bytes each. */
async function readCatalog(disk: DiskBytes, at: number): Promise<number[]> {
  const catalog = await disk.read(at, cdSector);
  if (catalog[0] !== 1 || catalog.readUInt16LE(30) !== 0xaa55) throw new DiskContentsError('the boot catalog is damaged');
  const images: number[] = [];
  let platform = catalog[1];
  for (let entry = 32; entry < cdSector; entry += 32) {
    const kind = catalog[entry];
    if (kind === 0x90 || kind === 0x91) platform = catalog[entry + 1];
    else if (kind === 0x88 && platform === efiPlatform) images.push(catalog.readUInt32LE(entry + 8) * cdSector);
  }
  return images;
}
