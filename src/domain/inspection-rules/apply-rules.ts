/** Applies inspection rules to the data of one inspection. Nothing here reads or writes anything else. */
import type { Json, JsonObject } from '../json.ts';
import { act, type Draft } from './actions.ts';
import { Budget, RuleFailure } from './budget.ts';
import { type Facts, holds } from './conditions.ts';
import type { RuleAction, RuleCondition } from './rule.ts';

export type AppliedRule = {
  readonly uuid: string;
  readonly priority: number;
  readonly conditions: readonly RuleCondition[];
  readonly actions: readonly RuleAction[];
};

export type Inspected = Draft & {
  readonly inventory: JsonObject;
  /** The attributes of the node that conditions and values can name; those that rules may change are added. */
  readonly shown: JsonObject;
};

/** Names under which a ramdisk may report secrets: rules do not see them. */
const secretNames: readonly string[] = ['password', 'auth_token', 'bmc_password'];

/** Changes the draft. Rules with a higher priority come first. Throws `RuleFailure`, after which the draft is void. */
export function applyRules(
  rules: readonly AppliedRule[],
  { inventory, shown, ...draft }: Inspected,
  budget = new Budget(),
): void {
  const seen = masked(inventory, budget);
  for (const rule of rules.toSorted((one, other) => other.priority - one.priority)) {
    // What an earlier rule changed is seen by the next.
    const facts = (): Facts => ({
      inventory: seen,
      node: { ...shown, ...draft.node, ...safeSettings(draft.node) },
      plugin_data: masked(draft.plugin_data, budget),
    });
    try {
      if (!holds(rule.conditions, facts(), budget)) continue;
      for (const action of rule.actions) act(action, { draft, facts: facts(), budget });
    } catch (error) {
      if (error instanceof RuleFailure) throw new RuleFailure(`${error.message} (inspection rule ${rule.uuid})`);
      throw error;
    }
  }
}

/** Of the settings of a driver, rules can name the addresses: the others may be secrets. */
function safeSettings({ driver_info }: JsonObject): JsonObject {
  const settings = Object.entries((driver_info ?? {}) as JsonObject);
  return { driver_info: Object.fromEntries(settings.filter(([name]) => name.endsWith('_address'))) };
}

function masked<J extends Json>(value: J, budget: Budget): J {
  budget.spend(1);
  if (Array.isArray(value)) return value.map((item) => masked(item, budget)) as J;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value as JsonObject).map(([name, member]) => {
    return [name, secretNames.includes(name) ? '***' : masked(member, budget)] as const;
  });
  return Object.fromEntries(entries) as J;
}
