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
