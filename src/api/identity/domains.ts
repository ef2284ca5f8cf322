/** Domains: the owners of users and projects. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { deleteDomain } from '#services/identity/delete-domain.ts';
import { createDomain, getDomain, listDomains, updateDomain } from '#services/identity/domains.ts';
import { isOneOf } from '#store/conditions.ts';
import type { Domain } from '#store/tables/domains.ts';
import { type ListFields, textField } from '../http/list.ts';
import { somethingVisible } from '../http/printable-text.ts';
import { Maybe } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';
import { selfLink } from './links.ts';
import { collectionLinks, listQuery, readListQuery } from './list-query.ts';
import { authorize, route } from './policy.ts';
import { domainTarget } from './policy-targets.ts';
import { isSet } from './query-flags.ts';
import { CollectionLinks, OptionFields, ResourceOptions, SelfLink, TagFields, Tags } from './schemas.ts';

const fields = {
  description: Maybe(Type.String()),
  enabled: Type.Optional(Type.Boolean()),
  tags: Type.Optional(TagFields),
  options: Type.Optional(OptionFields),
};
const Name = Type.String({ minLength: 1, maxLength: 64, pattern: somethingVisible });
const NewDomain = Type.Object({ ...fields, name: Name, explicit_domain_id: Type.Optional(Type.String({ maxLength: 64 })) });
const DomainChanges = Type.Object({ ...fields, name: Type.Optional(Name) }, { minProperties: 1 });

export const domainView = viewOf<Domain>()({
  id: { type: Type.String(), value: ({ id }) => id },
  name: { type: Type.String(), value: ({ name }) => name },
  description: { type: Type.String(), value: ({ description }) => description },
  enabled: { type: Type.Boolean(), value: ({ enabled }) => enabled },
  tags: { type: Tags, value: ({ tags }) => tags },
  options: { type: ResourceOptions, value: ({ options }) => options },
  links: { type: SelfLink, value: ({ id }, { request, context }) => selfLink(context, request, `/domains/${id}`) },
});
const DomainReply = Type.Object({ domain: domainView.schema });

const domainFields: ListFields = {
  name: textField('name'),
  enabled: { filter: (values) => isOneOf('enabled', values.map(isSet)), sort: ['enabled'] },
};

export const domainRoutes = [
  route({
    method: 'GET',
    path: '/domains',
    policy: 'identity:list_domains',
    summary: 'List domains; a domain-scoped token lists its own',
    query: listQuery(domainFields),
    reply: Type.Object({ domains: Type.Array(domainView.schema), links: CollectionLinks }),
    async handler(request, context) {
      const { domain_id } = request.caller;
      const page = await listDomains(context, domain_id, readListQuery(request.query, domainFields));
      return {
        domains: page.items.map(domainView.of(request, context)),
        links: collectionLinks(context, request, '/domains', page),
      };
    },
  }),
  route({
    method: 'GET',
    path: '/domains/:id',
    policy: 'identity:get_domain',
    summary: 'Show a domain',
    reply: DomainReply,
    async handler(request, context) {
      authorize(request, 'identity:get_domain', domainTarget(request.params));
      return { domain: domainView.of(request, context)(await getDomain(context, request.params.id)) };
    },
  }),
  route({
    method: 'POST',
    path: '/domains',
    policy: 'identity:create_domain',
    summary: 'Create a domain',
    status: 201,
    body: Type.Object({ domain: NewDomain }, { additionalProperties: false }),
    reply: DomainReply,
    async handler(request, context) {
      const { explicit_domain_id: id, ...domain } = request.body.domain;
      if (id !== undefined && !/^[0-9a-f]{32}$/.test(id))
        throw new Fault('badRequest', { detail: 'Domain ID does not conform to required UUID format.' });
      return { domain: domainView.of(request, context)(await createDomain(context, domain, id)) };
    },
  }),
  route({
    method: 'PATCH',
    path: '/domains/:id',
    policy: 'identity:update_domain',
    summary: 'Change a domain; disabling it revokes the tokens of its users, of its projects and of itself',
    body: Type.Object({ domain: DomainChanges }, { additionalProperties: false }),
    reply: DomainReply,
    handler: async (request, context) => ({
      domain: domainView.of(request, context)(await updateDomain(context, request.params.id, request.body.domain)),
    }),
  }),
  route({
    method: 'DELETE',
    path: '/domains/:id',
    policy: 'identity:delete_domain',
    summary: 'Delete a domain that is disabled, with its users and projects',
    status: 204,
    handler: (request, context) => deleteDomain(context, request.params.id),
  }),
];
