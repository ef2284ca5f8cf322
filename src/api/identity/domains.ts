/** Domains: there is one, `default`. */
import { Type } from 'typebox';
import { findDomains, getDomain } from '#services/identity/domains.ts';
import type { Domain } from '#store/tables/domains.ts';
import { viewOf } from '../http/view.ts';
import { linksTo, selfLink } from './links.ts';
import { route } from './policy.ts';
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

export const domainRoutes = [
  route({
    method: 'GET',
    path: '/domains',
    policy: 'identity:list_domains',
    summary: 'List domains; a domain-scoped token lists its own',
    query: Type.Object({ name: Type.Optional(Type.String()) }),
    reply: Type.Object({ domains: Type.Array(domainView.schema), links: CollectionLinks }),
    async handler(request, context) {
      const domains = await findDomains(context, { name: request.query.name, id: request.caller.domain_id });
      return { domains: domains.map(domainView.of(request, context)), links: linksTo(context, request, '/domains') };
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
