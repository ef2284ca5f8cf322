/** `/os-keypairs`: SSH public keys of a user. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { createKeypair, deleteKeypair, findKeypair, listKeypairs } from '#services/compute/keypairs.ts';
import type { Keypair } from '#store/tables/keypairs.ts';
import { nextLinks } from '../http/pagination.ts';
import { Links, Maybe } from '../http/schemas.ts';
import { since, type VersionSpan } from '../http/versioned.ts';
import { viewOf } from '../http/view.ts';
import { authorize, route } from './policy.ts';
import { microsecondsTime } from './times.ts';

const PublicKey = Type.String({ minLength: 1, maxLength: 65535 });
const requestFields = {
  name: Type.String({ minLength: 1, maxLength: 255, pattern: '^(?! *$)[a-zA-Z0-9 @._-]+$' }),
  type: since(2, Type.Optional(Type.String({ maxLength: 255 }))),
  user_id: since(10, Type.Optional(Type.String({ maxLength: 255 }))),
};
const KeypairRequest = Type.Object({ ...requestFields, public_key: Maybe(PublicKey) });
const ImportRequest = Type.Object({ ...requestFields, public_key: PublicKey });
/** Administrators may act for other users. */
const user_id = since(10, Type.Optional(Type.String({ maxLength: 255 })));
const UserQuery = Type.Object({ user_id });
const ListQuery = Type.Object({
  user_id,
  limit: since(35, Type.Optional(Type.Integer({ minimum: 0 }))),
  marker: since(35, Type.Optional(Type.String({ maxLength: 255 }))),
});
const params = Type.Object({ name: Type.String({ maxLength: 255 }) });

const brief = {
  name: { type: Type.String(), value: ({ name }: Keypair) => name },
  public_key: { type: Type.String(), value: ({ public_key }: Keypair) => public_key },
  fingerprint: { type: Type.String(), value: ({ fingerprint }: Keypair) => fingerprint },
  type: { type: Type.String(), since: 2, value: ({ type }: Keypair) => type },
} as const;
const briefView = viewOf<Keypair>()(brief);
const keypairView = viewOf<Keypair>()({
  ...brief,
  user_id: { type: Type.String(), value: ({ user_id }) => user_id },
  created_at: { type: Type.String(), value: ({ created_at }) => microsecondsTime(created_at) },
  updated_at: { type: Type.Null(), value: () => null },
  deleted: { type: Type.Boolean(), value: () => false },
  deleted_at: { type: Type.Null(), value: () => null },
});
type Created = { readonly keypair: Keypair; readonly private_key: string | undefined };
const createdView = viewOf<Created>()({
  name: { type: Type.String(), value: ({ keypair }) => keypair.name },
  public_key: { type: Type.String(), value: ({ keypair }) => keypair.public_key },
  fingerprint: { type: Type.String(), value: ({ keypair }) => keypair.fingerprint },
  type: { type: Type.String(), since: 2, value: ({ keypair }) => keypair.type },
  user_id: { type: Type.String(), value: ({ keypair }) => keypair.user_id },
  private_key: {
    type: Type.String(),
    when: ({ private_key }) => private_key !== undefined,
    value: ({ private_key }) => private_key ?? '',
  },
});

type NewKeypair = typeof KeypairRequest | typeof ImportRequest;

/** Up to 2.1 these replies had other codes; from 2.92 on no pair is generated. */
const createRoute = (span: VersionSpan, status: number, keypair: NewKeypair = KeypairRequest) =>
  route({
    method: 'POST',
    path: '/os-keypairs',
    policy: 'os_compute_api:os-keypairs:create',
    ...span,
    summary: 'Import a key pair, or generate one: only this reply has its private key',
    status,
    body: Type.Object({ keypair }),
    reply: Type.Object({ keypair: createdView.schema }),
    async handler(request, context) {
      const { keypair } = request.body;
      const user_id = userOf(request, 'os_compute_api:os-keypairs:create', keypair.user_id);
      return { keypair: createdView.of(request, context)(await createKeypair(context, { ...keypair, user_id })) };
    },
  });
const deleteRoute = (span: VersionSpan, status: number) =>
  route({
    method: 'DELETE',
    path: '/os-keypairs/:name',
    policy: 'os_compute_api:os-keypairs:delete',
    ...span,
    summary: 'Delete a key pair',
    status,
    params,
    query: UserQuery,
    async handler(request, context) {
      const user_id = userOf(request, 'os_compute_api:os-keypairs:delete', request.query.user_id);
      await deleteKeypair(context, { name: request.params.name, user_id });
    },
  });

export const keypairRoutes = [
  route({
    method: 'GET',
    path: '/os-keypairs',
    policy: 'os_compute_api:os-keypairs:index',
    summary: 'List key pairs',
    query: ListQuery,
    reply: Type.Object({
      keypairs: Type.Array(Type.Object({ keypair: briefView.schema })),
      keypairs_links: Type.Optional(Links),
    }),
    async handler(request, context) {
      const user_id = userOf(request, 'os_compute_api:os-keypairs:index', request.query.user_id);
      const page = await listKeypairs(context, user_id, request.query);
      const links = nextLinks(context, request, page.next);
      const show = briefView.of(request, context);
      const keypairs = page.items.map((keypair) => ({ keypair: show(keypair) }));
      return { keypairs, ...(links.length > 0 && { keypairs_links: links }) };
    },
  }),
  createRoute({ until: 1 }, 200),
  createRoute({ since: 2, until: 91 }, 201),
  createRoute({ since: 92 }, 201, ImportRequest),
  route({
    method: 'GET',
    path: '/os-keypairs/:name',
    policy: 'os_compute_api:os-keypairs:show',
    summary: 'Show a key pair',
    params,
    query: UserQuery,
    reply: Type.Object({ keypair: keypairView.schema }),
    async handler(request, context) {
      const user_id = userOf(request, 'os_compute_api:os-keypairs:show', request.query.user_id);
      return { keypair: keypairView.of(request, context)(await findKeypair(context, { name: request.params.name, user_id })) };
    },
  }),
  deleteRoute({ until: 1 }, 202),
  deleteRoute({ since: 2 }, 204),
];

type KeypairRule = `os_compute_api:os-keypairs:${'index' | 'show' | 'create' | 'delete'}`;

function userOf(request: FastifyRequest, rule: KeypairRule, user_id = request.caller.user_id): string {
  authorize(request, rule, { user_id });
  return user_id;
}
