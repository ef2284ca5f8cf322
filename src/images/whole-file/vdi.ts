/** VirtualBox's format, as described in QEMU's block/vdi.c. It has no check of its own for truncation. */
import type { TableFile } from './table-file.ts';

/** Larger block numbers mean an unallocated block, or one of zeros. */
const firstSpecial = 0xfffffffe;

/** @throws CutOff if a block is beyond the end */
export async function checkVdi(file: TableFile): Promise<void> {
  const header = await file.read(0, 512);
  const [map, data] = [header.readUInt32LE(340), header.readUInt32LE(344)];
  const size = Number(header.readBigUInt64LE(368));
  const [blockBytes, extra, blocks] = [header.readUInt32LE(376), header.readUInt32LE(380), header.readUInt32LE(384)];
  let guest = 0;
  for await (const piece of file.pieces(map, blocks * 4)) {
    for (let at = 0; at < piece.length; at += 4, guest += blockBytes) {
      const block = piece.readUInt32LE(at);
      if (block < firstSpecial)
        file.expect(data + block * (blockBytes + extra) + extra + Math.min(blockBytes, Math.max(size - guest, 0)));
    }
  }
}
