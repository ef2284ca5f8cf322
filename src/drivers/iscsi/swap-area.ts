/** The head of a swap partition, as Linux reads it (include/linux/swap.h, `union swap_header`). */
import { randomBytes } from 'node:crypto';

const pageBytes = 4096;
/** More than the one page that is required, to overwrite signatures of former contents. */
const headBytes = 1024 * 1024;

export const swapLabel = 'swap1';

/** @param length of the whole partition in bytes */
export function encodeSwapHead(length: number): Buffer {
  const head = Buffer.alloc(Math.min(headBytes, length));
  const lastPage = Math.floor(length / pageBytes) - 1;
  // After 1 KiB for boot blocks: version 1, last page, number of bad pages, UUID, label.
  head.writeUInt32LE(1, 1024);
  head.writeUInt32LE(lastPage, 1028);
  randomBytes(16).copy(head, 1036);
  // Version 4, variant 1 of RFC 9562.
  head[1042] = ((head[1042] ?? 0) & 0x0f) | 0x40;
  head[1044] = ((head[1044] ?? 0) & 0x3f) | 0x80;
  head.write(swapLabel, 1052, 'latin1');
  head.write('SWAPSPACE2', pageBytes - 10, 'latin1');
  return head;
}
