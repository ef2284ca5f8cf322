/**
 * All settings of Ingot: one schema with help texts, read from a JSON file, the environment and flags, in that order
 * of rising weight. A setting's environment variable is `INGOT_` and its name in capitals, dots as underscores.
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
  /** Largest whole number. */
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
    help: 'How clients reach the API, for the catalogue; default: from the listen address',
  },
  'api.trusted_proxies': {
    kind: 'list',
    default: '',
    help: 'Addresses or CIDRs of proxies whose X-Forwarded-For, -Host and -Proto are believed, comma-separated',
  },
  'api.connections': {
    kind: 'integer',
    default: 4096,
    help: 'Connections to the API at once; where all places are taken, one that has shown no token gives way',
  },
  'api.connections_per_address': {
    kind: 'integer',
    default: 256,
    help: 'Connections of one address (IPv6: of one /64) to the API; this host is spared',
  },
  state_dir: { kind: 'text', default: './state', help: 'Folder of the database, images, boot files and secrets' },
  'process.user': {
    kind: 'text',
    default: '',
    help: 'Who Ingot is once root has started it: a user name or a number; default: ingot where that user exists; root = stay root',
  },
  'secrets.key_file': {
    kind: 'text',
    default: '',
    help: 'Key of the secrets in the database; made where there is none yet; default: secrets-key in the state folder',
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
  'provisioning.http_port': { kind: 'integer', default: 8088, max: 65535, help: 'Boot files, images and agent messages' },
  'provisioning.agent_https': {
    kind: 'boolean',
    default: true,
    help: 'Messages of agents and config drives by HTTPS, with the certificate pinned in the kernel line; false = by HTTP',
  },
  'provisioning.https_port': { kind: 'integer', default: 8089, max: 65535, help: 'Messages of agents by HTTPS' },
  'provisioning.images_by_https': {
    kind: 'boolean',
    default: false,
    help: 'Images by HTTPS too, so that nobody on the wire reads them; false = by HTTP, checked against a sum sent by HTTPS',
  },
  'provisioning.deploy_helper_port': { kind: 'integer', default: 10000, max: 65535, help: 'The classic deploy helper' },
  'provisioning.connections': {
    kind: 'integer',
    default: 12_288,
    help: 'Connections of machines at once: each agent holds one while it waits for work',
  },
  'provisioning.connections_per_address': { kind: 'integer', default: 64, help: 'Connections of one machine' },
  'provisioning.cidr': { kind: 'text', default: '', help: 'The provisioning subnet, e.g. 172.30.0.0/24' },
  'provisioning.pool': { kind: 'text', default: '', help: 'FIRST-LAST address for machines that have no port on this subnet' },
  'provisioning.gateway': { kind: 'address', default: '', help: 'Router given to machines; empty = none' },
  'provisioning.dns': { kind: 'list', default: '', help: 'Name servers given to machines' },
  'provisioning.tftp_root': { kind: 'text', default: '', help: 'TFTP root; default: boot/tftp in the state folder' },
  'provisioning.append': { kind: 'text', default: 'nofb nomodeset vga=normal', help: 'Added to every kernel line' },

  'deploy.kernel': { kind: 'text', default: '', help: 'Deploy kernel: image id, or path of a file' },
  'deploy.ramdisk': { kind: 'text', default: '', help: 'Deploy ramdisk: image id, or path of a file' },
  'deploy.agent_timeout': seconds(900, 'Longest wait from power on to the first word of the ramdisk'),
  'deploy.image_timeout': seconds(3600, 'Longest time for writing an image'),
  'deploy.silence_timeout': seconds(180, 'Longest silence of an agent that has work'),
  'clean.on_provide': { kind: 'boolean', default: false, help: 'Clean also when a node is made available for the first time' },
  'clean.timeout': seconds(7200, 'Longest time for cleaning'),
  'power.timeout': seconds(60, 'Longest wait for a power change to take effect'),
  'bmc.patience': seconds(60, 'Longest silence of a BMC that an operation sits out: it may be restarting'),
  'power.poll_ms': {
    kind: 'integer',
    default: 500,
    help: 'Pause between looks at the power state during a change (milliseconds)',
  },
  'power.sync_interval': seconds(30, 'Time between two looks at the power state of an idle node; 0 = never'),
  'power.sync_policy': {
    kind: 'text',
    default: 'record',
    help: 'What is done where power changed and nobody asked for it: record, correct or hold',
  },
  'power.looks_at_once': {
    kind: 'integer',
    default: 500,
    max: 10_000,
    help: 'Nodes whose power state is asked for at the same time; those that are slow to answer count apart',
  },

  'ipmi.packets_per_second': {
    kind: 'integer',
    default: 4000,
    help: 'IPMI packets that leave at most, all BMCs together; 0 = no limit',
  },
  'ipmi.sessions': {
    kind: 'integer',
    default: 12_000,
    help: 'IPMI sessions open at once, one per BMC; beyond, the ones unused for longest are closed; 0 = no limit',
  },
  'ipmi.raw_commands': {
    kind: 'text',
    default: 'none',
    help: 'Raw IPMI commands that `send_raw` may send: none, read (known to change nothing) or all',
  },
  'console.folders': {
    kind: 'list',
    default: '/var/log,/var/consoles',
    help: 'Folders on this host in which `console_file` of a node may lie, comma-separated',
  },
  'redfish.events_https_port': {
    kind: 'integer',
    default: 0,
    max: 65535,
    help: 'Port on provisioning.address where BMCs post events by HTTPS, beside HTTP; 0 = by HTTP alone',
  },
  'redfish.events_certificate': {
    kind: 'text',
    default: '',
    help: 'PEM file of its certificate and the chain to an authority that BMCs know; default: self-made, in the state folder',
  },
  'redfish.events_key': { kind: 'text', default: '', help: 'PEM file of the private key of that certificate' },
  'redfish.raw_paths': {
    kind: 'text',
    default: 'none',
    help: 'Whether the vendor method `get` may read any resource of a Redfish service: none or read',
  },

  'virtual_power.ssh_host': {
    kind: 'text',
    default: '',
    help: 'Virtual power: hypervisor of the nodes that name none (`ssh_address`)',
  },
  'virtual_power.ssh_port': { kind: 'integer', default: 22, max: 65535, help: 'Virtual power: its SSH port' },
  'virtual_power.type': { kind: 'text', default: 'virsh', help: 'Virtual power: its kind, virsh or vbox' },
  'virtual_power.host_user': { kind: 'text', default: '', help: 'Virtual power: user there' },
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
    help: 'Virtual power: libvirt connection of nodes that name none',
  },
  'tilera.pdu_mgr': {
    kind: 'text',
    default: '/tftpboot/pdu_mgr',
    help: 'Tilera PDU: path of the manager program (tile_pdu_mgr)',
  },
  'tilera.pdu_on': { kind: 'integer', default: 1, help: 'Tilera PDU: its mode for power on' },
  'tilera.pdu_off': { kind: 'integer', default: 2, help: 'Tilera PDU: its mode for power off' },
  'tilera.pdu_reboot': { kind: 'integer', default: 3, help: 'Tilera PDU: its mode for a reboot' },
  'tilera.pdu_status': { kind: 'integer', default: 9, help: 'Tilera PDU: its mode that tells the state' },
  'tilera.timeout': seconds(30, 'Tilera PDU: longest run of the manager program'),

  'manual.wait': seconds(86_400, 'Longest wait for a person who switches a machine by hand'),

  'fake.power_delay_ms': { kind: 'integer', default: 0, help: 'Fake hardware: time a power command takes' },
  'fake.deploy_delay_ms': { kind: 'integer', default: 0, help: 'Fake hardware: time writing an image takes' },
  'fake.delay_ms': {
    kind: 'text',
    default: '0',
    help: 'Fake hardware: time any command takes, as 5 or, varying, 5-50 (milliseconds)',
  },
  'fake.fail_rate': {
    kind: 'text',
    default: '',
    help: 'Fake hardware: how often commands fail, from 0 to 1, or by command as power on=0.5,bmc unreachable=0.1',
  },
  'fake.stuck': { kind: 'text', default: '', help: 'Fake hardware: power commands that have no effect, comma-separated, or all' },
  'fake.soft_off_seconds': seconds(0, 'Fake hardware: time a soft power off takes'),
  'fake.seed': { kind: 'integer', default: 0, help: 'Fake hardware: what chance is made from' },

  'images.max_gib': {
    kind: 'integer',
    default: 1024,
    max: 4_000_000,
    help: 'Largest image, as uploaded and as the disk that it becomes (GiB)',
  },
  'images.reserve_mib': {
    kind: 'integer',
    default: 1024,
    help: 'Space on the disk of the state folder that uploads, conversions and what members write leave free (MiB)',
  },
  'images.upload_stall': seconds(60, 'Time in which an upload must bring at least 256 KiB, or end'),
  'tools.confinement': {
    kind: 'text',
    default: 'bwrap',
    help: "How programs that read images are confined: bwrap (they see their own files alone), or none (they have all of Ingot's rights)",
  },

  'records.keep': {
    kind: 'integer',
    default: 90,
    max: 36_500,
    help: 'Time that events and ended operations are kept; 0 = for ever (days)',
  },
  'records.keep_per_node': {
    kind: 'integer',
    default: 100,
    help: 'Newest operations, and newest events, of each node that are kept however old they are',
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

/** One wrong setting: its name, what was expected, and where it came from. */
export class SettingsError extends Error {
  override name = 'SettingsError';
}

/** Long names that people type often, for flags. */
export const shortcutTable: Readonly<Record<string, SettingName>> = {
  listen: 'api.listen',
  state: 'state_dir',
  address: 'provisioning.address',
};

export type SettingsSources = { file?: string; env?: NodeJS.ProcessEnv; flags?: Readonly<Record<string, string>> };

/** Reads and checks all settings. Throws SettingsError on the first that is unknown or wrong. */
export function readSettings(sources: SettingsSources): Settings {
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries<Setting>(settingsTable))
    values[name] = parse(name, setting, setting.default, 'its default');
  const assign = (name: string, value: unknown, origin: string) => {
    const setting: Setting | undefined = (settingsTable as Record<string, Setting>)[name];
    if (!setting) throw new SettingsError(`unknown setting '${name}' (from ${origin}); \`ingot serve --help\` lists all`);
    values[name] = parse(name, setting, value, origin);
  };
  if (sources.file) for (const [name, value] of readFile(sources.file)) assign(name, value, `file ${sources.file}`);
  const byVariable = new Map(Object.keys(settingsTable).map((name) => [variableOf(name), name]));
  for (const [variable, value] of Object.entries(sources.env ?? {})) {
    if (!variable.startsWith('INGOT_') || value === undefined) continue;
    assign(byVariable.get(variable) ?? variable, value, `environment variable ${variable}`);
  }
  for (const [name, value] of Object.entries(sources.flags ?? {})) assign(shortcutTable[name] ?? name, value, `flag --${name}`);
  values['state_dir'] = resolve(values['state_dir'] as string);
  return values as Settings;
}

export function variableOf(name: string): string {
  return `INGOT_${name.toUpperCase().replaceAll('.', '_')}`;
}

/** Nested objects are dotted names: `{"api": {"listen": …}}` is `api.listen`. */
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
    if (name === 'api.trusted_proxies' && !items.every(isProxy)) throw wrong('addresses or CIDRs (not those of everybody)');
    return items;
  }
  if (typeof value !== 'string') throw wrong('text');
  if (setting.kind === 'address' && value !== '' && isIP(value) === 0) throw wrong('an IP address');
  checkText(name, value, wrong);
  return value;
}

const policies = ['record', 'correct', 'hold'];
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

/** An address, or a network with some bits of a prefix: `0.0.0.0/0` would believe whoever asks. */
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
