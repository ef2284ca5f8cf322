/**
 * DHCP options of network ports as lines of dnsmasq's options file. Tenants choose names and values, so that each line is
 * made of a number and of what its type allows: dnsmasq splits lines at commas, and ends lines that are too long.
 * Options that do not fit are left out.
 */
import { parseAddress, parseCidr } from '#domain/ip-addresses.ts';
import type { DhcpOption } from '#engine/contract.ts';

/** Returns the value as dnsmasq reads it for that type, or undefined. */
type Encoder = (value: string) => string | undefined;

const isIPv4 = (text: string) => parseAddress(text)?.version === 4 && !/^0\d|\.0\d/.test(text);
const partsOf = (value: string) => value.split(',').map((part) => part.trim());

const addresses: Encoder = (value) => {
  const parts = partsOf(value);
  return parts.every(isIPv4) ? parts.join(',') : undefined;
};
const addressPairs: Encoder = (value) => (partsOf(value).length % 2 === 0 ? addresses(value) : undefined);
/** Quotes keep `#`, commas and colons from being read as syntax. */
const text: Encoder = (value) =>
  /^[\x20-\x7e]{1,255}$/.test(value) ? `"${value.replaceAll(/["\\]/g, (character) => `\\${character}`)}"` : undefined;
const number =
  (bytes: 1 | 2 | 4): Encoder =>
  (value) =>
    /^\d{1,10}$/.test(value) && Number(value) < 2 ** (bytes === 4 ? 31 : 8 * bytes) ? String(Number(value)) : undefined;
const domains: Encoder = (value) => {
  const parts = partsOf(value).map((part) => part.replace(/\.$/, ''));
  const isName = (part: string) => part.length <= 253 && /^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/i.test(part);
  return parts.every(isName) ? parts.join(',') : undefined;
};
/** Destination and next hop by turns. */
const routes: Encoder = (value) => {
  const parts = partsOf(value);
  const isRoute = (part: string, index: number) => (index % 2 === 0 ? parseCidr(part)?.version === 4 : isIPv4(part));
  return parts.length % 2 === 0 && parts.every(isRoute) ? parts.join(',') : undefined;
};
/** dnsmasq tells by the form what a value is. */
const byForm: Encoder = (value) => {
  if (/^[0-9a-f]{1,2}(:[0-9a-f]{1,2})+$/i.test(value)) return value;
  return number(4)(value) ?? addresses(value) ?? text(value);
};

/** Number, names that are understood, and type (dnsmasq 2.90, `dhcp-common.c`, `opttab`). */
const optionTable: readonly (readonly [number, Encoder, ...string[]])[] = [
  [2, number(4), 'time-offset'],
  [3, addresses, 'router'],
  [6, addresses, 'dns-server'],
  [7, addresses, 'log-server'],
  [9, addresses, 'lpr-server'],
  [13, number(2), 'boot-file-size'],
  [15, text, 'domain-name'],
  [16, addresses, 'swap-server'],
  [17, text, 'root-path'],
  [18, text, 'extension-path'],
  [19, number(1), 'ip-forward-enable'],
  [20, number(1), 'non-local-source-routing'],
  [21, addressPairs, 'policy-filter'],
  [22, number(2), 'max-datagram-reassembly'],
  [23, number(1), 'default-ttl'],
  [26, number(2), 'mtu'],
  [27, number(1), 'all-subnets-local'],
  [31, number(1), 'router-discovery'],
  [32, addresses, 'router-solicitation'],
  [33, addressPairs, 'static-route'],
  [34, number(1), 'trailer-encapsulation'],
  [35, number(4), 'arp-timeout'],
  [36, number(1), 'ethernet-encap'],
  [37, number(1), 'tcp-ttl'],
  [38, number(4), 'tcp-keepalive'],
  [40, text, 'nis-domain'],
  [41, addresses, 'nis-server'],
  [42, addresses, 'ntp-server'],
  [44, addresses, 'netbios-ns'],
  [45, addresses, 'netbios-dd'],
  [46, number(1), 'netbios-nodetype'],
  [47, text, 'netbios-scope'],
  [48, addresses, 'x-windows-fs'],
  [49, addresses, 'x-windows-dm'],
  [60, text, 'vendor-class'],
  [64, text, 'nis+-domain'],
  [65, addresses, 'nis+-server'],
  [66, text, 'tftp-server'],
  [67, text, 'bootfile-name'],
  [68, addresses, 'mobile-ip-home'],
  [69, addresses, 'smtp-server'],
  [70, addresses, 'pop3-server'],
  [71, addresses, 'nntp-server'],
  [74, addresses, 'irc-server'],
  [77, text, 'user-class'],
  [93, number(2), 'client-arch'],
  [94, byForm, 'client-interface-id'],
  [97, byForm, 'client-machine-id'],
  [100, text, 'posix-timezone'],
  [101, text, 'tzdb-timezone'],
  [108, number(4), 'ipv6-only'],
  [119, domains, 'domain-search'],
  [120, byForm, 'sip-server'],
  [121, routes, 'classless-static-route'],
  [125, byForm, 'vendor-id-encap'],
  [150, addresses, 'tftp-server-address'],
  [249, routes],
  // Not sent as an option: the address of the next server.
  [255, (value) => (isIPv4(value) ? value : undefined), 'server-ip-address'],
];
const encoders = new Map(optionTable.map(([code, encoder]) => [code, encoder]));
const codes = new Map(optionTable.flatMap(([code, , ...names]) => names.map((name) => [name, code] as const)));

/** The server decides these: mask, name and lease of a client, the protocol itself, and what iPXE and relays say. */
const reserved: ReadonlySet<number> = new Set([0, 1, 12, 28, ...range(50, 59), 61, 80, 81, 82, 118, 175]);
/** dnsmasq cuts lines of 1025 characters, and reads what follows as a line without a tag. */
const longestLine = 1000;

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function codeOf(name: string): number | undefined {
  const code = /^\d{1,3}$/.test(name) ? Number(name) : codes.get(name.toLowerCase());
  return code === undefined || code > 255 || reserved.has(code) ? undefined : code;
}

/** Of the clients with the tag; of several options with the same number, the last counts. */
export function optionLines(tag: string, options: readonly DhcpOption[]): string[] {
  const lines = new Map<string, string>();
  for (const { name, value } of options) {
    const [, isNot, onlyIpxe, plain = ''] = /^(?:tag:(!)?(ipxe),)?(.*)$/s.exec(name) ?? [];
    const code = codeOf(plain);
    if (code === undefined) continue;
    const encoded = value.trim() === '' ? '' : (encoders.get(code) ?? byForm)(value.trim());
    if (encoded === undefined) continue;
    const tags = [`tag:${tag}`, ...(onlyIpxe ? [`tag:${isNot ?? ''}is-ipxe`] : [])].join(',');
    const line = `${tags},${code}${encoded && `,${encoded}`}`;
    if (line.length < longestLine) lines.set(`${tags},${code}`, line);
  }
  return [...lines.values()];
}
