/** Locks of nodes: an addition of Ingot's, beside Ironic's maintenance. */
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { hasControls, hasLineEnds } from '#domain/plain-text.ts';
import { isUuidLike } from '#domain/uuids.ts';
import { anyOf, compares, isEqual, isOneOf } from '#store/conditions.ts';
import { type ListPage, listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { NodeLock } from '#store/tables/node-locks.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Caller } from '../caller.ts';
import type { BaremetalContext } from './context.ts';

export const LockKind = Type.Union([Type.Literal('power'), Type.Literal('deploy'), Type.Literal('all')]);

export const LockRequest = Type.Object(
  {
    kind: LockKind,
    reason: Type.String({ minLength: 1, maxLength: 255 }),
    /** A time with its zone; null or absent: until it is deleted. */
    expires_at: Type.Optional(Type.Union([Type.String({ maxLength: 40 }), Type.Null()])),
    /** Also while an operation runs that may still switch the machine. */
    force: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
type LockRequest = Static<typeof LockRequest>;

type Locks = Pick<BaremetalContext, 'store' | 'engine'>;

type NewLock = { node: Pick<Node, 'uuid'>; request: LockRequest };

/** @throws Fault `badRequest`, `nodeBusy` */
export function createLock({ engine }: Locks, caller: Caller, { node, request }: NewLock): Promise<NodeLock> {
  const { kind, reason, force = false } = request;
  if (hasControls(reason) || hasLineEnds(reason) || reason.trim() === '')
    throw new Fault('badRequest', { detail: 'reason must be one line of printable text.' });
  const { project_id, user_id, user_name } = caller;
  const expires_at = endOf(request.expires_at ?? null);
  return engine.lockNode(node.uuid, { kind, reason: reason.trim(), force, expires_at, project_id, user_id, user_name });
}

const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/;

function endOf(text: string | null): string | null {
  if (text === null) return null;
  const ms = timePattern.test(text) ? Date.parse(text) : Number.NaN;
  if (!(ms > Date.now()))
    throw new Fault('badRequest', { detail: `expires_at must be a time to come, as 2030-01-31T18:00:00Z, not ${text}.` });
  return new Date(ms).toISOString();
}

/** Those in force, the oldest first. */
export function listLocks(
  { store }: Pick<Locks, 'store'>,
  { uuid }: Pick<Node, 'uuid'>,
  page: { limit?: number | undefined; marker?: string | undefined },
): Promise<ListPage<NodeLock>> {
  const visible = [isEqual('node_uuid', uuid), inForce()];
  const source = { collection: store.node_locks, table: listTables.node_locks, visible };
  return listRows(source, { where: [], ...page });
}

const inForce = () => anyOf(isOneOf('expires_at', [null]), compares('expires_at', '>', new Date().toISOString()));

/** @throws Fault `notFound`, also for one that is over */
export async function findLock({ store }: Pick<Locks, 'store'>, { uuid }: Pick<Node, 'uuid'>, id: string): Promise<NodeLock> {
  const lock = isUuidLike(id) ? await store.node_locks.find({ id: id.toLowerCase(), node_uuid: uuid }) : undefined;
  const isOver = lock?.expires_at && Date.parse(lock.expires_at) <= Date.now();
  if (!lock || isOver) throw new Fault('notFound', { what: 'Lock', id });
  return lock;
}

/** Who set it may delete it; others need a right of their own. */
export function isOwnLock({ user_id }: Caller, lock: NodeLock): boolean {
  return lock.user_id === user_id;
}

export async function deleteLock({ engine }: Locks, { user_name, user_id }: Caller, lock: NodeLock): Promise<void> {
  await engine.unlockNode(lock, `${user_name} (user ${user_id})`);
}
