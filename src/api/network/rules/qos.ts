/** Rules of QoS policies. */
import type { PolicyRule } from '../../http/policy/rules.ts';
import { ofReader, rule, tagRules } from './base.ts';

const ofManager = 'rule:admin_only or role:manager and project_id:%(project_id)s';
const manager = rule(ofManager);
const readers = `${ofReader} or rule:shared_qos_policy`;
const parentReader = rule('rule:admin_only or role:reader and rule:ext_parent_owner');
const parentManager = rule('rule:admin_only or role:manager and rule:ext_parent_owner');

type Verb = 'create' | 'get' | 'update' | 'delete';

/** Of a type of rules, in its policy and by its alias. */
function ofType<const Type extends string>(type: Type) {
  const what = `${type.replaceAll('_', ' ')} rule of a QoS policy`;
  return {
    [`create_policy_${type}_rule`]: parentManager(`Create a ${what}.`),
    ...Object.fromEntries(
      ['policy', 'alias'].flatMap((place) => [
        [`get_${place}_${type}_rule`, parentReader(`Show a ${what}.`)],
        [`update_${place}_${type}_rule`, parentManager(`Change a ${what}.`)],
        [`delete_${place}_${type}_rule`, parentManager(`Delete a ${what}.`)],
      ]),
    ),
  } as Readonly<Record<`${Verb}_policy_${Type}_rule` | `${Exclude<Verb, 'create'>}_alias_${Type}_rule`, PolicyRule>>;
}

function withoutAlias<const Type extends string>(type: Type) {
  const rules = Object.entries(ofType(type)).filter(([name]) => !name.includes('_alias_'));
  return Object.fromEntries(rules) as Readonly<Record<`${Verb}_policy_${Type}_rule`, PolicyRule>>;
}

export const qosRules = {
  shared_qos_policy: { check: 'field:policies:shared=True', description: 'A shared QoS policy.' },
  get_policy: rule(readers)('List and show QoS policies.'),
  create_policy: manager('Create a QoS policy.'),
  update_policy: manager('Change a QoS policy.'),
  delete_policy: manager('Delete a QoS policy.'),
  ...tagRules('policy', readers, ofManager),
  get_rule_type: rule('role:reader')('List the types of the rules of QoS policies.'),
  ...ofType('bandwidth_limit'),
  ...ofType('dscp_marking'),
  ...ofType('minimum_bandwidth'),
  ...ofType('minimum_packet_rate'),
  ...withoutAlias('packet_rate_limit'),
} as const satisfies Record<string, PolicyRule>;
