/** A server's past: its actions, from its operations; and its timeline. */
import { Fault } from '#domain/faults.ts';
import type { Event } from '#store/tables/events.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { Server } from '#store/tables/servers.ts';
import type { Caller } from '../caller.ts';
import type { ComputeContext } from './context.ts';
import { isForTenants, tenantEvent } from './tenant-events.ts';

type History = Pick<ComputeContext, 'store'>;

/** Newest first, without cleaning, which concerns only the node. */
export function operationsOf({ store }: History, server: Server): Promise<Operation[]> {
  return store.operations.list({ server_id: server.id }, { orderBy: 'created_at', descending: true });
}

export async function findOperation(context: History, server: Server, request_id: string): Promise<Operation> {
  const operation = (await operationsOf(context, server)).find((each) => requestIdOf(each) === request_id);
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
  return `req-${id}`;
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
