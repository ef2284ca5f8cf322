import type { Json, JsonObject } from '#domain/json.ts';
import { Collection } from '../collection.ts';

/** Arguments by name, or in the order of the names. */
type RuleArguments = JsonObject | Json[];

/** An operator, inverted by a leading `!`. */
export type RuleCondition = {
  op: string;
  args: RuleArguments;
  loop?: JsonObject | Json[];
  /** How the results of a loop are combined. Default: `any`. */
  multiple?: 'any' | 'all' | 'first' | 'last';
};
export type RuleAction = { op: string; args: RuleArguments; loop?: JsonObject | Json[] };

/** What is done with the data of an inspection if all conditions hold. */
export type InspectionRule = {
  uuid: string;
  description: string | null;
  /** Rules with a higher priority are applied first. */
  priority: number;
  /** Its conditions and actions are not shown; this is never unset. */
  sensitive: boolean;
  phase: string;
  conditions: RuleCondition[];
  actions: RuleAction[];
  created_at: string;
  updated_at: string | null;
};

/** Conditions and actions may be secrets, such as the password of a BMC that a rule sets. */
export class InspectionRules extends Collection<InspectionRule> {
  static override readonly table = {
    name: 'inspection_rules',
    key: 'uuid',
    json: ['conditions', 'actions'],
    boolean: ['sensitive'],
    sealed: ['conditions', 'actions'],
  };
}
