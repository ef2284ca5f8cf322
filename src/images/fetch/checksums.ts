/** Checksums of images, as text or in a file, in the forms that Ironic takes (`ironic/common/checksum_utils.py`). */

export type Checksum = { readonly algorithm: 'md5' | 'sha256' | 'sha512'; readonly value: string };

/** By hex digits: the SHA-2 family and MD5 are told apart by their length. */
const algorithmTable: Readonly<Record<number, Checksum['algorithm']>> = { 32: 'md5', 64: 'sha256', 128: 'sha512' };

/** @returns undefined if the text is no checksum, or not of this algorithm */
export function checksumOf(text: string, algorithm?: string): Checksum | undefined {
  const value = text.trim().toLowerCase();
  const found = /^[0-9a-f]+$/.test(value) ? algorithmTable[value.length] : undefined;
  if (!found || (algorithm !== undefined && algorithm.toLowerCase() !== found)) return undefined;
  return { algorithm: found, value };
}

/**
 * @param name of the image's file: the last part of its URL
 * @returns the checksum, or in Ironic's words why there is none
 */
export function findChecksum(text: string, name: string): Checksum | { why: string } {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  const [only] = lines;
  if (only === undefined) return { why: 'Checksum file empty.' };
  if (lines.length === 1 && !only.includes(' '))
    return checksumOf(only) ?? { why: 'Invalid checksum file (No valid checksum found)' };
  const found = lines.filter((line) => !line.startsWith('#') && names(line, name)).flatMap((line) => checksumIn(line) ?? []);
  return found[0] ?? { why: `Checksum file does not contain name ${name.slice(0, 200)}` };
}

/** `HASH  name`, `HASH *name`, or BSD's `SHA256 (name) = HASH`. */
function names(line: string, name: string): boolean {
  return [` ${name}`, `\t${name}`, ` *${name}`].some((end) => line.endsWith(end)) || line.includes(` (${name}) `);
}

/** At the beginning or the end of a line. */
function checksumIn(line: string): Checksum | undefined {
  const words = line.split(/\s+/);
  return checksumOf(words[0] ?? '') ?? checksumOf(words.at(-1) ?? '');
}
