/** Credentials of users: EC2 keys, TOTP secrets and others. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import {
  createCredential,
  isEc2,
  listCredentials,
  refuseDelegated,
  refuseLoginSecret,
  refuseNewKey,
  updateCredential,
} from '#services/identity/credentials.ts';
import type { Credential } from '#store/tables/credentials.ts';
import type { ApiContext } from '../context.ts';
import { type ListFields, textField } from '../http/list.ts';
import { Maybe, Nullable } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';
import { selfLink } from './links.ts';
import { collectionLinks, listQuery, readListQuery } from './list-query.ts';
import { allows, authorize, route } from './policy.ts';
import { credentialTarget } from './policy-targets.ts';
import { CollectionLinks, refuseNewId, SelfLink } from './schemas.ts';

const Fields = Type.Object({
  type: Type.String({ minLength: 1, maxLength: 255 }),
  blob: Type.String({ maxLength: 16_384 }),
  user_id: Type.String({ maxLength: 255 }),
  project_id: Maybe(Type.String({ maxLength: 255 })),
});

const credentialView = viewOf<Credential>()({
  id: { type: Type.String(), value: ({ id }) => id },
  user_id: { type: Type.String(), value: ({ user_id }) => user_id },
  project_id: { type: Nullable(Type.String()), value: ({ project_id }) => project_id },
  type: { type: Type.String(), value: ({ type }) => type },
  blob: { type: Type.String(), value: ({ blob }) => blob },
  links: { type: SelfLink, value: ({ id }, { request, context }) => selfLink(context, request, `/credentials/${id}`) },
});
const CredentialReply = Type.Object({ credential: credentialView.schema });

const credentialFields: ListFields = { user_id: textField('user_id'), type: textField('type') };

export const credentialRoutes = [
  route({
    method: 'GET',
    path: '/credentials',
    policy: 'identity:list_credentials',
    summary: "List one's credentials, or those of all users",
    query: listQuery(credentialFields),
    reply: Type.Object({ credentials: Type.Array(credentialView.schema), links: CollectionLinks }),
    async handler(request, context) {
      const seesAll = allows(request, 'identity:list_credentials', credentialTarget({ user_id: '' }));
      const user_id = seesAll ? undefined : request.caller.user_id;
      const query = readListQuery(request.query, credentialFields);
      const page = await listCredentials(context, request.caller, { user_id, query });
      const links = collectionLinks(context, request, '/credentials', page);
      return { credentials: page.items.map(credentialView.of(request, context)), links };
    },
  }),
  route({
    method: 'GET',
    path: '/credentials/:id',
    policy: 'identity:get_credential',
    summary: 'Show a credential',
    reply: CredentialReply,
    handler: async (request, context) => ({
      credential: credentialView.of(request, context)(await find(context, request, 'identity:get_credential')),
    }),
  }),
  route({
    method: 'POST',
    path: '/credentials',
    policy: 'identity:create_credential',
    summary: 'Create a credential; what it holds is encrypted in the database',
    status: 201,
    body: Type.Object({ credential: Fields }, { additionalProperties: false }),
    reply: CredentialReply,
    async handler(request, context) {
      const { credential } = request.body;
      authorize(request, 'identity:create_credential', credentialTarget(credential));
      if (isEc2(credential)) refuseNewKey(request.caller);
      refuseLoginSecret(request.caller, credential);
      refuseDelegated(request.caller, credential.project_id);
      return { credential: credentialView.of(request, context)(await createCredential(context, credential)) };
    },
  }),
  route({
    method: 'PATCH',
    path: '/credentials/:id',
    policy: 'identity:update_credential',
    summary: 'Change a credential',
    body: Type.Object({ credential: Type.Partial(Fields, { minProperties: 1 }) }, { additionalProperties: false }),
    reply: CredentialReply,
    async handler(request, context) {
      const current = await find(context, request, 'identity:update_credential');
      const { credential } = request.body;
      refuseNewId(credential, current.id);
      const changed = { ...current, ...credential };
      // Neither the owner nor the project may become one for which the caller could not have made it.
      authorize(request, 'identity:update_credential', credentialTarget(changed));
      refuseDelegated(request.caller, changed.project_id);
      if (isEc2(changed)) refuseNewKey(request.caller);
      refuseLoginSecret(request.caller, changed);
      return { credential: credentialView.of(request, context)(await updateCredential(context, current, credential)) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/credentials/:id',
    policy: 'identity:delete_credential',
    summary: 'Delete a credential',
    status: 204,
    async handler(request, context) {
      const { id } = await find(context, request, 'identity:delete_credential');
      await context.store.credentials.remove({ id });
    },
  }),
];

type CredentialRule = `identity:${'get' | 'update' | 'delete'}_credential`;

/** Those of others are not found, as if there were none. */
async function find(context: ApiContext, request: FastifyRequest, rule: CredentialRule): Promise<Credential> {
  const { id } = request.params as { id: string };
  const credential = await context.store.credentials.find({ id });
  if (!credential || !allows(request, rule, credentialTarget(credential)))
    throw new Fault('notFound', { what: 'Credential', id });
  refuseDelegated(request.caller, credential.project_id);
  refuseLoginSecret(request.caller, credential);
  return credential;
}
