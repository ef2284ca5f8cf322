/** `/servers`: create, list, show, update, delete. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { Server } from '#store/tables/servers.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { atLeast } from '../http/microversions.ts';
import { nextLinks } from '../http/pagination.ts';
import { findServer, findUnlockedServer } from './lookup.ts';
import { groupsOfServer } from './security-groups.ts';
import { NewServerBody, readNewServer, ServerName, serverBodyBytes } from './server-create.ts';
import { readServerPage, ServerQuery } from './server-filters.ts';
import { linksOf, loadRelated, serverJson } from './server-json.ts';

const IdParams = Type.Object({ id: Type.String() });

export function registerServers(app: ApiScope, context: ApiContext): void {
  app.get('/servers', { schema: { querystring: ServerQuery } }, async (request) =>
    listReply(context, request, { query: request.query, isDetailed: false }),
  );
  app.get('/servers/detail', { schema: { querystring: ServerQuery } }, async (request) =>
    listReply(context, request, { query: request.query, isDetailed: true }),
  );

  app.get('/servers/:id', { schema: { params: IdParams } }, async (request) =>
    serverReply(context, request, await findServer(context, request, request.params.id)),
  );

  app.post('/servers', { bodyLimit: serverBodyBytes, schema: { body: NewServerBody } }, async (request, reply) => {
    const [server] = await context.engine.createServers(await readNewServer(context, request, request.body));
    if (!server) throw new Fault('internal', { detail: 'the engine made no server' });
    const links = linksOf(server, request, context);
    reply.code(202).header('location', links[0]?.href);
    return { server: { id: server.id, links, 'OS-DCF:diskConfig': 'MANUAL', security_groups: groupsOfServer } };
  });

  registerServerChanges(app, context);

  app.delete('/servers/:id', { schema: { params: IdParams } }, async (request, reply) => {
    const { id } = await findUnlockedServer(context, request, request.params.id);
    await context.engine.deleteServer(id);
    reply.code(204).send();
  });
}

const ServerChange = Type.Object({
  server: Type.Object({
    name: Type.Optional(ServerName),
    description: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
    hostname: Type.Optional(Type.String()),
    'OS-DCF:diskConfig': Type.Optional(Type.String()),
  }),
});

function registerServerChanges(app: ApiScope, context: ApiContext): void {
  app.put('/servers/:id', { schema: { params: IdParams, body: ServerChange } }, async (request) => {
    const server = await findUnlockedServer(context, request, request.params.id);
    const { name, description, hostname } = request.body.server;
    // It is already on the config drive, which is written once.
    if (hostname !== undefined) throw new Fault('unsupported', { what: 'Changing the hostname of a server' });
    if (description !== undefined && !atLeast(request.microversion, 19))
      throw new Fault('badRequest', { detail: "Additional properties are not allowed ('description' needs microversion 2.19)." });
    const changes = { ...(name !== undefined && { name: name.trim() }), ...(description !== undefined && { description }) };
    return serverReply(context, request, await context.engine.updateServer(server.id, changes));
  });
}

/** `{"server": …}` with all details. */
export async function serverReply(context: ApiContext, request: FastifyRequest, server: Server): Promise<{ server: object }> {
  const related = await loadRelated(context.store, [server]);
  return { server: serverJson(server, { request, context, related }) };
}

type ListRequest = { query: Static<typeof ServerQuery>; isDetailed: boolean };

async function listReply(context: ApiContext, request: FastifyRequest, { query, isDetailed }: ListRequest): Promise<object> {
  const page = await readServerPage(context, request, query);
  const links = nextLinks(context, request, page.next);
  const servers = isDetailed
    ? await detailsOf(context, request, page.items)
    : page.items.map(({ id, name }) => ({ id, name, links: linksOf({ id }, request, context) }));
  return { servers, ...(links.length > 0 && { servers_links: links }) };
}

async function detailsOf(context: ApiContext, request: FastifyRequest, page: readonly { id: string }[]): Promise<object[]> {
  const details: object[] = [];
  for await (const some of context.store.servers.read(page)) {
    const related = await loadRelated(context.store, some);
    details.push(...some.map((server) => serverJson(server, { request, context, related })));
  }
  return details;
}
