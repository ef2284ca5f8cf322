/**
 * The check of Glance on the first sector of raw disks (GPTInspector of oslo.utils): a record that firmwares and systems read
 * differently can hide one disk in another. UEFI 2.10 section 5.2.3, "Protective MBR".
 */
import { open } from 'node:fs/promises';
import { isIso, refuseUnsafe } from './disk-formats.ts';

const sectorBytes = 512;
const entryBytes = 16;
const firstEntry = 446;
const protective = 0xee;
/** Head, sector and cylinder of sector 1. */
const protectiveStart = '000200';

/** An ISO that also boots from a disk may begin with any record. @throws Fault `invalidImageData` */
export async function checkBootRecord(path: string): Promise<void> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(sectorBytes), { position: 0 });
    const why = bytesRead === sectorBytes && isRecord(buffer) && whyUnsafe(buffer);
    if (why && !(await isIso(path)))
      refuseUnsafe(`${why}; set its property ingot_boot_check=skip before the upload if that is meant`);
  } finally {
    await file.close();
  }
}

/** The boot sector of a FAT has the same signature: two tables, on a fixed disk. */
function isRecord(sector: Buffer): boolean {
  const isFat = sector[16] === 2 && sector[21] === 0xf8;
  return sector.readUInt16LE(510) === 0xaa55 && !isFat;
}

function whyUnsafe(sector: Buffer): string | undefined {
  const entries = [0, 1, 2, 3].map((index) => {
    const entry = sector.subarray(firstEntry + index * entryBytes, firstEntry + (index + 1) * entryBytes);
    return { flag: entry[0] ?? 0, start: entry.toString('hex', 1, 4), type: entry[4] ?? 0, firstSector: entry.readUInt32LE(8) };
  });
  const odd = entries.findIndex(({ flag }) => flag !== 0 && flag !== 0x80);
  if (odd !== -1) return `the boot flag of partition ${odd + 1} in its MBR is neither 0 nor 128`;
  const used = entries.filter(({ type }) => type !== 0);
  if (used.length === 0) return 'its MBR has no partitions';
  const gpt = used.filter(({ type }) => type === protective);
  if (gpt.length === 0) return undefined;
  if (gpt.some(({ start, firstSector }) => start !== protectiveStart || firstSector !== 1))
    return 'the entry for the GPT in its MBR does not start at sector 1';
  return used.length === 1 && entries[0]?.type === protective ? undefined : 'its MBR has partitions beside its GPT';
}
