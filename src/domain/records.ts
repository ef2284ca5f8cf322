/**
 * The nouns of Ingot as they are stored and as the APIs name them. Field names are the OpenStack terms, in their
 * spelling, from the database to the wire: no translation layer (docs/decisions/0003).
 * Times are ISO 8601 in UTC with milliseconds. Ids are UUIDs unless said otherwise.
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
  /** A word that outside schedulers divide nodes by. */
  shard: string | null;
  /** UUID of the node that this one is a part of: no server is put on a part. */
  parent_node: string | null;
  provision_state: ProvisionState;
  target_provision_state: ProvisionState | null;
  power_state: PowerState | null;
  target_power_state: PowerState | null;
  maintenance: boolean;
  maintenance_reason: string | null;
  /** Ironic's short word for why a node is out of service: `power failure`, `clean failure`. */
  fault: string | null;
  last_error: string | null;
  /** The server (its UUID) that holds the node. */
  instance_uuid: string | null;
  /** The running operation that has taken the node; null = free. This is the only lock. */
  operation_id: string | null;
  /** Deploy failures in a row; the scheduler prefers nodes without. */
  failures: number;
  /** A server was on it since it was last cleaned: it gets available by cleaning alone. */
  must_clean: boolean;
  /** Somebody wants the serial console: it is kept open, recorded and can be typed into. */
  console_enabled: boolean;
  /** How its firmware boots, as the BMC last told; null = not known. */
  boot_mode: 'bios' | 'uefi' | null;
  /** Whether Secure Boot is on, as the BMC last told; null = not known. */
  secure_boot: boolean | null;
  /** UUID of the machine, as its BMC told when the node was verified; null = not known. */
  system_uuid: string | null;
  /** What the agent last reported of the hardware. */
  inventory: JsonObject | null;
  /** The system UUID of that, so that both byte orders look alike; null = it tells nothing. */
  machine_uuid: string | null;
  machine_serial: string | null;
  /** The disks that it was cleaned with and those seen since: the next cleaning must find all of them. */
  known_disks: KnownDisk[] | null;
  created_at: string;
  updated_at: string;
  provision_updated_at: string | null;
};

export type KnownDisk = { device: string; size_bytes: number; model: string; serial: string };

/** How Ingot and the power control of a node get along; written when it changes and, in batches, as looks succeed. */
export type BmcHealthRecord = {
  node_uuid: string;
  /** `silent`: no answer; `refused`: wrong user or password; `failing`: it answers with errors. */
  state: 'ok' | 'unreachable' | 'auth_failed' | 'erroring';
  /** When the state began. */
  since: string;
  /** Last good answer. */
  answered_at: string | null;
  /** Learned: a moving average over good answers. */
  latency_ms: number | null;
  /** In a row. */
  failures: number;
  /** What the last failure said. */
  message: string | null;
  /** Not before then is it asked again without somebody's wish: the open circuit. */
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
  /** Maker of the NIC, as somebody wrote it down. */
  vendor: string | null;
  category: string | null;
  pxe_enabled: boolean;
  /** `switch_id` (classic `datapath_id`), `port_id` (classic `port_no`), `switch_info`. */
  local_link_connection: JsonObject;
  extra: JsonObject;
  /** The network port (tenant's) bound to this NIC. */
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
  /** MD5 of the uploaded bytes (hex), as Glance. */
  checksum: string | null;
  os_hash_algo: string | null;
  os_hash_value: string | null;
  protected: boolean;
  tags: string[];
  /** Free properties: `kernel_id`, `ramdisk_id`, `os_type`… */
  properties: Record<string, string>;
  /** Who brought the data was an administrator; absent = no. */
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

/** A tenant's port on a network (Neutron's). */
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
  /** Created by a server (then it goes with the server) rather than by a user. */
  owned_by_server: boolean;
  created_at: string;
  updated_at: string;
};

/** `node` and `console` (what it printed last) are for administrators. */
export type ServerFault = FaultRecord & { at: string; node?: Pick<Node, 'uuid' | 'name'>; console?: string };

export type Server = {
  id: string;
  name: string;
  hostname: string;
  project_id: string;
  user_id: string;
  /** Copy of the flavor as it was at create, as Nova keeps it. */
  flavor: Flavor;
  image_id: string | null;
  key_name: string | null;
  public_key: string | null;
  /** Base64 as it came. */
  user_data: string | null;
  metadata: Record<string, string>;
  /** Files to inject, on the config drive: path → base64. */
  personality: { path: string; contents: string }[];
  /** Network ports in the order of the request. */
  port_ids: string[];
  /** What was asked: `auto`, `none` or a list; resolved to ports when a node is claimed. */
  requested_networks: Json;
  availability_zone: string | null;
  description: string | null;
  locked: boolean;
  /** Nova's: `building active stopped error deleted`. */
  vm_state: 'building' | 'active' | 'stopped' | 'error' | 'deleted';
  /** Nova's: `scheduling spawning powering-on powering-off rebooting rebuilding deleting`; null when idle. */
  task_state: string | null;
  /** Keep the ephemeral partition's contents over a rebuild. */
  preserve_ephemeral: boolean;
  /** Its place among the servers of one request, from 0. */
  launch_index: number;
  node_uuid: string | null;
  fault: ServerFault | null;
  /** The end of what the machine printed during a deployment that failed and took the machine away; null = nothing is kept. */
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
  /** One phrase for people: `deploy server web1`. */
  purpose: string;
  node_uuid: string;
  server_id: string | null;
  /** What was asked, fixed at start: e.g. `{ "target": "power off" }`. */
  request: JsonObject;
  /** What steps found out and later steps need; survives a restart. May hold secrets, so it is never shown. */
  context: JsonObject;
  /** `running`: on the way; `rolling_back`: a step failed, its traces are being removed; `done`, `failed`: ended. */
  state: 'running' | 'rolling_back' | 'done' | 'failed';
  /** Name of the current (or last) step. */
  step: string;
  step_started_at: string;
  /** What the step waits for, in words; null while it works. */
  waiting_for: string | null;
  /** When the step fails if nothing happens. */
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

/** One thing that happened to a machine; the ordered record that timelines are drawn from. */
export type Event = {
  id: number;
  at: string;
  kind: EventKind;
  node_uuid: string | null;
  server_id: string | null;
  operation_id: string | null;
  /** Step name, BMC command, file path…: what the event is about. */
  subject: string;
  message: string;
  duration_ms: number | null;
  data: JsonObject;
};

export type NewEvent = Pick<Event, 'kind' | 'subject' | 'message'> &
  Partial<Pick<Event, 'node_uuid' | 'server_id' | 'operation_id' | 'duration_ms' | 'data'>>;
