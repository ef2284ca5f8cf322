/** Keystone's OS-FEDERATION, as far as OpenID Connect needs it. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { IssuerOfTokens } from '#services/identity/federation/contract.ts';
import { logInFederated } from '#services/identity/federation/federated-login.ts';
import { createMapping, deleteMapping, getMapping, listMappings, updateMapping } from '#services/identity/federation/mappings.ts';
import {
  createProtocol,
  createProvider,
  deleteProtocol,
  deleteProvider,
  getProtocol,
  getProvider,
  listProtocols,
  listProviders,
  updateProtocol,
  updateProvider,
} from '#services/identity/federation/providers.ts';
import { recheck } from '#services/identity/validate-token.ts';
import { isOneOf } from '#store/conditions.ts';
import type { ApiContext } from '../context.ts';
import { type ListFields, textField } from '../http/list.ts';
import {
  MappingFields,
  mappings,
  mappingView,
  NewProtocol,
  NewProvider,
  ProtocolChanges,
  ProviderChanges,
  protocolView,
  providers,
  providerView,
} from './federation-body.ts';
import { linksTo } from './links.ts';
import { collectionLinks, listQuery, readListQuery } from './list-query.ts';
import { loginClientOf } from './login-client.ts';
import { route } from './policy.ts';
import { isSet } from './query-flags.ts';
import { CollectionLinks } from './schemas.ts';
import { TokenQuery, TokenReply, tokenBody } from './token-body.ts';

const closed = { additionalProperties: false };
const ProviderReply = Type.Object({ identity_provider: providerView.schema });
const MappingReply = Type.Object({ mapping: mappingView.schema });
const ProtocolReply = Type.Object({ protocol: protocolView.schema });
const providerFields: ListFields = {
  id: textField('id'),
  enabled: { filter: (values) => isOneOf('enabled', values.map(isSet)), sort: ['enabled'] },
};
const provider = `${providers}/:idp_id`;
const protocol = `${provider}/protocols/:protocol_id`;
const mapping = `${mappings}/:mapping_id`;

/** Keystone's ids have no more characters; they stand in paths. */
function newId(id: string): string {
  if (!/^[\w.~@:+-]{1,64}$/.test(id))
    throw new Fault('badRequest', { detail: 'An id has at most 64 letters, digits and characters of ._~@:+-' });
  return id;
}

const providerRoutes = [
  route({
    method: 'GET',
    path: providers,
    policy: 'identity:list_identity_providers',
    summary: 'List identity providers',
    query: listQuery(providerFields),
    reply: Type.Object({ identity_providers: Type.Array(providerView.schema), links: CollectionLinks }),
    async handler(request, context) {
      const page = await listProviders(context, readListQuery(request.query, providerFields));
      const links = collectionLinks(context, request, providers, page);
      return { identity_providers: page.items.map(providerView.of(request, context)), links };
    },
  }),
  route({
    method: 'GET',
    path: provider,
    policy: 'identity:get_identity_provider',
    summary: 'Show an identity provider',
    reply: ProviderReply,
    handler: async (request, context) => ({
      identity_provider: providerView.of(request, context)(await getProvider(context, request.params.idp_id)),
    }),
  }),
  route({
    method: 'PUT',
    path: provider,
    policy: 'identity:create_identity_provider',
    summary: 'Register an identity provider; without a domain it gets one',
    status: 201,
    body: Type.Object({ identity_provider: NewProvider }, closed),
    reply: ProviderReply,
    async handler(request, context) {
      const created = await createProvider(context, newId(request.params.idp_id), request.body.identity_provider);
      return { identity_provider: providerView.of(request, context)(created) };
    },
  }),
  route({
    method: 'PATCH',
    path: provider,
    policy: 'identity:update_identity_provider',
    summary: 'Change an identity provider; the tokens of its users become void when it is disabled',
    body: Type.Object({ identity_provider: ProviderChanges }, closed),
    reply: ProviderReply,
    async handler(request, context) {
      const changed = await updateProvider(context, request.params.idp_id, request.body.identity_provider);
      return { identity_provider: providerView.of(request, context)(changed) };
    },
  }),
  route({
    method: 'DELETE',
    path: provider,
    policy: 'identity:delete_identity_provider',
    summary: 'Delete an identity provider with its protocols; the tokens of its users become void',
    status: 204,
    handler: (request, context) => deleteProvider(context, request.params.idp_id),
  }),
];

const mappingRoutes = [
  route({
    method: 'GET',
    path: mappings,
    policy: 'identity:list_mappings',
    summary: 'List mappings',
    reply: Type.Object({ mappings: Type.Array(mappingView.schema), links: CollectionLinks }),
    handler: async (request, context) => ({
      mappings: (await listMappings(context)).map(mappingView.of(request, context)),
      links: linksTo(context, request, mappings),
    }),
  }),
  route({
    method: 'GET',
    path: mapping,
    policy: 'identity:get_mapping',
    summary: 'Show a mapping',
    reply: MappingReply,
    handler: async (request, context) => ({
      mapping: mappingView.of(request, context)(await getMapping(context, request.params.mapping_id)),
    }),
  }),
  route({
    method: 'PUT',
    path: mapping,
    policy: 'identity:create_mapping',
    summary: 'Create a mapping of claims to users and groups',
    status: 201,
    body: Type.Object({ mapping: MappingFields }, closed),
    reply: MappingReply,
    async handler(request, context) {
      const created = await createMapping(context, newId(request.params.mapping_id), request.body.mapping.rules);
      return { mapping: mappingView.of(request, context)(created) };
    },
  }),
  route({
    method: 'PATCH',
    path: mapping,
    policy: 'identity:update_mapping',
    summary: 'Replace the rules of a mapping',
    body: Type.Object({ mapping: MappingFields }, closed),
    reply: MappingReply,
    async handler(request, context) {
      const changed = await updateMapping(context, request.params.mapping_id, request.body.mapping.rules);
      return { mapping: mappingView.of(request, context)(changed) };
    },
  }),
  route({
    method: 'DELETE',
    path: mapping,
    policy: 'identity:delete_mapping',
    summary: 'Delete a mapping',
    status: 204,
    handler: (request, context) => deleteMapping(context, request.params.mapping_id),
  }),
];

const keyOf = ({ idp_id, protocol_id }: { idp_id: string; protocol_id: string }) => ({ idp_id, id: protocol_id });

const protocolRoutes = [
  route({
    method: 'GET',
    path: `${provider}/protocols`,
    policy: 'identity:list_protocols',
    summary: 'List the protocols of an identity provider',
    reply: Type.Object({ protocols: Type.Array(protocolView.schema), links: CollectionLinks }),
    async handler(request, context) {
      const { idp_id } = request.params;
      const all = await listProtocols(context, idp_id);
      const links = linksTo(context, request, `${providers}/${encodeURIComponent(idp_id)}/protocols`);
      return { protocols: all.map(protocolView.of(request, context)), links };
    },
  }),
  route({
    method: 'GET',
    path: protocol,
    policy: 'identity:get_protocol',
    summary: 'Show a protocol of an identity provider',
    reply: ProtocolReply,
    handler: async (request, context) => ({
      protocol: protocolView.of(request, context)(await getProtocol(context, keyOf(request.params))),
    }),
  }),
  route({
    method: 'PUT',
    path: protocol,
    policy: 'identity:create_protocol',
    summary: 'Let an identity provider be used by a protocol, with a mapping',
    status: 201,
    body: Type.Object({ protocol: NewProtocol }, closed),
    reply: ProtocolReply,
    async handler(request, context) {
      newId(request.params.protocol_id);
      const created = await createProtocol(context, keyOf(request.params), request.body.protocol);
      return { protocol: protocolView.of(request, context)(created) };
    },
  }),
  route({
    method: 'PATCH',
    path: protocol,
    policy: 'identity:update_protocol',
    summary: 'Change the mapping of a protocol',
    body: Type.Object({ protocol: ProtocolChanges }, closed),
    reply: ProtocolReply,
    async handler(request, context) {
      const changed = await updateProtocol(context, keyOf(request.params), request.body.protocol);
      return { protocol: protocolView.of(request, context)(changed) };
    },
  }),
  route({
    method: 'DELETE',
    path: protocol,
    policy: 'identity:delete_protocol',
    summary: 'Delete a protocol of an identity provider',
    status: 204,
    handler: (request, context) => deleteProtocol(context, keyOf(request.params)),
  }),
];

export const federationRoutes = [...providerRoutes, ...mappingRoutes, ...protocolRoutes];

/** Without a token of this service: the access token of the provider is shown. */
export const federatedLoginRoutes = (['GET', 'POST'] as const).map((method) =>
  route({
    method,
    path: `${protocol}/auth`,
    policy: { public: 'a login' },
    summary:
      'Log in by an access token of an identity provider (Authorization: Bearer); the token is in the header X-Subject-Token',
    status: 201,
    query: TokenQuery,
    reply: Type.Unsafe<object>(TokenReply),
    handler: answerLogin,
  }),
);

async function answerLogin(request: FastifyRequest, context: ApiContext, reply: FastifyReply) {
  const { idp_id, protocol_id } = request.params as { idp_id: string; protocol_id: string };
  const [access_token, client] = [bearerOf(request), loginClientOf(request)];
  const claims = (issuer: IssuerOfTokens) => issuer.claimsOf(access_token, client);
  const { token, payload } = await logInFederated(context, client, { idp_id, protocol_id, claims });
  const caller = await recheck(context, payload);
  if (!caller) throw new Fault('unauthorized');
  reply.header('x-subject-token', token).header('vary', 'X-Auth-Token');
  return { token: await tokenBody(context, request, { payload, caller }) };
}

/** RFC 6750, section 2.1. Tokens in a body or in the URL are not read. */
function bearerOf({ headers }: FastifyRequest): string {
  const [, token] = /^bearer +([\w.~+/-]+=*) *$/i.exec(headers.authorization ?? '') ?? [];
  if (token === undefined) throw new Fault('unauthorized');
  return token;
}
