/** A worker with definitions of its own, on a node with a server: for tests of what definitions may do wrong. */
import { pino } from 'pino';
import { Type } from 'typebox';
import { transitionTable } from '#engine/operations/registry.ts';
import { BoundOperations } from '#engine/worker/bound-operations.ts';
import type { Definition, OperationParts } from '#engine/worker/define-operation.ts';
import { ProvisionStateMachine } from '#engine/worker/provision-state-machine.ts';
import { Worker } from '#engine/worker/worker.ts';
import { readSettings } from '#settings.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';
import { aNode, anOperation, aServer, aTask } from './a-task.ts';

/** Kind `deploy`, which does nothing unless the test says so. */
export function aDefinition(changes: Partial<Definition> = {}): Definition {
  return {
    kind: 'deploy',
    request: Type.Object({}),
    context: Type.Object({}),
    verbs: [],
    transitions: [],
    shownAs: { ironic: {}, nova: { action: () => 'create' } },
    steps: () => [],
    ended: async () => [],
    ...changes,
  };
}

export function aWorker(store: Store, definition: Definition): Worker {
  const unused = {} as Pick<OperationParts, 'drivers' | 'fetcher' | 'consoles' | 'bootStates' | 'lastErrors' | 'others'>;
  const states = new ProvisionStateMachine(transitionTable);
  const settings = readSettings({ flags: { state_dir: '/nonexistent' } });
  return new Worker({
    store,
    operations: new BoundOperations({ [definition.kind]: definition }, { ...unused, store, settings, states, builtInRules: [] }),
    taskFor: async () => aTask(),
    log: pino({ level: 'silent' }),
    silenceTimeoutMs: 60_000,
  });
}

let count = 0;

/** An operation as a former process left it, with its node and its server. */
export async function anUnendedOperation(
  store: Store,
  { node, ...changes }: Partial<Operation> & { node?: Partial<Node> } = {},
): Promise<Operation> {
  const number = ++count;
  const [node_uuid, server_id] = [`node-${number}`, `server-${number}`];
  const created_at = new Date(Date.now() - 60_000 + number).toISOString();
  const operation = anOperation({ node_uuid, server_id, step: 'work', created_at, ...changes });
  const { uuid, id: operation_id } = { uuid: node_uuid, id: operation.id };
  await store.nodes.insert(
    aNode({ id: number, uuid, name: uuid, instance_uuid: server_id, operation_id, must_clean: true, ...node }),
  );
  await store.servers.insert(aServer({ id: server_id, node_uuid }));
  return store.operations.insert(operation);
}

/** Resumes the unended operations; resolves with their rows when all have ended. */
export async function resumed(worker: Worker, store: Store, ids: readonly string[]): Promise<Operation[]> {
  const ended = ids.map((id) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    worker.live.onEnd(id, () => resolve());
    return promise;
  });
  await worker.resume();
  await Promise.all(ended);
  return Promise.all(ids.map(async (id) => (await store.operations.find({ id })) as Operation));
}
