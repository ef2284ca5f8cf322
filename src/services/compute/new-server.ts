/** The rules for a new server: a checked request becomes a request to the engine. */
import { Fault } from '#domain/faults.ts';
import type { NewServer } from '#engine/contract.ts';
import type { Flavor } from '#store/tables/flavors.ts';
import type { Keypair } from '#store/tables/keypairs.ts';
import type { Caller } from '../caller.ts';
import { booleanOf } from '../loose-booleans.ts';
import type { ComputeContext } from './context.ts';
import { type Sight, visibleFlavor } from './flavors.ts';
import { requestedGroups } from './security-groups.ts';
import { base64Of, filesOf, type PersonalityFile } from './server-files.ts';
import { imageOf, lastSegment, refuseTooSmall } from './server-image.ts';
import { type NetworksRequest, networksOf } from './server-networks.ts';
import { type PlaceRequest, placeOf } from './server-place.ts';
import { sortedTags } from './server-tags.ts';
import { limitedMetadata } from './servers.ts';

type Servers = Pick<ComputeContext, 'store'>;

/** As in the body of `POST /servers`. */
export type ServerRequest = PlaceRequest['server'] & {
  readonly name: string;
  readonly imageRef?: string | undefined;
  readonly flavorRef: string | number;
  readonly key_name?: string | null | undefined;
  readonly user_data?: string | null | undefined;
  readonly metadata?: Record<string, string> | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly networks?: NetworksRequest;
  readonly min_count?: string | number | undefined;
  readonly max_count?: string | number | undefined;
  readonly hostname?: string | undefined;
  readonly personality?: readonly PersonalityFile[] | undefined;
  readonly description?: string | null | undefined;
  readonly config_drive?: boolean | string | undefined;
  readonly block_device_mapping_v2?: readonly Record<string, unknown>[] | undefined;
  readonly security_groups?: readonly { readonly name: string }[] | undefined;
};

export type NewServerRequest = {
  readonly caller: Caller;
  /** Which flavors exist for the caller. */
  readonly sight: Sight;
  readonly server: ServerRequest;
  readonly hints: PlaceRequest['hints'];
};

/** Throws `badRequest`, `forbidden` or `unsupported` with Nova's messages if the request cannot be met. */
export async function newServerOf(context: Servers, request: NewServerRequest): Promise<NewServer> {
  const { caller, server } = request;
  refuseUnsupported(server);
  const flavor = await flavorOf(context, request);
  const image = await imageOf(context, caller, server.imageRef ?? '');
  refuseTooSmall(flavor, image);
  refuseOneForSeveral(server);
  return {
    name: server.name.trim(),
    project_id: caller.project_id,
    user_id: caller.user_id,
    is_admin: caller.is_admin,
    flavor,
    image,
    keypair: await keypairOf(context, caller, server.key_name),
    user_data: base64Of('user_data', server.user_data),
    metadata: limitedMetadata(server.metadata),
    tags: sortedTags(server.tags ?? []),
    personality: server.personality && filesOf(server.personality),
    networks: await networksOf(context, caller, server.networks),
    security_groups: await requestedGroups(context, caller, server.security_groups ?? []),
    ...(await placeOf(context, request)),
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
  const isImageDisk = (disk: Record<string, unknown>) => disk['source_type'] === 'image' && disk['destination_type'] === 'local';
  if (!(server.block_device_mapping_v2 ?? []).every(isImageDisk))
    throw new Fault('unsupported', { what: 'Attaching volumes or disks other than those of the flavor' });
  if (Array.isArray(server.networks) && server.networks.some(({ tag }) => tag !== undefined))
    throw new Fault('unsupported', { what: 'Tagging network devices' });
}

async function flavorOf(context: Servers, { server, sight }: NewServerRequest): Promise<Flavor> {
  const id = lastSegment(String(server.flavorRef));
  const flavor = await visibleFlavor(context, id, sight);
  if (!flavor) throw new Fault('badRequest', { detail: `Flavor ${id} could not be found.` });
  return flavor;
}

export async function keypairOf(
  { store }: Servers,
  caller: Caller,
  name: string | null | undefined,
): Promise<Keypair | undefined> {
  if (name === undefined || name === null) return undefined;
  const keypair = await store.keypairs.find({ name, user_id: caller.user_id });
  if (!keypair) throw new Fault('badRequest', { detail: `Invalid key_name provided: there is no key pair ${name}.` });
  return keypair;
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
