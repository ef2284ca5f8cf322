/** The engine's interface for the API and the boot server. All changes to nodes and servers go through it. */
import type { Duplex } from 'node:stream';
import type { IpaHeartbeat, IpaLookup, IpaLookupReply } from '#agent-protocol/ipa.ts';
import type { Command, Hello, HelloReply, Progress, Result } from '#agent-protocol/messages.ts';
import type { ImageUser } from '#domain/image-visibility.ts';
import type { InterfaceField } from '#domain/interface-kinds.ts';
import type { Json, JsonObject } from '#domain/json.ts';
import type { NodeFlag, NodeText } from '#domain/node-fields.ts';
import type { PowerState } from '#domain/power-states.ts';
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
import type { Store } from '#store/store.ts';
import type { Allocation } from '#store/tables/allocations.ts';
import type { Flavor } from '#store/tables/flavors.ts';
import type { Image } from '#store/tables/images.ts';
import type { Keypair } from '#store/tables/keypairs.ts';
import type { NodeLock } from '#store/tables/node-locks.ts';
import type { NodePort } from '#store/tables/node-ports.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { PortGroup } from '#store/tables/port-groups.ts';
import type { Server } from '#store/tables/servers.ts';
import type { BmcHealthState } from './power/bmc-health.ts';

export { ethernetForm } from '#agent-protocol/infiniband.ts';
export type { Inventory } from '#agent-protocol/messages.ts';
export { refuseWhileBusy } from './nodes/busy-node.ts';
export { lastReport } from './nodes/inspection-report.ts';
export { refuseLocked } from './nodes/refuse-locked.ts';
export type { DhcpOption, PortAddress } from './servers/port-addresses.ts';

export type RequestedNetwork = { network_id?: string; port_id?: string; fixed_ip?: string };

export type NewServer = {
  name: string;
  /** Default: derived from the name. */
  hostname?: string;
  project_id: string;
  user_id: string;
  /** The requester is an administrator, who may use any image and network; default: only those of the project. */
  is_admin?: boolean;
  flavor: Flavor;
  image: Image;
  keypair?: Keypair;
  user_data?: string;
  metadata?: Record<string, string>;
  tags?: readonly string[];
  personality?: { path: string; contents: string }[];
  /** `auto`: the only network that the project can use, `none`: no network. */
  networks: 'auto' | 'none' | RequestedNetwork[];
  /** Ids of the security groups of ports that are made for it; default: that of the project. */
  security_groups?: readonly string[];
  availability_zone?: string;
  /** Requests one node by UUID or name (`--availability-zone zone:host:node`, or the hint `node`). */
  node?: string;
  description?: string;
  count?: number;
};

export type NewNode = Partial<
  Pick<
    Node,
    | 'uuid'
    | NodeText
    | NodeFlag
    | InterfaceField
    | 'driver_info'
    | 'properties'
    | 'extra'
    | 'instance_info'
    | 'traits'
    | 'provision_state'
    | 'maintenance'
  >
> & { driver: string };

export type NodeChanges = Partial<Omit<NewNode, 'uuid' | 'provision_state'> & Pick<Node, 'instance_uuid'>>;

export type NewNodePort = Pick<NodePort, 'node_uuid' | 'address'> &
  Partial<
    Pick<
      NodePort,
      | 'uuid'
      | 'name'
      | 'description'
      | 'vendor'
      | 'category'
      | 'pxe_enabled'
      | 'available_for_dynamic_portgroup'
      | 'local_link_connection'
      | 'extra'
      | 'portgroup_uuid'
      | 'physical_network'
    >
  >;

export type PortGroupChanges = Partial<
  Omit<PortGroup, 'uuid' | 'vif_port_id' | 'dynamic_portgroup' | 'created_at' | 'updated_at'>
>;
export type NewPortGroup = PortGroupChanges & Pick<PortGroup, 'node_uuid'> & Partial<Pick<PortGroup, 'uuid'>>;

export type ServerVerbs = {
  /**
   * Creates all rows in `building`. Before this returns, each server has claimed a node or is in ERROR with
   * `noValidHost`.
   */
  createServers(request: NewServer): Promise<Server[]>;
  deleteServer(id: string, by?: LockRight): Promise<void>;
  stopServer(id: string, by?: LockRight): Promise<void>;
  startServer(id: string, by?: LockRight): Promise<void>;
  rebootServer(id: string, type: 'SOFT' | 'HARD', by?: LockRight): Promise<void>;
  rebuildServer(id: string, changes: RebuildChanges, by?: LockRight): Promise<Server>;
  /** Also of a locked server. A function gets the server as it is in the writing transaction. */
  updateServer(id: string, changes: ServerChanges | ((now: Server) => ServerChanges)): Promise<Server>;
  /** A server that is locked already stays as it is for its owner. */
  lockServer(id: string, by: 'owner' | 'admin', reason: string | null): Promise<void>;
  /** @param authorize called if the other has locked it; throws unless the caller may unlock it all the same */
  unlockServer(id: string, by: 'owner' | 'admin', authorize: () => void): Promise<void>;
};

/** Without it, the verb refuses a locked server (`conflict`). As in Nova, an administrator changes servers although they are locked. */
export type LockRight = { readonly overridesLock?: boolean };
export type ServerChanges = Partial<Pick<Server, 'name' | 'description' | 'metadata' | 'tags'>>;

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

export type NewAllocation = Pick<Allocation, 'name' | 'traits' | 'candidate_nodes' | 'extra' | 'owner'> &
  Partial<Pick<Allocation, 'uuid' | 'resource_class'>> & {
    /** UUID of a node. */
    node?: string;
  };

export type NewNodeLock = Omit<NodeLock, 'id' | 'node_uuid' | 'created_at'> & { force?: boolean };

type NamedStep = { readonly interface: string; readonly step: string };

/** Arguments of provision verbs. */
export type ProvisionOptions = {
  /** Of `clean`. */
  clean_steps?: unknown;
  /** Of `active` and `rebuild`. */
  deploy_steps?: unknown;
  /** Of `service`. */
  service_steps?: unknown;
  /** Throws for a step that the caller may not execute on this child node; `isNamed`: the request names it. */
  onChild?: (child: Node, asked: { use: 'clean' | 'service'; step: NamedStep; isNamed: boolean }) => void;
  /** In place of the steps of `clean` and `service`: finds them in the transaction that begins the operation. */
  runbook?: (node: Node, trx: Store) => Promise<{ steps: object[]; disable_ramdisk: boolean }>;
  /** Refuses steps that need a ramdisk. */
  disable_ramdisk?: boolean;
  /** Of `active` and `rebuild`: see images/given-config-drive.ts. */
  configdrive?: JsonObject;
  /** Who asks: the images and networks that an instance may use. */
  user?: ImageUser;
};

/** Must await only the database, by the given store. */
export type ChangesOf = (now: Node, trx: Store) => NodeChanges | Promise<NodeChanges>;

export type NodeVerbs = {
  createNode(request: NewNode): Promise<Node>;
  /** A function gets the node as it is in the writing transaction, and its store, so that its checks hold when it is written. */
  updateNode(uuid: string, changes: NodeChanges | ChangesOf): Promise<void>;
  /** Refuses (`conflict`) while a server or an operation holds it. */
  deleteNode(uuid: string): Promise<void>;
  /** Ironic's verbs: manage, provide, clean, service, active, rebuild, deleted, unhold, abort. */
  setProvisionState(uuid: string, verb: string, options?: ProvisionOptions): Promise<void>;
  setPower(uuid: string, target: Exclude<PowerTarget, 'power cycle'> | 'soft reset'): Promise<void>;
  /** An operator's confirmation of a manual power change; without `state`: the requested change is done. */
  confirmPower(uuid: string, state?: PowerState): Promise<void>;
  setMaintenance(uuid: string, on: boolean, reason?: string): Promise<void>;
  setBootDevice(uuid: string, device: BootDevice, options: BootDeviceOptions): Promise<void>;
  getBootDevice(uuid: string): Promise<{ device: BootDevice | null; persistent: boolean | null }>;
  /** Per interface: is the node's configuration valid? */
  validateNode(uuid: string): Promise<Record<string, { result: boolean; reason?: string }>>;
  /** @param config Ironic's `target_raid_config`; {}: none. Throws `badRequest`, or `unsupportedExtension` */
  setTargetRaid(uuid: string, config: JsonObject): Promise<void>;
  /** Ids of the network ports that are attached to the node. */
  vifsOf(uuid: string): Promise<string[]>;
  /** Throws `badRequest` or `conflict` with Ironic's texts. */
  attachVif(
    uuid: string,
    vif: { id: string; port_uuid?: string | undefined; portgroup_uuid?: string | undefined },
  ): Promise<void>;
  detachVif(uuid: string, id: string): Promise<void>;
  createNodePort(request: NewNodePort): Promise<NodePort>;
  updateNodePort(uuid: string, changes: Partial<Omit<NewNodePort, 'uuid'>>): Promise<NodePort>;
  deleteNodePort(uuid: string): Promise<void>;
  createPortGroup(request: NewPortGroup): Promise<PortGroup>;
  /** The changes are read from the port group in the writing transaction, so that concurrent ones are not lost. */
  updatePortGroup(uuid: string, read: (now: PortGroup, trx: Store) => Promise<PortGroupChanges>): Promise<PortGroup>;
  /** Refuses (`badRequest`) while it has ports. */
  deletePortGroup(uuid: string): Promise<void>;
  /**
   * Chooses a node and holds it, or records why none fits (state `error`). With `node`: for what is on that node already.
   * Throws `conflict` for a UUID or name that is taken, and for a node that does not match.
   */
  createAllocation(request: NewAllocation): Promise<Allocation>;
  /** Releases its node. Refuses (`conflict`) while something is deployed on it. */
  deleteAllocation(uuid: string): Promise<void>;
  /** Throws `nodeBusy` for a lock that forbids power changes, unless `force`: then what runs goes to its end. */
  lockNode(uuid: string, request: NewNodeLock): Promise<NodeLock>;
  /** @param by who deletes it, for the record */
  unlockNode(lock: NodeLock, by: string): Promise<void>;
  /**
   * An operator says that the machine does not use the address any more. @param by whom, for the record
   * @returns whether it was held
   */
  releaseAddress(uuid: string, address: string, by: string): Promise<boolean>;
  /**
   * An operator says that no firmware of the machine is being written. @param by whom, for the record
   * @returns whether an update may not have ended
   */
  endFirmwareUpdates(uuid: string, by: string): Promise<boolean>;
  /** Enables or disables the console, which is kept open and recorded while enabled. */
  setConsole(uuid: string, enabled: boolean): Promise<void>;
  /** Throws `unsupportedByHardware` or `driverInfo` if the console accepts no input. */
  checkConsole(uuid: string): Promise<void>;
  /**
   * Attaches to the serial console: writes are input, reads are output; destroying the stream detaches. With `server`,
   * the viewer is that server's owner, and the session ends with the server. Throws `conflict` if the machine belongs
   * to another server.
   */
  attachConsole(uuid: string, server?: string): Promise<Duplex>;
  /** Serial console text; null if the node has no record. */
  consoleLog(nodeUuid: string, lines?: number): Promise<string | null>;
};

/**
 * Each sends one request to the machine's BMC. Throws `unsupportedByHardware` for missing features and `nodeBusy` for a
 * busy node.
 */
export type MachineVerbs = {
  /** Recent health of the node's power control; undefined: never contacted. */
  bmcHealth(uuid: string): BmcHealthState | undefined;
  supportedBootDevices(uuid: string): Promise<BootDevice[]>;
  /** Null if the BMC does not report it. */
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

/** Messages from machines, received by the boot server. A wrong token throws `unauthorized`. */
export type MachineMessages = {
  /**
   * Checked before the body is read: throws `unauthorized` or `forbidden` if the token does not belong to this
   * requester, and `tooManyRequests` if its operation has exhausted its rate limit.
   */
  agentAdmit(token: string, requester: Requester, message: 'hello' | 'other'): Promise<void>;
  /** Binds the operation to this agent; a second agent gets `forbidden` and fails the operation. */
  agentHello(token: string, hello: Hello, requester: Requester): Promise<HelloReply>;
  /** Called for a valid token of an agent with another protocol version: fails the operation, and throws the fault. */
  agentOutdated(token: string, requester: Requester): Promise<never>;
  /** Waits up to `waitMs` for a command; undefined: none. `signal` aborts the wait when the machine disconnects. */
  agentNext(token: string, waitMs: number, signal: AbortSignal): Promise<Command | undefined>;
  agentProgress(token: string, progress: Progress): Promise<void>;
  agentResult(token: string, result: Result): Promise<void>;
  agentLog(token: string, lines: string[]): Promise<void>;
  /** Throws `forbidden` unless the current command tells this agent to fetch that path. `token`: see image-token.ts. */
  agentImage(token: string, path: string, requester: Requester): Promise<void>;
  /** Path of the config drive file of the token's operation, while its current command needs it. */
  agentConfigDrive(token: string): Promise<string>;
  /** Binds the operation to an agent of Ironic's; only the first lookup gets the agent token. `token`: of its URL. */
  ipaLookup(token: string, query: IpaLookup, requester: Requester): Promise<IpaLookupReply>;
  /** Throws `badRequest` with Ironic's texts, and `conflict` while the operation ends. */
  ipaHeartbeat(token: string, heartbeat: IpaHeartbeat & { node_uuid: string }, requester: Requester): Promise<void>;
  /** The classic POST. Throws `badRequest` with the classic texts. */
  deployPost(fields: Record<string, string>, requester: Requester): Promise<void>;
  /** Handles a DHCP, TFTP or HTTP request of a machine, identified by MAC or by its assigned address. */
  machineRequest(request: {
    kind: 'dhcp' | 'tftp' | 'http';
    /** MAC of the machine that made the request, or that the request was about. */
    mac?: string;
    /** The request was about a machine, but another one made it. */
    isOtherMachine?: boolean;
    /** An unknown MAC requested an address: reported to all operations that wait for a machine, as it may be theirs. */
    isUnexpected?: boolean;
    /** Concerns no specific machine: reported to all operations that wait for one. */
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
    /** Resumes every operation that was running when the process ended. */
    start(): Promise<void>;
    stop(): Promise<void>;
    /** The latest progress message of the node's agent, which is not stored in the operation's row. */
    progressOf(nodeUuid: string): string | undefined;
    /** Resolves when the operation has ended. For tests, and for verbs that respond late. */
    ended(operationId: string): Promise<Operation>;
  };

/** What the engine requires of the boot server. */
export type BootPublisher = {
  readonly addresses: BootAddresses;
  readonly tftpRoot: string;
  publish(plan: BootPlan): Promise<void>;
  /** Called after the machine has booted: stops serving those files of its boot plan that hold secrets. Idempotent. */
  spend(nodeUuid: string): Promise<void>;
  withdraw(nodeUuid: string): Promise<void>;
  /** UUIDs of the nodes that have a boot plan. */
  plannedNodes(): readonly string[];
};

export type { ImageFetcher } from './worker/image-fetcher.ts';

/** What the engine requires of the image store. */
export type ImageFiles = ImageSource & {
  /** Writes the config drive of a server and returns its path. */
  configDrive(server: Server, network: JsonObject, directory: string): Promise<string>;
  /** Writes the config drive that a client of Ironic's API gave. @returns its path; throws `badRequest` */
  givenConfigDrive(document: JsonObject, directory: string): Promise<string>;
};
