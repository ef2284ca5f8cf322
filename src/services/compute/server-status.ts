/** Nova's status of a server. */
import { taskStatuses } from '#engine/operations/shown-as.ts';
import type { Server } from '#store/tables/servers.ts';

type Status = Partial<Record<string, string>> & { idle: string };

/** Nova's status by vm_state and, if a task changes it, task_state. */
const statusTable: Readonly<Record<Server['vm_state'], Status>> = {
  building: { idle: 'BUILD' },
  active: { idle: 'ACTIVE', ...taskStatuses('active') },
  stopped: { idle: 'SHUTOFF', ...taskStatuses('stopped') },
  error: { idle: 'ERROR', ...taskStatuses('error') },
  deleted: { idle: 'DELETED' },
};

export const statusNames: readonly string[] = [
  ...new Set(Object.values(statusTable).flatMap((row) => Object.values(row) as string[])),
];

export function statusOf(server: Pick<Server, 'vm_state' | 'task_state'>): string {
  const row = statusTable[server.vm_state];
  return row[server.task_state ?? 'idle'] ?? row.idle;
}

/** `task_state` undefined: any that has no status of its own. */
export type ServerState = { readonly vm_state: Server['vm_state']; readonly task_state?: string };

/** The states in which a server has one of these statuses. */
export function statesOf(statuses: readonly string[]): ServerState[] {
  return Object.entries(statusTable).flatMap(([name, row]) => {
    const vm_state = name as Server['vm_state'];
    return Object.entries(row).flatMap(([task_state, status]) => {
      if (status === undefined || !statuses.includes(status)) return [];
      return [task_state === 'idle' ? { vm_state } : { vm_state, task_state }];
    });
  });
}

/** The task states of a vm_state that have a status of their own. */
export function tasksWithStatus(vm_state: Server['vm_state']): string[] {
  return Object.keys(statusTable[vm_state]).filter((task_state) => task_state !== 'idle');
}
