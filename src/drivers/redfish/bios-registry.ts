/**
 * Attribute registry of a machine's BIOS settings: DSP0268 schema AttributeRegistry, found by the name in the Bios
 * resource (schema Bios, `AttributeRegistry`).
 */
import type { Json, Resource } from '#wire/redfish/redfish-client.ts';
import type { BiosSetting } from '../interfaces.ts';
import { rootPath, type SystemContext } from './find-system.ts';
import { pagesOf, type Reader, read, readIfAny, unlessAbsent } from './reading.ts';
import { at, booleanAt, linkAt, numberAt, objectAt, objectsAt, textAt } from './resource-fields.ts';

export type AttributeType = NonNullable<BiosSetting['type']>;

export type AttributeRule = {
  readonly name: string;
  readonly type: AttributeType | undefined;
  /** Of an Enumeration only. */
  readonly values: readonly string[] | undefined;
  readonly lowerBound: number | undefined;
  readonly upperBound: number | undefined;
  readonly increment: number | undefined;
  readonly minLength: number | undefined;
  readonly maxLength: number | undefined;
  /** A regular expression. */
  readonly pattern: string | undefined;
  /** Read-only or immutable. */
  readonly readOnly: boolean;
  readonly resetRequired: boolean | undefined;
};

/** `AttributeX.CurrentValue EQU Enabled`; `term` joins it to the previous condition. */
export type Condition = {
  readonly attribute: string;
  readonly property: string;
  readonly operator: string;
  readonly value: Json;
  readonly term: 'AND' | 'OR';
};

/** While the conditions hold, `property` of the attribute has the value `value`. */
export type Dependency = { readonly conditions: readonly Condition[]; readonly property: RuledProperty; readonly value: Json };

/** Properties that a dependency can change. GrayOut is ignored: such a value "can be modified" (schema, `GrayOut`). */
const ruledProperties = ['ReadOnly', 'Immutable', 'LowerBound', 'UpperBound', 'MinLength', 'MaxLength'] as const;
export type RuledProperty = (typeof ruledProperties)[number];

export type BiosRules = {
  readonly attributes: ReadonlyMap<string, AttributeRule>;
  /** Keyed by the attribute whose properties they change. */
  readonly dependencies: ReadonlyMap<string, readonly Dependency[]>;
};

const attributeTypes: readonly string[] = ['Enumeration', 'String', 'Integer', 'Boolean', 'Password'] satisfies AttributeType[];
/** Server registries have up to about a thousand of each; the limits bound memory use with a broken service. */
const mostAttributes = 5_000;
const mostDependencies = 20_000;
/** Number of registry files tried if none has exactly the requested name. */
const mostCandidates = 6;

/** Caches the registries of recently used machines: a registry can have megabytes, and BMCs send it slowly. */
export class BiosRulesCache {
  readonly #kept = new Map<string, BiosRules>();
  readonly #limit: number;

  constructor(limit = 32) {
    this.#limit = limit;
  }

  /** `name` alone is no cache key: a vendor reuses names for different registries, and BIOS updates change them. */
  async get(machine: SystemContext, { name, version }: { name: string; version: string }): Promise<BiosRules | undefined> {
    const key = [machine.node.uuid, version, name].join(' ');
    const rules = this.#kept.get(key) ?? (await findRules(machine, name));
    this.#kept.delete(key);
    if (rules) this.#kept.set(key, rules);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= this.#limit) break;
      this.#kept.delete(oldest);
    }
    return rules;
  }
}

async function findRules(reader: Reader, name: string): Promise<BiosRules | undefined> {
  const files = (await unlessAbsent(reader, () => listFiles(reader))) ?? [];
  for (const path of candidates(files, name)) {
    const registry = await readRegistry(reader, path, name);
    if (registry) return parseRules(registry);
  }
  return undefined;
}

async function listFiles(reader: Reader): Promise<string[]> {
  const collection = linkAt(await read(reader, rootPath), 'Registries');
  const files: string[] = [];
  if (collection === undefined) return files;
  for await (const page of pagesOf(reader, collection)) files.push(...page.flatMap((member) => linkAt(member) ?? []));
  return files;
}

/** Best first: the file of that name, that name in another version, any BIOS registry. */
function candidates(paths: readonly string[], name: string): string[] {
  const rank = (path: string) => {
    const file = lastPart(path);
    if (normalizeName(file) === normalizeName(name)) return 0;
    if (stem(file) === stem(name)) return 1;
    return /bios/i.test(file) ? 2 : 3;
  };
  return paths
    .filter((path) => rank(path) < 3)
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, mostCandidates);
}

async function readRegistry(reader: Reader, path: string, name: string): Promise<Resource | undefined> {
  const file = await readIfAny(reader, path);
  const registry = await readIfAny(reader, locationOf(file));
  if (!Array.isArray(at(registry, 'RegistryEntries', 'Attributes'))) return undefined;
  const names = [lastPart(path), textAt(file, 'Id'), textAt(file, 'Registry'), textAt(registry, 'Id')];
  return names.some((own) => own !== undefined && isNamed(own, name)) ? registry : undefined;
}

/** DSP0268 schema MessageRegistryFile, `Location`: English, else the default, else the first. No archives or URLs. */
function locationOf(file: Resource | undefined): string | undefined {
  const here = objectsAt(file, 'Location').filter((location) => textAt(location, 'Uri')?.startsWith('/'));
  const language = (location: Resource) => (textAt(location, 'Language') ?? '').toLowerCase();
  const chosen =
    here.find((location) => /^en(-|$)/.test(language(location))) ??
    here.find((location) => language(location) === 'default') ??
    here[0];
  return textAt(chosen, 'Uri');
}

function lastPart(path: string): string {
  return path.replace(/\/+$/, '').split('/').at(-1) ?? '';
}

/** `BiosAttributeRegistryU58.v1_2_44` and `biosattributeregistryu58.1.2.44.json` are the same registry. */
function normalizeName(name: string): string {
  return name
    .toLowerCase()
    .replace(/\.json$/, '')
    .replace(/\.v(?=\d)/, '.')
    .replaceAll('_', '.');
}

/** If one side has no version (Dell iDRAC9: registry `BiosAttributeRegistry`), the rest of the name must match. */
function isNamed(own: string, name: string): boolean {
  return normalizeName(own) === normalizeName(name) || normalizeName(own) === stem(name);
}

function stem(name: string): string {
  return normalizeName(name).replace(/\.[\d.]+$/, '');
}

export function parseRules(registry: Resource): BiosRules {
  const entries = objectAt(registry, 'RegistryEntries');
  const attributes = new Map<string, AttributeRule>();
  const listed = objectsAt(entries, 'Attributes').slice(0, mostAttributes);
  const wording = wordingOf(listed);
  for (const entry of listed) {
    const rule = parseRule(entry, wording);
    if (rule) attributes.set(rule.name, rule);
  }
  const dependencies = new Map<string, Dependency[]>();
  for (const entry of objectsAt(entries, 'Dependencies').slice(0, mostDependencies)) {
    const target = textAt(entry, 'Dependency', 'MapToAttribute');
    const dependency = parseDependency(entry);
    if (target === undefined || !dependency) continue;
    dependencies.set(target, [...(dependencies.get(target) ?? []), dependency]);
  }
  return { attributes, dependencies };
}

type Wording = 'ValueName' | 'ValueDisplayName';

/**
 * By the schema, the values of settings are `ValueName`. In registries of Supermicro X13 these are numbers, and the
 * settings hold the `ValueDisplayName`: the values in the registry itself show which of them applies.
 */
function wordingOf(entries: readonly Resource[]): Wording {
  let balance = 0;
  for (const entry of entries) {
    const value = textAt(entry, 'CurrentValue') ?? textAt(entry, 'DefaultValue');
    if (value === undefined || textAt(entry, 'Type') !== 'Enumeration') continue;
    if (wordsOf(entry, 'ValueName').includes(value)) balance--;
    else if (wordsOf(entry, 'ValueDisplayName').includes(value)) balance++;
  }
  return balance > 0 ? 'ValueDisplayName' : 'ValueName';
}

function wordsOf(entry: Resource, wording: Wording): string[] {
  return [...new Set(objectsAt(entry, 'Value').flatMap((value) => textAt(value, wording) ?? []))];
}

function parseRule(entry: Resource, wording: Wording): AttributeRule | undefined {
  const name = textAt(entry, 'AttributeName');
  if (name === undefined) return undefined;
  const type = textAt(entry, 'Type');
  const values = wordsOf(entry, wording);
  return {
    name,
    type: type !== undefined && attributeTypes.includes(type) ? (type as AttributeType) : undefined,
    values: type === 'Enumeration' && values.length > 0 ? values : undefined,
    lowerBound: numberAt(entry, 'LowerBound'),
    upperBound: numberAt(entry, 'UpperBound'),
    increment: numberAt(entry, 'ScalarIncrement'),
    minLength: numberAt(entry, 'MinLength'),
    maxLength: numberAt(entry, 'MaxLength'),
    pattern: textAt(entry, 'ValueExpression'),
    readOnly: at(entry, 'ReadOnly') === true || at(entry, 'Immutable') === true,
    resetRequired: booleanAt(entry, 'ResetRequired'),
  };
}

function parseDependency(entry: Resource): Dependency | undefined {
  const dependency = objectAt(entry, 'Dependency');
  const property = ruledProperties.find((name) => name === at(dependency, 'MapToProperty'));
  const conditions = objectsAt(dependency, 'MapFrom').map(parseCondition);
  if (property === undefined || conditions.length === 0) return undefined;
  return { property, value: at(dependency, 'MapToValue') ?? null, conditions };
}

function parseCondition(entry: Resource): Condition {
  return {
    attribute: textAt(entry, 'MapFromAttribute') ?? '',
    property: textAt(entry, 'MapFromProperty') ?? 'CurrentValue',
    operator: textAt(entry, 'MapFromCondition') ?? 'EQU',
    value: at(entry, 'MapFromValue') ?? null,
    term: at(entry, 'MapTerms') === 'OR' ? 'OR' : 'AND',
  };
}
