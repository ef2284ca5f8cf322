/** A server's past: its actions, from its operations; and its timeline. */
import { Fault } from '#domain/faults.ts';
import { compares, isEqual } from '#store/conditions.ts';
import type { Event } from '#store/tables/events.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { Server } from '#store/tables/servers.ts';
import type { Caller } from '../caller.ts';
import { type Page, type PageSource, readPage } from '../pages.ts';
import type { ComputeContext } from './context.ts';
import { timeOf } from './server-list.ts';
import { isForTenants, tenantEvent } from './tenant-events.ts';

type History = Pick<ComputeContext, 'store'>;

const requestPrefix = 'req-';

/** When the actions changed last, both ends included: times of the request. */
export type ActionTimes = { readonly since?: string | undefined; readonly before?: string | undefined };

const newestFirst = [
  { column: 'created_at', descending: true },
  { column: 'id', descending: true },
];

/**
 * One page of the operations, newest first, without cleaning, which concerns only the node.
 * @throws Fault `badRequest` for a marker that is no action of this server, and for what is no time
 */
export function listOperations(
  { store }: History,
  server: Server,
  { since, before, ...page }: ActionTimes & { limit?: number | undefined; marker?: string | undefined },
): Promise<Page<Operation>> {
  const where = [
    isEqual('server_id', server.id),
    ...(since === undefined ? [] : [compares('updated_at', '>=', timeOf(since))]),
    ...(before === undefined ? [] : [compares('updated_at', '<=', timeOf(before))]),
  ];
  const source: PageSource<Operation, Operation> = {
    find: (request_id) => operationOf({ store }, server, request_id),
    list: (cut) => store.operations.list(where, { order: newestFirst, ...cut }),
  };
  return readPage(source, { ...page, idOf: requestIdOf });
}

async function operationOf({ store }: History, server: Server, request_id: string): Promise<Operation | undefined> {
  const id = request_id.slice(requestPrefix.length);
  return request_id.startsWith(requestPrefix) ? store.operations.find({ id, server_id: server.id }) : undefined;
}

export async function findOperation(context: History, server: Server, request_id: string): Promise<Operation> {
  const operation = await operationOf(context, server, request_id);
  if (!operation) throw new Fault('notFound', { what: 'Action', id: request_id });
  return operation;
}

/** Events as the caller may read them: administrators as recorded, tenants a filtered view. */
export async function eventsFor({ store }: History, caller: Caller, events: readonly Event[]): Promise<Event[]> {
  if (caller.is_admin) return [...events];
  const shown = events.filter(isForTenants);
  const failed = shown.filter(({ data }) => data['status'] === 'failed').flatMap(({ operation_id }) => operation_id ?? []);
  const operations = failed.length > 0 ? await store.operations.list({ id: [...new Set(failed)] }) : [];
  const faults = new Map(operations.map(({ id, fault }) => [id, fault ?? undefined]));
  return shown.map((event) =>
    tenantEvent(event, event.data['status'] === 'failed' ? faults.get(event.operation_id ?? '') : undefined),
  );
}

/** The id of an action: of the request that caused it. */
export function requestIdOf({ id }: Operation): string {
  return `${requestPrefix}${id}`;
}

export type ActionStep = { readonly start: Event /** undefined while it runs. */; readonly end: Event | undefined };

/** Every step of an operation that has started. */
export function stepsOf(events: readonly Event[]): ActionStep[] {
  const steps = events.filter(({ kind }) => kind === 'step');
  const isEnd = ({ data }: Event) => data['status'] === 'ended' || data['status'] === 'failed';
  return steps
    .filter(({ data }) => data['status'] === 'started')
    .map((start) => ({
      start,
      end: steps.find((event) => event.id > start.id && event.subject === start.subject && isEnd(event)),
    }));
}
