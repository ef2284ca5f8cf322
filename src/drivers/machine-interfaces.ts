/**
 * Out-of-band interfaces of a machine: power, BMC, console. Each method sends one request and returns the response;
 * the engine schedules calls, verifies effects and keeps the log. A method that a kind of hardware does not support is
 * omitted, and the engine throws `unsupportedByHardware` for it.
 */
import type { Duplex } from 'node:stream';
import type { Fault } from '#domain/faults.ts';
import type { FoundHardware } from '#domain/found-hardware.ts';
import type { Json, JsonObject } from '#domain/json.ts';
import type { PowerState } from '#domain/power-states.ts';
import type { NodePort } from '#store/tables/node-ports.ts';
import type { Node } from '#store/tables/nodes.ts';

/** The facts of a machine that a driver gets. */
export type NodeFacts = Pick<Node, 'id' | 'uuid' | 'name' | 'driver' | 'driver_info' | 'properties' | 'extra' | 'power_state'> & {
  ports: readonly NodePort[];
  /** As last recorded. */
  raid_config?: Node['raid_config'];
  /** It must never lose power: no command may switch it off, even for a moment. */
  disable_power_off?: boolean;
};

/** Help for one `driver_info` key, for `baremetal driver property list`, validation messages and later the forms. */
export type Property = {
  readonly help: string;
  readonly required?: boolean;
  readonly secret?: boolean;
  readonly default?: string;
};
export type Properties = Readonly<Record<string, Property>>;

/**
 * Destination of an interface's commands. `part` selects one of several machines behind an address (a system, an
 * outlet, a bridged controller); null = the only one.
 */
export type Endpoint = { readonly address: string; readonly part: string | null };

export type Interface = {
  readonly properties: Properties;
  /** Fast, no I/O; throws as `validate` does. Unique per node: a shared one would hit the other node. Absent = none. */
  endpoints?(node: NodeFacts): readonly Endpoint[];
  /** Fast, no I/O; throws the Fault `driverInfo` if the node's settings are invalid. */
  validate(node: NodeFacts): void;
  /** For hardware without this function: every method throws `unsupportedByHardware`. */
  readonly unsupported?: true;
  /** There is no machine: the effect is only pretended. */
  readonly simulated?: true;
};

/** What a BMC says of the hardware as a whole, in Redfish's words. */
export type Health = 'OK' | 'Warning' | 'Critical';

/** Aborts a call early; drivers also have a timeout for each exchange. */
export type CallOptions = {
  readonly signal?: AbortSignal;
  /** No user waits for the response: a busy BMC is reported as such, without waiting for a free session. */
  readonly background?: boolean;
  /** Receives the machine's health where the reply to the question has it; null: the BMC does not report it. */
  readonly health?: (health: Health | null) => void;
  /** Receives warnings beside the result; new ones are logged in the node's record. */
  readonly notice?: (message: string) => void;
};

/** Options of long-lived calls, which end when the signal is aborted. */
export type Watching = { readonly signal: AbortSignal };
/** Records the subscriptions that a BMC keeps, so that they can be deleted there after a crash. */
export type SubscriptionRecord = {
  /** Replaces those of the same node at the same BMC, which the driver has deleted. */
  put(path: string): Promise<void>;
  remove(path: string): Promise<void>;
};
export type WatchOptions = Watching & { readonly subscriptions?: SubscriptionRecord };

export type PowerTarget = 'power on' | 'power off' | 'reset' | 'soft power off' | 'power cycle';

export type PowerInterface = Interface & {
  /** Supported power commands; the engine composes the others of `power off` and `power on`. Absent = all. */
  readonly targets?: readonly PowerTarget[];
  /** Pause in seconds between the two in a composed reset: a power supply keeps its machine running for a while. */
  readonly pauseSeconds?: number;
  /** Manual power: timeout in seconds until the effect. The engine notifies the operator and waits for confirmation. */
  readonly operatorTimeoutSeconds?: number;
  /** Queries the BMC. Throws `bmcUnreachable`, `bmcRefused` or `bmcError`. */
  getPower(node: NodeFacts, callOptions?: CallOptions): Promise<PowerState>;
  /** Sends the command once; the engine then verifies the effect with `getPower`. */
  setPower(node: NodeFacts, target: PowerTarget, callOptions?: CallOptions): Promise<void>;
  /**
   * Subscribes to power events of the BMC. `hint` is called on each event, which triggers a poll but is not a fact.
   * @returns a function that unsubscribes; undefined if the BMC has no events, so that it is polled as usual
   */
  watchPower?(node: NodeFacts, hint: () => void, callOptions: WatchOptions): Promise<(() => Promise<void>) | undefined>;
  /** Deletes a subscription that an earlier process recorded. @returns whether it is gone; false: not reached or refused */
  unsubscribe?(node: NodeFacts, path: string, callOptions: Watching): Promise<boolean>;
};

export const bootDevices = ['pxe', 'disk', 'cdrom', 'bios', 'safe', 'floppy', 'uefihttp'] as const;
export type BootDevice = (typeof bootDevices)[number];
export type BootMode = 'bios' | 'uefi';
/** `uri`: what the firmware fetches, for `uefihttp` only. `mode`: absent = by the node's capability `boot_mode`. */
export type BootDeviceOptions = { persistent: boolean; mode?: BootMode; uri?: string };

/** One reading. `value` null = present, but not readable now (powered off, initialising). */
export type Sensor = {
  readonly name: string;
  /** `temperature`, `voltage`, `current`, `fan`, `power`, `processor`, `drive bay`…: as specified, in lower case. */
  readonly type: string;
  readonly value: number | null;
  /** `°C`, `V`, `rpm`, `W`, `%`…; null for a discrete sensor. */
  readonly unit: string | null;
  readonly status: 'ok' | 'warning' | 'critical' | 'unknown';
  /** Asserted states of a discrete sensor: `['presence detected']`. */
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

/** One entry of the BMC's log, oldest first. `at` null = the BMC's clock was not set. */
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

/** Identity of the machine's parts: FRU data, or the BMC's inventory. Empty fields are omitted. */
export type HardwareIdentity = {
  readonly manufacturer?: string;
  readonly product?: string;
  readonly serial?: string;
  readonly part_number?: string;
  readonly asset_tag?: string;
  /** Further areas and parts, in the BMC's own format. */
  readonly details: JsonObject;
};

export type ManagementInterface = Interface & {
  /** Devices that `setBootDevice` supports. */
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
  /** Firmware version, protocol versions and addresses of the BMC. */
  bmcInfo?(node: NodeFacts, callOptions?: CallOptions): Promise<JsonObject>;
  resetBmc?(node: NodeFacts, kind: 'warm' | 'cold', callOptions?: CallOptions): Promise<void>;
  readonly media?: {
    slots(node: NodeFacts, callOptions?: CallOptions): Promise<MediaSlot[]>;
    insert(node: NodeFacts, device: MediaDevice, imageUrl: string, callOptions?: CallOptions): Promise<void>;
    /** Ejects all slots of that device; it is no error if they are empty. */
    eject(node: NodeFacts, device: MediaDevice, callOptions?: CallOptions): Promise<void>;
  };
  /** Changes the password of the BMC account in use; the caller then stores it in `driver_info`. */
  changePassword?(node: NodeFacts, password: string, callOptions?: CallOptions): Promise<void>;
  /** UUID of the machine by its BMC and SMBIOS, lower case; undefined if the BMC reports none. */
  systemUuid?(node: NodeFacts, callOptions?: CallOptions): Promise<string | undefined>;
  /** By the protocol it is the SMBIOS UUID. Else it identifies a machine but may be generated by the BMC. */
  readonly isSystemUuidOfSmbios?: boolean;
  /** The BMC's password rules, as far as it reports them. */
  passwordRules?(node: NodeFacts, callOptions?: CallOptions): Promise<PasswordRules>;
};

/** Numbers of characters. */
export type PasswordRules = { readonly least?: number; readonly most?: number };

/** One BIOS setting with the rules of its registry. */
export type BiosSetting = {
  readonly name: string;
  readonly value: Json;
  /** Pending value, applied at the next boot. */
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
  /** Atomic: throws `badRequest` naming each invalid setting before anything is sent. */
  applySettings(node: NodeFacts, changes: Readonly<Record<string, Json>>, callOptions?: CallOptions): Promise<void>;
  factoryReset(node: NodeFacts, callOptions?: CallOptions): Promise<void>;
};

/** Which hardware the component is; null or absent: unknown. */
type ComponentIdentity = {
  readonly vendor?: string | null;
  readonly model?: string | null;
  readonly serial_number?: string | null;
};
export type FirmwareComponent = ComponentIdentity & {
  readonly component: string;
  readonly version: string | null;
  readonly updateable: boolean;
};

export type FirmwareInterface = Interface & {
  readComponents(node: NodeFacts, callOptions?: CallOptions): Promise<FirmwareComponent[]>;
  /**
   * Sends the update. Not to be repeated while one may be under way.
   * @returns undefined if the BMC has completed it, or reports nothing about it
   */
  startUpdate(node: NodeFacts, update: FirmwareUpdate, callOptions?: CallOptions): Promise<FirmwareProgress | undefined>;
  /**
   * Asks for a started update, also after a restart of Ingot. A BMC that restarts meanwhile counts as at work.
   * @returns undefined once the BMC reports success; `failed`, once it reports a failure after which it is not at work any
   * more. Throws what leaves that open
   */
  pollUpdate(
    node: NodeFacts,
    started: StartedUpdate,
    callOptions?: CallOptions,
  ): Promise<FirmwareProgress | { failed: Fault } | undefined>;
};

/** The BMC pulls `url`, or `path` (a file on this host) is pushed to it. */
export type FirmwareUpdate = { component?: string } & ({ url: string } | { path: string });

/** An update that the BMC is working at. The engine keeps it in the operation's row. */
export type FirmwareTask = {
  /** By which the driver finds it: a path. */
  readonly id: string;
  /** The request that began it, for messages. */
  readonly request: string;
  /** The BMC has been silent since: it may send unusable replies while it starts. */
  readonly isRestarting?: boolean;
};

/** `againIn`: seconds until the next poll. */
export type FirmwareProgress = { readonly task: FirmwareTask; readonly againIn: number };
export type StartedUpdate = {
  readonly update: FirmwareUpdate;
  readonly task: FirmwareTask;
  /** By component, before it was sent: many BMCs forget a task at its end, and a new version then shows the success. */
  readonly versions: Readonly<Record<string, string | null>>;
  /** Seconds that it has been followed. */
  readonly elapsed: number;
};

export type InspectInterface = Interface & {
  /** Asks the BMC. Absent = the machine boots the ramdisk, whose agent reports. */
  readHardware?(node: NodeFacts, callOptions?: CallOptions): Promise<FoundHardware>;
};

/** A vendor-specific function outside the standard interfaces, for `vendor_passthru`. */
export type VendorMethod = {
  /** It reserves the node itself. */
  readonly reservesNode?: boolean;
  readonly help: string;
  readonly http: readonly ('GET' | 'POST' | 'PUT' | 'DELETE')[];
  /** May be called (other than by GET) while an operation has reserved the node. */
  readonly whileBusy?: boolean;
  /** @throws Fault `badRequest` for invalid parameters, `forbidden` if a policy denies the call. */
  run(node: NodeFacts, parameters: JsonObject, callOptions?: CallOptions): Promise<Json>;
};
export type VendorInterface = Interface & { readonly methods: Readonly<Record<string, VendorMethod>> };

/** A serial line: writes go to the machine, reads return its output; the stream is destroyed when the line ends. */
export type ConsoleStream = Duplex & {
  /** RS-232 break, which a kernel may interpret as SysRq. */
  sendBreak?(): void;
};

export type ConsoleInterface = Interface & {
  /**
   * Last `lines` lines (all if undefined) since position `since`, or null if the external program keeps no log either.
   * Absent = the engine records the console.
   */
  log?(node: NodeFacts, options?: { lines?: number; since?: string }): Promise<string | null>;
  /** Current end position of such a log, for `since`; undefined if there is none. */
  position?(node: NodeFacts): Promise<string | undefined>;
  /** Absent if the console is read-only. Throws like a power command. */
  open?(node: NodeFacts, callOptions: Watching): Promise<ConsoleStream>;
};
