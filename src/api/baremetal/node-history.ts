/** `/v1/nodes/{node}/history` (failures, as in Ironic), and Ingot's own `events` and `operations`. */
import type { FastifyRequest } from 'fastify';
import { type TSchema, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { findMarked, findNode } from '#services/baremetal/lookup.ts';
import { declaredSecrets, withoutSecrets } from '#services/baremetal/secrets.ts';
import { type Event, historyMax } from '#store/tables/events.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { ApiContext } from '../context.ts';
import { EventFeedQuery, followEvents } from '../http/event-feed.ts';
import { atLeast, type Microversion } from '../http/microversions.ts';
import { nextMember, type PageSource, readPage } from '../http/pagination.ts';
import { conductorName, operationColumns } from './node-fields.ts';
import { route } from './policy.ts';

const PageQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 0 })),
  marker: Type.Optional(Type.String()),
  detail: Type.Optional(Type.Boolean()),
});

const Links = Type.Array(Type.Object({ href: Type.String(), rel: Type.String() }));
const Maybe = <T extends TSchema>(type: T) => Type.Union([type, Type.Null()]);
const Entry = Type.Object({
  uuid: Type.String(),
  created_at: Type.String(),
  severity: Type.String(),
  event: Type.String(),
  links: Links,
  event_type: Type.Optional(Type.String()),
  conductor: Type.Optional(Type.String()),
  user: Type.Optional(Type.Null()),
  project: Type.Optional(Type.Null()),
  state: Type.Optional(Maybe(Type.String())),
  target_provision_state: Type.Optional(Maybe(Type.String())),
  duration_seconds: Type.Optional(Maybe(Type.Integer())),
  node_uuid: Type.Optional(Type.String()),
});
const Records = Type.Array(Type.Record(Type.String(), Type.Unknown()));

export const nodeHistoryRoutes = [
  route({
    method: 'GET',
    path: '/nodes/:node/history',
    policy: 'baremetal:node:history:get',
    summary: 'List the history of a node',
    query: PageQuery,
    reply: Type.Object({ history: Type.Array(Entry), next: Type.Optional(Type.String()) }),
    async handler(request, context) {
      const node = await findNode(context, request.params.node);
      const { limit, marker, detail } = request.query;
      const { store } = context;
      const source: PageSource<Event, Event> = {
        find: (entry) => findMarked(entry, 'Node history record', (uuid) => failureOf(context, node, uuid)),
        list: ({ after, limit }) => store.events.failures({ node_uuid: node.uuid, after: after?.id, limit }),
      };
      const page = await readPage(source, { limit, marker, idOf: entryUuid, maximum: historyMax });
      const json = detail ? entryJson : briefJson;
      const view = { node, base: context.baseUrl(request), version: request.microversion };
      const history = page.items.map((event) => json(event, view));
      return { history, ...nextMember(context, request, page.next) };
    },
  }),
  route({
    method: 'GET',
    path: '/nodes/:node/history/:entry',
    policy: 'baremetal:node:history:get',
    summary: 'Show an entry of the history of a node',
    reply: Entry,
    async handler(request, context) {
      const node = await findNode(context, request.params.node);
      const { entry } = request.params;
      const event = await failureOf(context, node, entry);
      if (!event) throw new Fault('recordNotFound', { id: entry, days: context.settings['records.keep'] });
      return entryJson(event, { node, base: context.baseUrl(request), version: request.microversion });
    },
  }),
  route({
    method: 'GET',
    path: '/nodes/:node/events',
    policy: 'baremetal:node:events:get',
    summary: 'Follow the timeline of a node (Ingot extension)',
    query: EventFeedQuery,
    reply: Type.Object({ events: Type.Array(Type.Unknown()), last: Type.Integer() }),
    async handler(request, context) {
      const { uuid } = await findNode(context, request.params.node);
      return followEvents(context, request, { node_uuid: uuid, query: request.query });
    },
  }),
  route({
    method: 'GET',
    path: '/nodes/:node/operations',
    policy: 'baremetal:node:operations:get',
    summary: 'List the operations of a node (Ingot extension)',
    query: PageQuery,
    reply: Type.Object({ operations: Records, next: Type.Optional(Type.String()) }),
    handler: (request, context) => operationsReply(context, request, request.params.node),
  }),
];

type EntryView = { node: Node; base: string; version: Microversion };

/** Events have integer ids; Ironic's history has UUIDs. */
function entryUuid({ id }: Event): string {
  return `00000000-0000-4000-8000-${id.toString(16).padStart(12, '0')}`;
}

function eventIdOf(uuid: string): number | undefined {
  const digits = /^00000000-0000-4000-8000-([0-9a-f]{12})$/.exec(uuid)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}

async function failureOf({ store }: ApiContext, node: Node, uuid: string): Promise<Event | undefined> {
  const id = eventIdOf(uuid);
  return id === undefined ? undefined : (await store.events.failures({ node_uuid: node.uuid, id, limit: 1 }))[0];
}

function briefJson(event: Event, { node, base }: EntryView) {
  const uuid = entryUuid(event);
  const links = [{ href: `${base}/baremetal/v1/nodes/${node.uuid}/history/${uuid}`, rel: 'self' }];
  return { uuid, created_at: event.at, severity: 'ERROR', event: event.message, links };
}

function entryJson(event: Event, view: EntryView) {
  return {
    ...briefJson(event, view),
    event_type: event.subject,
    conductor: conductorName,
    user: null,
    node_uuid: view.node.uuid,
    // Ironic knows neither: its conductor records failures without the request.
    ...(atLeast(view.version, 113) && { project: null }),
    ...(atLeast(view.version, 115) && foundStateOf(event)),
  };
}

/** Entries of an earlier Ingot do not have it. */
function foundStateOf({ data }: Event) {
  const { state = null, target_provision_state = null, duration_seconds = null } = data;
  return { state, target_provision_state, duration_seconds } as {
    state: string | null;
    target_provision_state: string | null;
    duration_seconds: number | null;
  };
}

async function operationsReply(context: ApiContext, request: FastifyRequest, ident: string) {
  const node = await findNode(context, ident);
  const { limit, marker } = request.query as { limit?: number; marker?: string };
  const { operations } = context.store;
  const source: PageSource<Operation, Operation> = {
    find: (id) => operations.find({ id, node_uuid: node.uuid }),
    list: (page) => operations.list({ node_uuid: node.uuid }, { order: newestFirst, ...page }),
  };
  const page = await readPage(source, { limit, marker, idOf: ({ id }) => id });
  return {
    operations: page.items.map((operation) => operationJson(operation, declaredSecrets(context.drivers))),
    ...nextMember(context, request, page.next),
  };
}

const newestFirst = [
  { column: 'created_at', descending: true },
  { column: 'id', descending: true },
];

/** Requested changes may contain passwords: BIOS settings and firmware URLs of clean steps. */
function operationJson(operation: Operation, secrets: ReadonlySet<string>) {
  const { node_uuid, server_id, fault, created_at, updated_at, ended_at } = operation;
  const request = withoutSecrets(operation.request, secrets);
  const facts = Object.fromEntries(operationColumns.map((column) => [column, operation[column]]));
  return { ...facts, node_uuid, server_id, request, fault, created_at, updated_at, ended_at };
}
