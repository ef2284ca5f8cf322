/** Nodes: machines, as in Ironic. */
import type { NodeInterfaces } from '#domain/interface-kinds.ts';
import type { JsonObject } from '#domain/json.ts';
import type { PowerState } from '#domain/power-states.ts';
import type { ProvisionState } from '#domain/provision-states.ts';

export type Node = NodeInterfaces & {
  /** Small integer: the id of the classic `os-baremetal-nodes` API and the `i` of the deploy helper. */
  id: number;
  uuid: string;
  name: string | null;
  /** Hardware type, e.g. `ipmi` or `fake-hardware`. */
  driver: string;
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
