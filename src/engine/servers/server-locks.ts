/** Locks of servers by their users, as in Nova: what an administrator has locked, the project does not unlock. */
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { Server } from '#store/tables/servers.ts';
import type { ServerVerbs } from '../contract.ts';

export function serverLockVerbs(store: Store): Pick<ServerVerbs, 'lockServer' | 'unlockServer'> {
  return {
    lockServer: (id, locked_by, locked_reason) =>
      change(store, id, ({ locked }) =>
        locked && locked_by === 'owner' ? undefined : { locked: true, locked_by, locked_reason },
      ),
    unlockServer: (id, by, authorize) =>
      change(store, id, ({ locked_by }) => {
        if (locked_by && locked_by !== by) authorize();
        return { locked: false, locked_by: null, locked_reason: null };
      }),
  };
}

async function change(store: Store, id: string, changesOf: (now: Server) => Partial<Server> | undefined): Promise<void> {
  await store.transaction(async (trx) => {
    const server = await trx.servers.find({ id });
    if (!server || server.vm_state === 'deleted') throw new Fault('notFound', { what: 'Instance', id });
    const changes = changesOf(server);
    if (changes) await trx.servers.update({ id }, { ...changes, updated_at: new Date().toISOString() });
  });
}
