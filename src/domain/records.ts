/**
 * Ingot's records, as stored and as the APIs name them. Field names are OpenStack's terms and spelling from the
 * database to the wire, without a translation layer (docs/decisions/0003). Times are ISO 8601 in UTC with milliseconds.
 * Ids are UUIDs unless stated otherwise.
 */
import type { FaultRecord } from './faults.ts';
import type { ProvisionState } from './provision-states.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };
export type PowerState = 'power on' | 'power off';

export type Node = {
  /** Small integer: the id of the classic `os-baremetal-nodes` API and the `i` of the deploy helper. */
  id: number;
  uuid: string;
  name: string | null;
  /** Hardware type, e.g. `ipmi` or `fake-hardware`. */
  driver: string;
  power_interface: string;
  management_interface: string;
  boot_interface: string;
  deploy_interface: string;
  console_interface: string;
  bios_interface: string;
  firmware_interface: string;
  vendor_interface: string;
  driver_info: JsonObject;
  /** `cpus`, `memory_mb`, `local_gb`, `cpu_arch`, `capabilities` ("k:v,k:v"). */
  properties: JsonObject;
  extra: JsonObject;
  instance_info: JsonObject;
  resource_class: string | null;
  traits: string[];
  description: string | null;
  owner: string | null;
  /** A label by which external schedulers partition nodes. */
  shard: string | null;
  /** UUID of the parent node; child nodes are never scheduled. */
  parent_node: string | null;
  provision_state: ProvisionState;
  target_provision_state: ProvisionState | null;
  power_state: PowerState | null;
  target_power_state: PowerState | null;
  maintenance: boolean;
  maintenance_reason: string | null;
  /** Ironic's `fault` of a node that is out of service: `power failure`, `clean failure`. */
  fault: string | null;
  last_error: string | null;
  /** UUID of the server on the node. */
  instance_uuid: string | null;
  /** The running operation that holds the node; null: free. This is the only lock. */
  operation_id: string | null;
  /** Deploy failures in a row; the scheduler prefers nodes without any. */
  failures: number;
  /** The node has had a server since its last cleaning: only cleaning makes it available again. */
  must_clean: boolean;
  /** The serial console is enabled: kept open, recorded and accepting input. */
  console_enabled: boolean;
  /** Firmware boot mode as last reported by the BMC; null: unknown. */
  boot_mode: 'bios' | 'uefi' | null;
  /** Whether Secure Boot is on, as last reported by the BMC; null: unknown. */
  secure_boot: boolean | null;
  /** UUID of the machine, as reported by the BMC at verification; null: unknown. */
  system_uuid: string | null;
  /** The hardware as last reported by the agent. */
  inventory: JsonObject | null;
  /** The system UUID of the inventory, normalized for both byte orders; null: not usable. */
  machine_uuid: string | null;
  machine_serial: string | null;
  /** The disks present at the last cleaning and those seen since: the next cleaning must find all of them. */
  known_disks: KnownDisk[] | null;
  created_at: string;
  updated_at: string;
  provision_updated_at: string | null;
};

export type KnownDisk = { device: string; size_bytes: number; model: string; serial: string };

/** The health of a node's power control; written on state changes and, in batches, after successful polls. */
export type BmcHealthRecord = {
  node_uuid: string;
  /** `unreachable`: no response; `auth_failed`: wrong user or password; `erroring`: it responds with errors. */
  state: 'ok' | 'unreachable' | 'auth_failed' | 'erroring';
  /** Start of the current state. */
  since: string;
  /** Last successful response. */
  answered_at: string | null;
  /** Moving average over successful responses. */
  latency_ms: number | null;
  /** Failures in a row. */
  failures: number;
  /** Message of the last failure. */
  message: string | null;
  /** Open circuit: the BMC is not polled before this time, unless on explicit request. */
  next_poll_at: string | null;
};

/** A physical NIC of a node. */
export type NodePort = {
  id: number;
  uuid: string;
  node_uuid: string;
  /** Lower-case MAC with colons; unique. */
  address: string;
  /** Unique where it is set. */
  name: string | null;
  description: string | null;
  /** Vendor of the NIC, as entered by an operator. */
  vendor: string | null;
  category: string | null;
  pxe_enabled: boolean;
  /** `switch_id` (classic `datapath_id`), `port_id` (classic `port_no`), `switch_info`. */
  local_link_connection: JsonObject;
  extra: JsonObject;
  /** The tenant's network port bound to this NIC. */
  vif_port_id: string | null;
  created_at: string;
  updated_at: string;
};

export type Flavor = {
  id: string;
  name: string;
  vcpus: number;
  ram: number;
  disk: number;
  ephemeral: number;
  /** MiB. */
  swap: number;
  is_public: boolean;
  description: string | null;
  extra_specs: Record<string, string>;
  created_at: string;
};

export type Keypair = {
  name: string;
  user_id: string;
  type: string;
  public_key: string;
  fingerprint: string;
  created_at: string;
};

export type Image = {
  id: string;
  name: string | null;
  status: 'queued' | 'saving' | 'active' | 'killed' | 'deleted';
  visibility: 'public' | 'private' | 'shared' | 'community';
  owner: string;
  disk_format: string | null;
  container_format: string | null;
  min_disk: number;
  min_ram: number;
  size: number | null;
  virtual_size: number | null;
  /** MD5 of the uploaded bytes (hex), as in Glance. */
  checksum: string | null;
  os_hash_algo: string | null;
  os_hash_value: string | null;
  protected: boolean;
  tags: string[];
  /** Free properties: `kernel_id`, `ramdisk_id`, `os_type`… */
  properties: Record<string, string>;
  /** The data was uploaded by an administrator; absent: no. */
  uploaded_by_admin?: boolean;
  created_at: string;
  updated_at: string;
};

export type Network = {
  id: string;
  name: string;
  project_id: string;
  admin_state_up: boolean;
  shared: boolean;
  external: boolean;
  mtu: number;
  /** Neutron's provider attributes; `flat` on `physical_network`. */
  provider: JsonObject;
  description: string;
  created_at: string;
  updated_at: string;
};

export type Subnet = {
  id: string;
  name: string;
  network_id: string;
  project_id: string;
  ip_version: 4 | 6;
  cidr: string;
  gateway_ip: string | null;
  enable_dhcp: boolean;
  dns_nameservers: string[];
  allocation_pools: { start: string; end: string }[];
  host_routes: { destination: string; nexthop: string }[];
  description: string;
  created_at: string;
  updated_at: string;
};

/** A tenant's port on a network (as in Neutron). */
export type Port = {
  id: string;
  name: string;
  network_id: string;
  project_id: string;
  mac_address: string;
  fixed_ips: { subnet_id: string; ip_address: string }[];
  device_id: string;
  device_owner: string;
  admin_state_up: boolean;
  status: 'ACTIVE' | 'DOWN';
  description: string;
  /** Created by a server, and deleted with it, rather than by a user. */
  owned_by_server: boolean;
  created_at: string;
  updated_at: string;
};

/** `node` and `console` (the last console output) are for administrators. */
export type ServerFault = FaultRecord & { at: string; node?: Pick<Node, 'uuid' | 'name'>; console?: string };

export type Server = {
  id: string;
  name: string;
  hostname: string;
  project_id: string;
  user_id: string;
  /** Copy of the flavor at creation, as in Nova. */
  flavor: Flavor;
  image_id: string | null;
  key_name: string | null;
  public_key: string | null;
  /** Base64 as received. */
  user_data: string | null;
  metadata: Record<string, string>;
  /** Files to inject through the config drive: path → base64. */
  personality: { path: string; contents: string }[];
  /** Network ports in the order of the request. */
  port_ids: string[];
  /** As requested: `auto`, `none` or a list; resolved to ports when a node is claimed. */
  requested_networks: Json;
  availability_zone: string | null;
  description: string | null;
  locked: boolean;
  /** As in Nova: `building active stopped error deleted`. */
  vm_state: 'building' | 'active' | 'stopped' | 'error' | 'deleted';
  /** As in Nova: `scheduling spawning powering-on powering-off rebooting rebuilding deleting`; null when idle. */
  task_state: string | null;
  /** Keep the contents of the ephemeral partition in a rebuild. */
  preserve_ephemeral: boolean;
  /** Index among the servers of one request, from 0. */
  launch_index: number;
  node_uuid: string | null;
  fault: ServerFault | null;
  /** The last console output of a failed deployment after which the server lost its machine; null: none. */
  console_log: string | null;
  created_at: string;
  updated_at: string;
  launched_at: string | null;
  terminated_at: string | null;
};

export type OperationKind = 'deploy' | 'rebuild' | 'delete' | 'clean' | 'verify' | 'power';

/** A long operation: one row, ordered steps. Only the engine writes it. */
export type Operation = {
  id: string;
  kind: OperationKind;
  /** A short description: `deploy server web1`. */
  purpose: string;
  node_uuid: string;
  server_id: string | null;
  /** The request, fixed at start: e.g. `{ "target": "power off" }`. */
  request: JsonObject;
  /** Results of steps for later steps; survives a restart. May contain secrets, so it is never displayed. */
  context: JsonObject;
  /**
   * `running`: executing steps; `rolling_back`: a step failed, its traces are being removed; `done`, `failed`: ended.
   */
  state: 'running' | 'rolling_back' | 'done' | 'failed';
  /** Name of the current (or last) step. */
  step: string;
  step_started_at: string;
  /** What the step waits for, as text; null while it works. */
  waiting_for: string | null;
  /** When the step times out. */
  deadline_at: string | null;
  fault: FaultRecord | null;
  created_at: string;
  updated_at: string;
  ended_at: string | null;
};

export type EventKind =
  | 'operation' // an operation began or ended
  | 'step' // a step began, waits, ended or failed
  | 'bmc' // one command to the BMC with duration and result
  | 'power' // a power state changed
  | 'dhcp'
  | 'tftp'
  | 'http'
  | 'agent' // a message of the ramdisk: hello, progress, result, log
  | 'state' // a provision state changed
  | 'note';

/** One event in the life of a machine; timelines are built from this ordered record. */
export type Event = {
  id: number;
  at: string;
  kind: EventKind;
  node_uuid: string | null;
  server_id: string | null;
  operation_id: string | null;
  /** The step name, BMC command, file path… that the event is about. */
  subject: string;
  message: string;
  duration_ms: number | null;
  data: JsonObject;
};

export type NewEvent = Pick<Event, 'kind' | 'subject' | 'message'> &
  Partial<Pick<Event, 'node_uuid' | 'server_id' | 'operation_id' | 'duration_ms' | 'data'>>;
