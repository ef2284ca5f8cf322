/** Addresses that no port may have: those of the site itself, and those that are never valid for hosts. */
import { type Cidr, type IpAddress, type IpRange, type IpVersion, overlap, parseAddress, parseCidr } from './ip-addresses.ts';

export type ReservedRange = IpRange & { readonly version: IpVersion };

export type SiteSettings = {
  readonly 'provisioning.address': string;
  readonly 'provisioning.cidr': string;
  /** FIRST-LAST */
  readonly 'provisioning.pool': string;
  readonly 'provisioning.gateway': string;
  readonly 'provisioning.dns': readonly string[];
};

/** Ingot's own address, its DHCP pool, the site's router and name servers, and the ends of the provisioning subnet. */
export function siteRanges(settings: SiteSettings): ReservedRange[] {
  const single = [settings['provisioning.address'], settings['provisioning.gateway'], ...settings['provisioning.dns']];
  const subnet = parseCidr(settings['provisioning.cidr']);
  const ends = subnet && subnet.version === 4 && subnet.prefix <= 30 ? [subnet.first, subnet.last] : [];
  return [
    ...single.flatMap((text) => rangeOf(text, text)),
    ...poolRanges(settings),
    ...ends.map((value): ReservedRange => ({ version: 4, first: value, last: value })),
  ];
}

/** The DHCP pool for machines without a port. */
export function poolRanges(settings: Pick<SiteSettings, 'provisioning.pool'>): ReservedRange[] {
  const [start = '', end = ''] = settings['provisioning.pool'].split('-');
  return rangeOf(start, end);
}

export function isReserved({ version, value }: IpAddress, ranges: readonly ReservedRange[]): boolean {
  return ranges.some((range) => range.version === version && range.first <= value && value <= range.last);
}

/** The IANA special-purpose registries (RFC 6890): "this network", loopback, link-local, multicast, reserved. */
const unusableTable: readonly (readonly [cidr: string, what: string])[] = [
  ['0.0.0.0/8', 'this network'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local'],
  ['224.0.0.0/4', 'multicast'],
  ['240.0.0.0/4', 'reserved'],
  ['::/127', 'unspecified and loopback'],
  ['::ffff:0:0/96', 'IPv4-mapped'],
  ['fe80::/10', 'link-local'],
  ['ff00::/8', 'multicast'],
];
const unusable = unusableTable.map(([cidr, what]) => ({ what, cidr: parseCidr(cidr)! }));

export function unusableRanges(version: IpVersion): IpRange[] {
  return unusable.filter(({ cidr }) => cidr.version === version).map(({ cidr }) => cidr);
}

/** Why these addresses are unusable for hosts; undefined if they are usable. */
export function whyUnusable(range: Pick<Cidr, 'version' | 'first' | 'last'>): string | undefined {
  return unusable.find(({ cidr }) => cidr.version === range.version && overlap(cidr, range))?.what;
}

function rangeOf(start: string, end: string): ReservedRange[] {
  const [first, last] = [parseAddress(start), parseAddress(end)];
  if (!first || first.version !== last?.version) return [];
  return [{ version: first.version, first: first.value, last: last.value }];
}
