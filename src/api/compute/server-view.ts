/** A server in Nova's representation. A field that a microversion adds is one row here. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { type FaultCode, faultTable } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';
import { hostIdOf, hostName, zoneName } from '#services/compute/host.ts';
import { addressesOf, loadRelated, type Related } from '#services/compute/related.ts';
import { groupsOfServer } from '#services/compute/security-groups.ts';
import { statusOf } from '#services/compute/server-status.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Server, ServerFault, ServerTry } from '#store/tables/servers.ts';
import type { ApiContext } from '../context.ts';
import { faultFor } from '../http/redact-faults.ts';
import { Links, Nullable } from '../http/schemas.ts';
import { type ViewCall, viewOf } from '../http/view.ts';
import { flavorLinks } from './flavors.ts';
import type { computePolicy } from './policy.ts';
import { microsecondsTime, secondsTime } from './times.ts';

export type ServerItem = {
  readonly server: Server;
  readonly related: Related;
  /** Some fields are shown for one server only, not in lists. */
  readonly isAlone?: boolean;
};

const Text = Type.String();
const TextOrNull = Nullable(Type.String());
export const Addresses = Type.Record(
  Type.String(),
  Type.Array(
    Type.Object({
      version: Type.Union([Type.Literal(4), Type.Literal(6)]),
      addr: Text,
      'OS-EXT-IPS:type': Type.Optional(Type.Literal('fixed')),
      'OS-EXT-IPS-MAC:mac_addr': Type.Optional(Text),
    }),
  ),
);
const FlavorReference = Type.Object({ id: Text, links: Links });
/** A copy of the flavor at the server's creation. */
const FlavorCopy = Type.Object({
  vcpus: Type.Integer(),
  ram: Type.Integer(),
  disk: Type.Integer(),
  ephemeral: Type.Integer(),
  swap: Type.Integer(),
  original_name: Text,
  extra_specs: Type.Record(Type.String(), Type.String()),
});
const ServerFaultReply = Type.Object({
  code: Type.Integer(),
  created: Text,
  message: Text,
  details: Type.Optional(Text),
});
const SecurityGroups = Type.Array(Type.Object({ name: Text }));

/** The rule for attributes that administrators see. */
const extended = 'os_compute_api:os-extended-server-attributes' as const;
/** Up to this minor version only administrators see a server's hostname. */
const hostnameForAdminsUntil = 89;

export const serverView = viewOf<ServerItem, keyof typeof computePolicy.rules>()({
  id: { type: Text, value: ({ server }) => server.id },
  name: { type: Text, value: ({ server }) => server.name },
  status: { type: Text, value: ({ server }) => statusOf(server) },
  tenant_id: { type: Text, value: ({ server }) => server.project_id },
  user_id: { type: Text, value: ({ server }) => server.user_id },
  metadata: { type: Type.Record(Type.String(), Type.String()), value: ({ server }) => server.metadata },
  hostId: { type: Text, value: ({ server }) => hostIdOf(server) },
  image: {
    type: Type.Union([Type.Literal(''), Type.Object({ id: Text, links: Links })]),
    value: ({ server: { image_id } }, call) => (image_id === null ? '' : { id: image_id, links: imageLinks(image_id, call) }),
  },
  flavor_reference: {
    name: 'flavor',
    until: 46,
    type: FlavorReference,
    value: ({ server: { flavor } }, { request, context }) => ({
      id: flavor.id,
      links: flavorLinks(flavor.id, request, context).slice(1),
    }),
  },
  flavor: { since: 47, type: FlavorCopy, value: ({ server }) => flavorCopy(server) },
  created: { type: Text, value: ({ server }) => secondsTime(server.created_at) },
  updated: { type: Text, value: ({ server }) => secondsTime(server.updated_at) },
  addresses: { type: Addresses, value: ({ server, related }) => addressesJson(server, related) },
  accessIPv4: { type: Text, value: () => '' },
  accessIPv6: { type: Text, value: () => '' },
  links: { type: Links, value: ({ server }, { request, context }) => serverLinks(server, request, context) },
  'OS-DCF:diskConfig': { type: Text, value: () => 'MANUAL' },
  'OS-EXT-AZ:availability_zone': {
    type: Text,
    value: ({ server }) => (server.node_uuid ? zoneName : (server.availability_zone ?? '')),
  },
  config_drive: { type: Text, value: () => 'True' },
  key_name: { type: TextOrNull, value: ({ server }) => server.key_name },
  'OS-SRV-USG:launched_at': { type: TextOrNull, value: ({ server }) => microsecondsTime(server.launched_at) },
  'OS-SRV-USG:terminated_at': { type: TextOrNull, value: ({ server }) => microsecondsTime(server.terminated_at) },
  'OS-EXT-STS:task_state': { type: TextOrNull, value: ({ server }) => server.task_state },
  'OS-EXT-STS:vm_state': { type: Text, value: ({ server }) => server.vm_state },
  'OS-EXT-STS:power_state': {
    type: Type.Integer(),
    value: ({ server, related }) => powerStateOf(related.nodes.get(server.node_uuid ?? '')),
  },
  'os-extended-volumes:volumes_attached': { type: Type.Array(Type.Unknown()), value: () => [] },
  security_groups: { type: SecurityGroups, value: ({ server, related }) => groupsOfServer(server, related) },
  progress: {
    type: Type.Integer(),
    when: ({ server }) => ['ACTIVE', 'BUILD', 'REBUILD'].includes(statusOf(server)),
    value: ({ server, related }) => (statusOf(server) === 'ACTIVE' ? 100 : (related.progress.get(server.id) ?? 0)),
  },
  fault: {
    type: ServerFaultReply,
    when: ({ server }) => server.vm_state === 'error' && server.fault !== null,
    value: ({ server }, { request }) => faultJson(server.fault as ServerFault, request.caller),
  },
  locked: { since: 9, type: Type.Boolean(), value: ({ server }) => server.locked },
  description: { since: 19, type: TextOrNull, value: ({ server }) => server.description },
  tags: { since: 26, type: Type.Array(Text), value: ({ server }) => server.tags },
  trusted_image_certificates: { since: 63, type: Type.Null(), value: () => null },
  server_groups: { since: 71, type: Type.Array(Text), when: ({ isAlone }) => isAlone === true, value: () => [] },
  locked_reason: { since: 73, type: TextOrNull, value: ({ server }) => (server.locked ? server.locked_reason : null) },
  pinned_availability_zone: { since: 96, type: TextOrNull, value: ({ server }) => server.availability_zone },
  'OS-EXT-SRV-ATTR:hostname': { since: hostnameForAdminsUntil + 1, type: Text, value: ({ server }) => server.hostname },
  hostname_for_administrators: {
    name: 'OS-EXT-SRV-ATTR:hostname',
    since: 3,
    until: hostnameForAdminsUntil,
    policy: extended,
    type: Text,
    value: ({ server }) => server.hostname,
  },
  'OS-EXT-SRV-ATTR:host': {
    policy: extended,
    type: TextOrNull,
    value: ({ server }) => (server.node_uuid ? hostName : null),
  },
  'OS-EXT-SRV-ATTR:hypervisor_hostname': {
    policy: extended,
    type: TextOrNull,
    value: ({ server }) => server.node_uuid,
  },
  'OS-EXT-SRV-ATTR:instance_name': {
    policy: extended,
    type: Text,
    value: ({ server }) => server.name,
  },
  'OS-EXT-SRV-ATTR:user_data': {
    since: 3,
    policy: extended,
    type: TextOrNull,
    value: ({ server }) => server.user_data,
  },
  'OS-EXT-SRV-ATTR:root_device_name': {
    since: 3,
    policy: extended,
    type: Type.Null(),
    value: () => null,
  },
  'OS-EXT-SRV-ATTR:reservation_id': {
    since: 3,
    policy: extended,
    type: Type.Null(),
    value: () => null,
  },
  'OS-EXT-SRV-ATTR:launch_index': {
    since: 3,
    policy: extended,
    type: Type.Integer(),
    value: ({ server }) => server.launch_index,
  },
  'OS-EXT-SRV-ATTR:kernel_id': { since: 3, policy: extended, type: Text, value: () => '' },
  'OS-EXT-SRV-ATTR:ramdisk_id': { since: 3, policy: extended, type: Text, value: () => '' },
  host_status: {
    since: 16,
    policy: 'os_compute_api:servers:show:host_status',
    type: Text,
    value: ({ server }) => (server.node_uuid ? 'UP' : ''),
  },
});

export const ServerReply = Type.Object({ server: serverView.schema });

/** `{"server": …}` with all details. */
export async function serverReply(
  context: ApiContext,
  request: FastifyRequest,
  server: Server,
): Promise<Static<typeof ServerReply>> {
  const related = await loadRelated(context.store, [server]);
  return { server: serverView.of(request, context)({ server, related, isAlone: true }) };
}

export function serverLinks({ id }: Pick<Server, 'id'>, request: FastifyRequest, context: ApiContext) {
  const base = context.baseUrl(request);
  return [
    { rel: 'self', href: `${base}/compute/v2.1/servers/${id}` },
    { rel: 'bookmark', href: `${base}/compute/servers/${id}` },
  ];
}

function imageLinks(id: string, { request, context }: ViewCall) {
  return [{ rel: 'bookmark', href: `${context.baseUrl(request)}/compute/images/${id}` }];
}

function flavorCopy({ flavor }: Server): Static<typeof FlavorCopy> {
  const { vcpus, ram, disk, ephemeral, swap, name, extra_specs } = flavor;
  return { vcpus, ram, disk, ephemeral, swap, original_name: name, extra_specs };
}

function addressesJson(server: Server, related: Related): Static<typeof Addresses> {
  const shown: Static<typeof Addresses> = {};
  for (const [label, addresses] of addressesOf(server, related)) {
    shown[label] = addresses.map(({ version, addr, mac_address }) => ({
      version,
      addr,
      'OS-EXT-IPS:type': 'fixed',
      'OS-EXT-IPS-MAC:mac_addr': mac_address,
    }));
  }
  return shown;
}

/** Nova's numbers: 0 unknown, 1 running, 4 shut down. */
function powerStateOf(node: Node | undefined): 0 | 1 | 4 {
  if (!node?.power_state) return 0;
  return node.power_state === 'power on' ? 1 : 4;
}

/** Where Nova's exception has another code than the response: `NoValidHost` is Nova's own failure. */
const novaCodes: Readonly<Partial<Record<FaultCode, number>>> = { noValidHost: 500 };

/** The cause of a failure, the step in which it happened, and a hint. */
function faultJson(fault: ServerFault, caller: Caller): Static<typeof ServerFaultReply> {
  const { code, step, at } = fault;
  const { message, hint } = faultFor(caller, fault);
  const words = [step && `Failed in step "${step}".`, hint].filter(Boolean).join(' ');
  const tries = (fault.tries ?? []).map((each, index) => tryText(each, index + 1, caller));
  const details = [words, ...tries, ...(caller.is_admin ? machineDetails(fault) : [])].filter(Boolean).join('\n');
  return { code: novaCodes[code] ?? faultTable[code].status, created: secondsTime(at), message, ...(details && { details }) };
}

/** One of the machines that were tried, with what failed there; its name is for administrators. */
function tryText(tried: ServerTry, number: number, caller: Caller): string {
  const where = caller.is_admin ? ` on ${nodeText(tried.node)}` : '';
  return `Try ${number}${where}, in step "${tried.step}": ${faultFor(caller, tried).message}`;
}

function nodeText({ name, uuid }: NonNullable<ServerFault['node']>): string {
  return name === null ? uuid : `${name} (${uuid})`;
}

/** The machine, and its last console output. */
function machineDetails({ node, console, no_other_node }: ServerFault): string[] {
  return [
    ...(node ? [`Node: ${nodeText(node)}`] : []),
    ...(no_other_node ? [`No other node was tried: ${no_other_node}`] : []),
    ...(console ? [`The console ended with:\n${console}`] : []),
  ];
}
