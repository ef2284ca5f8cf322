/** The rules for a rebuild: reinstalls the same machine. */
import { Fault } from '#domain/faults.ts';
import type { LockRight, RebuildChanges } from '#engine/contract.ts';
import type { Server } from '#store/tables/servers.ts';
import type { Caller } from '../caller.ts';
import type { ComputeContext } from './context.ts';
import { keypairOf } from './new-server.ts';
import { base64Of, filesOf, type PersonalityFile } from './server-files.ts';
import { imageOf, refuseTooSmall } from './server-image.ts';
import { limitedMetadata } from './servers.ts';

/** As in the action `rebuild`. */
export type RebuildRequest = {
  readonly imageRef: string;
  readonly name?: string | undefined;
  readonly metadata?: Record<string, string> | undefined;
  readonly personality?: readonly PersonalityFile[] | undefined;
  readonly preserve_ephemeral?: boolean | undefined;
  readonly description?: string | null | undefined;
  readonly key_name?: string | null | undefined;
  readonly user_data?: string | null | undefined;
};

type Rebuild = { readonly caller: Caller; readonly server: Server; readonly by: LockRight; readonly request: RebuildRequest };

/** Reinstalls the server, and changes what the request changes. */
export async function rebuildServer(context: ComputeContext, { by, ...rebuild }: Rebuild): Promise<Server> {
  const { server, request } = rebuild;
  for (const [field, value] of Object.entries(request)) {
    if (unsupportedFields.has(field) && value !== undefined && value !== null)
      throw new Fault('unsupported', { what: `Changing ${field} by a rebuild` });
  }
  const rebuilt = await context.engine.rebuildServer(server.id, await changesOf(context, rebuild), by);
  const { description } = request;
  return description === undefined ? rebuilt : context.engine.updateServer(server.id, { description });
}

const unsupportedFields: ReadonlySet<string> = new Set([
  'adminPass',
  'accessIPv4',
  'accessIPv6',
  'hostname',
  'trusted_image_certificates',
]);

async function changesOf(context: ComputeContext, { caller, server, request }: Omit<Rebuild, 'by'>): Promise<RebuildChanges> {
  const { name, metadata, personality, preserve_ephemeral, key_name, user_data } = request;
  const image = await imageOf(context, caller, request.imageRef);
  refuseTooSmall(server.flavor, image);
  return {
    image,
    is_admin: caller.is_admin,
    ...(name !== undefined && { name: name.trim() }),
    ...(metadata && { metadata: limitedMetadata(metadata) }),
    ...(personality && { personality: filesOf(personality) }),
    ...(preserve_ephemeral !== undefined && { preserve_ephemeral }),
    // null removes the key or the data; a missing field keeps it.
    ...(key_name !== undefined && { keypair: (await keypairOf(context, caller, key_name)) ?? null }),
    ...(user_data !== undefined && { user_data: base64Of('user_data', user_data) ?? null }),
  };
}
