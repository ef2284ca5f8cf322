/** Sets of addresses of one IP version, as sorted ranges without gaps between neighbours. The work is near linear. */
import { bitsOf, type Cidr, formatCidr, type IpRange, type IpVersion } from './ip-addresses.ts';

/** Sorted; ranges that overlap or touch become one. */
export function united(ranges: readonly IpRange[]): IpRange[] {
  const sorted = [...ranges].sort((left, right) => compare(left.first, right.first));
  const set: IpRange[] = [];
  for (const range of sorted) {
    const last = set.at(-1);
    if (!last || range.first > last.last + 1n) set.push(range);
    else if (range.last > last.last) set[set.length - 1] = { first: last.first, last: range.last };
  }
  return set;
}

const compare = (left: bigint, right: bigint) => (left < right ? -1 : left > right ? 1 : 0);

/** What is in `set` and not in `holes`; both as `united` returns them. */
export function difference(set: readonly IpRange[], holes: readonly IpRange[]): IpRange[] {
  const left: IpRange[] = [];
  let at = 0;
  for (const { first, last } of set) {
    let next = first;
    while (at < holes.length && (holes[at] as IpRange).last < next) at++;
    for (let index = at; index < holes.length; index++) {
      const hole = holes[index] as IpRange;
      if (hole.first > last) break;
      if (hole.first > next) left.push({ first: next, last: hole.first - 1n });
      next = hole.last + 1n;
      at = index;
    }
    if (next <= last) left.push({ first: next, last });
  }
  return left;
}

/** Both as `united` returns them. */
export const isSubset = (part: readonly IpRange[], whole: readonly IpRange[]): boolean => difference(part, whole).length === 0;

/** The fewest prefixes that make up the set. */
export function prefixesOf(version: IpVersion, set: readonly IpRange[]): string[] {
  return set.flatMap((range) => {
    const texts: string[] = [];
    for (let { first } = range; first <= range.last; ) {
      const bits = Math.min(trailingZeros(version, first), widthOf(range.last - first + 1n));
      texts.push(prefixText(version, first, bits));
      first += 1n << BigInt(bits);
    }
    return texts;
  });
}

function prefixText(version: IpVersion, first: bigint, bits: number): string {
  return formatCidr({ version, first, prefix: bitsOf(version) - bits, last: first } satisfies Cidr);
}

/** Of the largest block that fits into as many addresses. */
const widthOf = (size: bigint) => size.toString(2).length - 1;

function trailingZeros(version: IpVersion, value: bigint): number {
  return value === 0n ? bitsOf(version) : widthOf(value & -value);
}

/**
 * Where a prefix of that length fits best: at the start of the smallest block that has room for it, of equals of the
 * first. Blocks that are smaller lie at both ends of a range, so only the two outermost others need to be compared.
 */
export function bestFit(version: IpVersion, set: readonly IpRange[], prefix: number): string | undefined {
  const bits = bitsOf(version) - prefix;
  const size = 1n << BigInt(bits);
  let best: { first: bigint; width: number } | undefined;
  for (const range of set) {
    const start = ((range.first + size - 1n) / size) * size;
    const end = ((range.last + 1n) / size) * size;
    if (end <= start) continue;
    const most = widthOf(end - start);
    const left = Math.min(trailingZeros(version, start), most);
    const right = Math.min(trailingZeros(version, end), most);
    if (!best || left < best.width) best = { first: start, width: left };
    if (right < best.width) best = { first: end - (1n << BigInt(right)), width: right };
  }
  return best && prefixText(version, best.first, bits);
}
