/** The action `rebuild`: reinstalls the same machine. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Fault } from '#domain/faults.ts';
import type { RebuildChanges } from '#engine/contract.ts';
import type { Server } from '#store/tables/servers.ts';
import type { ApiContext } from '../context.ts';
import { refuseByVersion } from './fields-by-version.ts';
import {
  base64Of,
  imageOf,
  keypairOf,
  limitedMetadata,
  Metadata,
  Personality,
  readBmcProfile,
  refuseTooSmall,
  ServerName,
} from './server-create.ts';

const Unvalidated = Type.Optional(Type.Unknown());

const Rebuild = Type.Object(
  {
    imageRef: Type.String({ minLength: 1 }),
    name: Type.Optional(ServerName),
    metadata: Type.Optional(Metadata),
    personality: Type.Optional(Personality),
    preserve_ephemeral: Type.Optional(Type.Boolean()),
    description: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
    key_name: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    user_data: Type.Optional(Type.Union([Type.String({ maxLength: 65535 }), Type.Null()])),
    'OS-DCF:diskConfig': Unvalidated,
    adminPass: Unvalidated,
    accessIPv4: Unvalidated,
    accessIPv6: Unvalidated,
    hostname: Unvalidated,
    trusted_image_certificates: Unvalidated,
  },
  { additionalProperties: false },
);

const sinceTable = { description: 19, key_name: 54, user_data: 57 } as const;

type RebuildCall = { server: Server; argument: unknown };
type RebuildRequest = { changes: RebuildChanges; description: string | null | undefined };

export async function readRebuild(
  context: ApiContext,
  request: FastifyRequest,
  { server, argument }: RebuildCall,
): Promise<RebuildRequest> {
  if (!Value.Check(Rebuild, argument)) {
    const [error] = Value.Errors(Rebuild, argument);
    throw new Fault('badRequest', { detail: `Invalid input for rebuild${error?.instancePath ?? ''}: it ${error?.message}.` });
  }
  refuse(request, argument);
  const image = await imageOf(context, request, argument.imageRef);
  refuseTooSmall(server.flavor, image);
  const changes: RebuildChanges = {
    image,
    is_admin: request.caller.is_admin,
    ...(argument.name !== undefined && { name: argument.name.trim() }),
    ...(argument.metadata && { metadata: limitedMetadata(argument.metadata) }),
    ...(argument.personality && { personality: readBmcProfile(argument.personality) }),
    ...(argument.preserve_ephemeral !== undefined && { preserve_ephemeral: argument.preserve_ephemeral }),
    // null removes the key or the data; a missing field keeps it.
    ...(argument.key_name !== undefined && { keypair: (await keypairOf(context, request, argument.key_name)) ?? null }),
    ...(argument.user_data !== undefined && { user_data: base64Of('user_data', argument.user_data) ?? null }),
  };
  return { changes, description: argument.description };
}

function refuse(request: FastifyRequest, rebuild: Static<typeof Rebuild>): void {
  for (const field of ['adminPass', 'accessIPv4', 'accessIPv6', 'hostname', 'trusted_image_certificates'] as const) {
    if (rebuild[field] !== undefined && rebuild[field] !== null)
      throw new Fault('unsupported', { what: `Changing ${field} by a rebuild` });
  }
  refuseByVersion(request, rebuild, sinceTable);
}
