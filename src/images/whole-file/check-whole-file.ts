/**
 * Checks that an image file contains everything its own tables refer to. QEMU reads zeros past the end of a file, and
 * its checks detect only some truncated files, so a truncated upload would become a disk with holes. Called for images
 * that QEMU has already opened; this only rejects more, and never interprets the contents.
 */
import { type DiskFormat, refuseImage } from '../disk-formats.ts';
import { checkQcow2 } from './qcow2.ts';
import { CutOff, OddTables, TableFile } from './table-file.ts';
import { checkVdi } from './vdi.ts';
import { checkVmdk } from './vmdk.ts';

type Check = (file: TableFile) => Promise<void>;

const checkTable: Readonly<Partial<Record<DiskFormat, Check>>> = {
  qcow2: checkQcow2,
  vdi: checkVdi,
  vmdk: checkVmdk,
  vhd: checkFooter,
  vhdx: checkSectors,
};

/** @throws Fault `invalidImageData` that says what is missing */
export async function checkWholeFile(path: string, format: DiskFormat): Promise<void> {
  const check = checkTable[format];
  if (!check) return;
  try {
    await TableFile.with(path, check);
  } catch (error) {
    if (error instanceof CutOff) refuseImage(`as a ${format} image it is damaged (cut off: ${error.message})`, error);
    if (error instanceof OddTables || error instanceof RangeError)
      refuseImage(`as a ${format} image it is damaged (${error.message})`, error);
    throw error;
  }
}

/**
 * Virtual Hard Disk Image Format 1.0: a footer of 512 bytes ends every file; QEMU also accepts the copy at the
 * beginning.
 */
async function checkFooter(file: TableFile): Promise<void> {
  const footer = await file.read(Math.max(file.size - 512, 0), 512);
  if (footer.toString('latin1', 0, 8) !== 'conectix') throw new CutOff(file.size + 1, file.size);
}

/** QEMU checks all blocks of a VHDX when it opens one, but only to a sector. */
async function checkSectors(file: TableFile): Promise<void> {
  const rest = file.size % 512;
  if (rest !== 0) throw new CutOff(file.size - rest + 512, file.size);
}
