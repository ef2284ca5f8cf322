/**
 * The contracts between the engine and the drivers. A driver gets a node's facts and returns values or outcomes;
 * it knows neither the engine nor the store. The engine implements `Task` and hands it to each step.
 */
import type { BootContents } from '#domain/boot-contents.ts';
import type { FaultCode } from '#domain/faults.ts';
import type { KernelContents } from '#domain/kernel-contents.ts';
import type { Image, JsonObject, Node, Operation, PowerState, Server } from '#domain/records.ts';
import type {
  BiosInterface,
  BootDevice,
  BootDeviceOptions,
  ConsoleInterface,
  FirmwareInterface,
  Interface,
  ManagementInterface,
  NodeFacts,
  PowerInterface,
  PowerTarget,
  VendorInterface,
} from './machine-interfaces.ts';

export type * from './machine-interfaces.ts';

/** A file that a machine will fetch: laid into its folder under `name`, from a path on this host or as text. */
export type BootFile = { name: string; path: string } | { name: string; content: string };

/**
 * What one machine finds when it asks the network how to boot. The boot server keeps it on disk until it is
 * replaced or withdrawn, so that a restart of Ingot changes nothing for the machine.
 */
export type BootPlan = {
  node_uuid: string;
  /** Sub-folder of the TFTP root for `files`: the server's UUID, or the node's for cleaning. */
  folder: string;
  /**
   * NICs that may boot or ask for an address; `address` is the fixed IP, absent = one from the provisioning pool. With
   * `client_id` it is an InfiniBand port, whose DHCP messages have no MAC.
   */
  macs: readonly { mac: string; address?: string; hostname?: string; client_id?: string }[];
  /** First file: classic PXE chain, iPXE chain, or no network boot at all (address only). */
  firmware: 'pxelinux' | 'ipxe' | 'none';
  files: readonly BootFile[];
  /** Body of `pxelinux.cfg/01-<mac>` for every MAC (`20-<mac>` for InfiniBand, too). */
  pxelinux_config?: string;
  /** Body of the script iPXE fetches for these MACs. `${…}` of iPXE stays as it is. */
  ipxe_script?: string;
  /** Set by the boot server: the machine has booted by it, script and configuration are gone. */
  spent?: boolean;
};

/** Where a machine reaches us, as the boot drivers print it into boot files. */
export type BootAddresses = {
  /** `http://172.30.0.1:8088`, no slash at the end. */
  http_url: string;
  tftp_address: string;
  /** Where agents send their messages by HTTPS, with the SHA-256 of the certificate (hex); absent = to `http_url`. */
  agent?: { url: string; certificate: string };
  /** Images come from `http_url` although messages go by HTTPS: their sums come with the command. */
  plain_images?: boolean;
};

export type BootRequest = {
  node: NodeFacts;
  folder: string;
  macs: BootPlan['macs'];
  addresses: BootAddresses;
  /** Deploy (or cleaning) kernel and ramdisk; paths on this host. */
  deploy?: { kernel: string; ramdisk: string; parameters: Readonly<Record<string, string>> };
  /** The user's own kernel and ramdisk (partition images); `root` = `UUID=…` once it is known. */
  instance?: { kernel: string; ramdisk: string; root?: string };
  /** Which one a machine gets when it boots now. `local` = hand over to the disk. */
  boot: 'deploy' | 'instance' | 'local';
  /** Added to every kernel line (`pxe_append_params`). */
  append: string;
};

export type BootInterface = Interface & { plan(request: BootRequest): BootPlan };

/** What a step says has happened; the engine alone writes it down. */
export type Outcome =
  /** Go on with the next step. `context` is merged into the operation's durable context. */
  | { next: true; context?: JsonObject }
  /** Run this step again when something is heard of the machine, or fail at the deadline; `seconds` sets that anew, for a wait for people. */
  | { wait: string; context?: JsonObject; seconds?: number };

export type Step = {
  readonly name: string;
  /** For the timeline: `Write the image`. */
  readonly title: string;
  /** Longest time from its start to its end, waits included. */
  readonly deadlineSeconds: number;
  /**
   * It asks the BMC, and waits for so many changes of power: the engine adds what the settings `power.timeout` and
   * `bmc.grace_period` let that take. Absent = it does not ask the BMC.
   */
  readonly powerChanges?: number;
  /** Nothing is written to the machine's disk before the step has ended. Absent = a failure leaves a disk that must be cleaned. */
  readonly keepsDisk?: true;
  /** Nor is anything else of the machine changed, or of what the network tells it: it goes on running as it did. */
  readonly keepsMachine?: true;
  /** It waits for a machine that was switched on to boot its ramdisk: whoever looks on is told how far it has come. */
  readonly awaitsBoot?: true;
  /** Timeline phase the step's time counts to. */
  readonly phase?: 'prepare' | 'firmware' | 'dhcp' | 'ramdisk' | 'image' | 'reboot' | 'os';
  /** Safe to repeat: it may be run again from its start after a crash. Throws a Fault to fail the operation. */
  run(task: Task): Promise<Outcome>;
};

/** A command for the agent in the ramdisk; see agent-protocol/messages.ts. `id` makes repeats harmless. */
export type AgentCommand = { id: string; name: string; params: JsonObject };
export type AgentReply = { ok: true; result: JsonObject } | { ok: false; error: string };

/** What a step can see and do: one machine, taken for one purpose. */
export type Task = {
  readonly operation: Operation;
  readonly node: NodeFacts & Node;
  readonly server: Server | undefined;
  /** Aborted when the operation is cancelled or Ingot stops; child processes and fetches must obey. */
  readonly signal: AbortSignal;
  readonly power: {
    get(): Promise<PowerState>;
    /** Sends the command and waits until the BMC confirms the effect. Nothing is sent where the state is right already. */
    set(target: PowerTarget): Promise<void>;
  };
  setBootDevice(device: BootDevice, options: BootDeviceOptions): Promise<void>;
  readonly boot: {
    /** Publishes what the machine will find; replaces the former plan. */
    serve(request: Pick<BootRequest, 'deploy' | 'instance' | 'boot'>): Promise<void>;
    withdraw(): Promise<void>;
    /** Parameters for the kernel line by which the ramdisk's agent finds and proves itself. */
    agentParameters(): Readonly<Record<string, string>>;
    readonly addresses: BootAddresses;
  };
  readonly agent: {
    /** When the agent of this operation was first and last heard; undefined = never. */
    heard(): { first: string; last: string; address: string } | undefined;
    /** Queues the command unless a command of that name was queued before in this operation; its reply when there is one. */
    ask(name: string, params: JsonObject): Promise<AgentReply | undefined>;
  };
  /** Checked at each use: an image that is no longer what it was when the operation began throws `imageUnusable`. */
  readonly images: ImageSource;
  /** What a deployment was begun with, whatever the image's properties say by now. */
  imageIds(): Promise<ImageIds>;
  /** The default deploy kernel and ramdisk (paths), or those that the flavor names; throws `imageUnusable`. */
  deployRamdisk(): Promise<{ kernel: string; ramdisk: string }>;
  /** Config drive (ISO 9660, label config-2) of the server, built anew on each call. @returns path of a file */
  configDrive(): Promise<string>;
  /** Writes facts into the operation's durable context now: before something is done that must not be done twice. */
  saveContext(facts: JsonObject): Promise<void>;
  /** A durable fact that other parties (deploy helper, agent) left for this operation. */
  readonly message: (name: string) => JsonObject | undefined;
  /** Into the timeline. */
  note(subject: string, message: string, data?: JsonObject, durationMs?: number): void;
  readonly settings: { append: string; tftp_root: string; work_dir: string };
};

/** A converted image, ready to be streamed: see images/extents.ts for the format. */
export type ExtentsFile = {
  path: string;
  size: number;
  sha256: string;
  virtual_size: number;
  data_bytes: number;
  /** What firmware would find on the disk; absent = not looked at. */
  boot?: BootContents;
};

/** Ids of images; `kernel` and `ramdisk` are those of a partition image. */
export type ImageIds = { image: string; kernel?: string; ramdisk?: string };

export type ImageSource = {
  get(id: string): Promise<Image>;
  /** The uploaded bytes, on this host. Throws `imageUnusable` where the image is not active. */
  file(id: string): Promise<string>;
  /** The image as a raw sparse file: converted once, shared, checked against its checksum. */
  raw(id: string): Promise<{ path: string; size: number }>;
  /** The image as a compressed stream of its data without holes. */
  extents(id: string): Promise<ExtentsFile>;
  /** What the uploaded bytes are, where they are to be a kernel. */
  kernel(id: string): Promise<KernelContents>;
  /** A machine got other bytes than it was promised. @returns whether the file of `extents` is still what was made */
  recheck(id: string): Promise<boolean>;
};

export type DeployInterface = Interface & {
  /** Boot interfaces that fit, best first. */
  readonly boot: readonly string[];
  /** Throws `imageUnusable` when this image can't be deployed this way: before a machine is touched. */
  checkImage(image: Image, server: Server): void;
  /** From "node claimed, ports bound" to "the user's system is starting". */
  readonly steps: readonly Step[];
  /** Removes what the steps left outside of node, ports and boot files; runs after failure and before delete. */
  release(task: Task): Promise<void>;
};

/** A hardware type: a short list of what fits together, the default first. */
export type HardwareType = {
  readonly name: string;
  readonly power: readonly string[];
  readonly management: readonly string[];
  readonly boot: readonly string[];
  readonly deploy: readonly string[];
  readonly console: readonly string[];
  readonly bios: readonly string[];
  readonly firmware: readonly string[];
  readonly vendor: readonly string[];
};

export type Drivers = {
  readonly hardwareTypes: Readonly<Record<string, HardwareType>>;
  readonly power: Readonly<Record<string, PowerInterface>>;
  readonly management: Readonly<Record<string, ManagementInterface>>;
  readonly boot: Readonly<Record<string, BootInterface>>;
  readonly deploy: Readonly<Record<string, DeployInterface>>;
  readonly console: Readonly<Record<string, ConsoleInterface>>;
  readonly bios: Readonly<Record<string, BiosInterface>>;
  readonly firmware: Readonly<Record<string, FirmwareInterface>>;
  readonly vendor: Readonly<Record<string, VendorInterface>>;
};

/** For drivers that map peer errors to faults by table. */
export type FaultTable = Readonly<Record<string | number, FaultCode>>;
