/** Domains: there is one, `default`. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { linksTo, selfLink } from './links.ts';

export const defaultDomain = { id: 'default', name: 'Default' };

export function registerDomains(app: ApiScope, context: ApiContext): void {
  const described = { ...defaultDomain, description: 'The default domain', enabled: true, tags: [], options: {} };
  app.get('/domains', { schema: { querystring: Type.Object({ name: Type.Optional(Type.String()) }) } }, async (request) => {
    const { name } = request.query;
    const isAsked = name === undefined || name === defaultDomain.name;
    const domain = { ...described, links: selfLink(context, request, '/domains/default') };
    return { domains: isAsked ? [domain] : [], links: linksTo(context, request, '/domains') };
  });
  app.get('/domains/:id', { schema: { params: Type.Object({ id: Type.String() }) } }, async (request) => {
    if (request.params.id !== defaultDomain.id) throw new Fault('notFound', { what: 'Domain', id: request.params.id });
    return { domain: { ...described, links: selfLink(context, request, '/domains/default') } };
  });
  app.post('/domains', async () => {
    throw new Fault('unsupported', { what: 'A second domain' });
  });
}
