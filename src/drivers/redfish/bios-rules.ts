/** Validates BIOS settings by their registry: DSP0268 schema AttributeRegistry, `Attributes` and `Dependencies`. */
import { runInNewContext } from 'node:vm';
import type { Json } from '#wire/redfish/redfish-client.ts';
import { typedValue } from '../bios-values.ts';
import type { AttributeRule, AttributeType, BiosRules, Condition, Dependency, RuledProperty } from './bios-registry.ts';
import { rowOf } from './resource-fields.ts';

export type Values = Readonly<Record<string, Json>>;

export type BiosState = {
  readonly rules: BiosRules | undefined;
  readonly current: Values;
  /** Pending: written before, applied at the next boot. */
  readonly pending: Values;
};

export type Judgement = {
  /** Converted to the registry's types: some clients send `"4"` for 4. */
  readonly values: Values;
  /** One sentence per invalid setting. */
  readonly problems: readonly string[];
};

export function judgeChanges(state: BiosState, changes: Values): Judgement {
  const problems: string[] = [];
  const known = Object.entries(changes).flatMap(([name, asked]): [string, Json][] => {
    const rule = ruleOf(state, name);
    if (rule) return [[name, typedValue(asked, rule.type)]];
    problems.push(`${name} is unknown${suggest(knownNames(state), name)}`);
    return [];
  });
  const values = Object.fromEntries(known);
  const after = { ...state.current, ...state.pending, ...values };
  for (const [name, value] of Object.entries(values)) {
    const rule = ruleOf(state, name, after);
    const problem = rule && judge(rule, value);
    if (problem) problems.push(`${name} ${problem}`);
  }
  return { values, problems };
}

/**
 * The effective rule of a setting once the others have the values `after`. Without a registry, or without an entry in
 * it, only the type of the current value is known.
 */
export function ruleOf({ rules, current, pending }: BiosState, name: string, after?: Values): AttributeRule | undefined {
  const rule = rules?.attributes.get(name);
  if (!rules || !rule) return Object.hasOwn(current, name) ? guessRule(name, current[name] ?? null) : undefined;
  const dependencies = rules.dependencies.get(name) ?? [];
  if (dependencies.length === 0) return rule;
  return applyDependencies(rule, {
    rules,
    dependencies,
    now: { ...current, ...pending },
    after: after ?? { ...current, ...pending },
  });
}

function guessRule(name: string, value: Json): AttributeRule {
  return { ...openRule, name, type: guessTable[typeof value] };
}

const guessTable: Readonly<Record<string, AttributeType>> = { string: 'String', number: 'Integer', boolean: 'Boolean' };

const openRule = {
  values: undefined,
  lowerBound: undefined,
  upperBound: undefined,
  increment: undefined,
  minLength: undefined,
  maxLength: undefined,
  pattern: undefined,
  readOnly: false,
  resetRequired: undefined,
};

type Circumstances = { rules: BiosRules; dependencies: readonly Dependency[]; now: Values; after: Values };

const boundTable = {
  LowerBound: 'lowerBound',
  UpperBound: 'upperBound',
  MinLength: 'minLength',
  MaxLength: 'maxLength',
} as const satisfies Partial<Record<RuledProperty, keyof AttributeRule>>;

function applyDependencies(rule: AttributeRule, circumstances: Circumstances): AttributeRule {
  const { rules, dependencies, after } = circumstances;
  const changed: Record<string, Json> = {};
  for (const { property, value, conditions } of dependencies) {
    if (property === 'ReadOnly' || property === 'Immutable' || !hold(conditions, rules, after)) continue;
    if (typeof value === 'number') changed[boundTable[property]] = value;
  }
  return { ...rule, ...changed, readOnly: isReadOnly(rule, circumstances) };
}

/**
 * A dependency that holds decides. Otherwise the registry's own flag counts, unless a dependency that held until now
 * explains it: iDRAC generates the registry from the current settings, and marks what a wrong profile locks read-only.
 */
function isReadOnly(rule: AttributeRule, { rules, dependencies, now, after }: Circumstances): boolean {
  const locks = dependencies.filter(({ property }) => property === 'ReadOnly' || property === 'Immutable');
  const holding = locks.filter(({ conditions }) => hold(conditions, rules, after));
  if (holding.length > 0) return holding.some(({ value }) => isTrue(value));
  return rule.readOnly && !locks.some(({ conditions, value }) => isTrue(value) && hold(conditions, rules, now));
}

/** AMI writes "true" where the schema wants true. */
function isTrue(value: Json): boolean {
  return textOf(value).toLowerCase() === 'true';
}

/** A setting's value is never an object; `toString` of an object from a service could be anything. */
function textOf(value: Json): string {
  return typeof value === 'object' ? '' : String(value);
}

/** Terms are evaluated in the order of the array (schema, `MapTerms`). */
function hold(conditions: readonly Condition[], rules: BiosRules, values: Values): boolean {
  return conditions.reduce((before, condition, index) => {
    const holds = holdsOne(condition, rules, values);
    if (index === 0) return holds;
    return condition.term === 'OR' ? before || holds : before && holds;
  }, false);
}

const operatorTable: Readonly<Record<string, (left: Json, right: Json) => boolean>> = {
  EQU: (left, right) => textOf(left) === textOf(right),
  NEQ: (left, right) => textOf(left) !== textOf(right),
  GTR: (left, right) => Number(textOf(left)) > Number(textOf(right)),
  GEQ: (left, right) => Number(textOf(left)) >= Number(textOf(right)),
  LSS: (left, right) => Number(textOf(left)) < Number(textOf(right)),
  LEQ: (left, right) => Number(textOf(left)) <= Number(textOf(right)),
};

/** An unknown property, or an attribute without a value, never matches: the service decides then. */
function holdsOne({ attribute, property, operator, value }: Condition, rules: BiosRules, values: Values): boolean {
  const left = property === 'ReadOnly' ? rules.attributes.get(attribute)?.readOnly : rowOf(values, attribute);
  if (left === undefined || (property !== 'ReadOnly' && property !== 'CurrentValue')) return false;
  return rowOf(operatorTable, operator)?.(left, value) ?? false;
}

/** @returns the error, e.g. `must be a whole number, not "x"` */
function judge(rule: AttributeRule, value: Json): string | undefined {
  if (rule.readOnly) return 'is read-only (as the other settings stand)';
  if (rule.type === undefined)
    return typeof value === 'object' && value !== null ? `must be a plain value, not ${quote(value)}` : undefined;
  const wrong = judgeTable[rule.type](rule, value);
  if (wrong === undefined) return undefined;
  return rule.type === 'Password' ? wrong : `${wrong}, not ${quote(value)}`;
}

type Judge = (rule: AttributeRule, value: Json) => string | undefined;

const judgeTable: Readonly<Record<AttributeType, Judge>> = {
  Enumeration({ values }, value) {
    if (typeof value !== 'string') return 'must be text';
    if (!values || values.includes(value)) return undefined;
    const more = values.length > 12 ? ` or ${values.length - 12} more${suggest(values, value)}` : '';
    return `must be one of ${values.slice(0, 12).join(', ')}${more}`;
  },
  Integer({ lowerBound, upperBound, increment }, value) {
    if (!Number.isSafeInteger(value)) return 'must be a whole number';
    const number = value as number;
    if (lowerBound !== undefined && number < lowerBound) return `must be at least ${lowerBound}`;
    if (upperBound !== undefined && number > upperBound) return `must be at most ${upperBound}`;
    if (increment === undefined || increment <= 1 || (number - (lowerBound ?? 0)) % increment === 0) return undefined;
    return `must be ${lowerBound ?? 0} plus a multiple of ${increment}`;
  },
  Boolean: (_rule, value) => (typeof value === 'boolean' ? undefined : 'must be true or false'),
  String: judgeText,
  Password: judgeText,
};

function judgeText({ minLength, maxLength, pattern }: AttributeRule, value: Json): string | undefined {
  if (typeof value !== 'string') return 'must be text';
  if (minLength !== undefined && value.length < minLength) return `must have at least ${minLength} characters`;
  if (maxLength !== undefined && value.length > maxLength) return `must have at most ${maxLength} characters`;
  if (pattern !== undefined && !fits(pattern, value)) return `must fit the expression ${pattern}`;
  return undefined;
}

/**
 * The expression is untrusted: it times out after 50 ms, and then the service decides. So it does for an expression
 * that only Perl understands (schema, `ValueExpression`).
 */
function fits(pattern: string, value: string): boolean {
  try {
    return runInNewContext('new RegExp(pattern).test(value)', { pattern, value }, { timeout: 50 }) === true;
  } catch {
    return true;
  }
}

function quote(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function knownNames({ rules, current }: BiosState): string[] {
  return [...new Set([...(rules?.attributes.keys() ?? []), ...Object.keys(current)])];
}

/** ` (did you mean ProcCStates?)`, or an empty string if no name is similar. */
function suggest(names: readonly string[], wanted: string): string {
  const near = names
    .map((name) => ({ name, steps: distance(name.toLowerCase(), wanted.toLowerCase()) }))
    .filter(({ name, steps }) => steps <= Math.max(2, Math.floor(wanted.length / 4)) || startsAlike(name, wanted))
    .sort((a, b) => a.steps - b.steps)
    .slice(0, 3);
  return near.length > 0 ? ` (did you mean ${near.map(({ name }) => name).join(', ')}?)` : '';
}

function startsAlike(name: string, wanted: string): boolean {
  return wanted.length >= 5 && name.toLowerCase().startsWith(wanted.toLowerCase());
}

/** Levenshtein distance. Long names are truncated, since this only serves a hint. */
function distance(a: string, b: string): number {
  const [from, to] = [a.slice(0, 64), b.slice(0, 64)];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const swap = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
