/** Templates of the rules of new security groups (neutron/db/securitygroups_db.py). They are of no project. */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import { type DefaultSecurityGroupRule, parentGroup } from '#store/tables/security-groups.ts';
import { missingAddressGroup } from './address-groups.ts';
import type { NetworkContext } from './context.ts';
import { networkFault } from './errors.ts';
import { planRule, type RulePlan, type RuleRequest, ruleKey } from './security-group-rule-plan.ts';
import { missingGroup } from './security-groups.ts';

type Uses = Pick<DefaultSecurityGroupRule, 'used_in_default_sg' | 'used_in_non_default_sg'>;
export type NewDefaultRule = RuleRequest & Uses & { readonly description?: string | null | undefined };

/** More rules than a project may have by default. */
const mostTemplates = 100;

export const missingDefaultRule = (id: string): Fault =>
  networkFault('DefaultSecurityGroupRuleNotFound', `Default Security Group rule ${id} does not exist`);

/** @throws Fault `badRequest`, `missing`, `conflict`, `overQuota` */
export async function createDefaultRule({ store }: NetworkContext, request: NewDefaultRule): Promise<DefaultSecurityGroupRule> {
  const plan = planRule(request);
  const { used_in_default_sg, used_in_non_default_sg } = request;
  return store.transaction(async (trx) => {
    await refuseMissing(trx, plan);
    const known = await trx.default_security_group_rules.list();
    refuseTwin(known, plan, request);
    if (known.length >= mostTemplates) throw new Fault('overQuota', { what: 'default_security_group_rule' });
    const now = new Date().toISOString();
    return trx.default_security_group_rules.insert({
      ...plan,
      ...{ used_in_default_sg, used_in_non_default_sg, id: randomUUID(), project_id: '' },
      description: request.description ?? '',
      created_at: now,
      updated_at: now,
    });
  });
}

async function refuseMissing(trx: Store, { remote_group_id: group, remote_address_group_id: list }: RulePlan): Promise<void> {
  if (group !== null && group !== parentGroup && !(await trx.security_groups.find({ id: group }))) throw missingGroup(group);
  if (list !== null && !(await trx.address_groups.find({ id: list }))) throw missingAddressGroup(list);
}

/** Two may permit the same if no group would have both. */
function refuseTwin(known: readonly DefaultSecurityGroupRule[], plan: RulePlan, uses: Uses): void {
  const key = ruleKey(plan);
  const twin = known.find(
    (rule) =>
      ruleKey(rule) === key &&
      ((rule.used_in_default_sg && uses.used_in_default_sg) || (rule.used_in_non_default_sg && uses.used_in_non_default_sg)),
  );
  if (!twin) return;
  const detail = `Default Security group rule already exists. Rule id is ${twin.id}.`;
  throw networkFault('DefaultSecurityGroupRuleExists', detail);
}

export async function deleteDefaultRule({ store }: NetworkContext, { id }: DefaultSecurityGroupRule): Promise<void> {
  await store.default_security_group_rules.remove({ id });
}
