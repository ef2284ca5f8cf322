/** The inspection rules of a file: Ironic's `[inspection_rules]built_in_rules`. The API does not show them. */
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { parse } from 'yaml';
import { asFault, Fault } from '#domain/faults.ts';
import type { InspectionRule } from '#store/tables/inspection-rules.ts';
import { keptFields, ruleFields } from './inspection-rules.ts';

/** Bytes: rules are small, and read as a whole. */
export const builtInRulesBytes = 1024 * 1024;
const mostRules = 1000;

/** Of any priority, so that they come before or after the rules of the API. */
const BuiltInRule = Type.Object({
  ...ruleFields,
  uuid: Type.Optional(Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Null()])),
  priority: Type.Optional(Type.Integer({ minimum: -1_000_000, maximum: 1_000_000 })),
});

/** @param text YAML or JSON. Throws `badRequest` that names file and rule. */
export function parseBuiltInRules(text: string, path: string): InspectionRule[] {
  const wrong = (detail: string) => new Fault('badRequest', { detail: `inspection.built_in_rules: ${path} ${detail}` });
  const rules = parsed(text, wrong);
  if (!Array.isArray(rules)) throw wrong('should contain a list of rules');
  if (rules.length > mostRules) throw wrong(`has more than ${mostRules} rules`);
  let withoutUuid = 0;
  return rules.map((rule: unknown, index) => {
    if (!Value.Check(BuiltInRule, rule)) throw wrong(`is not valid at rule ${index + 1}: ${complaintAt(rule)}`);
    const { uuid, ...given } = rule;
    try {
      const kept = keptFields(given, { isBuiltIn: true });
      return { uuid: uuid ?? syntheticUuid(withoutUuid++), ...kept, created_at: '', updated_at: null };
    } catch (error) {
      throw wrong(`is not valid at rule ${index + 1}: ${asFault(error).message}`);
    }
  });
}

function parsed(text: string, wrong: (detail: string) => Fault): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw wrong(`is neither YAML nor JSON: ${(error as Error).message.split('\n')[0]}`);
  }
}

function complaintAt(rule: unknown): string {
  const [first] = Value.Errors(BuiltInRule, rule);
  return first ? `${first.instancePath || 'the rule'} ${first.message}` : 'it is no rule';
}

/** Ironic's, in the order of the rules without one. */
function syntheticUuid(index: number): string {
  return `00000000-0000-0000-0000-${index.toString(16).padStart(12, '0')}`;
}
