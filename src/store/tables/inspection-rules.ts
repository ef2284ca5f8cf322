import type { RuleAction, RuleCondition } from '#domain/inspection-rules/rule.ts';
import { Collection } from '../collection.ts';

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
