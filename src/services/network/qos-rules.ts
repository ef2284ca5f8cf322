/** Rules of QoS policies (neutron/objects/qos/rule.py, neutron/objects/qos/qos_policy_validator.py). */
import { randomUUID } from 'node:crypto';
import type { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { QosPolicy, QosRule, QosRuleType } from '#store/tables/qos.ts';
import type { NetworkContext } from './context.ts';
import { networkFault } from './errors.ts';

export type QosRuleFields = Pick<QosRule, 'direction' | 'value' | 'burst'>;

export const missingQosRule = (id: string, policy = ''): Fault =>
  networkFault('QosRuleNotFound', `QoS rule ${id} for policy ${policy} could not be found.`);

/** @throws Fault `conflict` */
export async function createQosRule(
  { store }: NetworkContext,
  { id: qos_policy_id }: QosPolicy,
  { type, fields }: { type: QosRuleType; fields: QosRuleFields },
): Promise<QosRule> {
  return store.transaction(async (trx) => {
    const rule: QosRule = { id: randomUUID(), qos_policy_id, type, ...fields, created_at: new Date().toISOString() };
    await refuseConflict(trx, rule);
    const made = await trx.qos_rules.insert(rule);
    await trx.qos_policies.revise(qos_policy_id);
    return made;
  });
}

/** @throws Fault `conflict` */
export async function updateQosRule({ store }: NetworkContext, rule: QosRule, changes: Partial<QosRuleFields>): Promise<QosRule> {
  return store.transaction(async (trx) => {
    const changed = { ...rule, ...changes };
    await refuseConflict(trx, changed);
    await trx.qos_rules.update({ id: rule.id }, changed);
    await trx.qos_policies.revise(rule.qos_policy_id);
    return changed;
  });
}

export async function deleteQosRule({ store }: NetworkContext, { id, qos_policy_id }: QosRule): Promise<void> {
  await store.transaction(async (trx) => {
    await trx.qos_rules.remove({ id });
    await trx.qos_policies.revise(qos_policy_id);
  });
}

/** A policy has one rule of each type and direction, so it has few. @throws Fault `conflict` */
async function refuseConflict(trx: Store, rule: QosRule): Promise<void> {
  const others = (await trx.qos_rules.list({ qos_policy_id: rule.qos_policy_id })).filter(({ id }) => id !== rule.id);
  for (const other of others) {
    if (contradicts(rule, other)) throw parameterConflict(rule, other, [rule.value, other.value]);
    if (rule.type !== other.type) continue;
    const isMixed = rule.type === 'minimum_packet_rate' && rule.direction !== other.direction;
    if (isMixed && [rule.direction, other.direction].includes('any'))
      throw parameterConflict(rule, other, [rule.direction, other.direction]);
    if (rule.direction === other.direction)
      throw networkFault(
        'QoSRulesConflict',
        `Rule ${rule.type} conflicts with rule ${other.id} which already exists in QoS Policy ${rule.qos_policy_id}.`,
      );
  }
}

/** No more can be guaranteed than the limit. */
function contradicts(rule: QosRule, other: QosRule): boolean {
  if (rule.direction !== other.direction) return false;
  const [limit] = [rule, other].filter(({ type }) => type === 'bandwidth_limit');
  const [guarantee] = [rule, other].filter(({ type }) => type === 'minimum_bandwidth');
  return limit !== undefined && guarantee !== undefined && guarantee.value > limit.value;
}

function parameterConflict(rule: QosRule, other: QosRule, [value, existing]: readonly [unknown, unknown]): Fault {
  const detail =
    `Unable to add the rule with value ${value} to the policy ${rule.qos_policy_id} as the existing rule of type ` +
    `${other.type} has value ${existing}.`;
  return networkFault('QoSRuleParameterConflict', detail);
}
