/** A project's default security group, which it has from the first time that one is needed. Rules as Neutron's. */
import { randomUUID } from 'node:crypto';
import type { Store } from './store.ts';
import { type DefaultSecurityGroupRule, parentGroup, type SecurityGroup } from './tables/security-groups.ts';

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
  await insertFirstRules(trx, group, await templatesFor(trx, 'used_in_default_sg'));
  return group;
}

/**
 * The templates for default groups, or for those that somebody makes. What one names may have been deleted since: then it
 * permits nobody, and is left out, so that there still are new groups.
 */
export async function templatesFor(
  trx: Store,
  use: 'used_in_default_sg' | 'used_in_non_default_sg',
): Promise<DefaultSecurityGroupRule[]> {
  const templates = await trx.default_security_group_rules.list({ [use]: true }, { orderBy: 'created_at' });
  const idsOf = (name: 'remote_group_id' | 'remote_address_group_id') => templates.flatMap((each) => each[name] ?? []);
  const groups = new Set((await trx.security_groups.list({ id: idsOf('remote_group_id') })).map(({ id }) => id));
  const lists = new Set((await trx.address_groups.list({ id: idsOf('remote_address_group_id') })).map(({ id }) => id));
  return templates.filter(
    ({ remote_group_id: group, remote_address_group_id: list }) =>
      (group === null || group === parentGroup || groups.has(group)) && (list === null || lists.has(list)),
  );
}

/** Those that a new group has. */
export async function insertFirstRules(
  trx: Store,
  { id, project_id, created_at }: SecurityGroup,
  templates: readonly DefaultSecurityGroupRule[],
): Promise<void> {
  const rules = templates.map(({ used_in_default_sg, used_in_non_default_sg, revision_number, ...template }) => ({
    ...template,
    id: randomUUID(),
    project_id,
    security_group_id: id,
    remote_group_id: template.remote_group_id === parentGroup ? id : template.remote_group_id,
    description: '',
    created_at,
    updated_at: created_at,
  }));
  await trx.security_group_rules.insertAll(rules);
}
