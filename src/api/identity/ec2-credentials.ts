/** EC2 keys of a user, and tokens for requests that were signed with them. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import {
  createEc2Keys,
  getEc2Keys,
  isDelegated,
  readEc2Blob,
  refuseLoginSecret,
  refuseNewKey,
} from '#services/identity/credentials.ts';
import { checkEc2Signature, checkS3Signature } from '#services/identity/ec2-signatures.ts';
import { authenticateSigned } from '#services/identity/signed-logins.ts';
import { getUser } from '#services/identity/users.ts';
import { recheck } from '#services/identity/validate-token.ts';
import type { Credential } from '#store/tables/credentials.ts';
import type { ApiContext } from '../context.ts';
import { linksTo, selfLink } from './links.ts';
import { authorize, route } from './policy.ts';
import { credentialTarget } from './policy-targets.ts';
import { CollectionLinks, SelfLink } from './schemas.ts';
import { TokenQuery, TokenReply, tokenBody } from './token-body.ts';

const Keys = Type.Object({
  ...{ user_id: Type.String(), tenant_id: Type.String(), access: Type.String(), secret: Type.String() },
  ...{ trust_id: Type.Null(), links: SelfLink },
});
const KeysReply = Type.Object({ credential: Keys });
const path = '/users/:user_id/credentials/OS-EC2';

const texts = Type.Record(Type.String(), Type.String());
const text = Type.Optional(Type.String());
const Signed = Type.Object({
  ...{ access: Type.String(), signature: text, host: text, verb: text, path: text, body_hash: text, token: text },
  ...{ params: Type.Optional(texts), headers: Type.Optional(texts) },
});
/** Under any of the names that Keystone has had. */
const SignedBody = Type.Object({
  credentials: Type.Optional(Signed),
  credential: Type.Optional(Signed),
  ec2Credentials: Type.Optional(Signed),
});

export const ec2Routes = [
  route({
    method: 'GET',
    path,
    policy: 'identity:ec2_list_credentials',
    summary: 'List the EC2 keys of a user',
    reply: Type.Object({ credentials: Type.Array(Keys), links: CollectionLinks }),
    async handler(request, context) {
      const { user_id } = request.params;
      authorize(request, 'identity:ec2_list_credentials', ownTarget(user_id));
      await getUser(context, user_id);
      const all = await context.store.credentials.list({ user_id, type: 'ec2' }, { orderBy: 'id' });
      const seen = isDelegated(request.caller) ? [] : all;
      const links = linksTo(context, request, `/users/${user_id}/credentials/OS-EC2`);
      return { credentials: seen.map((each) => shown(context, request, each)), links };
    },
  }),
  route({
    method: 'POST',
    path,
    policy: 'identity:ec2_create_credential',
    summary: 'Create EC2 keys of a user for a project',
    status: 201,
    body: Type.Object({ tenant_id: Type.String({ maxLength: 255 }) }),
    reply: KeysReply,
    async handler(request, context) {
      const { user_id } = request.params;
      authorize(request, 'identity:ec2_create_credential', ownTarget(user_id));
      refuseNewKey(request.caller);
      await getUser(context, user_id);
      return {
        credential: shown(
          context,
          request,
          await createEc2Keys(context, request.caller, { user_id, project_id: request.body.tenant_id }),
        ),
      };
    },
  }),
  route({
    method: 'GET',
    path: `${path}/:access`,
    policy: 'identity:ec2_get_credential',
    summary: 'Show EC2 keys of a user',
    reply: KeysReply,
    handler: async (request, context) => ({
      credential: shown(context, request, await find(context, request, 'identity:ec2_get_credential')),
    }),
  }),
  route({
    method: 'DELETE',
    path: `${path}/:access`,
    policy: 'identity:ec2_delete_credential',
    summary: 'Delete EC2 keys of a user',
    status: 204,
    async handler(request, context) {
      const { id } = await find(context, request, 'identity:ec2_delete_credential');
      await context.store.credentials.remove({ id });
    },
  }),
  route({
    method: 'POST',
    path: '/ec2tokens',
    policy: 'identity:ec2tokens_validate',
    summary: 'Get a token for a request that was signed with EC2 keys',
    query: TokenQuery,
    body: SignedBody,
    reply: TokenReply,
    async handler(request, context, reply) {
      const { token, body } = await tokenFor(context, request, checkEc2Signature);
      reply.header('x-subject-token', token);
      return body;
    },
  }),
  route({
    method: 'POST',
    path: '/s3tokens',
    policy: 'identity:s3tokens_validate',
    summary: 'Show whose request to S3 was signed with EC2 keys',
    query: TokenQuery,
    body: SignedBody,
    reply: TokenReply,
    handler: async (request, context) => (await tokenFor(context, request, checkS3Signature)).body,
  }),
];

async function tokenFor(context: ApiContext, request: FastifyRequest, check: typeof checkEc2Signature) {
  const { credentials, credential, ec2Credentials } = request.body as Static<typeof SignedBody>;
  const signed = credentials ?? credential ?? ec2Credentials;
  if (!signed) throw new Fault('authenticationFailed', { detail: 'EC2 Signature not supplied' });
  const { token, payload } = await authenticateSigned(context, signed, check);
  const caller = await recheck(context, payload);
  if (!caller) throw new Fault('unauthorized');
  return { token, body: { token: await tokenBody(context, request, { payload, caller }) } };
}

const ownTarget = (user_id: string) => ({ user_id, ...credentialTarget({ user_id }) });

function shown(context: ApiContext, request: FastifyRequest, { user_id, project_id, blob }: Credential) {
  const { access, secret = '' } = readEc2Blob(blob);
  const links = selfLink(context, request, `/users/${user_id}/credentials/OS-EC2/${access}`);
  return { user_id, tenant_id: project_id ?? '', access, secret, trust_id: null, links };
}

async function find(context: ApiContext, request: FastifyRequest, rule: `identity:ec2_${'get' | 'delete'}_credential`) {
  const { user_id, access } = request.params as { user_id: string; access: string };
  authorize(request, rule, ownTarget(user_id));
  const credential = await getEc2Keys(context, { user_id, access });
  refuseLoginSecret(request.caller, credential);
  return credential;
}
