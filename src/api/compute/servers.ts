/** `/servers`: create, list, show, update, delete. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { newServerOf } from '#services/compute/new-server.ts';
import { loadRelated } from '#services/compute/related.ts';
import { isEverywhere, readServerPage, sortsByHost } from '#services/compute/server-list.ts';
import { forcesHost } from '#services/compute/server-place.ts';
import { statusNames } from '#services/compute/server-status.ts';
import type { ShortServer } from '#store/tables/servers.ts';
import type { ApiContext } from '../context.ts';
import { atLeast } from '../http/microversions.ts';
import { nextLinks } from '../http/pagination.ts';
import { Links } from '../http/schemas.ts';
import type { VersionSpan } from '../http/versioned.ts';
import { sightOf } from './flavors.ts';
import { allows, authorize, route } from './policy.ts';
import { serverOf, unlockedServerOf } from './server-of.ts';
import { NewServerBody, NewServerWithDomainBody, ServerChange, ServerQuery, serverBodyBytes } from './server-requests.ts';
import { ServerReply, serverLinks, serverReply, serverView } from './server-view.ts';

const BriefServer = Type.Object({ id: Type.String(), name: Type.String(), links: Links });

/** From this minor version on, a server's networks must be named, and can be `auto` or `none`. */
const networksRequiredSince = 37;
/** From this minor version on, an unknown status is an error. */
const statusCheckedSince = 38;

const createRoute = (span: VersionSpan, body: typeof NewServerBody) =>
  route({
    method: 'POST',
    path: '/servers',
    policy: 'os_compute_api:servers:create',
    ...span,
    summary: 'Create a server',
    status: 202,
    bodyLimit: serverBodyBytes,
    body,
    reply: Type.Object({
      server: Type.Object({
        id: Type.String(),
        links: Links,
        'OS-DCF:diskConfig': Type.String(),
        security_groups: Type.Array(Type.Object({ name: Type.String() })),
      }),
    }),
    async handler(request, context, reply) {
      const [server] = await context.engine.createServers(await readNewServer(context, request, request.body));
      if (!server) throw new Fault('internal', { detail: 'the engine made no server' });
      const links = serverLinks(server, request, context);
      reply.header('location', links[0]?.href);
      const security_groups = request.body.server.security_groups ?? [{ name: 'default' }];
      return { server: { id: server.id, links, 'OS-DCF:diskConfig': 'MANUAL', security_groups } };
    },
  });

export const serverRoutes = [
  route({
    method: 'GET',
    path: '/servers',
    policy: 'os_compute_api:servers:index',
    summary: 'List servers',
    query: ServerQuery,
    reply: Type.Object({ servers: Type.Array(BriefServer), servers_links: Type.Optional(Links) }),
    async handler(request, context) {
      const { items, links } = await readPage(context, request, 'os_compute_api:servers:index:get_all_tenants');
      return { servers: items.map(({ id, name }) => ({ id, name, links: serverLinks({ id }, request, context) })), ...links };
    },
  }),
  route({
    method: 'GET',
    path: '/servers/detail',
    policy: 'os_compute_api:servers:detail',
    summary: 'List servers with details',
    query: ServerQuery,
    reply: Type.Object({ servers: Type.Array(serverView.schema), servers_links: Type.Optional(Links) }),
    async handler(request, context) {
      const { items, links } = await readPage(context, request, 'os_compute_api:servers:detail:get_all_tenants');
      return { servers: await detailsOf(context, request, items), ...links };
    },
  }),
  route({
    method: 'GET',
    path: '/servers/:id',
    policy: 'os_compute_api:servers:show',
    summary: 'Show a server; 404 after deletion',
    reply: ServerReply,
    handler: async (request, context) => serverReply(context, request, await serverOf(request, context)),
  }),
  createRoute({ until: 93 }, NewServerBody),
  createRoute({ since: 94 }, NewServerWithDomainBody),
  route({
    method: 'PUT',
    path: '/servers/:id',
    policy: 'os_compute_api:servers:update',
    summary: 'Change the name or description of a server',
    body: ServerChange,
    reply: ServerReply,
    async handler(request, context) {
      const server = await serverOf(request, context);
      const { name, description, hostname } = request.body.server;
      // It is already on the config drive, which is written once.
      if (hostname !== undefined) throw new Fault('unsupported', { what: 'Changing the hostname of a server' });
      const changes = { ...(name !== undefined && { name: name.trim() }), ...(description !== undefined && { description }) };
      return serverReply(context, request, await context.engine.updateServer(server.id, changes));
    },
  }),
  route({
    method: 'DELETE',
    path: '/servers/:id',
    policy: 'os_compute_api:servers:delete',
    summary: 'Delete a server',
    status: 204,
    async handler(request, context) {
      const { server, by } = await unlockedServerOf(request, context);
      await context.engine.deleteServer(server.id, by);
    },
  }),
];

async function readNewServer(context: ApiContext, request: FastifyRequest, body: Static<typeof NewServerBody>) {
  const { server } = body;
  refuseNetworks(request, server.networks);
  const hints = body['os:scheduler_hints'] ?? body['OS-SCH-HNT:scheduler_hints'] ?? {};
  if (forcesHost({ server, hints })) authorize(request, 'os_compute_api:servers:create:forced_host');
  return newServerOf(context, { caller: request.caller, sight: sightOf(request), server, hints });
}

function refuseNetworks({ microversion }: FastifyRequest, networks: unknown): void {
  if (!atLeast(microversion, networksRequiredSince) && typeof networks === 'string')
    throw new Fault('badRequest', { detail: `networks '${networks}' needs microversion 2.${networksRequiredSince}.` });
  if (atLeast(microversion, networksRequiredSince) && networks === undefined)
    throw new Fault('badRequest', { detail: "'networks' is a required property: 'auto', 'none' or a list." });
}

type AllTenants = 'os_compute_api:servers:index:get_all_tenants' | 'os_compute_api:servers:detail:get_all_tenants';

async function readPage(
  context: ApiContext,
  request: FastifyRequest<{ Querystring: Static<typeof ServerQuery> }>,
  rule: AllTenants,
) {
  const { query, caller } = request;
  refuseUnknownStatus(request, query.status);
  if (isEverywhere(query)) authorize(request, rule);
  if (sortsByHost(query)) authorize(request, 'os_compute_api:servers:allow_all_filters');
  const allFilters = allows(request, 'os_compute_api:servers:allow_all_filters');
  const page = await readServerPage(context, { caller, allFilters, query });
  const links = nextLinks(context, request, page.next);
  return { items: page.items, links: links.length > 0 ? { servers_links: links } : {} };
}

function refuseUnknownStatus({ microversion }: FastifyRequest, status: string | string[] | undefined): void {
  const unknown = [status ?? []].flat().find((each) => !statusNames.includes(each.toUpperCase()));
  if (unknown !== undefined && atLeast(microversion, statusCheckedSince))
    throw new Fault('badRequest', { detail: `Invalid status value ${unknown}; known: ${statusNames.join(', ')}.` });
}

async function detailsOf(context: ApiContext, request: FastifyRequest, page: readonly ShortServer[]) {
  const show = serverView.of(request, context);
  const details: ReturnType<typeof show>[] = [];
  for await (const some of context.store.servers.read(page)) {
    const related = await loadRelated(context.store, some);
    details.push(...some.map((server) => show({ server, related })));
  }
  return details;
}
