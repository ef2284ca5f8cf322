/**
 * All settings of Ingot: one schema with help texts, read from a JSON file, the environment and flags, each overriding
 * the previous. A setting's environment variable is `INGOT_` and its name in capitals, dots as underscores.
 */
import { readFileSync } from 'node:fs';
import { isIP, isIPv4 } from 'node:net';
import { resolve } from 'node:path';

type Kind = 'text' | 'integer' | 'boolean' | 'address' | 'list';
type Setting = {
  readonly kind: Kind;
  readonly default: string | number | boolean;
  readonly help: string;
  readonly secret?: boolean;
  /** Largest integer. */
  readonly max?: number;
};

const seconds = (value: number, help: string) => ({ kind: 'integer', default: value, help: `${help} (seconds)` }) as const;

export const settingsTable = {
  'api.listen': {
    kind: 'text',
    default: '127.0.0.1:6385',
    help: 'HOST:PORT of the public API, or `fd:N` for an inherited socket',
  },
  'api.public_url': {
    kind: 'text',
    default: '',
    help: 'URL of the API in the service catalogue; default: derived from the listen address',
  },
  'api.trusted_proxies': {
    kind: 'list',
    default: '',
    help: 'Addresses or CIDRs of trusted proxies (X-Forwarded-For, -Host and -Proto are honoured), comma-separated',
  },
  'api.connections': {
    kind: 'integer',
    default: 4096,
    help: 'Maximum API connections; beyond, a connection without a valid token is dropped',
  },
  'api.connections_per_address': {
    kind: 'integer',
    default: 256,
    help: 'Maximum API connections per address (IPv6: per /64); this host is exempt',
  },
  'policy.file': {
    kind: 'text',
    default: '',
    help: 'File that overrides policy rules, `name: "check"` in YAML or JSON as oslo.policy\'s; docs/policies.md lists the rules',
  },
  state_dir: { kind: 'text', default: './state', help: 'Folder of the database, images, boot files and secrets' },
  'process.user': {
    kind: 'text',
    default: '',
    help: 'User to run as when started by root (name or uid); default: ingot if that user exists; root = stay root',
  },
  'secrets.key_file': {
    kind: 'text',
    default: '',
    help: 'File of the key that encrypts secrets in the database; created if missing; default: secrets-key in the state folder',
  },
  'log.level': { kind: 'text', default: 'info', help: 'fatal, error, warn, info, debug or trace' },

  'provisioning.address': {
    kind: 'address',
    default: '',
    help: 'Address on the provisioning network; empty = no network boot, fake hardware only',
  },
  'provisioning.interface': {
    kind: 'text',
    default: '',
    help: 'Interface dnsmasq serves DHCP and TFTP on; empty = no DHCP or TFTP from here',
  },
  'provisioning.http_port': {
    kind: 'integer',
    default: 8088,
    max: 65535,
    help: 'Port for boot files, images and agent messages over HTTP',
  },
  'provisioning.agent_https': {
    kind: 'boolean',
    default: true,
    help: 'Serve agent messages and config drives over HTTPS, with the certificate pinned in the kernel line; false = HTTP',
  },
  'provisioning.https_port': { kind: 'integer', default: 8089, max: 65535, help: 'Port for agent messages over HTTPS' },
  'provisioning.images_by_https': {
    kind: 'boolean',
    default: false,
    help: 'Serve images over HTTPS too (confidential); false = HTTP, verified by a checksum sent over HTTPS',
  },
  'provisioning.deploy_helper_port': { kind: 'integer', default: 10000, max: 65535, help: 'Port of the classic deploy helper' },
  'provisioning.connections': {
    kind: 'integer',
    default: 12_288,
    help: 'Maximum connections of machines; each waiting agent holds one',
  },
  'provisioning.connections_per_address': { kind: 'integer', default: 64, help: 'Maximum connections per machine' },
  'provisioning.cidr': { kind: 'text', default: '', help: 'The provisioning subnet, e.g. 172.30.0.0/24' },
  'provisioning.pool': { kind: 'text', default: '', help: 'DHCP range FIRST-LAST for machines without a port on this subnet' },
  'provisioning.gateway': { kind: 'address', default: '', help: 'Default gateway for machines; empty = none' },
  'provisioning.dns': { kind: 'list', default: '', help: 'DNS servers for machines' },
  'provisioning.tftp_root': { kind: 'text', default: '', help: 'TFTP root; default: boot/tftp in the state folder' },
  'provisioning.append': { kind: 'text', default: 'nofb nomodeset vga=normal', help: 'Added to every kernel line' },

  'deploy.kernel': { kind: 'text', default: '', help: 'Deploy kernel: image id, or path of a file' },
  'deploy.ramdisk': { kind: 'text', default: '', help: 'Deploy ramdisk: image id, or path of a file' },
  'deploy.agent_timeout': seconds(900, 'Timeout from power on to the first agent message'),
  'deploy.image_timeout': seconds(3600, 'Timeout for writing an image'),
  'deploy.silence_timeout': seconds(180, 'Timeout without a message from a busy agent'),
  'clean.on_provide': { kind: 'boolean', default: false, help: 'Clean nodes also when they are first made available' },
  'clean.timeout': seconds(7200, 'Timeout for cleaning'),
  'power.timeout': seconds(60, 'Timeout for a power change to take effect'),
  'bmc.grace_period': seconds(60, 'How long an operation retries a BMC that does not respond (it may be restarting)'),
  'power.poll_ms': {
    kind: 'integer',
    default: 500,
    help: 'Power state polling interval during a change (milliseconds)',
  },
  'power.sync_interval': seconds(30, 'Power state sync interval of idle nodes; 0 = never'),
  'power.sync_policy': {
    kind: 'text',
    default: 'record',
    help: 'Reaction to an unexpected power change: record, correct or maintenance',
  },
  'power.sync_workers': {
    kind: 'integer',
    default: 500,
    max: 10_000,
    help: 'Maximum concurrent power state polls; BMCs that are slow to respond are counted separately',
  },

  'ipmi.packets_per_second': {
    kind: 'integer',
    default: 4000,
    help: 'Maximum outgoing IPMI packets per second, all BMCs together; 0 = unlimited',
  },
  'ipmi.sessions': {
    kind: 'integer',
    default: 12_000,
    help: 'Maximum open IPMI sessions, one per BMC; beyond, the least recently used are closed; 0 = unlimited',
  },
  'ipmi.raw_commands': {
    kind: 'text',
    default: 'none',
    help: 'Raw IPMI commands allowed through `send_raw`: none, read (commands known to change nothing) or all',
  },
  'console.folders': {
    kind: 'list',
    default: '/var/log,/var/consoles',
    help: 'Folders on this host that `console_file` of a node may point into, comma-separated',
  },
  'redfish.events_https_port': {
    kind: 'integer',
    default: 0,
    max: 65535,
    help: 'Port on provisioning.address for BMC events over HTTPS, in addition to HTTP; 0 = HTTP only',
  },
  'redfish.events_certificate': {
    kind: 'text',
    default: '',
    help: 'PEM file with the certificate chain of the HTTPS event listener; default: self-signed, in the state folder',
  },
  'redfish.events_key': { kind: 'text', default: '', help: 'PEM file with the private key of the HTTPS event listener' },
  'redfish.raw_paths': {
    kind: 'text',
    default: 'none',
    help: 'Raw Redfish access through the vendor method `get`: none or read (any resource)',
  },

  'virtual_power.ssh_host': {
    kind: 'text',
    default: '',
    help: 'Virtual power: default hypervisor of nodes without `ssh_address`',
  },
  'virtual_power.ssh_port': {
    kind: 'integer',
    default: 22,
    max: 65535,
    help: 'Virtual power: SSH port of the default hypervisor',
  },
  'virtual_power.type': { kind: 'text', default: 'virsh', help: 'Virtual power: type of the default hypervisor, virsh or vbox' },
  'virtual_power.host_user': { kind: 'text', default: '', help: 'Virtual power: SSH user on the default hypervisor' },
  'virtual_power.host_pass': { kind: 'text', default: '', secret: true, help: 'Virtual power: password of that user' },
  'virtual_power.host_key': { kind: 'text', default: '', help: 'Virtual power: path of the private key of that user' },
  'virtual_power.known_hosts': {
    kind: 'text',
    default: '',
    help: 'Virtual power: known_hosts file with the host keys of hypervisors, for nodes without `ssh_host_key`',
  },
  'virtual_power.libvirt_uri': {
    kind: 'text',
    default: 'qemu:///system',
    help: 'Virtual power: default libvirt connection URI',
  },
  'tilera.pdu_mgr': {
    kind: 'text',
    default: '/tftpboot/pdu_mgr',
    help: 'Tilera PDU: path of the manager program (tile_pdu_mgr)',
  },
  'tilera.pdu_on': { kind: 'integer', default: 1, help: 'Tilera PDU: mode argument for power on' },
  'tilera.pdu_off': { kind: 'integer', default: 2, help: 'Tilera PDU: mode argument for power off' },
  'tilera.pdu_reboot': { kind: 'integer', default: 3, help: 'Tilera PDU: mode argument for reboot' },
  'tilera.pdu_status': { kind: 'integer', default: 9, help: 'Tilera PDU: mode argument for status' },
  'tilera.timeout': seconds(30, 'Tilera PDU: timeout of the manager program'),

  'manual.wait': seconds(86_400, 'Timeout for an operator to confirm a manual power change'),

  'fake.power_delay_ms': { kind: 'integer', default: 0, help: 'Fake hardware: duration of power commands' },
  'fake.deploy_delay_ms': { kind: 'integer', default: 0, help: 'Fake hardware: duration of writing an image' },
  'fake.delay_ms': {
    kind: 'text',
    default: '0',
    help: 'Fake hardware: duration of any command, fixed (5) or random (5-50) (milliseconds)',
  },
  'fake.fail_rate': {
    kind: 'text',
    default: '',
    help: 'Fake hardware: failure rate from 0 to 1, overall or by command (power on=0.5,bmc unreachable=0.1)',
  },
  'fake.stuck': { kind: 'text', default: '', help: 'Fake hardware: power commands without effect, comma-separated, or all' },
  'fake.soft_off_seconds': seconds(0, 'Fake hardware: duration of a soft power off'),
  'fake.seed': { kind: 'integer', default: 0, help: 'Fake hardware: seed of random failures' },

  'images.max_gib': {
    kind: 'integer',
    default: 1024,
    max: 4_000_000,
    help: 'Maximum image size, as uploaded and as virtual size (GiB)',
  },
  'images.reserve_mib': {
    kind: 'integer',
    default: 1024,
    help: 'Disk space of the state folder reserved from uploads, conversions and writes of members (MiB)',
  },
  'images.upload_stall': seconds(60, 'Abort an upload that transfers less than 256 KiB in this time'),
  'tools.confinement': {
    kind: 'text',
    default: 'bwrap',
    help: 'Sandbox of programs that read images: bwrap (only their own files are visible) or none',
  },

  'records.keep': {
    kind: 'integer',
    default: 90,
    max: 36_500,
    help: 'Retention of events and completed operations; 0 = forever (days)',
  },
  'records.keep_per_node': {
    kind: 'integer',
    default: 100,
    help: 'Number of newest operations and events of each node kept regardless of age',
  },

  'admin.user': { kind: 'text', default: 'admin', help: 'Name of the first user' },
  'admin.password': {
    kind: 'text',
    default: '',
    secret: true,
    help: 'Password of the first user; default: generated into admin-password in the state folder',
  },
  'admin.project': { kind: 'text', default: 'admin', help: 'Name of the first project' },
  region: { kind: 'text', default: 'RegionOne', help: 'Region name in the catalogue' },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof settingsTable;
type ValueOf<S extends Setting> = S['kind'] extends 'integer'
  ? number
  : S['kind'] extends 'boolean'
    ? boolean
    : S['kind'] extends 'list'
      ? string[]
      : string;
export type Settings = { readonly [N in SettingName]: ValueOf<(typeof settingsTable)[N]> };

/** One invalid setting: its name, what was expected, and its source. */
export class SettingsError extends Error {
  override name = 'SettingsError';
}

/** Former names and values of settings that are still accepted. */
const formerNames: Readonly<Record<string, SettingName>> = {
  'bmc.patience': 'bmc.grace_period',
  'power.looks_at_once': 'power.sync_workers',
};
const formerValues: Readonly<Record<string, Readonly<Record<string, string>>>> = { 'power.sync_policy': { hold: 'maintenance' } };

/** Short flags for long setting names that are typed often. */
export const shortcutTable: Readonly<Record<string, SettingName>> = {
  listen: 'api.listen',
  state: 'state_dir',
  address: 'provisioning.address',
};

export type SettingsSources = { file?: string; env?: NodeJS.ProcessEnv; flags?: Readonly<Record<string, string>> };

/** Reads and validates all settings. Throws SettingsError on the first that is unknown or invalid. */
export function readSettings(sources: SettingsSources): Settings {
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries<Setting>(settingsTable))
    values[name] = parse(name, setting, setting.default, 'its default');
  const assign = (given: string, value: unknown, origin: string) => {
    const name = formerNames[given] ?? given;
    const setting: Setting | undefined = (settingsTable as Record<string, Setting>)[name];
    if (!setting) throw new SettingsError(`unknown setting '${name}' (from ${origin}); \`ingot serve --help\` lists all`);
    values[name] = parse(name, setting, currentValue(name, value), origin);
  };
  if (sources.file) for (const [name, value] of readFile(sources.file)) assign(name, value, `file ${sources.file}`);
  const byVariable = new Map(
    [...Object.keys(settingsTable), ...Object.keys(formerNames)].map((name) => [variableOf(name), name]),
  );
  for (const [variable, value] of Object.entries(sources.env ?? {})) {
    if (!variable.startsWith('INGOT_') || value === undefined) continue;
    assign(byVariable.get(variable) ?? variable, value, `environment variable ${variable}`);
  }
  for (const [name, value] of Object.entries(sources.flags ?? {})) assign(shortcutTable[name] ?? name, value, `flag --${name}`);
  values['state_dir'] = resolve(values['state_dir'] as string);
  return values as Settings;
}

function currentValue(name: string, value: unknown): unknown {
  return (typeof value === 'string' && formerValues[name]?.[value]) || value;
}

export function variableOf(name: string): string {
  return `INGOT_${name.toUpperCase().replaceAll('.', '_')}`;
}

/** Flattens nested objects to dotted names: `{"api": {"listen": …}}` is `api.listen`. */
function readFile(file: string): [string, unknown][] {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const what = error instanceof SyntaxError ? 'is no JSON' : 'cannot be read';
    throw new SettingsError(`settings file ${file} ${what}: ${(error as Error).message}`);
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new SettingsError(`settings file ${file} must hold one JSON object`);
  }
  return flatten(content as Record<string, unknown>, '');
}

function flatten(object: Record<string, unknown>, prefix: string): [string, unknown][] {
  return Object.entries(object).flatMap(([key, value]): [string, unknown][] => {
    const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isGroup ? flatten(value as Record<string, unknown>, `${prefix}${key}.`) : [[`${prefix}${key}`, value]];
  });
}

function parse(name: string, setting: Setting, value: unknown, origin: string): unknown {
  const wrong = (expected: string) => {
    const shown = setting.secret ? 'a secret value' : JSON.stringify(value);
    return new SettingsError(`setting '${name}' must be ${expected}, not ${shown} (from ${origin})`);
  };
  if (setting.kind === 'integer') {
    const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
    const { max = Number.MAX_SAFE_INTEGER } = setting;
    if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0 || number > max)
      throw wrong(setting.max ? `a whole number from 0 to ${max}` : 'a whole number of 0 or more');
    return number;
  }
  if (setting.kind === 'boolean') {
    if (value === true || value === 'true') return true;
    if (value === false || value === 'false') return false;
    throw wrong('true or false');
  }
  if (setting.kind === 'list') {
    const items = Array.isArray(value)
      ? value
      : typeof value === 'string'
        ? value
            .split(',')
            .map((item) => item.trim())
            .filter(Boolean)
        : undefined;
    if (!items?.every((item) => typeof item === 'string')) throw wrong('a comma-separated list');
    if (name === 'api.trusted_proxies' && !items.every(isProxy))
      throw wrong('addresses or CIDRs (other than 0.0.0.0/0 and ::/0)');
    return items;
  }
  if (typeof value !== 'string') throw wrong('text');
  if (setting.kind === 'address' && value !== '' && isIP(value) === 0) throw wrong('an IP address');
  checkText(name, value, wrong);
  return value;
}

const policies = ['record', 'correct', 'maintenance'];
const rawPolicies = ['none', 'read', 'all'];
const rawPaths = ['none', 'read'];
const confinements = ['bwrap', 'none'];
const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];

function checkText(name: string, value: string, wrong: (expected: string) => SettingsError): void {
  if (name === 'log.level' && !levels.includes(value)) throw wrong(`one of ${levels.join(', ')}`);
  if (name === 'api.listen' && !isListen(value)) throw wrong('HOST:PORT or fd:N');
  if (name === 'ipmi.raw_commands' && !rawPolicies.includes(value)) throw wrong(`one of ${rawPolicies.join(', ')}`);
  if (name === 'tools.confinement' && !confinements.includes(value)) throw wrong(`one of ${confinements.join(', ')}`);
  if (name === 'redfish.raw_paths' && !rawPaths.includes(value)) throw wrong(`one of ${rawPaths.join(', ')}`);
  if (name === 'power.sync_policy' && !policies.includes(value)) throw wrong(`one of ${policies.join(', ')}`);
  if (name === 'fake.delay_ms' && !/^\d+(?:-\d+)?$/.test(value)) throw wrong('a number of milliseconds, or two as 5-50');
  if (name === 'fake.fail_rate' && !isRates(value)) throw wrong('from 0 to 1, or as power on=0.5,reset=0.1');
  if (name === 'virtual_power.type' && !['virsh', 'vbox'].includes(value)) throw wrong('virsh or vbox');
  if (name === 'provisioning.pool' && value !== '' && !isPool(value)) throw wrong('FIRST-LAST IPv4 addresses');
  if (name === 'provisioning.cidr' && value !== '' && !isSubnet(value)) throw wrong('an IPv4 subnet like 172.30.0.0/24');
}

function isRates(value: string): boolean {
  return value === '' || value.split(',').every((item) => /^(?:[^=]+=)?\s*(?:0(?:\.\d+)?|1(?:\.0+)?)$/.test(item.trim()));
}

function isListen(value: string): boolean {
  const port = /^.+:(\d{1,5})$/.exec(value)?.[1];
  return /^fd:\d+$/.test(value) || (port !== undefined && Number(port) <= 65535);
}

/** An address, or a network with a non-zero prefix length: `0.0.0.0/0` would trust every client. */
function isProxy(value: string): boolean {
  const [address = '', prefix, ...rest] = value.split('/');
  const bits = isIP(address) === 4 ? 32 : 128;
  const isPrefix = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) > 0 && Number(prefix) <= bits);
  return isIP(address) !== 0 && !address.includes('%') && isPrefix && rest.length === 0;
}

function isPool(value: string): boolean {
  const ends = value.split('-');
  return ends.length === 2 && ends.every((end) => isIPv4(end));
}

function isSubnet(value: string): boolean {
  const [address = '', prefix = '', ...rest] = value.split('/');
  return rest.length === 0 && isIPv4(address) && /^\d{1,2}$/.test(prefix) && Number(prefix) <= 32;
}
