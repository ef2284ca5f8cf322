/** Security groups: kept and shown as in Neutron. Nothing filters the traffic of a physical machine by them. */
import { randomUUID } from 'node:crypto';
import type { Fault } from '#domain/faults.ts';
import { anyOf, type Condition, hasItem, isAmong, isEqual } from '#store/conditions.ts';
import { defaultGroupOf, insertFirstRules, templatesFor } from '#store/default-security-group.ts';
import type { Store } from '#store/store.ts';
import { isSharedWith } from '#store/tables/rbac-policies.ts';
import type { SecurityGroup, SecurityGroupRule } from '#store/tables/security-groups.ts';
import type { Caller } from '../caller.ts';
import { missingAddressGroup } from './address-groups.ts';
import type { NetworkContext } from './context.ts';
import { networkFault } from './errors.ts';
import { refuseOver } from './quotas.ts';
import { planRule, type RuleRequest, ruleKey } from './security-group-rule-plan.ts';
import { ownerOf, ownOrShared } from './visibility.ts';

type Owner = { readonly project_id?: string | undefined; readonly tenant_id?: string | undefined };
export type GroupChanges = {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly stateful?: boolean | undefined;
};
export type NewGroup = GroupChanges & Owner;
export type NewRule = RuleRequest & Owner & { readonly security_group_id: string; readonly description?: string | null };

export function visibleGroups({ is_admin, project_id }: Caller): Condition[] {
  return is_admin ? [] : [anyOf(isEqual('project_id', project_id), isSharedWith('security_group', project_id))];
}

/** Rules belong to the owner of their group, whoever has made them. */
export function visibleRules(caller: Caller): Condition[] {
  const own = { table: 'security_groups', select: 'id', where: [isEqual('project_id', caller.project_id)] };
  return caller.is_admin ? [] : [anyOf(isAmong('security_group_id', own))];
}

export const missingGroup = (id: string): Fault => networkFault('SecurityGroupNotFound', `Security group ${id} does not exist`);
export const missingRule = (id: string): Fault =>
  networkFault('SecurityGroupRuleNotFound', `Security group rule ${id} does not exist`);

/** Who looks at a project's groups for the first time finds the default one. */
export async function ensureDefaultGroup({ store }: NetworkContext, caller: Caller, wanted?: string): Promise<void> {
  const project_id = wanted ?? caller.project_id;
  if (project_id !== caller.project_id && !caller.is_admin) return;
  if (await store.security_groups.find({ default_of: project_id })) return;
  await store.transaction(async (trx) => {
    if (await trx.projects.find({ id: project_id })) await defaultGroupOf(trx, project_id);
  });
}

/** @throws Fault `conflict`, `forbidden`, `overQuota` */
export async function createGroup({ store }: NetworkContext, caller: Caller, request: NewGroup): Promise<SecurityGroup> {
  refuseDefaultName(request.name);
  const project_id = ownerOf(caller, request);
  return store.transaction(async (trx) => {
    await defaultGroupOf(trx, project_id);
    await refuseOver(trx, 'security_group', { project_id });
    const templates = await templatesFor(trx, 'used_in_non_default_sg');
    await refuseOver(trx, 'security_group_rule', { project_id, more: templates.length });
    const now = new Date().toISOString();
    const group = await trx.security_groups.insert({
      id: randomUUID(),
      name: request.name ?? '',
      project_id,
      description: request.description ?? '',
      stateful: request.stateful ?? true,
      default_of: null,
      created_at: now,
      updated_at: now,
    });
    await insertFirstRules(trx, group, templates);
    return group;
  });
}

function refuseDefaultName(name: string | undefined): void {
  if (name?.toLowerCase() === 'default')
    throw networkFault('SecurityGroupDefaultAlreadyExists', 'Default security group already exists.');
}

/** @throws Fault `conflict` */
export async function updateGroup({ store }: NetworkContext, group: SecurityGroup, changes: GroupChanges): Promise<void> {
  if (group.default_of !== null && changes.name !== undefined)
    throw networkFault('SecurityGroupCannotUpdateDefault', 'Updating default security group not allowed.');
  refuseDefaultName(changes.name);
  const { name = group.name, description = group.description, stateful = group.stateful } = changes;
  await store.transaction(async (trx) => {
    if (stateful !== group.stateful) await refuseUsed(trx, group.id);
    await trx.security_groups.update({ id: group.id }, { name, description, stateful, updated_at: new Date().toISOString() });
  });
}

async function refuseUsed(trx: Store, id: string): Promise<void> {
  const [user] = await trx.ports.pick(['id'], [hasItem('security_groups', [id])], { limit: 1 });
  if (user) throw networkFault('SecurityGroupInUse', `Security Group ${id} in use.`);
}

/** Rules that permit its members elsewhere are deleted with it. @throws Fault `conflict` */
export async function deleteGroup({ store }: NetworkContext, caller: Caller, { id, default_of }: SecurityGroup): Promise<void> {
  await store.transaction(async (trx) => {
    await refuseUsed(trx, id);
    if (default_of !== null && !caller.is_admin)
      throw networkFault('SecurityGroupCannotRemoveDefault', 'Insufficient rights for removing default security group.');
    await trx.rbac_policies.remove({ object_id: id });
    await trx.security_groups.remove({ id });
  });
}

/** By group, the oldest first. */
export async function rulesByGroup(
  { store }: NetworkContext,
  groups: readonly SecurityGroup[],
): Promise<ReadonlyMap<string, SecurityGroupRule[]>> {
  if (groups.length === 0) return new Map();
  const order = [{ column: 'created_at' }, { column: 'id' }];
  const rules = await store.security_group_rules.list({ security_group_id: groups.map(({ id }) => id) }, { order });
  return Map.groupBy(rules, ({ security_group_id }) => security_group_id);
}

/** @throws Fault `badRequest`, `missing`, `conflict`, `overQuota` */
export async function createRule({ store }: NetworkContext, caller: Caller, request: NewRule): Promise<SecurityGroupRule> {
  const plan = planRule(request);
  const project_id = ownerOf(caller, request);
  return store.transaction(async (trx) => {
    for (const id of [request.security_group_id, plan.remote_group_id])
      if (id !== null && (await trx.security_groups.list([...visibleGroups(caller), isEqual('id', id)])).length === 0)
        throw missingGroup(id);
    const { remote_address_group_id: addresses } = plan;
    if (
      addresses !== null &&
      (await trx.address_groups.list([...ownOrShared('address_group', caller), isEqual('id', addresses)])).length === 0
    )
      throw missingAddressGroup(addresses);
    await refuseTwin(trx, request.security_group_id, plan);
    await refuseOver(trx, 'security_group_rule', { project_id });
    const now = new Date().toISOString();
    const rule = await trx.security_group_rules.insert({
      ...plan,
      id: randomUUID(),
      project_id,
      security_group_id: request.security_group_id,
      description: request.description ?? '',
      created_at: now,
      updated_at: now,
    });
    await trx.security_groups.revise(rule.security_group_id);
    return rule;
  });
}

/** Rules of one request are of one group and project. @throws Fault `badRequest`, `conflict` */
export function checkTogether(requests: readonly NewRule[]): void {
  const valuesOf = (value: (request: NewRule) => unknown) => new Set(requests.map(value)).size;
  if (valuesOf(({ security_group_id }) => security_group_id) > 1)
    throw networkFault('SecurityGroupNotSingleGroupRules', 'Only allowed to update rules for one security profile at a time');
  if (valuesOf(({ project_id, tenant_id }) => project_id ?? tenant_id) > 1)
    throw networkFault(
      'SecurityGroupRulesNotSingleProject',
      'Multiple project_ids in bulk security group rule create not allowed',
    );
  if (valuesOf((request) => ruleKey(planRule(request))) < requests.length)
    throw networkFault('DuplicateSecurityGroupRuleInPost', 'Duplicate Security Group Rule in POST.');
}

async function refuseTwin(trx: Store, security_group_id: string, plan: Parameters<typeof ruleKey>[0]): Promise<void> {
  const key = ruleKey(plan);
  const rules = await trx.security_group_rules.list({ security_group_id });
  const twin = rules.find((rule) => ruleKey(rule) === key);
  if (twin) throw networkFault('SecurityGroupRuleExists', `Security group rule already exists. Rule id is ${twin.id}.`);
}

export async function deleteRule({ store }: NetworkContext, { id, security_group_id }: SecurityGroupRule): Promise<void> {
  await store.transaction(async (trx) => {
    await trx.security_group_rules.remove({ id });
    await trx.security_groups.revise(security_group_id);
  });
}
