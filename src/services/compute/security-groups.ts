/**
 * Security groups. The only one is `default`, and every server is in it: clients compare a server's groups with the
 * requested ones (default: `default`), and would try to correct the difference each time. It permits all traffic.
 */
import { Fault } from '#domain/faults.ts';
import type { Server } from '#store/tables/servers.ts';

const groupName = 'default';

/** As part of a server. */
export const groupsOfServer = [{ name: groupName }] as const;

/** As in `/servers/{id}/os-security-groups`. */
export function groupDetails({ project_id }: Server): object[] {
  const description = 'All traffic is allowed: physical machines have no traffic filter.';
  return [{ id: groupName, name: groupName, description, tenant_id: project_id, rules: [] }];
}

/** Throws `unsupported` for any group but `default`. */
export function refuseOtherGroups(groups: readonly { name?: unknown }[]): void {
  if (groups.some(({ name }) => name !== groupName))
    throw new Fault('unsupported', { what: 'Filtering traffic by security groups' });
}
