/** `POST /servers`: validates the request and turns it into a request to the engine. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { formatAddress, parseAddress } from '#domain/ip-addresses.ts';
import type { NewServer, RequestedNetwork } from '#engine/contract.ts';
import type { Caller } from '#services/caller.ts';
import { booleanOf } from '#services/loose-booleans.ts';
import type { Flavor } from '#store/tables/flavors.ts';
import type { Image } from '#store/tables/images.ts';
import type { Keypair } from '#store/tables/keypairs.ts';
import type { ApiContext } from '../context.ts';
import { owns, requireAdmin } from '../http/authentication.ts';
import { atLeast } from '../http/microversions.ts';
import { somethingVisible } from '../http/printable-text.ts';
import { maySee } from '../image/image-access.ts';
import { refuseByVersion } from './fields-by-version.ts';
import { refuseOtherGroups } from './security-groups.ts';
import { hostName, zoneName } from './server-json.ts';

const Unvalidated = Type.Optional(Type.Unknown());
const Whole = Type.Optional(Type.Union([Type.Integer({ minimum: 1 }), Type.String({ pattern: '^[1-9][0-9]*$' })]));

/** Each key has its own route, so it must be valid in a path. */
export const Metadata = Type.Record(Type.String({ pattern: '^[a-zA-Z0-9-_:. ]{1,255}$' }), Type.String({ maxLength: 255 }), {
  additionalProperties: false,
});
/** Files of a server's personality: how many, characters of a path, and bytes of one, which come in base64. */
export const mostPersonality = 5;
export const longestPersonalityPath = 255;
const personalityCharacters = 65_535;
export const largestPersonality = Math.floor(personalityCharacters / 4) * 3;
export const Personality = Type.Array(
  Type.Object(
    {
      path: Type.String({ minLength: 1, maxLength: longestPersonalityPath }),
      contents: Type.String({ maxLength: personalityCharacters }),
    },
    { additionalProperties: false },
  ),
  { maxItems: mostPersonality },
);
/** Ids, names, addresses: the maximum length of Nova's columns. */
const Word = Type.String({ maxLength: 255 });
const NetworkRequest = Type.Object(
  { uuid: Type.Optional(Word), port: Type.Optional(Word), fixed_ip: Type.Optional(Word), tag: Unvalidated },
  { additionalProperties: false },
);

/** Surrounding blanks are trimmed, so there must be something between them. */
export const ServerName = Type.String({ minLength: 1, maxLength: 255, pattern: somethingVisible });

const ServerRequest = Type.Object(
  {
    name: ServerName,
    imageRef: Type.Optional(Word),
    flavorRef: Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Integer()]),
    key_name: Type.Optional(Type.Union([Word, Type.Null()])),
    user_data: Type.Optional(Type.Union([Type.String({ maxLength: 65535 }), Type.Null()])),
    metadata: Type.Optional(Metadata),
    networks: Type.Optional(
      Type.Union([Type.Literal('auto'), Type.Literal('none'), Type.Array(NetworkRequest, { maxItems: 64 })]),
    ),
    min_count: Whole,
    max_count: Whole,
    availability_zone: Type.Optional(Word),
    host: Type.Optional(Word),
    hypervisor_hostname: Type.Optional(Word),
    hostname: Type.Optional(Type.String({ pattern: '^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$' })),
    personality: Type.Optional(Personality),
    description: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
    config_drive: Type.Optional(Type.Union([Type.Boolean(), Word])),
    block_device_mapping_v2: Type.Optional(Type.Array(Type.Record(Word, Type.Unknown()), { maxItems: 255 })),
    security_groups: Type.Optional(Type.Array(Type.Object({ name: Word }), { maxItems: 64 })),
    'OS-DCF:diskConfig': Type.Optional(Type.Union([Type.Literal('AUTO'), Type.Literal('MANUAL')])),
    return_reservation_id: Unvalidated,
    block_device_mapping: Unvalidated,
    adminPass: Unvalidated,
    accessIPv4: Unvalidated,
    accessIPv6: Unvalidated,
    tags: Unvalidated,
    trusted_image_certificates: Unvalidated,
  },
  { additionalProperties: false },
);
const Hints = Type.Optional(Type.Record(Type.String(), Type.Unknown()));

/** User data (64 KiB), five files of 10 KiB in base64, and 128 pairs of metadata, whose letters may be escaped. */
export const serverBodyBytes = 256 * 1024;

export const NewServerBody = Type.Object({
  server: ServerRequest,
  'os:scheduler_hints': Hints,
  'OS-SCH-HNT:scheduler_hints': Hints,
});
type ServerRequest = Static<typeof ServerRequest>;

/** Throws `badRequest`, `forbidden` or `unsupported` with Nova's messages if the request cannot be met. */
export async function readNewServer(
  context: ApiContext,
  request: FastifyRequest,
  body: Static<typeof NewServerBody>,
): Promise<NewServer> {
  const { server } = body;
  refuseUnsupported(server);
  refuseUntimely(request, server);
  const hints = body['os:scheduler_hints'] ?? body['OS-SCH-HNT:scheduler_hints'] ?? {};
  const flavor = await flavorOf(context, request, String(server.flavorRef));
  const image = await imageOf(context, request, server.imageRef ?? '');
  refuseTooSmall(flavor, image);
  refuseOneForSeveral(server);
  return {
    name: server.name.trim(),
    project_id: request.caller.project_id,
    user_id: request.caller.user_id,
    is_admin: request.caller.is_admin,
    flavor,
    image,
    keypair: await keypairOf(context, request, server.key_name),
    user_data: base64Of('user_data', server.user_data),
    metadata: limitedMetadata(server.metadata),
    personality: server.personality && readBmcProfile(server.personality),
    networks: await networksOf(context, request, server),
    ...(await placeOf(context, request, { server, hints })),
    ...(server.description && { description: server.description }),
    ...(server.hostname && { hostname: server.hostname }),
    count: countOf(server),
  };
}

/** Valid in Nova but not supported by Ingot: rejected rather than ignored. */
const unsupportedTable: Readonly<Record<string, string>> = {
  block_device_mapping: 'Booting from volumes',
  adminPass: 'Setting an administrator password (use a key pair or user data)',
  accessIPv4: 'Setting accessIPv4',
  accessIPv6: 'Setting accessIPv6',
  tags: 'Tagging servers',
  trusted_image_certificates: 'Checking image certificates',
};

function refuseUnsupported(server: ServerRequest): void {
  for (const [field, what] of Object.entries(unsupportedTable)) {
    const value = server[field as keyof ServerRequest];
    const isAsked = Array.isArray(value) ? value.length > 0 : value !== undefined && value !== null && value !== '';
    if (isAsked) throw new Fault('unsupported', { what });
  }
  // Each server has one; a client that does not want it is not refused.
  if (server.config_drive !== undefined && server.config_drive !== '') booleanOf('config_drive', server.config_drive);
  refuseOtherGroups(server.security_groups ?? []);
  const isImageDisk = (disk: Record<string, unknown>) => disk['source_type'] === 'image' && disk['destination_type'] === 'local';
  if (!(server.block_device_mapping_v2 ?? []).every(isImageDisk))
    throw new Fault('unsupported', { what: 'Attaching volumes or disks other than those of the flavor' });
  if (Array.isArray(server.networks) && server.networks.some(({ tag }) => tag !== undefined))
    throw new Fault('unsupported', { what: 'Tagging network devices' });
}

const sinceTable = { description: 19, host: 74, hypervisor_hostname: 74, hostname: 90 } as const;

function refuseUntimely(request: FastifyRequest, server: ServerRequest): void {
  refuseByVersion(request, server, sinceTable);
  if (!atLeast(request.microversion, 37)) {
    if (typeof server.networks === 'string')
      throw new Fault('badRequest', { detail: `networks '${server.networks}' needs microversion 2.37.` });
  } else if (server.networks === undefined) {
    throw new Fault('badRequest', { detail: "'networks' is a required property: 'auto', 'none' or a list." });
  }
}

async function flavorOf({ store }: ApiContext, { caller }: FastifyRequest, reference: string): Promise<Flavor> {
  const id = lastSegment(reference);
  const flavor = await store.flavors.find({ id });
  if (!flavor || !(flavor.is_public || caller.is_admin))
    throw new Fault('badRequest', { detail: `Flavor ${id} could not be found.` });
  return flavor;
}

/** Also used for rebuild. */
export async function imageOf(context: ApiContext, { caller }: FastifyRequest, reference: string): Promise<Image> {
  if (reference === '') throw new Fault('unsupported', { what: 'A server without an image' });
  const id = lastSegment(reference);
  const image = await context.store.images.find({ id });
  if (!image || image.status === 'deleted' || !maySee(caller, image))
    throw new Fault('badRequest', { detail: `Can not find requested image ${id}.` });
  if (image.status !== 'active')
    throw new Fault('badRequest', { detail: `Image ${id} is unacceptable: its status is ${image.status}, not active.` });
  await refuseForeignParts(context, caller, image);
  return image;
}

/** An image may name kernels of its owner and those visible to the caller, but no other project's private ones. */
async function refuseForeignParts({ store }: ApiContext, caller: Caller, image: Image): Promise<void> {
  for (const name of ['kernel_id', 'ramdisk_id']) {
    const id = image.properties[name];
    const part = id ? await store.images.find({ id }) : undefined;
    if (part && part.owner !== image.owner && !maySee(caller, part))
      throw new Fault('badRequest', { detail: `Can not find requested image ${id}, the ${name} of image ${image.id}.` });
  }
}

/** Also used for rebuild. A flavor without a disk size leaves it to the machine. */
export function refuseTooSmall(flavor: Flavor, image: Image): void {
  if (flavor.ram < image.min_ram)
    throw new Fault('badRequest', { detail: `Flavor's memory is too small for requested image: it needs ${image.min_ram} MB.` });
  if (flavor.disk !== 0 && flavor.disk < image.min_disk)
    throw new Fault('badRequest', { detail: `Flavor's disk is too small for requested image: it needs ${image.min_disk} GB.` });
}

export async function keypairOf(
  { store }: ApiContext,
  { caller }: FastifyRequest,
  name: string | null | undefined,
): Promise<Keypair | undefined> {
  if (name === undefined || name === null) return undefined;
  const keypair = await store.keypairs.find({ name, user_id: caller.user_id });
  if (!keypair) throw new Fault('badRequest', { detail: `Invalid key_name provided: there is no key pair ${name}.` });
  return keypair;
}

export function base64Of(field: string, text: string | null | undefined): string | undefined {
  if (text === undefined || text === null || text === '') return undefined;
  const compact = text.replace(/\s/g, '');
  if (compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(compact))
    throw new Fault('badRequest', { detail: `Invalid input for field/attribute ${field}: it must be base64.` });
  return compact;
}

const largestFile = 10240;

export function readBmcProfile(files: Static<typeof Personality>): { path: string; contents: string }[] {
  return files.map(({ path, contents }) => {
    const encoded = base64Of(`personality ${path}`, contents) ?? '';
    if (Buffer.byteLength(encoded, 'base64') > largestFile)
      throw new Fault('forbidden', { detail: `Personality file ${path} is larger than ${largestFile} bytes.` });
    return { path, contents: encoded };
  });
}

export const largestMetadata = 128;

export function limitedMetadata(metadata: Record<string, string> | undefined): Record<string, string> | undefined {
  if (metadata && Object.keys(metadata).length > largestMetadata)
    throw new Fault('forbidden', { detail: `Maximum number of metadata items is ${largestMetadata}.` });
  return metadata;
}

async function networksOf(
  context: ApiContext,
  request: FastifyRequest,
  { networks }: ServerRequest,
): Promise<NewServer['networks']> {
  if (networks === undefined || typeof networks === 'string') return networks ?? 'auto';
  if (networks.length === 0) return 'auto';
  return Promise.all(networks.map((wanted) => networkOf(context, request, wanted)));
}

/** Throws also for networks and ports of other projects, as if they did not exist. */
async function networkOf(
  { store }: ApiContext,
  { caller }: FastifyRequest,
  { uuid, port: port_id, fixed_ip }: Static<typeof NetworkRequest>,
): Promise<RequestedNetwork> {
  if (!uuid && !port_id) throw new Fault('badRequest', { detail: 'Each of networks must have uuid or port.' });
  if (port_id) {
    if (fixed_ip) throw new Fault('badRequest', { detail: 'A port has its addresses already; fixed_ip goes with uuid.' });
    const port = await store.ports.find({ id: port_id });
    if (!port || !owns(caller, port)) throw new Fault('badRequest', { detail: `Port id ${port_id} could not be found.` });
    if (port.device_id !== '') throw new Fault('conflict', { detail: `Port ${port_id} is still in use.` });
    return { port_id };
  }
  const network = await store.networks.find({ id: uuid ?? '' });
  if (!network || !(network.shared || owns(caller, network)))
    throw new Fault('badRequest', { detail: `Network ${uuid} could not be found.` });
  // As Neutron's policy `create_port:fixed_ips:ip_address`, since the port is created on behalf of the user.
  if (fixed_ip && !owns(caller, network)) throw new Fault('policyNotAuthorized', { rule: 'create_port:fixed_ips:ip_address' });
  return { network_id: network.id, ...(fixed_ip !== undefined && { fixed_ip: addressOf(fixed_ip) }) };
}

/** In canonical form, in which ports are compared. */
function addressOf(fixed_ip: string): string {
  const address = parseAddress(fixed_ip);
  if (address) return formatAddress(address);
  throw new Fault('badRequest', {
    detail: `Invalid input for field/attribute fixed_ip. Value: ${fixed_ip}. '${fixed_ip}' is not an IPv4 or IPv6 address`,
  });
}

function countOf(server: ServerRequest): number {
  const minimum = Number(server.min_count ?? 1);
  const maximum = Number(server.max_count ?? minimum);
  if (minimum > maximum) throw new Fault('badRequest', { detail: 'min_count must be <= max_count' });
  if (maximum > 1000) throw new Fault('badRequest', { detail: 'max_count must be 1000 or less' });
  return maximum;
}

/** Rejects options that fit only one server in a request for several. */
function refuseOneForSeveral(server: ServerRequest): void {
  if (countOf(server) === 1) return;
  const networks = Array.isArray(server.networks) ? server.networks : [];
  const why =
    (networks.some(({ uuid, fixed_ip }) => uuid && fixed_ip) &&
      'Failed to launch instances: max_count cannot be greater than 1 if an fixed_ip is specified.') ||
    (networks.some(({ port }) => port) &&
      'Failed to launch instances: Unable to launch multiple instances with a single configured port ID. Please launch your instance one by one with different ports.') ||
    (server.hostname && 'Unable to allocate a single hostname to multiple instances');
  if (why) throw new Fault('badRequest', { detail: why });
}

type PlaceRequest = { server: ServerRequest; hints: Record<string, unknown> };

/** `zone`, `zone:host:node`, `zone::node`, the field hypervisor_hostname or the hint `node`. */
async function placeOf(
  { store }: ApiContext,
  request: FastifyRequest,
  { server, hints }: PlaceRequest,
): Promise<{ availability_zone?: string; node?: string }> {
  if (hints['group'] !== undefined) throw new Fault('unsupported', { what: 'The scheduler hint group' });
  const [zone = '', zoneHost, zoneNode] = (server.availability_zone ?? '').split(':');
  if (zone !== '' && zone !== zoneName)
    throw new Fault('badRequest', {
      detail: `The requested availability zone ${zone} is not available: there is only ${zoneName}.`,
    });
  const host = server.host || zoneHost;
  const node = server.hypervisor_hostname || zoneNode || nodeHint(hints);
  if (host || node) requireAdmin(request, 'os_compute_api:servers:create:forced_host');
  if (host && host !== hostName && host !== node)
    throw new Fault('badRequest', { detail: `Compute host ${host} could not be found: this one is ${hostName}.` });
  if (node && !(await store.nodes.find({ uuid: node })) && !(await store.nodes.find({ name: node })))
    throw new Fault('badRequest', { detail: `Compute host ${node} could not be found: there is no such node.` });
  return { ...(zone && { availability_zone: zone }), ...(node && { node }) };
}

function nodeHint(hints: Record<string, unknown>): string | undefined {
  const [node] = [hints['node'] ?? []].flat();
  if (node === undefined || typeof node === 'string') return node;
  throw new Fault('badRequest', { detail: 'The scheduler hint node must be the name or UUID of a node.' });
}

function lastSegment(reference: string): string {
  return reference.slice(reference.lastIndexOf('/') + 1);
}
