/** `/servers/{id}/os-instance-actions`: a server's actions, from its operations; and Ingot's own timeline. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { instanceActionOf } from '#engine/operations/shown-as.ts';
import type { Event } from '#store/tables/events.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { Server } from '#store/tables/servers.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { EventFeedQuery, followEvents } from '../http/event-feed.ts';
import { atLeast } from '../http/microversions.ts';
import { nextLinks, pageOf } from '../http/pagination.ts';
import { faultFor } from '../http/redact-faults.ts';
import { findServer } from './lookup.ts';
import { hostIdOf, hostName } from './server-json.ts';
import { isForTenants, tenantEvent } from './tenant-events.ts';
import { microsecondsTime } from './times.ts';

const IdParams = Type.Object({ id: Type.String() });
const ActionParams = Type.Object({ id: Type.String(), request_id: Type.String() });
const ActionQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 0 })),
  marker: Type.Optional(Type.String()),
  'changes-since': Type.Optional(Type.String()),
  'changes-before': Type.Optional(Type.String()),
});

export function registerServerHistory(app: ApiScope, context: ApiContext): void {
  app.get('/servers/:id/os-instance-actions', { schema: { params: IdParams, querystring: ActionQuery } }, async (request) => {
    const server = await findServer(context, request, request.params.id);
    const since = request.query['changes-since'] ?? '';
    const before = request.query['changes-before'] ?? '9';
    const operations = (await operationsOf(context, server)).filter(
      ({ updated_at }) => updated_at >= since && updated_at <= before,
    );
    const { limit, marker } = atLeast(request.microversion, 58) ? request.query : {};
    const page = pageOf(operations, { limit, marker, idOf: requestIdOf, maximum: 1000 });
    const links = nextLinks(context, request, page.next);
    const instanceActions = page.items.map((operation) => actionJson(operation, { server, request }));
    return { instanceActions, ...(links.length > 0 && { links }) };
  });

  app.get('/servers/:id/os-instance-actions/:request_id', { schema: { params: ActionParams } }, async (request) => {
    const { id, request_id } = request.params;
    const server = await findServer(context, request, id);
    const operation = (await operationsOf(context, server)).find((each) => requestIdOf(each) === request_id);
    if (!operation) throw new Fault('notFound', { what: 'Action', id: request_id });
    const instanceAction = actionJson(operation, { server, request });
    // Others than administrators see events from this version on (nova/api/openstack/compute/instance_actions.py).
    if (!request.caller.is_admin && !atLeast(request.microversion, 51)) return { instanceAction };
    const events = await eventsFor(context, request, await context.store.events.list({ operation_id: operation.id }));
    return { instanceAction: { ...instanceAction, events: stepsOf(events, { server, request }) } };
  });

  app.get('/servers/:id/os-ingot-events', { schema: { params: IdParams, querystring: EventFeedQuery } }, async (request) => {
    const server = await findServer(context, request, request.params.id);
    const isShown = request.caller.is_admin ? undefined : isForTenants;
    const feed = await followEvents(context, request, { server_id: server.id, query: request.query, isShown });
    return { ...feed, events: await eventsFor(context, request, feed.events) };
  });
}

/** Administrators get the events as recorded, tenants a filtered view. */
async function eventsFor({ store }: ApiContext, { caller }: FastifyRequest, events: readonly Event[]): Promise<Event[]> {
  if (caller.is_admin) return [...events];
  const shown = events.filter(isForTenants);
  const failed = shown.filter(({ data }) => data['status'] === 'failed').flatMap(({ operation_id }) => operation_id ?? []);
  const operations = failed.length > 0 ? await store.operations.list({ id: [...new Set(failed)] }) : [];
  const faults = new Map(operations.map(({ id, fault }) => [id, fault ?? undefined]));
  return shown.map((event) =>
    tenantEvent(event, event.data['status'] === 'failed' ? faults.get(event.operation_id ?? '') : undefined),
  );
}

/** Newest first, without cleaning, which concerns only the node. */
async function operationsOf({ store }: ApiContext, server: Server): Promise<Operation[]> {
  return store.operations.list({ server_id: server.id }, { orderBy: 'created_at', descending: true });
}

function requestIdOf({ id }: Operation): string {
  return `req-${id}`;
}

type ActionView = { server: Server; request: FastifyRequest };

function actionJson(operation: Operation, { server, request }: ActionView) {
  return {
    action: instanceActionOf(operation),
    instance_uuid: server.id,
    request_id: requestIdOf(operation),
    project_id: server.project_id,
    user_id: server.user_id,
    start_time: microsecondsTime(operation.created_at),
    message: operation.fault ? faultFor(request.caller, operation.fault).message : null,
    ...(atLeast(request.microversion, 58) && { updated_at: microsecondsTime(operation.updated_at) }),
  };
}

/** Every step that ended or failed as one of Nova's action events; a running step has no finish time. */
function stepsOf(events: readonly Event[], view: ActionView): object[] {
  const steps = events.filter(({ kind }) => kind === 'step');
  const isEnd = ({ data }: Event) => data['status'] === 'ended' || data['status'] === 'failed';
  return steps
    .filter(({ data }) => data['status'] === 'started')
    .map((start) => {
      const end = steps.find((event) => event.id > start.id && event.subject === start.subject && isEnd(event));
      return stepJson(start, end, view);
    });
}

function stepJson(start: Event, end: Event | undefined, { server, request }: ActionView) {
  const { is_admin } = request.caller;
  const isFailed = end?.data['status'] === 'failed';
  return {
    event: start.subject,
    start_time: microsecondsTime(start.at),
    finish_time: microsecondsTime(end?.at ?? null),
    result: end ? (isFailed ? 'Error' : 'Success') : null,
    ...(is_admin && { traceback: null }),
    ...(atLeast(request.microversion, 62) && { ...(is_admin && { host: hostName }), hostId: hostIdOf(server) }),
    ...(atLeast(request.microversion, 84) && { details: isFailed ? end.message : null }),
  };
}
