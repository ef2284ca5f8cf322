/** What a reply about servers shows besides their own rows: nodes, ports, networks, progress. */

import type { Store } from '#store/store.ts';
import type { Network } from '#store/tables/networks.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Port } from '#store/tables/ports.ts';
import type { Server } from '#store/tables/servers.ts';

/** Records needed for the responses on several servers, read once. */
export type Related = {
  nodes: ReadonlyMap<string, Node>;
  networks: ReadonlyMap<string, Network>;
  /** Names of security groups by id. */
  groups: ReadonlyMap<string, string>;
  /** By server id. */
  ports: ReadonlyMap<string, readonly Port[]>;
  /** Server id → percentage of the image written, while it is being written. */
  progress: ReadonlyMap<string, number>;
};

export const nothingRelated: Related = {
  nodes: new Map(),
  networks: new Map(),
  groups: new Map(),
  ports: new Map(),
  progress: new Map(),
};

export async function loadRelated(store: Store, servers: readonly Server[]): Promise<Related> {
  if (servers.length === 0) return nothingRelated;
  const [nodes, ports, progress] = await Promise.all([
    store.nodes.list({ uuid: servers.flatMap(({ node_uuid }) => node_uuid ?? []) }),
    loadPorts(store, servers),
    loadProgress(store, servers),
  ]);
  const networks = await store.networks.list({ id: [...new Set(ports.map(({ network_id }) => network_id))] });
  const groups = await loadGroups(store, { ports, servers });
  const byId = new Map(networks.map((network) => [network.id, network]));
  const ofServers = Map.groupBy(ports, ({ device_id }) => device_id);
  return { nodes: new Map(nodes.map((node) => [node.uuid, node])), networks: byId, groups, ports: ofServers, progress };
}

/** Ports of the servers' own projects, and ports attached to them: any user may write a server's id into a port. */
async function loadPorts({ ports }: Store, servers: readonly Server[]): Promise<Port[]> {
  const project_id = [...new Set(servers.map((server) => server.project_id))];
  const own = await ports.list({ device_id: servers.map(({ id }) => id), project_id });
  const given = await ports.list({ id: servers.flatMap(({ port_ids }) => port_ids) });
  return [...new Map([...own, ...given].map((port) => [port.id, port])).values()];
}

async function loadGroups(
  { security_groups }: Store,
  { ports, servers }: { ports: readonly Port[]; servers: readonly Server[] },
): Promise<Map<string, string>> {
  const ids = [...ports, ...servers].flatMap((each) => each.security_groups);
  const groups = ids.length > 0 ? await security_groups.pick(['id', 'name'], { id: [...new Set(ids)] }) : [];
  return new Map(groups.map(({ id, name }) => [id, name]));
}

/** The agents' last progress reports; earlier installations of the same server do not count. */
async function loadProgress(store: Store, servers: readonly Server[]): Promise<Map<string, number>> {
  const building = servers.filter(({ vm_state, task_state }) => vm_state === 'building' || task_state === 'rebuilding');
  if (building.length === 0) return new Map();
  const since = new Map(building.map(({ id, updated_at }) => [id, updated_at]));
  const events = await store.events.progressOf([...since.keys()], 200);
  const progress = new Map<string, number>();
  for (const { server_id, at, data } of events) {
    const isNew = server_id !== null && at >= (since.get(server_id) ?? '') && !progress.has(server_id);
    const percent = Math.floor((100 * Number(data['done_bytes'])) / Number(data['total_bytes']));
    // Writing the image is only a part of the installation.
    if (isNew && percent >= 0) progress.set(server_id, Math.min(percent, 99));
  }
  return progress;
}

/** An address of a server. */
export type Address = {
  readonly version: 4 | 6;
  readonly addr: string;
  readonly mac_address: string;
};

/** Addresses by network name, as in `server show`. */
export function addressesOf(server: Server, related: Related): Map<string, Address[]> {
  const addresses = new Map<string, Address[]>();
  for (const { network_id, fixed_ips, mac_address } of portsOf(server, related)) {
    const label = related.networks.get(network_id)?.name ?? network_id;
    const shown = fixed_ips.map(({ ip_address }) => ({
      version: ip_address.includes(':') ? (6 as const) : (4 as const),
      addr: ip_address,
      mac_address,
    }));
    addresses.set(label, [...(addresses.get(label) ?? []), ...shown]);
  }
  return addresses;
}

/** In the order of the request. Any user may write a server's id into a port: ports of others do not count. */
export function portsOf(server: Server, related: Related): Port[] {
  const place = ({ id }: Port) => (server.port_ids.includes(id) ? server.port_ids.indexOf(id) : server.port_ids.length);
  return (related.ports.get(server.id) ?? [])
    .filter(({ id, project_id }) => project_id === server.project_id || server.port_ids.includes(id))
    .sort((left, right) => place(left) - place(right));
}
