/** A project's default security group, which it has from the first time that one is needed. Rules as Neutron's. */
import { randomUUID } from 'node:crypto';
import type { Store } from './store.ts';
import type { SecurityGroup, SecurityGroupRule } from './tables/security-groups.ts';

type Direction = Pick<SecurityGroupRule, 'direction' | 'remote_group_id'>;

/** Out of any group goes everything. */
export const egress: readonly Direction[] = [{ direction: 'egress', remote_group_id: null }];

/** Call in a transaction. */
export async function defaultGroupOf(trx: Store, project_id: string): Promise<SecurityGroup> {
  const known = await trx.security_groups.find({ default_of: project_id });
  if (known) return known;
  const now = new Date().toISOString();
  const group = await trx.security_groups.insert({
    id: randomUUID(),
    name: 'default',
    project_id,
    description: 'Default security group',
    stateful: true,
    default_of: project_id,
    created_at: now,
    updated_at: now,
  });
  await insertFirstRules(trx, group, [{ direction: 'ingress', remote_group_id: group.id }, ...egress]);
  return group;
}

/** Those that a new group has, for both versions of IP. */
export async function insertFirstRules(
  trx: Store,
  { id, project_id, created_at }: SecurityGroup,
  directions: readonly Direction[],
): Promise<void> {
  const rules = directions.flatMap((direction) =>
    (['IPv4', 'IPv6'] as const).map((ethertype) => ({
      ...direction,
      ethertype,
      id: randomUUID(),
      project_id,
      security_group_id: id,
      description: '',
      created_at,
      updated_at: created_at,
    })),
  );
  await trx.security_group_rules.insertAll(rules);
}
