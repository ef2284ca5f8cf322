/**
 * Rules that make users and groups of what an identity provider says, as Keystone's mapping engine: each rule whose remote
 * part holds adds its local part. Values are lists and never split, so that no value can stand for several.
 */
import { Budget, RuleFailure } from '../inspection-rules/budget.ts';
import { Pattern } from '../inspection-rules/pattern.ts';
import { PatternError } from '../inspection-rules/pattern-syntax.ts';

export type RemoteRule = {
  /** The name of the claim. */
  readonly type: string;
  readonly any_one_of?: readonly string[];
  readonly not_any_of?: readonly string[];
  readonly whitelist?: readonly string[];
  readonly blacklist?: readonly string[];
  readonly regex?: boolean;
};
type NamedDomain = { readonly id?: string; readonly name?: string };
export type MappedGroup = { readonly id: string } | { readonly name: string; readonly domain: NamedDomain };

/** In texts, `{0}` is the value of the first remote rule without a condition, and so on. */
export type LocalRule = {
  readonly user?: { readonly id?: string; readonly name?: string; readonly email?: string; readonly type?: 'ephemeral' };
  readonly group?: MappedGroup;
  readonly groups?: string;
  readonly group_ids?: string;
  readonly domain?: NamedDomain;
};
export type MappingRule = { readonly local: readonly LocalRule[]; readonly remote: readonly RemoteRule[] };

/** What a provider says, by the names that rules use. */
export type Assertion = ReadonlyMap<string, readonly string[]>;

export type Mapped = {
  readonly user: { readonly id?: string; readonly name?: string; readonly email?: string };
  readonly groups: readonly MappedGroup[];
};

/** The mapping does not fit the claims, or cannot be meant. */
export class MappingError extends Error {
  override name = 'MappingError';
}

/** States and characters that all patterns of a login may cost together. */
const patternSteps = 200_000;
const groupsMost = 1000;

/** @throws MappingError */
export function checkRules(rules: readonly MappingRule[]): void {
  for (const { local, remote } of rules) {
    for (const rule of remote) if (rule.regex) for (const source of conditionsOf(rule)) patternOf(source);
    const direct = remote.filter((rule) => !isTest(rule)).length;
    for (const each of local) checkLocal(each, direct);
  }
}

function checkLocal(rule: LocalRule, direct: number): void {
  const { group, groups, domain } = rule;
  if (groups !== undefined && !domain)
    throw new MappingError("Invalid rule: Both 'groups' and 'domain' keywords must be specified.");
  const homes = [domain, group && 'domain' in group ? group.domain : undefined];
  if (homes.some((home) => home && home.id === undefined && home.name === undefined))
    throw new MappingError("Invalid rule: a 'domain' needs an 'id' or a 'name'.");
  for (const text of textsOf(rule)) for (const part of partsOf(text)) if (typeof part === 'number') checkIndex(part, direct);
}

function checkIndex(index: number, count: number): void {
  if (index >= count)
    throw new MappingError(`Local section in mapping refers to a remote match that doesn't exist (e.g. {${index}}).`);
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : [];
}

/** @throws MappingError also if no rule holds */
export function mapAssertion(rules: readonly MappingRule[], assertion: Assertion): Mapped {
  const budget = new Budget(patternSteps);
  let user: Mapped['user'] | undefined;
  const groups: MappedGroup[] = [];
  let isAnyApplied = false;
  for (const { local, remote } of rules) {
    const values = remoteValues(remote, assertion, budget);
    if (!values) continue;
    for (const each of local) {
      isAnyApplied = true;
      if (each.user) user ??= userOf(each.user, values);
      groups.push(...groupsOf(each, values));
      if (groups.length > groupsMost) throw new MappingError(`The mapping gives more than ${groupsMost} groups.`);
    }
  }
  if (!isAnyApplied) throw new MappingError('Could not map any federated user properties to identity values.');
  return { user: user ?? {}, groups };
}

type Values = readonly (readonly string[])[];

/** undefined: the rule does not hold. */
function remoteValues(remote: readonly RemoteRule[], assertion: Assertion, budget: Budget): Values | undefined {
  const found: (readonly string[])[] = [];
  for (const rule of remote) {
    const values = assertion.get(rule.type);
    if (!values || values.length === 0) return undefined;
    const matches = matcherOf(rule, budget);
    if (isTest(rule)) {
      if (values.some(matches) !== (rule.any_one_of !== undefined)) return undefined;
    } else if (rule.blacklist) found.push(values.filter((value) => !matches(value)));
    else found.push(rule.whitelist ? values.filter(matches) : values);
  }
  return found;
}

const isTest = ({ any_one_of, not_any_of }: RemoteRule) => any_one_of !== undefined || not_any_of !== undefined;
const conditionsOf = (rule: RemoteRule) => rule.any_one_of ?? rule.not_any_of ?? rule.blacklist ?? rule.whitelist ?? [];

function matcherOf(rule: RemoteRule, budget: Budget): (value: string) => boolean {
  const conditions = conditionsOf(rule);
  if (!rule.regex) {
    const all = new Set(conditions);
    return (value) => all.has(value);
  }
  const patterns = conditions.map(patternOf);
  return (value) => patterns.some((pattern) => isIn(pattern, value, budget));
}

function isIn(pattern: Pattern, value: string, budget: Budget): boolean {
  try {
    return pattern.isIn(value, budget);
  } catch (error) {
    if (!(error instanceof RuleFailure)) throw error;
    throw new MappingError('The patterns of the mapping take too long for these values.', { cause: error });
  }
}

function patternOf(source: string): Pattern {
  try {
    return new Pattern(source);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new MappingError(`Invalid regular expression '${source}': ${error.message}`, { cause: error });
  }
}

function userOf({ id, name, email }: NonNullable<LocalRule['user']>, values: Values): Mapped['user'] {
  return {
    ...(id !== undefined && { id: filled(id, values) }),
    ...(name !== undefined && { name: filled(name, values) }),
    ...(email !== undefined && { email: filled(email, values) }),
  };
}

function groupsOf({ group, groups, group_ids, domain }: LocalRule, values: Values): MappedGroup[] {
  const home = domain && filledDomain(domain, values);
  return [
    ...(group === undefined ? [] : [filledGroup(group, values)]),
    ...(groups === undefined || !home ? [] : several(groups, values).map((name) => ({ name, domain: home }))),
    ...(group_ids === undefined ? [] : several(group_ids, values).map((id) => ({ id }))),
  ];
}

function filledGroup(group: MappedGroup, values: Values): MappedGroup {
  if ('id' in group) return { id: filled(group.id, values) };
  return { name: filled(group.name, values), domain: filledDomain(group.domain, values) };
}

function filledDomain({ id, name }: NamedDomain, values: Values): NamedDomain {
  return { ...(id !== undefined && { id: filled(id, values) }), ...(name !== undefined && { name: filled(name, values) }) };
}

/** All values, if the text is nothing but one of them. */
function several(text: string, values: Values): readonly string[] {
  const [part, ...others] = partsOf(text);
  return typeof part === 'number' && others.length === 0 ? valueAt(values, part) : [filled(text, values)];
}

function filled(text: string, values: Values): string {
  return partsOf(text)
    .map((part) => {
      if (typeof part === 'string') return part;
      const [value, ...others] = valueAt(values, part);
      if (value === undefined || others.length > 0) throw new MappingError(`{${part}} of the mapping is not a single value.`);
      return value;
    })
    .join('');
}

function valueAt(values: Values, index: number): readonly string[] {
  checkIndex(index, values.length);
  return values[index] ?? [];
}

/** Texts, and the numbers in braces; `{{` and `}}` are braces. @throws MappingError */
function partsOf(text: string): (string | number)[] {
  const parts = text.split(/(\{\{|\}\}|\{\d{1,3}\})/).filter((part) => part !== '');
  return parts.map((part) => {
    if (part === '{{' || part === '}}') return part[0] ?? '';
    if (/^\{\d+\}$/.test(part)) return Number(part.slice(1, -1));
    if (/[{}]/.test(part)) throw new MappingError(`'${text}' has a brace that is neither doubled nor around a number.`);
    return part;
  });
}
