/** Domains: there is one, `default`. */
import { Type } from 'typebox';
import { getDomain, listDomains } from '#services/identity/domains.ts';
import { isOneOf } from '#store/conditions.ts';
import type { Domain } from '#store/tables/domains.ts';
import { type ListFields, textField } from '../http/list.ts';
import { viewOf } from '../http/view.ts';
import { selfLink } from './links.ts';
import { collectionLinks, listQuery, readListQuery } from './list-query.ts';
import { route } from './policy.ts';
import { isSet } from './query-flags.ts';
import { CollectionLinks, NoOptions, NoTags, SelfLink } from './schemas.ts';

export const domainView = viewOf<Domain>()({
  id: { type: Type.String(), value: ({ id }) => id },
  name: { type: Type.String(), value: ({ name }) => name },
  description: { type: Type.String(), value: ({ description }) => description },
  enabled: { type: Type.Boolean(), value: ({ enabled }) => enabled },
  tags: { type: NoTags, value: () => [] },
  options: { type: NoOptions, value: () => ({}) },
  links: { type: SelfLink, value: ({ id }, { request, context }) => selfLink(context, request, `/domains/${id}`) },
});

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
    reply: Type.Object({ domain: domainView.schema }),
    handler: async (request, context) => ({
      domain: domainView.of(request, context)(await getDomain(context, request.params.id)),
    }),
  }),
];
