/** Virtual Disk Format 5.0, "Hosted Sparse Extents" and "Stream-Optimized Compressed Sparse Extents". */
import { CutOff, type TableFile } from './table-file.ts';

const sector = 512;
/** Header flags: grains are compressed, and start with a marker. */
const [compressed, marked] = [1 << 16, 1 << 17];
/** Entry 1 is a grain of zeros. */
const firstGrain = 2;

type Shape = { capacity: number; grainBytes: number; isCompressed: boolean; isMarked: boolean };

/** @throws CutOff if a grain is beyond the end, or the last sector is incomplete */
export async function checkVmdk(file: TableFile): Promise<void> {
  const rest = file.size % sector;
  if (rest !== 0) throw new CutOff(file.size - rest + sector, file.size);
  const header = await headerOf(file);
  const flags = header.readUInt32LE(8);
  const shape = {
    capacity: Number(header.readBigUInt64LE(12)) * sector,
    grainBytes: Number(header.readBigUInt64LE(20)) * sector,
    isCompressed: (flags & compressed) !== 0,
    isMarked: (flags & marked) !== 0,
  };
  const grains = header.readUInt32LE(44);
  const tableReach = grains * shape.grainBytes;
  const tables = Math.ceil(shape.capacity / tableReach);
  let [guest, last] = [0, 0];
  for await (const piece of file.pieces(Number(header.readBigUInt64LE(56)) * sector, tables * 4)) {
    for (let at = 0; at < piece.length; at += 4, guest += tableReach) {
      const table = piece.readUInt32LE(at);
      if (table !== 0) last = Math.max(last, checkGrains(file, await file.read(table * sector, grains * 4), { ...shape, guest }));
    }
  }
  if (shape.isCompressed && last > 0) await checkCompressed(file, last, shape);
}

/** A stream does not know its directory's position at its start: it repeats the header before its last sector. */
async function headerOf(file: TableFile): Promise<Buffer> {
  const header = await file.read(0, sector);
  if (header.readBigUInt64LE(56) !== 0xffff_ffff_ffff_ffffn) return header;
  const footer = await file.read(Math.max(file.size - 2 * sector, 0), sector);
  if (footer.toString('latin1', 0, 4) !== 'KDMV') throw new CutOff(file.size + 1, file.size);
  return footer;
}

/** @returns the offset of the last grain in bytes */
function checkGrains(
  file: TableFile,
  table: Buffer,
  { capacity, grainBytes, isCompressed, guest: first }: Shape & { guest: number },
) {
  let last = 0;
  for (let at = 0, guest = first; at < table.length; at += 4, guest += grainBytes) {
    const place = table.readUInt32LE(at) * sector;
    if (place < firstGrain * sector) continue;
    last = Math.max(last, place);
    if (!isCompressed) file.expect(place + Math.min(grainBytes, Math.max(capacity - guest, 0)));
  }
  return last;
}

/** "Grain marker": its first sector (8 bytes), and the length of its data. */
async function checkCompressed(file: TableFile, at: number, { isMarked }: Shape): Promise<void> {
  if (!isMarked) return file.expect(at + 1);
  const marker = await file.read(at, 12);
  file.expect(at + marker.length + marker.readUInt32LE(8));
}
