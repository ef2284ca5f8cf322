/**
 * Configuration of the two dnsmasq processes. DHCP and TFTP are separate because DHCP must sometimes be restarted (see
 * dhcp.ts), which would abort the transfers of booting machines.
 *
 * A machine's data is in three files: tags by MAC in the configuration, which dnsmasq reads once; addresses and names in
 * the hosts file, options by tag in the options file, which it rereads on SIGHUP. The hosts file must not contain tags:
 * dnsmasq 2.90 links the tag of a host (`set:`) into the list of a request on its stack, and crashes when it frees that
 * list on the next SIGHUP.
 */
import { readFile } from 'node:fs/promises';
import { guidOf } from '#agent-protocol/infiniband.ts';
import { siteDomain } from '#domain/dns-names.ts';
import { Fault } from '#domain/faults.ts';
import { formatAddress, isIn, parseAddress, parseCidr } from '#domain/ip-addresses.ts';
import type { BootPlan } from '#drivers/interfaces.ts';
import type { PortAddress } from '#engine/contract.ts';
import { optionLines } from './dhcp-options.ts';
import type { BootServerSettings } from './settings.ts';

/** Marks firmware in dnsmasq's log that got an address but no boot file. */
export const noLoaderTag = 'no-loader';

/**
 * The boot loader of each architecture. A client without option 93 counts as BIOS. pxelinux is a BIOS program. Firmware
 * that gets a loader of another architecture hangs or reboots in a loop, so it gets none.
 */
function loaderLines(http_url: string, address: string): string[] {
  const script = `${http_url}/boot/ipxe/\${netX/mac:hexhyp}`;
  const every = ['bios', 'uefi', 'uefi-http'] as const;
  return [
    'dhcp-match=set:has-arch,option:client-arch',
    ...clientArchitectures.map(([number, tag]) => `dhcp-match=set:${tag},option:client-arch,${number}`),
    'tag-if=set:bios,tag:!has-arch',
    `tag-if=set:${noLoaderTag},${every.map((tag) => `tag:!${tag}`).join(',')}`,
    `tag-if=set:${noLoaderTag},tag:pxelinux,tag:!bios`,
    `dhcp-boot=tag:pxelinux,tag:!${noLoaderTag},pxelinux.0,,${address}`,
    `dhcp-boot=tag:ipxe,tag:!is-ipxe,tag:bios,undionly.kpxe,,${address}`,
    `dhcp-boot=tag:ipxe,tag:!is-ipxe,tag:uefi,snponly.efi,,${address}`,
    // HTTP boot accepts only offers with this value in option 60; their boot file is a URL.
    'dhcp-option-force=tag:uefi-http,60,HTTPClient',
    `dhcp-boot=tag:ipxe,tag:!is-ipxe,tag:uefi-http,${http_url}/boot/firmware/snponly.efi,,${address}`,
    // iPXE substitutes the MAC of the NIC that it boots from.
    `dhcp-boot=tag:ipxe,tag:is-ipxe,tag:!${noLoaderTag},${script},,${address}`,
  ];
}

export type DhcpFiles = { hosts: string; options: string; leases: string; pid: string };
/** Keyed by one of `clientNames`. */
export type FirmwareByClient = ReadonlyMap<string, BootPlan['firmware']>;

/** Fixed addresses are a server's for long; pool addresses serve a ramdisk for minutes. */
const leaseTimes = { fixed: '1h', pool: '10m' } as const;

/**
 * Values of option 93 (RFC 4578, IANA's processor architecture types) for which loaders exist: BIOS, x86-64 UEFI by
 * TFTP (two numbers are in use) and by HTTP.
 */
const clientArchitectures = [
  [0, 'bios'],
  [7, 'uefi'],
  [9, 'uefi'],
  [16, 'uefi-http'],
] as const;

const processLines = (settings: BootServerSettings, pid: string): string[] => [
  'port=0',
  'no-resolv',
  'no-hosts',
  // Root, since a change of user would clear the parent-death signal that ends dnsmasq with us; setpriv limits its
  // rights.
  'user=root',
  'group=root',
  `pid-file=${plainPath(pid)}`,
  'bind-dynamic',
  `interface=${interfaceName(settings)}`,
  'except-interface=lo',
];

export function renderTftpConfig(settings: BootServerSettings, tftpRoot: string, pid: string): string {
  return lines([...processLines(settings, pid), 'enable-tftp', `tftp-root=${plainPath(tftpRoot)}`, 'tftp-max=1000']);
}

type DhcpOptions = {
  settings: BootServerSettings;
  http_url: string;
  files: DhcpFiles;
  firmware: FirmwareByClient;
  /** MACs that have a tag of their own for options. */
  tagged: ReadonlySet<string>;
};

export function renderDhcpConfig({ settings, http_url, files, firmware, tagged }: DhcpOptions): string {
  const { 'provisioning.address': address, 'provisioning.gateway': gateway, 'provisioning.dns': dns } = settings;
  const tags = [...firmware].filter(([, kind]) => kind !== 'none').map(([client, kind]) => tagLine(client, kind));
  return lines([
    ...processLines(settings, files.pid),
    'no-ping',
    'log-dhcp',
    'dhcp-authoritative',
    'dhcp-no-override',
    rangeLine(settings),
    `dhcp-hostsfile=${plainPath(files.hosts)}`,
    `dhcp-optsfile=${plainPath(files.options)}`,
    `dhcp-leasefile=${plainPath(files.leases)}`,
    'dhcp-lease-max=100000',
    // Do not answer machines without a plan or port.
    'dhcp-ignore=tag:!known',
    // An empty option is not sent; if it were omitted, dnsmasq would send its own address.
    `dhcp-option=option:router${gateway && `,${gateway}`}`,
    `dhcp-option=option:dns-server${dns.map((server) => `,${server}`).join('')}`,
    `dhcp-option=tag:!ipxe,tag:!pxelinux,option:domain-name,${siteDomain.slice(0, -1)}`,
    // Option 175 is iPXE's own: a client that sends it needs no loader.
    'dhcp-match=set:is-ipxe,175',
    // no-pxedhcp: there is no second DHCP server, so iPXE need not wait some seconds for another offer.
    'dhcp-option=tag:is-ipxe,encap:175,176,1b',
    ...loaderLines(http_url, address),
    ...tags,
    ...[...tagged].map((mac) => `dhcp-mac=set:${ownTag(mac)},${mac}`),
  ]);
}

/** The identifiers of a client: MAC, GUID as an eight-byte hardware address (iPXE), client id prefixed with `id:`. */
export function clientNames({ mac, client_id }: BootPlan['macs'][number]): string[] {
  if (client_id === undefined) return [mac];
  const guid = guidOf(client_id, mac);
  return [mac, ...(guid === undefined ? [] : [guid]), `id:${client_id}`];
}

const ownTag = (mac: string): string => `nic-${mac.replaceAll(':', '')}`;

/** The options file. What a boot plan needs wins: machines with a plan have no options of their ports. */
export function renderOptions(ports: readonly PortAddress[], plans: readonly Pick<BootPlan, 'macs'>[]): string {
  const planned = new Set(plans.flatMap(({ macs }) => macs.map(({ mac }) => mac)));
  return lines(ports.filter(({ mac }) => !planned.has(mac)).flatMap(({ mac, options }) => optionLines(ownTag(mac), options)));
}

/** Option 61 is the client id. */
function tagLine(client: string, kind: BootPlan['firmware']): string {
  return client.startsWith('id:') ? `dhcp-match=set:${kind},61,${client.slice(3)}` : `dhcp-mac=set:${kind},${client}`;
}

/**
 * One line per MAC. `id:*`: firmware, ramdisk and system send different client ids but are one machine; InfiniBand
 * ports have no other identifier. A MAC or address in two plans goes to the later one: dnsmasq would accept neither.
 */
export function renderHosts(settings: BootServerSettings, plans: readonly Pick<BootPlan, 'macs'>[]): string {
  const subnet = subnetOf(settings);
  const taken = { macs: new Set<string>(), addresses: new Set<string>() };
  const hosts: string[] = [];
  for (const entry of plans.toReversed().flatMap((plan) => plan.macs)) {
    const { mac, address, hostname } = entry;
    if (taken.macs.has(mac)) continue;
    taken.macs.add(mac);
    const parsed = address === undefined ? undefined : parseAddress(address);
    const isUsable = parsed !== undefined && isIn(parsed, subnet) && !taken.addresses.has(address as string);
    if (isUsable) taken.addresses.add(address as string);
    const names = entry.client_id === undefined ? [mac, 'id:*'] : clientNames(entry);
    const time = isUsable ? leaseTimes.fixed : leaseTimes.pool;
    const words = [...names, isUsable ? address : '', plainHostname(hostname), time];
    hosts.push(words.filter((word) => word !== '').join(','));
  }
  return lines(hosts.sort());
}

/** dnsmasq tells fields of a line apart by their form: `2h`, `ignore` and `infinite` would not be read as names. */
function plainHostname(hostname = ''): string {
  const [label = ''] = hostname.split('.');
  return /^(?!(?:ignore|infinite)$)[a-z][a-z0-9-]{0,62}$/i.test(label) ? label : '';
}

/** Throws `badRequest` that names the setting if dnsmasq could not work with the settings. */
export function checkDhcpSettings(settings: BootServerSettings): void {
  interfaceName(settings);
  rangeLine(settings);
}

/** dnsmasq would only warn and wait for the interface to appear. /sys may show another network namespace. */
export async function checkInterface(settings: BootServerSettings): Promise<void> {
  const name = interfaceName(settings);
  const table = await readFile('/proc/self/net/dev', 'utf8').catch(() => undefined);
  const names = table?.split('\n').flatMap((line) => /^\s*([^\s:]+):/.exec(line)?.[1] ?? []);
  if (names && !names.includes(name))
    throw new Fault('badRequest', {
      detail: `setting provisioning.interface must name an interface of this host (${names.join(', ')}), not ${name}`,
    });
}

function rangeLine(settings: BootServerSettings): string {
  const subnet = subnetOf(settings);
  const mask = formatAddress({ version: 4, value: (0xffffffffn << BigInt(32 - subnet.prefix)) & 0xffffffffn });
  const pool = settings['provisioning.pool'];
  if (!pool) return `dhcp-range=${formatAddress({ version: 4, value: subnet.first })},static,${mask},${leaseTimes.fixed}`;
  const ends = pool.split('-').map((end) => parseAddress(end));
  const wrong = (expected: string) =>
    new Fault('badRequest', { detail: `setting provisioning.pool must ${expected}, not ${pool}` });
  if (ends.length !== 2 || !ends.every((end) => end && isIn(end, subnet))) throw wrong('lie in provisioning.cidr');
  const [first, last] = ends.map((end) => end?.value ?? 0n) as [bigint, bigint];
  if (first > last) throw wrong('begin with its lower address');
  return `dhcp-range=${pool.replace('-', ',')},${mask},${leaseTimes.pool}`;
}

function subnetOf(settings: BootServerSettings) {
  const subnet = parseCidr(settings['provisioning.cidr']);
  const own = parseAddress(settings['provisioning.address']);
  if (subnet?.version !== 4)
    throw new Fault('badRequest', { detail: 'setting provisioning.cidr must name the subnet that DHCP serves' });
  if (!own || !isIn(own, subnet))
    throw new Fault('badRequest', { detail: 'setting provisioning.address must lie in provisioning.cidr' });
  return subnet;
}

function interfaceName(settings: BootServerSettings): string {
  const name = settings['provisioning.interface'];
  if (!/^[A-Za-z0-9_.-]{1,15}$/.test(name))
    throw new Fault('badRequest', { detail: `setting provisioning.interface must name one interface, not ${name}` });
  return name;
}

/** dnsmasq's syntax cannot express these characters in a path. */
function plainPath(path: string): string {
  if (/[,"\\\n]|\s#/.test(path)) throw new Fault('badRequest', { detail: `dnsmasq cannot use the path ${JSON.stringify(path)}` });
  return path;
}

function lines(items: readonly string[]): string {
  return items.map((item) => `${item}\n`).join('');
}
