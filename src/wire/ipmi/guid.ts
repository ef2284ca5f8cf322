/**
 * A UUID as BMCs send it: the SMBIOS byte order, in which the first three groups are little-endian (SMBIOS 3.x
 * section 7.2.1). IPMI 2.0 rev 1.1 section 20.8 specifies another order, but hosts and BMCs agree on this one.
 */
export function encodeGuid(uuid: string): Buffer {
  return swapGroups(Buffer.from(uuid.replaceAll('-', ''), 'hex'));
}

/** @param guid 16 bytes. @returns lower case with dashes */
export function decodeGuid(guid: Uint8Array): string {
  const hex = swapGroups(Buffer.from(guid)).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function swapGroups(bytes: Buffer): Buffer {
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}
