/** Sets of IPv4 addresses as sorted ranges that do not overlap: nftables refuses overlapping elements. */
import { formatAddress, type IpRange, parseAddress, parseCidr } from '#domain/ip-addresses.ts';

/** Of addresses and CIDRs; what is not IPv4 is left out. */
export function rangesOf(texts: readonly string[]): IpRange[] {
  const all = texts.flatMap((text): IpRange[] => {
    const cidr = parseCidr(text.includes('/') ? text : `${text}/32`);
    return cidr?.version === 4 ? [{ first: cidr.first, last: cidr.last }] : [];
  });
  const merged: IpRange[] = [];
  for (const range of all.sort((a, b) => (a.first < b.first ? -1 : 1))) {
    const before = merged.at(-1);
    if (!before || range.first > before.last + 1n) merged.push(range);
    else if (range.last > before.last) merged[merged.length - 1] = { first: before.first, last: range.last };
  }
  return merged;
}

/** As elements of a set of nftables. */
export function elementOf({ first, last }: IpRange): string {
  const [from, to] = [formatAddress({ version: 4, value: first }), formatAddress({ version: 4, value: last })];
  return first === last ? from : `${from}-${to}`;
}

/** An IPv4 address as programs print it. @throws Error: nothing else may reach the text of a rule */
export function plainAddress(text: string): string {
  const address = parseAddress(text);
  if (address?.version !== 4) throw new Error(`${JSON.stringify(text)} is not an IPv4 address`);
  return formatAddress(address);
}
