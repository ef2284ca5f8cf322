/** What the engine offers to the API and to the boot server. Everything that changes a node or server goes through here. */
import type { Duplex } from 'node:stream';
import type { Command, Hello, HelloReply, Progress, Result } from '#agent-protocol/messages.ts';
import type { Flavor, Image, Json, JsonObject, Keypair, Node, NodePort, Operation, PowerState, Server } from '#domain/records.ts';
import type { Requester } from '#domain/requesters.ts';
import type {
  BiosSetting,
  BootAddresses,
  BootDevice,
  BootDeviceOptions,
  BootMode,
  BootPlan,
  FirmwareComponent,
  ImageSource,
  IndicatorState,
  MediaDevice,
  MediaSlot,
  PowerTarget,
} from '#drivers/interfaces.ts';
import type { BmcHealthState } from './bmc-health.ts';

export { ethernetForm } from '#agent-protocol/infiniband.ts';
export type { Inventory } from '#agent-protocol/messages.ts';

export type RequestedNetwork = { network_id?: string; port_id?: string; fixed_ip?: string };

export type NewServer = {
  name: string;
  /** Default: made from the name. */
  hostname?: string;
  project_id: string;
  user_id: string;
  /** An administrator asks, who may use any image and network; default: only what the project may use. */
  is_admin?: boolean;
  flavor: Flavor;
  image: Image;
  keypair?: Keypair;
  user_data?: string;
  metadata?: Record<string, string>;
  personality?: { path: string; contents: string }[];
  /** `auto`: the only network of the project (or shared), `none`: no network. */
  networks: 'auto' | 'none' | RequestedNetwork[];
  availability_zone?: string;
  /** Ask for one node by UUID or name (`--availability-zone zone:host:node`, or the hint `node`). */
  node?: string;
  description?: string;
  count?: number;
};

export type NewNode = Partial<
  Pick<
    Node,
    | 'uuid'
    | 'name'
    | 'power_interface'
    | 'management_interface'
    | 'boot_interface'
    | 'deploy_interface'
    | 'console_interface'
    | 'bios_interface'
    | 'firmware_interface'
    | 'vendor_interface'
    | 'driver_info'
    | 'properties'
    | 'extra'
    | 'instance_info'
    | 'resource_class'
    | 'traits'
    | 'description'
    | 'owner'
    | 'shard'
    | 'parent_node'
    | 'provision_state'
    | 'maintenance'
  >
> & { driver: string };

export type NodeChanges = Partial<Omit<NewNode, 'uuid' | 'provision_state'>>;

export type NewNodePort = Pick<NodePort, 'node_uuid' | 'address'> &
  Partial<
    Pick<NodePort, 'uuid' | 'name' | 'description' | 'vendor' | 'category' | 'pxe_enabled' | 'local_link_connection' | 'extra'>
  >;

export type ServerVerbs = {
  /** Rows in `building` at once; a node is claimed before this returns or the server ends in ERROR with `noValidHost`. */
  createServers(request: NewServer): Promise<Server[]>;
  deleteServer(id: string): Promise<void>;
  stopServer(id: string): Promise<void>;
  startServer(id: string): Promise<void>;
  rebootServer(id: string, type: 'SOFT' | 'HARD'): Promise<void>;
  rebuildServer(id: string, changes: RebuildChanges): Promise<Server>;
  updateServer(id: string, changes: Partial<Pick<Server, 'name' | 'description' | 'metadata' | 'locked'>>): Promise<Server>;
};

export type RebuildChanges = {
  image: Image;
  /** As in `NewServer`. */
  is_admin?: boolean;
  name?: string;
  keypair?: Keypair | null;
  user_data?: string | null;
  metadata?: Record<string, string>;
  personality?: { path: string; contents: string }[];
  preserve_ephemeral?: boolean;
};

export type NodeVerbs = {
  createNode(request: NewNode): Promise<Node>;
  /** A function gets the node as it is in the transaction that writes: what came in between is not lost. */
  updateNode(uuid: string, changes: NodeChanges | ((now: Node) => NodeChanges)): Promise<Node>;
  /** Refuses (`conflict`) while a server or an operation holds it. */
  deleteNode(uuid: string): Promise<void>;
  /** Ironic's verbs: manage, provide, clean, active, rebuild, deleted, abort. */
  setProvisionState(uuid: string, verb: string, options?: { clean_steps?: JsonObject[] }): Promise<void>;
  setPower(uuid: string, target: PowerTarget): Promise<void>;
  /** A person's word on a machine whose power is switched by hand; without `state`: what was asked for is done. */
  confirmPower(uuid: string, state?: PowerState): Promise<void>;
  setMaintenance(uuid: string, on: boolean, reason?: string): Promise<void>;
  setBootDevice(uuid: string, device: BootDevice, options: BootDeviceOptions): Promise<void>;
  getBootDevice(uuid: string): Promise<{ device: BootDevice | null; persistent: boolean | null }>;
  /** Per interface: does the node's configuration work? */
  validateNode(uuid: string): Promise<Record<string, { result: boolean; reason?: string }>>;
  createNodePort(request: NewNodePort): Promise<NodePort>;
  updateNodePort(uuid: string, changes: Partial<Omit<NewNodePort, 'uuid'>>): Promise<NodePort>;
  deleteNodePort(uuid: string): Promise<void>;
  /** Kept open and recorded, or not. */
  setConsole(uuid: string, enabled: boolean): Promise<void>;
  /** Throws `unsupportedByHardware` or `driverInfo` where nobody can type. */
  checkConsole(uuid: string): Promise<void>;
  /**
   * The serial line: what is written is typed, what is read was printed; destroying it hangs up. With `server` it is for
   * that server's owner, and ends with the server. Throws `conflict` where the machine is another's.
   */
  attachConsole(uuid: string, server?: string): Promise<Duplex>;
  /** Serial console text, or null where the node keeps none. */
  consoleLog(nodeUuid: string, lines?: number): Promise<string | null>;
};

/** Asks or tells a machine's BMC once. What the hardware lacks throws `unsupportedByHardware`; a busy node `nodeBusy`. */
export type MachineVerbs = {
  /** How the node's power control has answered of late; undefined = it was not asked yet. */
  bmcHealth(uuid: string): BmcHealthState | undefined;
  supportedBootDevices(uuid: string): Promise<BootDevice[]>;
  /** Null where the BMC can't tell. */
  bootState(uuid: string): Promise<{ boot_mode: BootMode | null; secure_boot: boolean | null }>;
  setBootMode(uuid: string, mode: BootMode): Promise<void>;
  setSecureBoot(uuid: string, on: boolean): Promise<void>;
  injectNmi(uuid: string): Promise<void>;
  getIndicator(uuid: string): Promise<IndicatorState>;
  setIndicator(uuid: string, state: IndicatorState): Promise<void>;
  biosSettings(uuid: string): Promise<BiosSetting[]>;
  firmwareComponents(uuid: string): Promise<FirmwareComponent[]>;
  mediaSlots(uuid: string): Promise<MediaSlot[]>;
  insertMedia(uuid: string, device: MediaDevice, imageUrl: string): Promise<void>;
  ejectMedia(uuid: string, devices: readonly MediaDevice[]): Promise<void>;
  vendorMethods(uuid: string): Promise<Record<string, { help: string; http: string[] }>>;
  callVendor(uuid: string, call: { method: string; http: string; parameters: JsonObject }): Promise<Json>;
};

/** Messages from machines, brought by the boot server. A wrong token throws `unauthorized`. */
export type MachineMessages = {
  /**
   * Before the body is read: throws `unauthorized` or `forbidden` where the token is not that of this asker, and
   * `tooManyRequests` where its operation has used up its budget.
   */
  agentAdmit(token: string, requester: Requester, message: 'hello' | 'other'): Promise<void>;
  /** Binds the operation to this agent; a second agent throws `forbidden` and ends the operation. */
  agentHello(token: string, hello: Hello, requester: Requester): Promise<HelloReply>;
  /** An agent of another version of the protocol has the token: ends the operation, and throws what is wrong. */
  agentOutdated(token: string, requester: Requester): Promise<never>;
  /** Waits up to `waitMs` for a command; undefined = nothing to do. `signal` ends the wait when the machine hangs up. */
  agentNext(token: string, waitMs: number, signal: AbortSignal): Promise<Command | undefined>;
  agentProgress(token: string, progress: Progress): Promise<void>;
  agentResult(token: string, result: Result): Promise<void>;
  agentLog(token: string, lines: string[]): Promise<void>;
  /** Throws `forbidden` unless the present command tells this agent to fetch that path. `token`: see image-token.ts. */
  agentImage(token: string, path: string, requester: Requester): Promise<void>;
  /** Path of the config drive file for the operation of this token, while its command names it. */
  agentConfigDrive(token: string): Promise<string>;
  /** The classic POST. Throws `badRequest` with the classic texts. */
  deployPost(fields: Record<string, string>, requester: Requester): Promise<void>;
  /** A DHCP, TFTP or HTTP request of a machine, found by MAC or by the address it was given. */
  machineRequest(request: {
    kind: 'dhcp' | 'tftp' | 'http';
    /** Of the machine that it was, or that it was about. */
    mac?: string;
    /** It was about a machine, and another one did it. */
    isStranger?: boolean;
    /** A MAC that nobody expects asked for an address: those that wait for a machine are told, since it may be theirs. */
    isUnexpected?: boolean;
    /** It is about no machine in particular: all that wait for one are told. */
    concernsWaiting?: boolean;
    address?: string;
    subject: string;
    message: string;
    duration_ms?: number;
    data?: JsonObject;
  }): void;
};

export type Engine = ServerVerbs &
  NodeVerbs &
  MachineVerbs &
  MachineMessages & {
    /** Takes up every operation that was running when the process ended. */
    start(): Promise<void>;
    stop(): Promise<void>;
    /** What the agent on the node's machine last said of the work that is waited for; the row of the operation does not tell it. */
    progressOf(nodeUuid: string): string | undefined;
    /** Resolves when the operation has ended. For tests and for verbs that answer late. */
    ended(operationId: string): Promise<Operation>;
  };

/** What the engine needs of the boot server. */
export type BootPublisher = {
  readonly addresses: BootAddresses;
  readonly tftpRoot: string;
  publish(plan: BootPlan): Promise<void>;
  /** The machine has booted by its plan: what of it holds secrets is served no more. Nothing to do is no error. */
  spend(nodeUuid: string): Promise<void>;
  withdraw(nodeUuid: string): Promise<void>;
};

/** What the engine needs of the image files. */
export type ImageFiles = ImageSource & {
  /** Writes the config drive of a server and returns its path. */
  configDrive(server: Server, network: JsonObject, directory: string): Promise<string>;
};
