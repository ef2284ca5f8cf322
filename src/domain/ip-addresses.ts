/** IPv4 and IPv6 addresses as numbers: text in, arithmetic, canonical text out (RFC 5952 for IPv6). */

export type IpVersion = 4 | 6;
export type IpAddress = { readonly version: IpVersion; readonly value: bigint };
export type Cidr = { readonly version: IpVersion; readonly prefix: number; readonly first: bigint; readonly last: bigint };
/** Inclusive at both ends. */
export type IpRange = { readonly first: bigint; readonly last: bigint };

export const bitsOf = (version: IpVersion): number => (version === 4 ? 32 : 128);

/** undefined if the text is not an address. */
export function parseAddress(text: string): IpAddress | undefined {
  const v4 = parseV4(text);
  if (v4 !== undefined) return { version: 4, value: v4 };
  const v6 = text.includes(':') ? parseV6(text) : undefined;
  return v6 === undefined ? undefined : { version: 6, value: v6 };
}

export function formatAddress({ version, value }: IpAddress): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  return compress(groups);
}

/** `10.0.0.0/24`; host bits (`10.0.0.5/24`) are cleared. undefined for anything else. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = '', length = '', ...rest] = text.split('/');
  const base = parseAddress(address);
  if (!base || rest.length > 0 || !/^\d{1,3}$/.test(length)) return undefined;
  const prefix = Number(length);
  if (prefix > bitsOf(base.version)) return undefined;
  const size = 1n << BigInt(bitsOf(base.version) - prefix);
  const first = (base.value / size) * size;
  return { version: base.version, prefix, first, last: first + size - 1n };
}

export function formatCidr(cidr: Cidr): string {
  return `${formatAddress({ version: cidr.version, value: cidr.first })}/${cidr.prefix}`;
}

export function isIn(address: IpAddress, cidr: Cidr): boolean {
  return address.version === cidr.version && cidr.first <= address.value && address.value <= cidr.last;
}

/** Host addresses: without network and broadcast address (IPv4), without the router anycast address (IPv6). */
export function hostsOf(cidr: Cidr): IpRange {
  const isTiny = bitsOf(cidr.version) - cidr.prefix <= 1;
  if (isTiny) return { first: cidr.first, last: cidr.last };
  return { first: cidr.first + 1n, last: cidr.version === 4 ? cidr.last - 1n : cidr.last };
}

/** `range` minus `hole`: zero, one or two ranges. */
export function without(range: IpRange, hole: IpRange): IpRange[] {
  if (!overlap(range, hole)) return [range];
  return [
    { first: range.first, last: hole.first - 1n },
    { first: hole.last + 1n, last: range.last },
  ].filter(({ first, last }) => first <= last);
}

export function overlap(a: IpRange, b: IpRange): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** The lowest free value in the ranges. */
export function firstFree(ranges: readonly IpRange[], isTaken: (value: bigint) => boolean): bigint | undefined {
  for (const { first, last } of ranges) {
    for (let value = first; value <= last; value++) if (!isTaken(value)) return value;
  }
  return undefined;
}

/** No leading zeros: programs disagree whether `010` is eight or ten. */
const v4Part = /^(0|[1-9]\d{0,2})$/;

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => v4Part.test(part) && Number(part) <= 255)) return undefined;
  return parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function parseV6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, index) => groupsOf(half, index === halves.length - 1));
  if (!head || (halves.length === 2 && !tail)) return undefined;
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array<bigint>(tail ? missing : 0).fill(0n), ...(tail ?? [])];
  return groups.reduce((value, group) => (value << 16n) | group, 0n);
}

/** The groups on one side of `::`; the last one may be an IPv4 address, which counts as two. */
function groupsOf(half: string, isLast: boolean): bigint[] | undefined {
  if (half === '') return [];
  const groups: bigint[] = [];
  const parts = half.split(':');
  for (const [index, part] of parts.entries()) {
    const v4 = isLast && index === parts.length - 1 ? parseV4(part) : undefined;
    if (v4 !== undefined) groups.push(v4 >> 16n, v4 & 0xffffn);
    else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return groups;
}

/** Replaces the longest run of at least two zero groups, the first of equals, by `::`. */
function compress(groups: readonly string[]): string {
  let best = { start: 0, length: 1 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === '0') length++;
    if (length > best.length) best = { start, length };
  }
  if (best.length < 2) return groups.join(':');
  return `${groups.slice(0, best.start).join(':')}::${groups.slice(best.start + best.length).join(':')}`;
}
