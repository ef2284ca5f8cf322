/** Whether the conditions of a rule hold, as Ironic decides it. */
import { isIn, parseAddress, parseCidr } from '../ip-addresses.ts';
import type { Json, JsonObject } from '../json.ts';
import { type Budget, RuleFailure } from './budget.ts';
import { interpolated, type Names } from './interpolation.ts';
import { Pattern } from './pattern.ts';
import { PatternError } from './pattern-syntax.ts';
import { isEqual, isLess, textOf } from './python-text.ts';
import { namedArguments, type OperatorName, operatorOf, operatorTable, type RuleCondition } from './rule.ts';

type Test = (args: JsonObject, budget: Budget) => boolean;

const testTable: Record<OperatorName, Test> = {
  eq: (args) => inOrder(args, isEqual),
  lt: (args) => inOrder(args, less),
  gt: (args) => inOrder(args, (one, other) => less(other, one)),
  'is-empty': ({ value = null }) => ['', 'None', '[]', '{}'].includes(textOf(value)),
  'in-net': ({ address = null, subnet = null }) => isInNet(textOf(address), textOf(subnet)),
  matches: ({ value = null, regex = null }, budget) => {
    return patternOf(regex, budget).matches(searched(value, budget), budget, { isWhole: true });
  },
  contains: ({ value = null, regex = null }, budget) => patternOf(regex, budget).isIn(searched(value, budget), budget),
  'one-of': ({ value = null, values = [] }) => isOneOf(value, values),
  'is-none': ({ value = null }) => value === null,
  'is-true': ({ value = null }) => isWord(value, ['yes', 'true'], true),
  'is-false': ({ value = null }) => value === null || isWord(value, ['no', 'false'], false),
};

export type Facts = Omit<Names, 'item'>;

/** Throws `RuleFailure` for values that the operator cannot judge. */
export function holds(conditions: readonly RuleCondition[], facts: Facts, budget: Budget): boolean {
  return conditions.every((condition) => holdsOne(condition, facts, budget));
}

function holdsOne(condition: RuleCondition, facts: Facts, budget: Budget): boolean {
  const { loop, multiple = 'any' } = condition;
  if (!loop || isEmpty(loop)) return test(condition, facts, budget);
  const of = (item: Json) => test(condition, { ...facts, item }, budget);
  const items = Array.isArray(loop) ? loop : [loop];
  if (multiple === 'last') return of(items.at(-1) as Json);
  return multiple === 'all' ? items.every(of) : items.some(of);
}

function test({ op, args }: RuleCondition, names: Names, budget: Budget): boolean {
  budget.spend(100);
  const { name, isInverted } = operatorOf(op);
  const operation = operatorTable[name];
  const isLoop = 'item' in names;
  const context = { names, budget, ...(name === 'is-empty' && { missing: null }) };
  const filled = Object.entries(namedArguments(operation, args)).map(([key, value]) => {
    const isFormatted = isLoop || (operation.formatted as readonly string[]).includes(key);
    return [key, isFormatted ? interpolated(value, context) : value] as const;
  });
  // What a loop fills in is text.
  const forced: JsonObject = isLoop && ['eq', 'lt', 'gt'].includes(name) ? { force_strings: true } : {};
  return testTable[name]({ ...Object.fromEntries(filled), ...forced }, budget) !== isInverted;
}

function isEmpty(loop: JsonObject | Json[]): boolean {
  return Object.keys(loop).length === 0;
}

function inOrder({ values, force_strings }: JsonObject, isRight: (one: Json, other: Json) => boolean): boolean {
  if (!Array.isArray(values)) throw new RuleFailure(`Expected list for 'values', got: ${textOf(values ?? null).slice(0, 100)}`);
  const compared = force_strings ? values.map(textOf) : values;
  return compared.every((value, index) => index === 0 || isRight(compared[index - 1] as Json, value));
}

function less(one: Json, other: Json): boolean {
  const isSmaller = isLess(one, other);
  if (isSmaller !== undefined) return isSmaller;
  throw new RuleFailure(`${textOf(one).slice(0, 100)} and ${textOf(other).slice(0, 100)} cannot be compared`);
}

function isInNet(address: string, subnet: string): boolean {
  const [ip, net] = [parseAddress(address), parseCidr(subnet) ?? parseCidr(`${subnet}/${subnet.includes(':') ? 128 : 32}`)];
  if (!net) throw new RuleFailure(`invalid value: invalid IPNetwork ${subnet.slice(0, 100)}`);
  if (!ip) throw new RuleFailure(`failed to detect a valid IP address from '${address.slice(0, 100)}'`);
  return isIn(ip, net);
}

function patternOf(regex: Json, budget: Budget): Pattern {
  const source = textOf(regex);
  budget.spend(source.length);
  try {
    return new Pattern(source);
  } catch (error) {
    if (error instanceof PatternError) throw new RuleFailure(`invalid regular expression: ${error.message}`);
    throw error;
  }
}

function searched(value: Json, budget: Budget): string {
  const text = textOf(value);
  budget.spend(text.length);
  return text;
}

function isOneOf(value: Json, values: Json): boolean {
  if (typeof values === 'string') return values.includes(textOf(value));
  if (Array.isArray(values)) return values.some((each) => isEqual(each, value));
  return typeof values === 'object' && values !== null && Object.hasOwn(values, textOf(value));
}

/** @param wanted what a boolean or a number must be */
function isWord(value: Json, words: readonly string[], wanted: boolean): boolean {
  if (typeof value === 'boolean' || typeof value === 'number') return Boolean(value) === wanted;
  return typeof value === 'string' && words.includes(value.toLowerCase());
}
