/** Servers: whom they exist for, and what their locks mean. */
import { Fault } from '#domain/faults.ts';
import type { LockRight } from '#engine/contract.ts';
import type { Server } from '#store/tables/servers.ts';
import type { Caller } from '../caller.ts';
import { owns } from '../ownership.ts';
import type { ComputeContext } from './context.ts';

type Servers = Pick<ComputeContext, 'store'>;

/** Throws `notFound` also for deleted servers and for those of other projects. */
export async function findServer({ store }: Servers, caller: Caller, id: string): Promise<Server> {
  const server = await store.servers.find({ id });
  if (!server || server.vm_state === 'deleted' || !owns(caller, server)) throw new Fault('notFound', { what: 'Instance', id });
  return server;
}

/** @throws Fault `conflict` for a locked server */
export function refuseLocked({ id, locked }: Server, by: LockRight): void {
  if (locked && !by.overridesLock) throw new Fault('conflict', { detail: `Instance ${id} is locked` });
}

/** Throws `conflict` for a server without a machine: its former machine may have been reassigned. */
export async function machineOf({ store }: Servers, { id, node_uuid }: Server): Promise<string> {
  const [node] = node_uuid === null ? [] : await store.nodes.pick(['instance_uuid'], { uuid: node_uuid });
  if (node_uuid === null || node?.instance_uuid !== id)
    throw new Fault('conflict', { detail: `Instance ${id} is not ready: it has no machine.` });
  return node_uuid;
}

/** Changes the metadata of a server; returns all of it. */
export async function changeMetadata(
  context: ComputeContext,
  { server, by }: { server: Server; by: LockRight },
  change: (metadata: Record<string, string>) => Record<string, string>,
): Promise<Record<string, string>> {
  const changed = await context.engine.updateServer(server.id, (now) => {
    refuseLocked(now, by);
    return { metadata: limitedMetadata(change(now.metadata)) };
  });
  return changed.metadata;
}

export const largestMetadata = 128;

export function limitedMetadata<M extends Record<string, string> | undefined>(metadata: M): M {
  if (metadata && Object.keys(metadata).length > largestMetadata)
    throw new Fault('forbidden', { detail: `Maximum number of metadata items is ${largestMetadata}.` });
  return metadata;
}
