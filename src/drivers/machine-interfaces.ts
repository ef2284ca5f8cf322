/**
 * What a driver can do to a machine from outside: its power, its BMC, its console. Each method asks once and tells what
 * was answered; the engine decides when to ask, checks effects and keeps the record. A method that a kind of hardware
 * lacks is left out, and the engine answers `unsupportedByHardware` for it.
 */
import type { Duplex } from 'node:stream';
import type { Json, JsonObject, Node, NodePort, PowerState } from '#domain/records.ts';

/** What a driver may know of a machine. */
export type NodeFacts = Pick<Node, 'id' | 'uuid' | 'name' | 'driver' | 'driver_info' | 'properties' | 'extra' | 'power_state'> & {
  ports: readonly NodePort[];
};

/** Help for one `driver_info` key; feeds `baremetal driver property list`, validation texts and later the forms. */
export type Property = {
  readonly help: string;
  readonly required?: boolean;
  readonly secret?: boolean;
  readonly default?: string;
};
export type Properties = Readonly<Record<string, Property>>;

/**
 * What commands of an interface go to. `part`: which of several machines behind one address (a system, an outlet, a bridged
 * controller); null = the only one.
 */
export type Endpoint = { readonly address: string; readonly part: string | null };

export type Interface = {
  readonly properties: Properties;
  /** Cheap, no I/O; throws as `validate` does. No two nodes may share one: a command to one would hit the other. Absent = none. */
  endpoints?(node: NodeFacts): readonly Endpoint[];
  /** Cheap, no I/O; throws the Fault `driverInfo` when the node's settings cannot work. */
  validate(node: NodeFacts): void;
};

/** Ends an exchange early; drivers also bound each exchange themselves. */
export type CallOptions = {
  readonly signal?: AbortSignal;
  /** Nobody waits for the answer: a BMC that has no room for now is an answer, not a reason to wait until it has. */
  readonly background?: boolean;
  /** What is true beside the answer and somebody should know: it gets into the node's record where it is new. */
  readonly notice?: (message: string) => void;
};

/** For what lasts: it ends with the signal. */
export type Watching = { readonly signal: AbortSignal };

export type PowerTarget = 'power on' | 'power off' | 'reset' | 'soft power off' | 'power cycle';

export type PowerInterface = Interface & {
  /** Commands this kind of power knows; the engine makes the others of `power off` and `power on`. Absent = all. */
  readonly targets?: readonly PowerTarget[];
  /** Seconds between the two, where the engine makes a reset of them: a power supply keeps its machine alive for a while. */
  readonly pauseSeconds?: number;
  /** A person does it: longest time (seconds) until the effect shows. The engine tells the person and waits for their word. */
  readonly operatorTimeoutSeconds?: number;
  /** Asks the BMC. Throws `bmcUnreachable`, `bmcRefused` or `bmcError`. */
  getPower(node: NodeFacts, callOptions?: CallOptions): Promise<PowerState>;
  /** Sends the command once; the engine then checks the effect with `getPower`. */
  setPower(node: NodeFacts, target: PowerTarget, callOptions?: CallOptions): Promise<void>;
  /**
   * Asks the BMC to tell of changes by itself. `hint` comes on each word of it, which is a reason to look, not a fact.
   * @returns how to end it; undefined where this BMC can't, so that it is polled as often as any other
   */
  watchPower?(node: NodeFacts, hint: () => void, callOptions: Watching): Promise<(() => Promise<void>) | undefined>;
};

export const bootDevices = ['pxe', 'disk', 'cdrom', 'bios', 'safe', 'floppy', 'uefihttp'] as const;
export type BootDevice = (typeof bootDevices)[number];
export type BootMode = 'bios' | 'uefi';
/** `uri`: what the firmware fetches, for `uefihttp` alone. `mode`: absent = as the node's capability `boot_mode` says. */
export type BootDeviceOptions = { persistent: boolean; mode?: BootMode; uri?: string };

/** One reading. `value` null = present, but not readable now (powered off, being initialised). */
export type Sensor = {
  readonly name: string;
  /** `temperature`, `voltage`, `current`, `fan`, `power`, `processor`, `drive bay`…: the specification's word in lower case. */
  readonly type: string;
  readonly value: number | null;
  /** `°C`, `V`, `rpm`, `W`, `%`…; null for a sensor of states. */
  readonly unit: string | null;
  readonly status: 'ok' | 'warning' | 'critical' | 'unknown';
  /** What a sensor of states asserts: `['presence detected']`. */
  readonly states: readonly string[];
  readonly thresholds: Readonly<Partial<Record<ThresholdName, number>>>;
};
export const thresholdNames = [
  'lower non-critical',
  'lower critical',
  'lower non-recoverable',
  'upper non-critical',
  'upper critical',
  'upper non-recoverable',
] as const;
export type ThresholdName = (typeof thresholdNames)[number];

/** One entry of the BMC's own log, oldest first. `at` null = the BMC had no clock. */
export type LogEntry = {
  readonly id: string;
  readonly at: string | null;
  readonly severity: 'ok' | 'warning' | 'critical';
  /** The sensor or subsystem. */
  readonly source: string;
  readonly message: string;
};

export type IndicatorState = 'on' | 'off' | 'blinking';

export type MediaDevice = 'cdrom' | 'floppy' | 'disk';
export type MediaSlot = { readonly device: MediaDevice; readonly inserted: boolean; readonly image: string | null };

/** Where the machine's parts are named: FRU data, or the inventory of the BMC. Empty fields are left out. */
export type HardwareIdentity = {
  readonly manufacturer?: string;
  readonly product?: string;
  readonly serial?: string;
  readonly part_number?: string;
  readonly asset_tag?: string;
  /** Further areas and parts, as the BMC tells them. */
  readonly details: JsonObject;
};

export type ManagementInterface = Interface & {
  /** What `setBootDevice` takes. */
  readonly bootDevices: readonly BootDevice[];
  setBootDevice(node: NodeFacts, device: BootDevice, options: BootDeviceOptions, callOptions?: CallOptions): Promise<void>;
  getBootDevice(node: NodeFacts, callOptions?: CallOptions): Promise<{ device: BootDevice | null; persistent: boolean | null }>;
  getBootMode?(node: NodeFacts, callOptions?: CallOptions): Promise<BootMode | null>;
  /** Takes effect at the next boot. */
  setBootMode?(node: NodeFacts, mode: BootMode, callOptions?: CallOptions): Promise<void>;
  getSecureBoot?(node: NodeFacts, callOptions?: CallOptions): Promise<boolean | null>;
  setSecureBoot?(node: NodeFacts, on: boolean, callOptions?: CallOptions): Promise<void>;
  injectNmi?(node: NodeFacts, callOptions?: CallOptions): Promise<void>;
  getIndicator?(node: NodeFacts, callOptions?: CallOptions): Promise<IndicatorState>;
  setIndicator?(node: NodeFacts, state: IndicatorState, callOptions?: CallOptions): Promise<void>;
  readSensors?(node: NodeFacts, callOptions?: CallOptions): Promise<Sensor[]>;
  readLog?(node: NodeFacts, callOptions?: CallOptions): Promise<LogEntry[]>;
  clearLog?(node: NodeFacts, callOptions?: CallOptions): Promise<void>;
  identify?(node: NodeFacts, callOptions?: CallOptions): Promise<HardwareIdentity>;
  /** Firmware version, protocol versions, addresses: what the BMC tells of itself. */
  bmcInfo?(node: NodeFacts, callOptions?: CallOptions): Promise<JsonObject>;
  resetBmc?(node: NodeFacts, kind: 'warm' | 'cold', callOptions?: CallOptions): Promise<void>;
  readonly media?: {
    slots(node: NodeFacts, callOptions?: CallOptions): Promise<MediaSlot[]>;
    insert(node: NodeFacts, device: MediaDevice, imageUrl: string, callOptions?: CallOptions): Promise<void>;
    /** All slots of that device that hold something; nothing to do is no error. */
    eject(node: NodeFacts, device: MediaDevice, callOptions?: CallOptions): Promise<void>;
  };
  /** Gives the BMC's own account another password; the caller then stores it in `driver_info`. */
  changePassword?(node: NodeFacts, password: string, callOptions?: CallOptions): Promise<void>;
  /** UUID of the machine as its BMC and its SMBIOS tell it, lower case; undefined where the BMC tells none. */
  systemUuid?(node: NodeFacts, callOptions?: CallOptions): Promise<string | undefined>;
  /** The protocol says that it is the UUID of SMBIOS. Else it tells machines apart, and may be of the BMC's own making. */
  readonly isSystemUuidOfSmbios?: boolean;
  /** What the BMC wants of that password, as far as it tells. */
  passwordRules?(node: NodeFacts, callOptions?: CallOptions): Promise<PasswordRules>;
};

/** Numbers of characters. */
export type PasswordRules = { readonly least?: number; readonly most?: number };

/** One firmware setting with the rules of its registry. */
export type BiosSetting = {
  readonly name: string;
  readonly value: Json;
  /** Written, and taken over at the next boot. */
  readonly pending?: Json;
  readonly type?: 'Enumeration' | 'String' | 'Integer' | 'Boolean' | 'Password';
  readonly allowable_values?: readonly string[];
  readonly lower_bound?: number;
  readonly upper_bound?: number;
  readonly min_length?: number;
  readonly max_length?: number;
  readonly read_only?: boolean;
  readonly reset_required?: boolean;
};

export type BiosInterface = Interface & {
  readSettings(node: NodeFacts, callOptions?: CallOptions): Promise<BiosSetting[]>;
  /** All or nothing: throws `badRequest` naming each wrong setting before anything is sent. */
  applySettings(node: NodeFacts, changes: Readonly<Record<string, Json>>, callOptions?: CallOptions): Promise<void>;
  factoryReset(node: NodeFacts, callOptions?: CallOptions): Promise<void>;
};

export type FirmwareComponent = { readonly component: string; readonly version: string | null; readonly updateable: boolean };

export type FirmwareInterface = Interface & {
  readComponents(node: NodeFacts, callOptions?: CallOptions): Promise<FirmwareComponent[]>;
  /** The BMC fetches `url`, or `path` (a file of this host) is pushed to it. Resolves when the BMC says that it is done. */
  update(
    node: NodeFacts,
    update: { component?: string } & ({ url: string } | { path: string }),
    callOptions?: CallOptions,
  ): Promise<void>;
};

/** What one kind of hardware can do and others cannot even name, for `vendor_passthru`. */
export type VendorMethod = {
  readonly help: string;
  readonly http: readonly ('GET' | 'POST' | 'PUT' | 'DELETE')[];
  /** May be called (other than by GET) while an operation has the node. */
  readonly whileBusy?: boolean;
  /** @throws Fault `badRequest` for parameters it does not understand, `forbidden` where a policy says no. */
  run(node: NodeFacts, parameters: JsonObject, callOptions?: CallOptions): Promise<Json>;
};
export type VendorInterface = Interface & { readonly methods: Readonly<Record<string, VendorMethod>> };

/** A serial line: what is written goes to the machine, what it prints can be read; its end destroys the stream. */
export type ConsoleStream = Duplex & {
  /** RS-232 break, which a kernel may take as SysRq. */
  sendBreak?(): void;
};

export type ConsoleInterface = Interface & {
  /**
   * Last `lines` lines (all if undefined) of what came after `since`, or null where somebody else keeps no record either.
   * Absent = the engine records.
   */
  log?(node: NodeFacts, options?: { lines?: number; since?: string }): Promise<string | null>;
  /** Where such a record ends now, to be given as `since`; undefined where there is none. */
  position?(node: NodeFacts): Promise<string | undefined>;
  /** Absent where nobody can type. Throws like a power command. */
  open?(node: NodeFacts, callOptions: Watching): Promise<ConsoleStream>;
};
