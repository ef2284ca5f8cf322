/**
 * Configuration of the two dnsmasq processes. DHCP and TFTP are apart because DHCP must sometimes be restarted (see
 * dhcp.ts), which would cut the transfers of machines that are booting.
 *
 * What a machine gets is in two files: tags by MAC in the configuration, which dnsmasq reads once; addresses and names
 * in the hosts file, which it reads again on SIGHUP. Tags may not stand in the hosts file: dnsmasq 2.90 links the tag
 * of a host (`set:`) into the list of a request on its stack, and frees that list on the next SIGHUP (it dies of it).
 */
import { readFile } from 'node:fs/promises';
import { guidOf } from '#agent-protocol/infiniband.ts';
import { Fault } from '#domain/faults.ts';
import { formatAddress, isIn, parseAddress, parseCidr } from '#domain/ip-addresses.ts';
import type { BootPlan } from '#drivers/interfaces.ts';
import type { Settings } from '#settings.ts';

/** Stands in dnsmasq's log for firmware that got an address and nothing to boot. */
export const noLoaderTag = 'no-loader';

/**
 * What boots what. A client without option 93 counts as a BIOS. pxelinux is a BIOS program, and firmware that is told to
 * start a loader of another architecture hangs or restarts for ever: none is better.
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
    // HTTP boot takes only offers that name it in option 60; their boot file is a URL.
    'dhcp-option-force=tag:uefi-http,60,HTTPClient',
    `dhcp-boot=tag:ipxe,tag:!is-ipxe,tag:uefi-http,${http_url}/boot/firmware/snponly.efi,,${address}`,
    // iPXE fills in the MAC of the NIC that it is asking through.
    `dhcp-boot=tag:ipxe,tag:is-ipxe,tag:!${noLoaderTag},${script},,${address}`,
  ];
}

export type DhcpFiles = { hosts: string; leases: string; pid: string };
/** By one of `clientNames`. */
export type FirmwareByClient = ReadonlyMap<string, BootPlan['firmware']>;

/** Fixed addresses belong to a server for long; those of the pool serve a ramdisk for minutes. */
const leaseTimes = { fixed: '1h', pool: '10m' } as const;

/**
 * Option 93 (RFC 4578, IANA's processor architecture types), of which there are loaders: BIOS, x86-64 UEFI by TFTP (two
 * numbers are in use) and by HTTP.
 */
const clientArchitectures = [
  [0, 'bios'],
  [7, 'uefi'],
  [9, 'uefi'],
  [16, 'uefi-http'],
] as const;

const processLines = (settings: Settings, pid: string): string[] => [
  'port=0',
  'no-resolv',
  'no-hosts',
  // Root, or a change of user would clear the parent-death signal that ends dnsmasq with us; setpriv bounds what it can.
  'user=root',
  'group=root',
  `pid-file=${plainPath(pid)}`,
  'bind-dynamic',
  `interface=${interfaceName(settings)}`,
  'except-interface=lo',
];

export function renderTftpConfig(settings: Settings, tftpRoot: string, pid: string): string {
  return lines([...processLines(settings, pid), 'enable-tftp', `tftp-root=${plainPath(tftpRoot)}`, 'tftp-max=1000']);
}

type DhcpOptions = { settings: Settings; http_url: string; files: DhcpFiles; firmware: FirmwareByClient };

export function renderDhcpConfig({ settings, http_url, files, firmware }: DhcpOptions): string {
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
    `dhcp-leasefile=${plainPath(files.leases)}`,
    'dhcp-lease-max=100000',
    // Machines we have no plan for are not ours to answer.
    'dhcp-ignore=tag:!known',
    // An option with nothing in it is not sent; left out, dnsmasq would name itself.
    `dhcp-option=option:router${gateway && `,${gateway}`}`,
    `dhcp-option=option:dns-server${dns.map((server) => `,${server}`).join('')}`,
    // Option 175 is iPXE's own: who sends it needs no loader.
    'dhcp-match=set:is-ipxe,175',
    // no-pxedhcp: nobody else answers here, so iPXE need not wait some seconds for a second offer.
    'dhcp-option=tag:is-ipxe,encap:175,176,1b',
    ...loaderLines(http_url, address),
    ...tags,
  ]);
}

/** What a client may be told apart by: MAC, GUID as a hardware address of eight bytes (iPXE), client id with `id:` before it. */
export function clientNames({ mac, client_id }: BootPlan['macs'][number]): string[] {
  if (client_id === undefined) return [mac];
  const guid = guidOf(client_id, mac);
  return [mac, ...(guid === undefined ? [] : [guid]), `id:${client_id}`];
}

/** Option 61 is the client id. */
function tagLine(client: string, kind: BootPlan['firmware']): string {
  return client.startsWith('id:') ? `dhcp-match=set:${kind},61,${client.slice(3)}` : `dhcp-mac=set:${kind},${client}`;
}

/**
 * One line per MAC. `id:*`: firmware, ramdisk and system send different client ids, yet are one machine; by InfiniBand they
 * are known by nothing else. A MAC or an address in two plans goes to the later one: dnsmasq would take neither.
 */
export function renderHosts(settings: Settings, plans: readonly BootPlan[]): string {
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

/** dnsmasq tells the words of a line apart by their looks: `2h`, `ignore` and `infinite` would not be names. */
function plainHostname(hostname = ''): string {
  const [label = ''] = hostname.split('.');
  return /^(?!(?:ignore|infinite)$)[a-z][a-z0-9-]{0,62}$/i.test(label) ? label : '';
}

/** Throws `badRequest` that names the setting when dnsmasq could not work with the settings. */
export function checkDhcpSettings(settings: Settings): void {
  interfaceName(settings);
  rangeLine(settings);
}

/** dnsmasq would only warn, and wait for the interface to appear. The folder of /sys may be another network namespace's. */
export async function checkInterface(settings: Settings): Promise<void> {
  const name = interfaceName(settings);
  const table = await readFile('/proc/self/net/dev', 'utf8').catch(() => undefined);
  const names = table?.split('\n').flatMap((line) => /^\s*([^\s:]+):/.exec(line)?.[1] ?? []);
  if (names && !names.includes(name))
    throw new Fault('badRequest', {
      detail: `setting provisioning.interface must name an interface of this host (${names.join(', ')}), not ${name}`,
    });
}

function rangeLine(settings: Settings): string {
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

function subnetOf(settings: Settings) {
  const subnet = parseCidr(settings['provisioning.cidr']);
  const own = parseAddress(settings['provisioning.address']);
  if (subnet?.version !== 4)
    throw new Fault('badRequest', { detail: 'setting provisioning.cidr must name the subnet that DHCP serves' });
  if (!own || !isIn(own, subnet))
    throw new Fault('badRequest', { detail: 'setting provisioning.address must lie in provisioning.cidr' });
  return subnet;
}

function interfaceName(settings: Settings): string {
  const name = settings['provisioning.interface'];
  if (!/^[A-Za-z0-9_.-]{1,15}$/.test(name))
    throw new Fault('badRequest', { detail: `setting provisioning.interface must name one interface, not ${name}` });
  return name;
}

/** dnsmasq's syntax has no way to write these characters in a path. */
function plainPath(path: string): string {
  if (/[,"\\\n]|\s#/.test(path)) throw new Fault('badRequest', { detail: `dnsmasq cannot use the path ${JSON.stringify(path)}` });
  return path;
}

function lines(items: readonly string[]): string {
  return items.map((item) => `${item}\n`).join('');
}
