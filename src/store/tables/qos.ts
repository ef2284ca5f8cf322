/** QoS policies and their rules, as in Neutron. Nothing enforces them. */
import { Collection } from '../collection.ts';
import { RevisedCollection, type StandardAttributes } from './standard-attributes.ts';

export type QosPolicy = StandardAttributes & {
  /** Of the new networks of its project. */
  is_default: boolean;
};

export class QosPolicies extends RevisedCollection<QosPolicy> {
  static override readonly table = { name: 'qos_policies', json: ['tags'], boolean: ['is_default'] };
}

export const qosRuleTypes = [
  'bandwidth_limit',
  'dscp_marking',
  'minimum_bandwidth',
  'minimum_packet_rate',
  'packet_rate_limit',
] as const;
export type QosRuleType = (typeof qosRuleTypes)[number];

export type QosRule = {
  id: string;
  qos_policy_id: string;
  type: QosRuleType;
  /** Null for DSCP marks. */
  direction: 'egress' | 'ingress' | 'any' | null;
  /** What the rule limits, guarantees or marks: kbit/s, thousands of packets per second, or the DSCP mark. */
  value: number;
  /** Null where the type has none. */
  burst: number | null;
  created_at: string;
};

export class QosRules extends Collection<QosRule> {
  static override readonly table = { name: 'qos_rules' };
}
