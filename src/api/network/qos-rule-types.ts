/** What the rules of QoS policies are called by their type, and what they may say (neutron-lib, `definitions/qos*.py`). */
import { Type } from 'typebox';
import type { QosRule, QosRuleType } from '#store/tables/qos.ts';

type Facts = {
  /** The name of the rule's value. */
  readonly value: string;
  readonly burst?: string;
  /** The first one is the default. */
  readonly directions: readonly NonNullable<QosRule['direction']>[];
  readonly values?: readonly number[];
  /** Whether its rules can be named without their policy. */
  readonly hasAlias: boolean;
};

const marks = [0, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 44, 46, 48, 56];

export const ruleTypeTable: Readonly<Record<QosRuleType, Facts>> = {
  bandwidth_limit: { value: 'max_kbps', burst: 'max_burst_kbps', directions: ['egress', 'ingress'], hasAlias: true },
  dscp_marking: { value: 'dscp_mark', directions: [], values: marks, hasAlias: true },
  minimum_bandwidth: { value: 'min_kbps', directions: ['egress', 'ingress'], hasAlias: true },
  minimum_packet_rate: { value: 'min_kpps', directions: ['egress', 'ingress', 'any'], hasAlias: true },
  packet_rate_limit: { value: 'max_kpps', burst: 'max_burst_kpps', directions: ['egress', 'ingress'], hasAlias: false },
};

/** Under the names of the API. */
export function ruleBody({ id, type, value, burst, direction }: QosRule): Readonly<Record<string, string | number | null>> {
  const facts = ruleTypeTable[type];
  return {
    id,
    [facts.value]: value,
    ...(facts.burst && { [facts.burst]: burst }),
    ...(facts.directions.length > 0 && { direction }),
  };
}

const Amount = Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 });

/** Bodies of a type: of a new rule, and of changes. */
export function ruleSchemas(type: QosRuleType) {
  const { value, burst, directions, values } = ruleTypeTable[type];
  const Value = values ? Type.Union(values.map((each) => Type.Literal(each))) : Amount;
  const others = {
    ...(burst && { [burst]: Type.Optional(Amount) }),
    ...(directions.length > 0 && { direction: Type.Optional(Type.Union(directions.map((each) => Type.Literal(each)))) }),
  };
  // Those of Neutron's clients name the project; a rule has none of its own.
  const Owner = { project_id: Type.Optional(Type.String()), tenant_id: Type.Optional(Type.String()) };
  return {
    created: Type.Object({ [value]: Value, ...others, ...Owner }, { additionalProperties: false }),
    changed: Type.Object({ [value]: Type.Optional(Value), ...others }, { additionalProperties: false }),
    shown: Type.Object({
      id: Type.String(),
      [value]: Type.Integer(),
      ...(burst && { [burst]: Type.Integer() }),
      ...(directions.length > 0 && { direction: Type.String() }),
    }),
  };
}

type Given = Readonly<Record<string, unknown>>;

/** @returns only what the body says */
export function ruleFieldsOf(type: QosRuleType, given: Given): Partial<Pick<QosRule, 'value' | 'burst' | 'direction'>> {
  const facts = ruleTypeTable[type];
  const named = { value: given[facts.value], burst: facts.burst && given[facts.burst], direction: given['direction'] };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
}
