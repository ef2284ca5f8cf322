/**
 * Commands of each kind of hypervisor, and parsers of their output: one row each. Machines are addressed by UUID, so
 * that a machine's name never appears on a command line.
 */
import type { PowerState } from '#domain/power-states.ts';
import type { PowerTarget } from '../interfaces.ts';

export type Machine = {
  readonly uuid: string;
  readonly name: string;
  /** Twelve hexadecimal digits, lower case. */
  readonly macs: readonly string[];
};

type Command = (uuid: string) => readonly string[];

export type Hypervisor = {
  /** The program with its fixed arguments. */
  readonly program: (uri: string) => readonly string[];
  readonly list: readonly string[];
  readonly readUuids: (output: string) => string[];
  readonly describe: Command;
  /** Parses the concatenated output of several `describe` commands. */
  readonly readMachines: (output: string) => Machine[];
  readonly state: Command;
  /** The state in the hypervisor's terms, or undefined if the output has none. */
  readonly readState: (output: string) => string | undefined;
  readonly states: Readonly<Record<string, PowerState>>;
  readonly commands: Readonly<Partial<Record<PowerTarget, Command>>>;
  /** Run before power on, its result ignored: discards a saved state, so that the machine boots. */
  readonly forget?: Command;
  /** Commands required in some states before power on. */
  readonly beforeOn: Readonly<Record<string, Command>>;
  /** Error message for a machine that no longer exists. */
  readonly gone: RegExp;
  /** Error message for a machine that already is in the requested state. */
  readonly already: RegExp;
  /** Error while a previous command is in progress, or for a running machine: its state then is `running`. */
  readonly busy?: RegExp;
  readonly running: string;
};

const uuidPattern = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/;

/** Skips lines added by the login shell or the program. */
function linesMatching(output: string, pattern: RegExp): string[] {
  return output.split('\n').flatMap((line) => pattern.exec(line.trim())?.[1] ?? []);
}

export function plainMac(mac: string): string {
  return mac.replaceAll(/[:.-]/g, '').toLowerCase();
}

/** libvirt: `virsh` of libvirt 1.x and later; state names are those of virsh-domain-monitor.c. */
const virsh: Hypervisor = {
  program: (uri) => ['virsh', '--quiet', '--connect', uri],
  list: ['list', '--all', '--uuid'],
  readUuids: (output) => linesMatching(output, new RegExp(`^(${uuidPattern.source})$`)),
  describe: (uuid) => ['dumpxml', '--domain', uuid],
  readMachines: (output) => output.split(/(?=<domain[\s>])/).flatMap(readDomain),
  state: (uuid) => ['domstate', '--domain', uuid],
  readState: (output) =>
    linesMatching(output, /^(running|idle|paused|in shutdown|shut off|crashed|pmsuspended|no state)$/).at(-1),
  states: {
    running: 'power on',
    idle: 'power on',
    // It holds memory and devices, and must be destroyed before it can be started.
    paused: 'power on',
    'in shutdown': 'power on',
    crashed: 'power on',
    pmsuspended: 'power on',
    'shut off': 'power off',
  },
  commands: {
    'power on': (uuid) => ['start', '--domain', uuid],
    'power off': (uuid) => ['destroy', '--domain', uuid],
    reset: (uuid) => ['reset', '--domain', uuid],
    'soft power off': (uuid) => ['shutdown', '--domain', uuid],
  },
  forget: (uuid) => ['managedsave-remove', '--domain', uuid],
  beforeOn: {},
  gone: /failed to get domain|Domain not found/,
  already: /[Dd]omain is already (?:active|running)|[Dd]omain is not running/,
  running: 'running',
};

/** One domain of `virsh dumpxml`. Reads MACs only in `<interface>`: the XML may describe hosts and networks, too. */
function readDomain(xml: string): Machine[] {
  const uuid = new RegExp(`<uuid>(${uuidPattern.source})</uuid>`).exec(xml)?.[1];
  if (!uuid) return [];
  // Split first: a regular expression over the whole text would take quadratic time.
  const interfaces = xml
    .split('</interface>')
    .slice(0, -1)
    .map((text) => text.slice(text.lastIndexOf('<interface')));
  const macs = interfaces
    .flatMap((text) => /<mac\s+address=['"]((?:[0-9a-f]{2}:){5}[0-9a-f]{2})['"]/i.exec(text)?.[1] ?? [])
    .map(plainMac);
  return [{ uuid, name: readXmlText(/<name>([^<]*)<\/name>/.exec(xml)?.[1] ?? uuid), macs }];
}

const xmlNames: Readonly<Record<string, string>> = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&apos;': "'", '&amp;': '&' };

function readXmlText(text: string): string {
  return text.replaceAll(/&(?:lt|gt|quot|apos|amp);/g, (name) => xmlNames[name] ?? name);
}

/** VirtualBox 4 and later; state names are those of VBoxManageInfo.cpp. */
const vbox: Hypervisor = {
  program: () => ['VBoxManage', '-q'],
  list: ['list', 'vms'],
  readUuids: (output) => linesMatching(output, new RegExp(`\\{(${uuidPattern.source})\\}$`)),
  describe: (uuid) => ['showvminfo', uuid, '--machinereadable'],
  readMachines: (output) => output.split(/^(?=name=")/m).flatMap(readMachine),
  state: (uuid) => ['showvminfo', uuid, '--machinereadable'],
  readState: (output) => linesMatching(output, /^VMState="([^"]*)"$/)[0],
  states: {
    poweroff: 'power off',
    aborted: 'power off',
    'aborted-saved': 'power off',
    saved: 'power off',
    teleported: 'power off',
    deletingsnapshot: 'power off',
    restoringsnapshot: 'power off',
    settingup: 'power off',
    snapshotting: 'power off',
    running: 'power on',
    paused: 'power on',
    gurumeditation: 'power on',
    starting: 'power on',
    stopping: 'power on',
    saving: 'power on',
    restoring: 'power on',
    livesnapshotting: 'power on',
    onlinesnapshotting: 'power on',
    deletingsnapshotlive: 'power on',
    deletingsnapshotlivepaused: 'power on',
    faulttolerantsyncing: 'power on',
    teleporting: 'power on',
    teleportingin: 'power on',
    teleportingpausedvm: 'power on',
  },
  commands: {
    'power on': (uuid) => ['startvm', uuid, '--type', 'headless'],
    'power off': (uuid) => ['controlvm', uuid, 'poweroff'],
    reset: (uuid) => ['controlvm', uuid, 'reset'],
    'soft power off': (uuid) => ['controlvm', uuid, 'acpipowerbutton'],
  },
  // Power on must boot the machine; with a saved state it would resume.
  beforeOn: { saved: (uuid) => ['discardstate', uuid], 'aborted-saved': (uuid) => ['discardstate', uuid] },
  gone: /Could not find a registered machine|VBOX_E_OBJECT_NOT_FOUND/,
  already: /is not currently running/,
  busy: /is already locked by a session|VBOX_E_INVALID_SESSION_STATE/,
  running: 'running',
};

function readMachine(text: string): Machine[] {
  const uuid = new RegExp(`^UUID="(${uuidPattern.source})"`, 'm').exec(text)?.[1];
  if (!uuid) return [];
  const macs = [...text.matchAll(/^macaddress\d+="([0-9A-Fa-f]{12})"/gm)].map(([, mac = '']) => plainMac(mac));
  return [{ uuid, name: /^name="(.*)"\r?$/m.exec(text)?.[1] ?? uuid, macs }];
}

export const hypervisorTable = { virsh, vbox } as const satisfies Record<string, Hypervisor>;
export type HypervisorName = keyof typeof hypervisorTable;

/** Quotes words for the command line of any login shell. */
export function commandLine(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ');
}
