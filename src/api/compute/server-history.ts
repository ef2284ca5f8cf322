/** `/servers/{id}/os-instance-actions`: a server's actions, from its operations; and Ingot's own timeline. */
import { type Static, Type } from 'typebox';
import { instanceActionOf } from '#engine/operations/shown-as.ts';
import { hostIdOf, hostName } from '#services/compute/host.ts';
import {
  type ActionStep,
  eventsFor,
  findOperation,
  listOperations,
  requestIdOf,
  stepsOf,
} from '#services/compute/server-history.ts';
import { isForTenants } from '#services/compute/tenant-events.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { Server } from '#store/tables/servers.ts';
import { EventFeedQuery, followEvents } from '../http/event-feed.ts';
import { atLeast } from '../http/microversions.ts';
import { nextLinks } from '../http/pagination.ts';
import { faultFor } from '../http/redact-faults.ts';
import { Links, Nullable } from '../http/schemas.ts';
import { since } from '../http/versioned.ts';
import { viewOf } from '../http/view.ts';
import { allows, type computePolicy, route } from './policy.ts';
import { serverOf } from './server-of.ts';
import { microsecondsTime } from './times.ts';

const ActionQuery = Type.Object({
  limit: since(58, Type.Optional(Type.Integer({ minimum: 0 }))),
  marker: since(58, Type.Optional(Type.String())),
  'changes-since': since(58, Type.Optional(Type.String())),
  'changes-before': since(66, Type.Optional(Type.String())),
});

type Rule = keyof typeof computePolicy.rules;
type Action = { readonly server: Server; readonly operation: Operation };

const Text = Type.String();
const TextOrNull = Nullable(Type.String());

const actionView = viewOf<Action>()({
  action: { type: Text, value: ({ operation }) => instanceActionOf(operation) },
  instance_uuid: { type: Text, value: ({ server }) => server.id },
  request_id: { type: Text, value: ({ operation }) => requestIdOf(operation) },
  project_id: { type: Text, value: ({ server }) => server.project_id },
  user_id: { type: Text, value: ({ server }) => server.user_id },
  start_time: { type: Text, value: ({ operation }) => microsecondsTime(operation.created_at) },
  message: {
    type: TextOrNull,
    value: ({ operation }, { request }) => (operation.fault ? faultFor(request.caller, operation.fault).message : null),
  },
  updated_at: { since: 58, type: TextOrNull, value: ({ operation }) => microsecondsTime(operation.updated_at) },
});

type Step = ActionStep & { readonly server: Server };
const isFailed = ({ end }: Step) => end?.data['status'] === 'failed';

/** A step as one of Nova's action events; a running step has no finish time. */
const stepView = viewOf<Step, Rule>()({
  event: { type: Text, value: ({ start }) => start.subject },
  start_time: { type: Text, value: ({ start }) => microsecondsTime(start.at) },
  finish_time: { type: TextOrNull, value: ({ end }) => microsecondsTime(end?.at ?? null) },
  result: { type: TextOrNull, value: (step) => (step.end ? (isFailed(step) ? 'Error' : 'Success') : null) },
  traceback: { policy: 'os_compute_api:os-instance-actions:events', type: Type.Null(), value: () => null },
  host: { since: 62, policy: 'os_compute_api:os-instance-actions:events', type: Text, value: () => hostName },
  hostId: { since: 62, type: Text, value: ({ server }) => hostIdOf(server) },
  details: {
    since: 84,
    policy: 'os_compute_api:os-instance-actions:events:details',
    type: TextOrNull,
    value: (step) => (isFailed(step) ? (step.end?.message ?? null) : null),
  },
});

const ActionDetails = Type.Object({
  ...(actionView.schema as unknown as { properties: Record<string, never> }).properties,
  events: Type.Optional(Type.Array(stepView.schema)),
});

/** From this minor version on, others than administrators see the events of an action. */
const eventsForAllSince = 51;

export const serverHistoryRoutes = [
  route({
    method: 'GET',
    path: '/servers/:id/os-instance-actions',
    policy: 'os_compute_api:os-instance-actions:list',
    summary: 'List the actions on a server',
    query: ActionQuery,
    reply: Type.Object({ instanceActions: Type.Array(actionView.schema), links: Type.Optional(Links) }),
    async handler(request, context) {
      const server = await serverOf(request, context);
      const { 'changes-since': after, 'changes-before': before, limit, marker } = request.query;
      const page = await listOperations(context, server, { since: after, before, limit, marker });
      const links = nextLinks(context, request, page.next);
      const show = actionView.of(request, context);
      const instanceActions = page.items.map((operation) => show({ server, operation }));
      return { instanceActions, ...(links.length > 0 && { links }) };
    },
  }),
  route({
    method: 'GET',
    path: '/servers/:id/os-instance-actions/:request_id',
    policy: 'os_compute_api:os-instance-actions:show',
    summary: 'Show an action on a server with its steps',
    reply: Type.Object({ instanceAction: ActionDetails }),
    async handler(request, context) {
      const { request_id } = request.params;
      const { caller, microversion } = request;
      const server = await serverOf(request, context);
      const operation = await findOperation(context, server, request_id);
      const instanceAction = actionView.of(request, context)({ server, operation }) as Static<typeof ActionDetails>;
      const showsEvents =
        atLeast(microversion, eventsForAllSince) || allows(request, 'os_compute_api:os-instance-actions:events');
      if (!showsEvents) return { instanceAction };
      const events = await eventsFor(context, caller, await context.store.events.steps(operation));
      const show = stepView.of(request, context);
      return { instanceAction: { ...instanceAction, events: stepsOf(events).map((step) => show({ ...step, server })) } };
    },
  }),
  route({
    method: 'GET',
    path: '/servers/:id/os-ingot-events',
    policy: 'os_compute_api:os-ingot-events',
    summary: 'Follow the timeline of a server (Ingot extension)',
    query: EventFeedQuery,
    reply: Type.Object({ events: Type.Array(Type.Unknown()), last: Type.Integer() }),
    async handler(request, context) {
      const { caller, query } = request;
      const server = await serverOf(request, context);
      const isShown = caller.is_admin ? undefined : isForTenants;
      const feed = await followEvents(context, request, { server_id: server.id, query, isShown });
      return { ...feed, events: await eventsFor(context, caller, feed.events) };
    },
  }),
];
