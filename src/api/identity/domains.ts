/** Domains: there is one, `default`. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { getDomain } from '#services/identity/domains.ts';
import type { Domain } from '#store/tables/domains.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { linksTo, selfLink } from './links.ts';

export function registerDomains(app: ApiScope, context: ApiContext): void {
  const { store } = context;
  app.get('/domains', { schema: { querystring: Type.Object({ name: Type.Optional(Type.String()) }) } }, async (request) => {
    const { name } = request.query;
    const domains = await store.domains.list(name === undefined ? {} : { name }, { orderBy: 'name' });
    return {
      domains: domains.map((domain) => domainBody(context, request, domain)),
      links: linksTo(context, request, '/domains'),
    };
  });
  app.get('/domains/:id', { schema: { params: Type.Object({ id: Type.String() }) } }, async (request) => ({
    domain: domainBody(context, request, await getDomain(context, request.params.id)),
  }));
  app.post('/domains', async () => {
    throw new Fault('unsupported', { what: 'A second domain' });
  });
}

export function domainBody(context: ApiContext, request: FastifyRequest, domain: Domain) {
  return { ...domain, tags: [], options: {}, links: selfLink(context, request, `/domains/${domain.id}`) };
}
