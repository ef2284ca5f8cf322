/** Servers, as in Nova. */
import type { FaultRecord } from '#domain/faults.ts';
import type { Json } from '#domain/json.ts';
import type { Flavor } from './flavors.ts';
import type { Node } from './nodes.ts';

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
