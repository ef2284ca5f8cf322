/** The one compute host, and what else there is only one of. */
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import type { Server } from '#store/tables/servers.ts';

/** Name of the host: the machine Ingot runs on. */
export const hostName = hostname();
export const zoneName = 'nova';
export const serviceUuid = '00000000-0000-4000-8000-000000000001';

/** Opaque; equal for all servers of a project on one host. */
export function hostIdOf({ node_uuid, project_id }: Pick<Server, 'node_uuid' | 'project_id'>): string {
  return node_uuid ? createHash('sha224').update(`${project_id}${hostName}`).digest('hex') : '';
}
