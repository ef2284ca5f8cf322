/**
 * Security groups. There is one, `default`, and every server is in it: clients compare what a server has with what they asked
 * for, which is `default` where nobody said otherwise, and would repair the difference each time. It lets everything through.
 */
import { Fault } from '#domain/faults.ts';
import type { Server } from '#domain/records.ts';

const groupName = 'default';

/** As a server shows them. */
export const groupsOfServer = [{ name: groupName }] as const;

/** As `/servers/{id}/os-security-groups` shows them. */
export function groupDetails({ project_id }: Server): object[] {
  const description = 'All traffic passes: nothing filters that of physical machines.';
  return [{ id: groupName, name: groupName, description, tenant_id: project_id, rules: [] }];
}

/** Throws `unsupported` for another group than the one there is. */
export function refuseOtherGroups(groups: readonly { name?: unknown }[]): void {
  if (groups.some(({ name }) => name !== groupName))
    throw new Fault('unsupported', { what: 'Filtering traffic by security groups' });
}
