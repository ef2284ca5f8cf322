/**
 * The contracts between the engine and the drivers. A driver gets a node's facts and returns values or outcomes;
 * it depends on neither the engine nor the store. The engine implements `Task` and passes it to each step.
 */
import type { TObject } from 'typebox';
import type { WriteImage } from '#agent-protocol/messages.ts';
import type { BootContents } from '#domain/boot-contents.ts';
import type { FaultCode } from '#domain/faults.ts';
import type { InterfaceKind } from '#domain/interface-kinds.ts';
import type { JsonObject } from '#domain/json.ts';
import type { KernelContents } from '#domain/kernel-contents.ts';
import type { PowerState } from '#domain/power-states.ts';
import type { CurrentRaid, RaidChange, RaidConfig } from '#domain/raid.ts';
import type { Flavor } from '#store/tables/flavors.ts';
import type { Image } from '#store/tables/images.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { ApiStep, Operation } from '#store/tables/operations.ts';
import type { Server } from '#store/tables/servers.ts';
import type {
  BiosInterface,
  BootDevice,
  BootDeviceOptions,
  ConsoleInterface,
  FirmwareInterface,
  InspectInterface,
  Interface,
  ManagementInterface,
  NodeFacts,
  PowerInterface,
  PowerTarget,
  VendorInterface,
} from './machine-interfaces.ts';
import type { OutOfBandRaid } from './raid-interface.ts';

export type * from './machine-interfaces.ts';
export type * from './raid-interface.ts';

/** A file that a machine fetches, stored in its folder as `name`: from a path on this host, or as text. */
export type BootFile = { name: string; path: string } | { name: string; content: string };

/**
 * Network boot configuration of one machine. The boot server keeps it on disk until it is replaced or withdrawn, so
 * that a restart of Ingot does not affect the machine.
 */
export type BootPlan = {
  node_uuid: string;
  /** Sub-folder of the TFTP root for `files`: the server's UUID, or the node's for cleaning. */
  folder: string;
  /**
   * NICs that may boot or request an address; `address` is the fixed IP, absent = one from the provisioning pool. With
   * `client_id` it is an InfiniBand port, whose DHCP messages have no MAC.
   */
  macs: readonly { mac: string; address?: string; hostname?: string; client_id?: string }[];
  /** First file: classic PXE chain, iPXE chain, or no network boot at all (address only). */
  firmware: 'pxelinux' | 'ipxe' | 'none';
  files: readonly BootFile[];
  /** Body of `pxelinux.cfg/01-<mac>` for every MAC (`20-<mac>` for InfiniBand, too). */
  pxelinux_config?: string;
  /** Body of the script that iPXE fetches for these MACs. iPXE's `${…}` is left as is. */
  ipxe_script?: string;
  /** Set by the boot server: the machine has booted from the plan, and script and configuration were removed. */
  spent?: boolean;
};

/** Addresses of this server for boot files. */
export type BootAddresses = {
  /** `http://172.30.0.1:8088`, without a trailing slash. */
  http_url: string;
  tftp_address: string;
  /** HTTPS URL for agent messages, with the SHA-256 of the certificate (hex); absent = use `http_url`. */
  agent?: { url: string; certificate: string };
  /** Images are served from `http_url` although messages use HTTPS: the command carries their checksums. */
  plain_images?: boolean;
};

export type BootRequest = {
  node: NodeFacts;
  folder: string;
  macs: BootPlan['macs'];
  addresses: BootAddresses;
  /** Deploy (or cleaning) kernel and ramdisk; paths on this host. */
  deploy?: { kernel: string; ramdisk: string; parameters: Readonly<Record<string, string>> };
  /** The user's kernel and ramdisk (partition images); `root` = `UUID=…` once it is known. */
  instance?: { kernel: string; ramdisk: string; root?: string };
  /** What the machine boots now. `local` = boot from disk. */
  boot: 'deploy' | 'instance' | 'local';
  /** Appended to every kernel line (`pxe_append_params`). */
  append: string;
};

export type BootInterface = Interface & { plan(request: BootRequest): BootPlan };

/** Result of a step; only the engine stores it. `C`: the facts that the step and its neighbours keep. */
export type Outcome<C = JsonObject> =
  /** Continue with the next step. `context` is merged into the operation's durable context. */
  | { next: true; context?: Partial<C> }
  /**
   * Rerun on the next message from the machine, or fail at the deadline; `seconds` resets it, for waits of their own. With
   * `againIn` (seconds) the step is rerun after that time at the latest: it polls. `shows`: the node's provision state
   * meanwhile, a wait or a hold; absent = a wait, while it polls none.
   */
  | { wait: string; context?: Partial<C>; seconds?: number; againIn?: number; shows?: 'wait' | 'hold' };

export type Step<C = JsonObject> = {
  readonly name: string;
  /** Its name in rows of earlier versions. */
  readonly formerName?: string;
  /** For the timeline: `Write the image`. */
  readonly title: string;
  /** Maximum time from start to end of the step, waits included. */
  readonly deadlineSeconds: number;
  /**
   * The step uses the BMC and waits for this many power changes: the engine adds the time that the settings
   * `power.timeout` and `bmc.grace_period` allow for them. Absent = it does not use the BMC.
   */
  readonly powerChanges?: number;
  /** The step writes nothing to the machine's disk until it ends. Absent = after a failure the disk must be cleaned. */
  readonly keepsDisk?: true;
  /** Nothing else of the machine or its network boot is changed, either: it keeps running. */
  readonly keepsMachine?: true;
  /** It waits for a machine to boot its ramdisk after power on: boot progress is shown. */
  readonly awaitsBoot?: true;
  /** The step of Ironic's API to which it belongs. Absent = it is the operation's own, and can be aborted. */
  readonly api?: ApiStep;
  /** The core deploy step of Ironic's that begins with it; see `coreSteps` in engine/operations/deploy-list.ts. */
  readonly core?: CoreStep;
  /** Timeline phase of the step. */
  readonly phase?: 'prepare' | 'firmware' | 'dhcp' | 'ramdisk' | 'image' | 'reboot' | 'os';
  /** Idempotent: it may be rerun from its start after a crash. Throws a Fault to fail the operation. */
  run(task: Task<C>): Promise<Outcome<C>>;
};

/** A command for the agent in the ramdisk; see agent-protocol/messages.ts. `id` makes retries idempotent. */
export type AgentCommand = { id: string; name: string; params: JsonObject };
export type AgentReply = { ok: true; result: JsonObject } | { ok: false; error: string };

export const agentKinds = ['ingot', 'ipa'] as const;
export type AgentKind = (typeof agentKinds)[number];

/** `source`: the parameters of `write-image` that tell the agent where the image is. */
export type AgentImage = Omit<ExtentsFile, 'path' | 'sha256'> & {
  readonly source: Pick<WriteImage, 'path' | 'base_url' | 'sha256' | 'size' | 'virtual_size'>;
};

/** What a deployment writes to a machine: a server of the compute API, or what the node's `instance_info` describes. */
export type Instance = Pick<Server, 'id' | 'hostname' | 'project_id' | 'preserve_ephemeral'> & {
  readonly flavor: Pick<Flavor, 'name' | 'disk' | 'ephemeral' | 'swap' | 'extra_specs'>;
};

/** API of a step: one machine, reserved by one operation. */
export type Task<C = JsonObject> = {
  readonly operation: Omit<Operation, 'request' | 'context'>;
  /** What former steps have kept; checked against the schema that declares it. */
  readonly context: Readonly<Partial<C>>;
  readonly node: NodeFacts & Node;
  /** What a deployment writes to the machine; absent: the operation is not about an instance. */
  readonly instance: Instance | undefined;
  /** Aborted when the operation is cancelled or Ingot stops; child processes and fetches must honor it. */
  readonly signal: AbortSignal;
  readonly power: {
    get(): Promise<PowerState>;
    /** Sends the command and polls until the BMC shows the effect. Sends nothing if the state is already right. */
    /** With its child nodes and its parent, unless it is to be changed `alone`. */
    set(target: PowerTarget, how?: { alone?: boolean }): Promise<void>;
    /** The changes so far of this step are over: a run that asks for one again has it made again. */
    forget(): void;
    /**
     * Before the BMC itself is restarted or updated: waits while an update of firmware may not have ended, other than
     * that of this component which the operation is about to send.
     */
    awaitFirmware(own?: { component: string }): Promise<void>;
  };
  setBootDevice(device: BootDevice, options: BootDeviceOptions): Promise<void>;
  readonly boot: {
    /** Publishes the machine's boot plan and replaces the previous one. */
    serve(request: Pick<BootRequest, 'deploy' | 'instance' | 'boot'>): Promise<void>;
    withdraw(): Promise<void>;
    /** Kernel parameters by which the ramdisk's agent finds this server and authenticates. */
    agentParameters(): Readonly<Record<string, string>>;
    readonly addresses: BootAddresses;
  };
  readonly agent: {
    /** The agent in the node's ramdisk: Ingot's own, or Ironic's (ironic-python-agent). */
    readonly kind: AgentKind;
    /** The image in the form that the agent takes; converted once. */
    image(id: string): Promise<AgentImage>;
    /** When the agent of this operation first and last reported; undefined = never. */
    heard(): { first: string; last: string; address: string } | undefined;
    /**
     * Queues the command, unless this operation queued one of that key before; returns its reply when available. Default
     * key: the name.
     */
    ask(name: string, params: JsonObject, key?: string): Promise<AgentReply | undefined>;
  };
  /** Verified at each use: an image that changed since the operation began throws `imageUnusable`. */
  readonly images: ImageSource;
  /** Image ids at the start of the deployment; later changes of the image's properties are ignored. */
  imageIds(): Promise<ImageIds>;
  /** Paths of the deploy kernel and ramdisk, by default or as the flavor sets them; throws `imageUnusable`. */
  deployRamdisk(): Promise<{ kernel: string; ramdisk: string }>;
  /**
   * Config drive (ISO 9660, label config-2) of the instance, rebuilt on each call. @returns path of a file; undefined: the
   * instance has none
   */
  configDrive(): Promise<string | undefined>;
  /** Saves facts to the operation's durable context immediately: before an action that must not be repeated. */
  saveContext(facts: Partial<C>): Promise<void>;
  /** Seconds since this step first asked this, across its reruns; from 0 again after a restart of Ingot. */
  elapsed(what: string): number;
  /** A durable message of another component (deploy helper, agent) for this operation. */
  readonly message: (name: string) => JsonObject | undefined;
  /** Logs an event to the timeline. */
  note(subject: string, message: string, data?: JsonObject, durationMs?: number): void;
  readonly settings: { append: string; tftp_root: string; work_dir: string };
};

/** A converted image, ready for streaming: see images/extents.ts for the format. */
export type ExtentsFile = {
  path: string;
  size: number;
  sha256: string;
  virtual_size: number;
  data_bytes: number;
  /** Boot contents of the image that firmware would find; absent = not inspected. */
  boot?: BootContents;
};

/** Ids of images; `kernel` and `ramdisk` are those of a partition image. */
export type ImageIds = { image: string; kernel?: string; ramdisk?: string };

export type ImageSource = {
  get(id: string): Promise<Image>;
  /** The uploaded file, on this host. Throws `imageUnusable` if the image is not active. */
  file(id: string): Promise<string>;
  /** The image as a raw sparse file: converted once, shared, checked against its checksum. */
  raw(id: string): Promise<{ path: string; size: number }>;
  /** The same, with its checksum and boot contents. */
  disk(id: string): Promise<ExtentsFile>;
  /** The image as a compressed stream of its data without holes. */
  extents(id: string): Promise<ExtentsFile>;
  /** Format of the uploaded file, if it is to be used as a kernel. */
  kernel(id: string): Promise<KernelContents>;
  /** Called after a checksum mismatch on a machine. @returns whether the files made for machines are unmodified */
  recheck(id: string): Promise<boolean>;
};

/** Ironic's core deploy steps that Ingot's deployments consist of. */
export type CoreStep = 'deploy' | 'write_image' | 'prepare_instance_boot' | 'boot_instance';

export type DeployInterface = Interface & {
  /** Supported boot interfaces, in order of preference. */
  readonly boot: readonly string[];
  /** Throws `imageUnusable` if this interface can't deploy the image: before a machine is touched. */
  checkImage(image: Image, instance: Instance): void;
  /** What the steps keep in the operation's context. Absent = nothing. */
  readonly context?: TObject;
  /** From "node claimed, ports bound" to "the user's system is starting". */
  readonly steps: readonly Step[];
  /** Removes what the steps left besides node, ports and boot files; runs after failure and before delete. */
  release(task: Task): Promise<void>;
};

/**
 * RAID of a machine. The engine (engine/operations/raid-steps.ts) resolves what a step is to do (`RaidChange`) when the
 * operation begins, and keeps what must survive a crash. An implementation is one of two kinds: `outOfBand`, where a BMC
 * changes the volumes, or `inBand`, where the agent in the machine's ramdisk does.
 */
export type RaidInterface = Interface & {
  /** @throws Fault `badRequest` for what it cannot make of a configuration that is valid by domain/raid.ts. No I/O. */
  checkConfig(config: RaidConfig): void;
  /** What `raid.apply_configuration` does if its arguments do not say. */
  readonly applies: { readonly nonroot: boolean; readonly deletes: boolean };
  readonly outOfBand?: OutOfBandRaid;
  readonly inBand?: InBandRaid;
};

export type InBandRaid = {
  /**
   * Runs in a step of a machine whose agent has reported. Called again at each message of the agent until it returns what
   * the machine has then, which the engine records (`engine/operations/raid-record.ts`); undefined: not yet. It asks the
   * agent by `task.agent.ask`, whose keys must differ between the RAID steps of an operation: `key` does.
   */
  run(task: Task, change: RaidChange, key: string): Promise<CurrentRaid | undefined>;
};

/** What an interface of each kind implements. */
type Contracts = {
  power: PowerInterface;
  management: ManagementInterface;
  boot: BootInterface;
  deploy: DeployInterface;
  console: ConsoleInterface;
  bios: BiosInterface;
  firmware: FirmwareInterface;
  inspect: InspectInterface;
  vendor: VendorInterface;
  raid: RaidInterface;
};
export type InterfaceOf<K extends InterfaceKind> = Contracts[K];

/** A hardware type: the supported interfaces of each kind, the default first. */
export type HardwareType = { readonly name: string } & { readonly [K in InterfaceKind]: readonly string[] };

/** The implementations of each kind, by name. */
export type Drivers = { readonly hardwareTypes: Readonly<Record<string, HardwareType>> } & {
  readonly [K in InterfaceKind]: Readonly<Record<string, InterfaceOf<K>>>;
};

/** For drivers that map peer errors to faults by table. */
export type FaultTable = Readonly<Record<string | number, FaultCode>>;
