/** The address that a host gives itself in a prefix of 64 bits (RFC 4291, appendix A). */
import { type Cidr, formatAddress } from './ip-addresses.ts';

/** @param mac six octets with colons */
export function eui64Address({ version, first }: Cidr, mac: string): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac.split(':').map((octet) => Number.parseInt(octet, 16));
  const octets = [a ^ 2, b, c, 0xff, 0xfe, d, e, f];
  return formatAddress({ version, value: first | octets.reduce((value, octet) => (value << 8n) | BigInt(octet), 0n) });
}
