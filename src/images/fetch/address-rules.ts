/**
 * The addresses from which images may be fetched. A URL comes from a user, and its request is sent from this host: it must
 * not reach what only this host can reach.
 *
 * Private networks are allowed for the images of nodes: that is where image servers are, and `images.fetch_urls` restricts it
 * further. They are not allowed for imports by users of the image service.
 */
import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

/** IANA's special-purpose registries; the metadata services of clouds are link-local, or listed by themselves. */
const forbiddenTable = [
  ['0.0.0.0/8', 'an address of this host'],
  ['127.0.0.0/8', 'a loopback address'],
  ['169.254.0.0/16', 'a link-local address'],
  ['100.100.100.200/32', 'the address of a metadata service'],
  ['192.0.0.0/24', 'a reserved address'],
  ['224.0.0.0/4', 'a multicast address'],
  ['240.0.0.0/4', 'a reserved address'],
  ['::/128', 'an address of this host'],
  ['::1/128', 'a loopback address'],
  ['fe80::/10', 'a link-local address'],
  ['fec0::/10', 'a reserved address'],
  ['ff00::/8', 'a multicast address'],
  ['fd00:ec2::254/128', 'the address of a metadata service'],
  // These lead to IPv4 addresses by translators and tunnels.
  ['::ffff:0:0:0/96', 'an address that is translated to IPv4'],
  ['64:ff9b::/96', 'an address that is translated to IPv4'],
  ['64:ff9b:1::/48', 'an address that is translated to IPv4'],
  ['2001::/32', 'an address that is tunnelled to IPv4'],
  ['2002::/16', 'an address that is tunnelled to IPv4'],
] as const;

const forbidden = forbiddenTable.map(([network, why]) => ({ list: listOf([network]), why }));

type NamedNetwork = readonly [network: string, why: string];

/** What an image server of the public is not: forbidden where the URL comes from any user of the image service. */
export const privateNetworks: readonly NamedNetwork[] = [
  ...['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'].map((network) => [network, 'a private address'] as const),
  ...['100.64.0.0/10', '192.0.2.0/24', '192.88.99.0/24', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'].map(
    (network) => [network, 'a reserved address'] as const,
  ),
  ['::/96', 'an address that is translated to IPv4'],
];

export type AddressRulesParts = {
  /** Addresses and networks that are allowed although the table forbids them, or although they are this host's. */
  readonly allowed: readonly string[];
  /** Networks that are forbidden, too, and what they are. */
  readonly more?: readonly NamedNetwork[];
  /** Ports of Ingot on this host, which are never fetched from. */
  readonly ownPorts: readonly number[];
};

export class AddressRules {
  readonly #allowed: BlockList;
  readonly #more: readonly { readonly list: BlockList; readonly why: string }[];
  readonly #ownPorts: ReadonlySet<number>;

  constructor({ allowed, more = [], ownPorts }: AddressRulesParts) {
    this.#allowed = listOf(allowed);
    this.#more = more.map(([network, why]) => ({ list: listOf([network]), why }));
    this.#ownPorts = new Set(ownPorts);
  }

  /** @returns what the address is, if images must not be fetched from there */
  whyForbidden(address: string, port: number): string | undefined {
    const family = familyOf(address);
    if (family === undefined) return 'no IP address';
    const reserved = forbidden.find(({ list }) => list.check(address, family))?.why;
    const isOwn = reserved !== undefined || isOfThisHost(address, family);
    if (isOwn && this.#ownPorts.has(port)) return 'a port of Ingot';
    if (this.#allowed.check(address, family)) return undefined;
    const further = this.#more.find(({ list }) => list.check(address, family))?.why;
    return reserved ?? further ?? (isOwn ? 'an address of this host' : undefined);
  }
}

/** Read each time: addresses come and go. A rule for IPv4 also holds for the address as `::ffff:…`. */
function isOfThisHost(address: string, family: 'ipv4' | 'ipv6'): boolean {
  const own = Object.values(networkInterfaces()).flatMap((entries) => entries?.map((entry) => entry.address) ?? []);
  return listOf(own.map((each) => each.split('%')[0] ?? '')).check(address, family);
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const version = isIP(address);
  if (version === 0) return undefined;
  return version === 4 ? 'ipv4' : 'ipv6';
}

/** @param networks addresses, or networks as `ADDRESS/LENGTH` */
function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', length] = network.split('/');
    const family = familyOf(address);
    if (family === undefined) continue;
    if (length === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(length), family);
  }
  return list;
}
