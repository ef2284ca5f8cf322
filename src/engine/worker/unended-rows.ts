/** The rows that a process finds at its start: those of another version, or damaged ones, are told apart. */
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { Operation } from '#store/tables/operations.ts';
import { BootSigns } from '../messages/boot-signs.ts';
import { readSigns } from '../messages/read-signs.ts';
import type { RunningOperation } from './base-context.ts';
import type { BoundOperations } from './bound-operations.ts';
import { longestWaitSeconds } from './step-wait.ts';

export type UnendedRow = {
  operation: RunningOperation;
  /** Why this version cannot continue the operation; undefined: it can. */
  refusal: Fault | undefined;
  signs: BootSigns;
};

type Parts = { store: Store; operations: BoundOperations };

/** The ids of the operations that were running when the process ended, the oldest first. */
export async function unendedIds({ operations }: Pick<Store, 'operations'>): Promise<string[]> {
  const rows = await operations.pick(['id', 'created_at'], { state: ['running', 'rolling_back'] }, { orderBy: 'created_at' });
  return rows.map(({ id }) => id);
}

/** @throws what the database throws; never because of the row's content */
export async function readUnended({ store, operations }: Parts, id: string): Promise<UnendedRow | undefined> {
  try {
    const row = await store.operations.find({ id });
    if (!row) return undefined;
    const operation = operations.read(row);
    return { operation, refusal: operations.refusalOf(row), signs: await signsOf(store, row) };
  } catch (error) {
    if (store.hasFailed(error)) throw error;
    return readDamaged(store, id, error);
  }
}

/** Nothing that is stored as JSON is used. */
async function readDamaged(store: Store, id: string, error: unknown): Promise<UnendedRow | undefined> {
  const [row] = await store.operations.pick(plainColumns, { id });
  if (!row) return undefined;
  const refusal = new Fault(
    'internal',
    { detail: `the row of operation ${id} cannot be read: ${(error as Error).message}` },
    error,
  );
  const fault = row.state === 'rolling_back' ? refusal.toRecord(row.step) : null;
  const operation = { ...row, api_step: null, request: {}, context: { is_incomplete: true }, fault };
  return { operation, refusal, signs: await signsOf(store, operation) };
}

/** They only explain a wait: damaged records do not keep an operation from being resumed. */
async function signsOf(store: Store, operation: Operation): Promise<BootSigns> {
  try {
    return await readSigns(store, operation);
  } catch (error) {
    if (store.hasFailed(error)) throw error;
    return new BootSigns();
  }
}

const plainColumns = [
  ...(['id', 'kind', 'purpose', 'node_uuid', 'server_id', 'state', 'step', 'step_started_at', 'waiting_for'] as const),
  ...(['again_at', 'deadline_at', 'created_at', 'updated_at', 'ended_at'] as const),
];

/**
 * Milliseconds that a step that polls still has to wait; 0 if its time is not known: the clock was set back, or it is no
 * time that a step can wait for.
 */
export function restOf({ again_at, updated_at }: Pick<Operation, 'again_at' | 'updated_at'>): number {
  if (again_at === null || Date.parse(updated_at) > Date.now()) return 0;
  const left = Date.parse(again_at) - Date.now();
  return left > 0 && left <= longestWaitSeconds * 1000 ? left : 0;
}
