/** Fields in braces, as in Python's format strings: `{inventory[cpu][count]}`, `{node.uuid}`, `{item}`. */
import type { Json, JsonObject } from '../json.ts';
import type { Budget } from './budget.ts';
import { textOf } from './python-text.ts';

/** The names that fields begin with. `node` has attributes; the others are data. */
export type Names = { readonly node: JsonObject; readonly inventory: JsonObject; readonly plugin_data: JsonObject } & {
  readonly item?: Json;
};

export type Interpolation = {
  readonly names: Names;
  readonly budget: Budget;
  /** What a text becomes of which a key is missing; absent: it stays as it is. */
  readonly missing?: null;
};

class MissingKey extends Error {}
class OddField extends Error {}

/** Fills in the fields of all texts in a value. A text with a field that is not there stays as it is, as in Ironic. */
export function interpolated(value: Json, context: Interpolation): Json {
  if (typeof value === 'string') return formatted(value, context);
  if (Array.isArray(value)) return value.map((item) => interpolated(item, context));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, member]) => [
    String(formatted(name, context)),
    interpolated(member, context),
  ]);
  return Object.fromEntries(entries) as JsonObject;
}

function formatted(text: string, { names, budget, ...context }: Interpolation): Json {
  budget.spend(text.length + 1);
  if (!/[{}]/.test(text)) return text;
  try {
    return filled(text, names, budget);
  } catch (error) {
    if (error instanceof MissingKey) return 'missing' in context ? null : text;
    if (error instanceof OddField) return text;
    throw error;
  }
}

/** Doubled braces are braces. */
const pieces = /\{\{|\}\}|\{([^{}]*)\}|[{}]/g;

function filled(text: string, names: Names, budget: Budget): string {
  return text.replace(pieces, (piece: string, field: string | undefined) => {
    if (piece === '{{') return '{';
    if (piece === '}}') return '}';
    if (field === undefined) throw new OddField();
    const value = textOf(fieldValue(field, names));
    budget.spend(value.length);
    return value;
  });
}

const fieldPattern = /^([a-z_]+)((?:\.[A-Za-z_]\w*|\[[^[\]]+\])*)(?:!s)?$/;

function fieldValue(field: string, names: Names): Json {
  const [, first = '', rest = ''] = fieldPattern.exec(field) ?? [];
  if (first === '') throw new OddField();
  if (!Object.hasOwn(names, first)) throw new MissingKey();
  let value = names[first as keyof Names] as Json;
  let isNode = first === 'node';
  for (const [step] of rest.matchAll(/\.\w+|\[[^[\]]+\]/g)) {
    // Data have keys, and the node attributes.
    if (step.startsWith('.') !== isNode) throw new OddField();
    value = member(value, isNode ? step.slice(1) : step.slice(1, -1));
    isNode = false;
  }
  return value;
}

function member(value: Json, key: string): Json {
  if (Array.isArray(value)) {
    const item = /^\d{1,9}$/.test(key) ? value[Number(key)] : undefined;
    if (item === undefined) throw new OddField();
    return item;
  }
  if (typeof value !== 'object' || value === null) throw new OddField();
  const found = Object.hasOwn(value, key) ? value[key] : undefined;
  if (found === undefined) throw new MissingKey();
  return found;
}
