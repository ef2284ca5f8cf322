/** A server in Nova's representation, by microversion and caller. */
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import type { FastifyRequest } from 'fastify';
import { type FaultCode, faultTable } from '#domain/faults.ts';
import { taskStatuses } from '#engine/operations/shown-as.ts';
import type { Caller } from '#services/caller.ts';
import type { Store } from '#store/store.ts';
import type { Network } from '#store/tables/networks.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Port } from '#store/tables/ports.ts';
import type { Server, ServerFault } from '#store/tables/servers.ts';
import type { ApiContext } from '../context.ts';
import { atLeast, type Microversion } from '../http/microversions.ts';
import { faultFor } from '../http/redact-faults.ts';
import { flavorLinks } from './flavors.ts';
import { groupsOfServer } from './security-groups.ts';
import { microsecondsTime, secondsTime } from './times.ts';

/** Name of the one compute host: the machine Ingot runs on. */
export const hostName = hostname();
export const zoneName = 'nova';

/** Records needed for the responses on several servers, read once. */
export type Related = {
  nodes: ReadonlyMap<string, Node>;
  networks: ReadonlyMap<string, Network>;
  /** By server id. */
  ports: ReadonlyMap<string, readonly Port[]>;
  /** Server id → percentage of the image written, while it is being written. */
  progress: ReadonlyMap<string, number>;
};

export const nothingRelated: Related = { nodes: new Map(), networks: new Map(), ports: new Map(), progress: new Map() };

export async function loadRelated(store: Store, servers: readonly Server[]): Promise<Related> {
  if (servers.length === 0) return nothingRelated;
  const [nodes, ports, progress] = await Promise.all([
    store.nodes.list({ uuid: servers.flatMap(({ node_uuid }) => node_uuid ?? []) }),
    loadPorts(store, servers),
    loadProgress(store, servers),
  ]);
  const networks = await store.networks.list({ id: [...new Set(ports.map(({ network_id }) => network_id))] });
  const byId = new Map(networks.map((network) => [network.id, network]));
  const ofServers = Map.groupBy(ports, ({ device_id }) => device_id);
  return { nodes: new Map(nodes.map((node) => [node.uuid, node])), networks: byId, ports: ofServers, progress };
}

/** Ports of the servers' own projects, and ports attached to them: any user may write a server's id into a port. */
async function loadPorts({ ports }: Store, servers: readonly Server[]): Promise<Port[]> {
  const project_id = [...new Set(servers.map((server) => server.project_id))];
  const own = await ports.list({ device_id: servers.map(({ id }) => id), project_id });
  const given = await ports.list({ id: servers.flatMap(({ port_ids }) => port_ids) });
  return [...new Map([...own, ...given].map((port) => [port.id, port])).values()];
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

type Status = Partial<Record<string, string>> & { idle: string };

/** Nova's status by vm_state and, if a task changes it, task_state. */
const statusTable: Readonly<Record<Server['vm_state'], Status>> = {
  building: { idle: 'BUILD' },
  active: { idle: 'ACTIVE', ...taskStatuses('active') },
  stopped: { idle: 'SHUTOFF', ...taskStatuses('stopped') },
  error: { idle: 'ERROR', ...taskStatuses('error') },
  deleted: { idle: 'DELETED' },
};

export const statusNames: readonly string[] = [
  ...new Set(Object.values(statusTable).flatMap((row) => Object.values(row) as string[])),
];

export function statusOf(server: Pick<Server, 'vm_state' | 'task_state'>): string {
  const row = statusTable[server.vm_state];
  return row[server.task_state ?? 'idle'] ?? row.idle;
}

export function linksOf(server: Pick<Server, 'id'>, request: FastifyRequest, context: ApiContext) {
  const base = context.baseUrl(request);
  return [
    { rel: 'self', href: `${base}/compute/v2.1/servers/${server.id}` },
    { rel: 'bookmark', href: `${base}/compute/servers/${server.id}` },
  ];
}

/** Addresses by network name, as in `server show`. */
export function addressesOf(server: Server, related: Related): Record<string, object[]> {
  const addresses: Record<string, object[]> = {};
  for (const port of portsOf(server, related)) {
    const label = related.networks.get(port.network_id)?.name ?? port.network_id;
    const shown = port.fixed_ips.map(({ ip_address }) => ({
      version: ip_address.includes(':') ? 6 : 4,
      addr: ip_address,
      'OS-EXT-IPS:type': 'fixed',
      'OS-EXT-IPS-MAC:mac_addr': port.mac_address,
    }));
    addresses[label] = [...(addresses[label] ?? []), ...shown];
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

export type ServerView = { request: FastifyRequest; context: ApiContext; related: Related };

export function serverJson(server: Server, view: ServerView): object {
  const { request, context, related } = view;
  const node = related.nodes.get(server.node_uuid ?? '');
  const status = statusOf(server);
  return {
    id: server.id,
    name: server.name,
    status,
    tenant_id: server.project_id,
    user_id: server.user_id,
    metadata: server.metadata,
    hostId: hostIdOf(server),
    image: server.image_id === null ? '' : { id: server.image_id, links: imageLinks(server.image_id, view) },
    flavor: flavorOf(server, view),
    created: secondsTime(server.created_at),
    updated: secondsTime(server.updated_at),
    addresses: addressesOf(server, related),
    accessIPv4: '',
    accessIPv6: '',
    links: linksOf(server, request, context),
    'OS-DCF:diskConfig': 'MANUAL',
    'OS-EXT-AZ:availability_zone': server.node_uuid ? zoneName : (server.availability_zone ?? ''),
    config_drive: 'True',
    key_name: server.key_name,
    'OS-SRV-USG:launched_at': microsecondsTime(server.launched_at),
    'OS-SRV-USG:terminated_at': microsecondsTime(server.terminated_at),
    'OS-EXT-STS:task_state': server.task_state,
    'OS-EXT-STS:vm_state': server.vm_state,
    'OS-EXT-STS:power_state': powerStateOf(node),
    'os-extended-volumes:volumes_attached': [],
    security_groups: groupsOfServer,
    ...(['ACTIVE', 'BUILD', 'REBUILD'].includes(status) && {
      progress: status === 'ACTIVE' ? 100 : (related.progress.get(server.id) ?? 0),
    }),
    ...faultOf(server, request.caller),
    ...versionedFields(server, request.microversion),
    ...(request.caller.is_admin && adminFields(server, request.microversion)),
  };
}

/** Fields added by a microversion, for all callers. */
function versionedFields(server: Server, version: Microversion): object {
  return {
    ...(atLeast(version, 9) && { locked: server.locked }),
    ...(atLeast(version, 19) && { description: server.description }),
    ...(atLeast(version, 26) && { tags: [] }),
    ...(atLeast(version, 63) && { trusted_image_certificates: null }),
    ...(atLeast(version, 71) && { server_groups: [] }),
    ...(atLeast(version, 73) && { locked_reason: null }),
    ...(atLeast(version, 90) && { 'OS-EXT-SRV-ATTR:hostname': server.hostname }),
  };
}

function adminFields(server: Server, version: Microversion): object {
  const host = server.node_uuid ? hostName : null;
  return {
    'OS-EXT-SRV-ATTR:host': host,
    'OS-EXT-SRV-ATTR:hypervisor_hostname': server.node_uuid,
    'OS-EXT-SRV-ATTR:instance_name': server.name,
    ...(atLeast(version, 3) && {
      'OS-EXT-SRV-ATTR:hostname': server.hostname,
      'OS-EXT-SRV-ATTR:user_data': server.user_data,
      'OS-EXT-SRV-ATTR:root_device_name': null,
      'OS-EXT-SRV-ATTR:reservation_id': null,
      'OS-EXT-SRV-ATTR:launch_index': server.launch_index,
      'OS-EXT-SRV-ATTR:kernel_id': '',
      'OS-EXT-SRV-ATTR:ramdisk_id': '',
    }),
    ...(atLeast(version, 16) && { host_status: host ? 'UP' : '' }),
  };
}

/** Up to 2.46 a reference to the flavor, then a copy of the flavor at the server's creation. */
function flavorOf(server: Server, { request, context }: ServerView): object {
  const { flavor } = server;
  if (!atLeast(request.microversion, 47)) return { id: flavor.id, links: flavorLinks(flavor.id, request, context).slice(1) };
  const { vcpus, ram, disk, ephemeral, swap, name, extra_specs } = flavor;
  return { vcpus, ram, disk, ephemeral, swap, original_name: name, extra_specs };
}

function imageLinks(id: string, { request, context }: ServerView): object[] {
  return [{ rel: 'bookmark', href: `${context.baseUrl(request)}/compute/images/${id}` }];
}

/** Where Nova's exception has another code than the response: `NoValidHost` is Nova's own failure. */
const novaCodes: Readonly<Partial<Record<FaultCode, number>>> = { noValidHost: 500 };

/** The cause of a failure, the step in which it happened, and a hint. */
function faultOf(server: Server, caller: Caller): object {
  if (server.vm_state !== 'error' || !server.fault) return {};
  const { code, step, at } = server.fault;
  const { message, hint } = faultFor(caller, server.fault);
  const words = [step && `Failed in step "${step}".`, hint].filter(Boolean).join(' ');
  const details = [words, ...(caller.is_admin ? machineDetails(server.fault) : [])].filter(Boolean).join('\n');
  return {
    fault: { code: novaCodes[code] ?? faultTable[code].status, created: secondsTime(at), message, ...(details && { details }) },
  };
}

/** The machine, and its last console output. */
function machineDetails({ node, console }: ServerFault): string[] {
  return [
    ...(node ? [`Node: ${node.name === null ? node.uuid : `${node.name} (${node.uuid})`}`] : []),
    ...(console ? [`The console ended with:\n${console}`] : []),
  ];
}

/** Nova's numbers: 0 unknown, 1 running, 4 shut down. */
function powerStateOf(node: Node | undefined): 0 | 1 | 4 {
  if (!node?.power_state) return 0;
  return node.power_state === 'power on' ? 1 : 4;
}

/** Opaque; equal for all servers of a project on one host. */
export function hostIdOf(server: Server): string {
  return server.node_uuid ? createHash('sha224').update(`${server.project_id}${hostName}`).digest('hex') : '';
}
