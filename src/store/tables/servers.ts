/** Servers, as in Nova. */

import { setImmediate } from 'node:timers/promises';
import type { FaultRecord } from '#domain/faults.ts';
import type { Json } from '#domain/json.ts';
import { Collection } from '../collection.ts';
import { contains } from '../contains.ts';
import type { Flavor } from './flavors.ts';
import type { Node } from './nodes.ts';

/** A deployment of the server that failed. */
export type ServerTry = FaultRecord & { at: string; node: Pick<Node, 'uuid' | 'name'> };

/** `node`, `console` (the last console output) and `no_other_node` are for administrators. */
export type ServerFault = FaultRecord & {
  at: string;
  node?: Pick<Node, 'uuid' | 'name'>;
  console?: string;
  /** The nodes that were tried, the last one included; absent: one. */
  tries?: ServerTry[];
  /** Why no other node was tried. */
  no_other_node?: string;
};

/** The states of servers that exist. */
export const liveVmStates = ['building', 'active', 'stopped', 'error'] as const;

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
  /** In their order; at most 50. */
  tags: string[];
  /** Files to inject through the config drive: path → base64. */
  personality: { path: string; contents: string }[];
  /** Network ports in the order of the request. */
  port_ids: string[];
  /** As requested: `auto`, `none` or a list; resolved to ports when a node is claimed. */
  requested_networks: Json;
  /** Ids of the security groups of the ports that are made for it; none: the default group. */
  security_groups: string[];
  availability_zone: string | null;
  description: string | null;
  locked: boolean;
  /** As in Nova: whether its project has locked it, or an administrator; null: neither, or before this was recorded. */
  locked_by: 'owner' | 'admin' | null;
  locked_reason: string | null;
  /** As in Nova: `building active stopped error deleted`. */
  vm_state: (typeof liveVmStates)[number] | 'deleted';
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

export const shortColumns = [
  ...(['id', 'name', 'hostname', 'description', 'project_id', 'user_id', 'image_id', 'key_name', 'availability_zone'] as const),
  ...(['locked', 'vm_state', 'task_state', 'node_uuid', 'created_at', 'updated_at'] as const),
] as const satisfies readonly (keyof Server)[];
export type ShortServer = Pick<Server, (typeof shortColumns)[number]>;

/** A few megabytes at most, read in about ten milliseconds. */
const wholeAtOnce = 20;

/** Rows are large (user data, files): lists read the short columns first, then only the displayed rows in full. */
export class Servers extends Collection<Server, { servers: Server }> {
  static override readonly table = {
    name: 'servers',
    json: ['flavor', 'metadata', 'tags', 'personality', 'port_ids', 'requested_networks', 'security_groups', 'fault'],
    boolean: ['locked', 'preserve_ephemeral'],
  };

  /** In the order of `page`, in batches, without those deleted meanwhile; yields to other requests between batches. */
  async *read(page: readonly { id: string }[]): AsyncGenerator<Server[]> {
    for (let start = 0; start < page.length; start += wholeAtOnce) {
      const ids = page.slice(start, start + wholeAtOnce).map(({ id }) => id);
      const rows = new Map((await this.list({ id: ids })).map((server) => [server.id, server]));
      yield ids.flatMap((id) => rows.get(id) ?? []);
      await setImmediate();
    }
  }

  /** Those of the image, and those whose copy of a flavor names it; without deleted ones. */
  async listOfImage(id: string): Promise<Pick<Server, 'id' | 'project_id' | 'vm_state' | 'task_state'>[]> {
    return this.db
      .selectFrom('servers')
      .select(['id', 'project_id', 'vm_state', 'task_state'])
      .where('vm_state', '!=', 'deleted')
      .where((where) => where.or([where('image_id', '=', id), contains('flavor', id)]))
      .execute();
  }
}
