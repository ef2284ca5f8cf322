/** Which roles create, read, update and delete which properties of images: Glance's property protections. */
import { Fault } from '#domain/faults.ts';
import type { Caller } from '../caller.ts';
import { shorten } from './limits.ts';

export type PropertyAction = 'create' | 'read' | 'update' | 'delete';

/** `@`: everyone; `!`: nobody; else names of roles, in lower case. */
type Rule = { readonly pattern: RegExp; readonly roles: Readonly<Record<PropertyAction, readonly string[]>> };

export class PropertyProtections {
  readonly #rules: readonly Rule[];

  /** @param rules the first that matches a name decides; none: everything is allowed */
  constructor(rules: readonly Rule[] = []) {
    this.#rules = rules;
  }

  allows({ roles }: Pick<Caller, 'roles'>, action: PropertyAction, name: string): boolean {
    if (this.#rules.length === 0) return true;
    const allowed = this.#rules.find(({ pattern }) => pattern.test(name))?.roles[action] ?? [];
    if (allowed.includes('!')) return false;
    return allowed.includes('@') || roles.some((role) => allowed.includes(role.toLowerCase()));
  }

  /** @throws Fault `forbidden` */
  authorize(caller: Caller, action: PropertyAction, name: string): void {
    if (!this.allows(caller, action, name)) throw new Fault('forbidden', { detail: `Attribute '${shorten(name)}' is reserved.` });
  }

  /** Those that the caller may read. */
  readable(caller: Caller, properties: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    if (this.#rules.length === 0) return properties;
    return Object.fromEntries(Object.entries(properties).filter(([name]) => this.allows(caller, 'read', name)));
  }
}

type Section = { readonly name: string; readonly line: number; readonly values: Map<string, string> };

/**
 * A file as Glance reads it with `property_protection_rule_format = roles`: an INI file whose sections are patterns.
 * @param invalid makes the fault for a line, counted from 1
 */
export function parseProtections(text: string, invalid: (line: number, detail: string) => Fault): PropertyProtections {
  return new PropertyProtections(sectionsOf(text, invalid).map((section) => ruleOf(section, invalid)));
}

function sectionsOf(text: string, invalid: (line: number, detail: string) => Fault): Section[] {
  const sections: Section[] = [];
  let key: string | undefined;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = index + 1;
    const words = raw.trim();
    if (words === '' || words.startsWith('#') || words.startsWith(';')) continue;
    const current = sections.at(-1);
    if (/^\s/.test(raw) && current && key !== undefined) {
      current.values.set(key, `${current.values.get(key)}\n${words}`);
      continue;
    }
    const name = /^\[(.+)\]/.exec(words)?.[1];
    if (name !== undefined) {
      if (sections.some((section) => section.name === name)) throw invalid(line, `there is another section [${name}]`);
      sections.push({ name, line, values: new Map() });
      key = undefined;
      continue;
    }
    const [, option, value = ''] = /^([^=:]+?)\s*[=:]\s*(.*)$/.exec(words) ?? [];
    if (option === undefined || !current) throw invalid(line, 'it must be [PATTERN], or OPERATION = ROLE, … below one');
    key = option.toLowerCase();
    current.values.set(key, value);
  }
  return sections;
}

function ruleOf({ name, line, values }: Section, invalid: (line: number, detail: string) => Fault): Rule {
  const rolesFor = (action: PropertyAction) => {
    const value = values.get(action);
    if (value === undefined) throw invalid(line, `[${name}] must say who may ${action}`);
    const named = value.split(',').map((role) => role.trim().toLowerCase());
    if (named.includes('@') && named.includes('!')) throw invalid(line, `[${name}] ${action}: @ and ! exclude each other`);
    return named;
  };
  const roles = { create: rolesFor('create'), read: rolesFor('read'), update: rolesFor('update'), delete: rolesFor('delete') };
  return { pattern: patternOf(name, (detail) => invalid(line, detail)), roles };
}

function patternOf(text: string, invalid: (detail: string) => Fault): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw invalid(`[${text}] is no regular expression: ${(error as Error).message}`);
  }
}
