/** Values at paths such as `properties/cpu/model` or `properties.cpu.model`. */
import type { Json, JsonObject } from '../json.ts';
import { RuleFailure } from './budget.ts';

/** Deeper data could not be shown. */
const deepest = 30;

export function partsOf(path: Json | undefined): string[] {
  const text = String(path ?? '');
  const parts = text.includes('/') ? text.replace(/^\/+|\/+$/g, '').split('/') : text.split('.');
  if (parts.length > deepest) throw new RuleFailure(`a path has at most ${deepest} parts`);
  return parts;
}

/** A key may be named `__proto__`. */
function put(holder: JsonObject, key: string, value: Json): void {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

function own(holder: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(holder, key) ? holder[key] : undefined;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object that has the last part. @param makes missing ones */
function holderOf(root: JsonObject, parts: readonly string[], makes: boolean): JsonObject {
  let holder = root;
  for (const part of parts.slice(0, -1)) {
    if (makes && own(holder, part) === undefined) put(holder, part, {});
    const next = own(holder, part);
    if (!isObject(next)) throw new RuleFailure(`there is no object at '${part}'`);
    holder = next;
  }
  return holder;
}

const lastOf = (parts: readonly string[]) => parts.at(-1) ?? '';

export function setAt(root: JsonObject, parts: readonly string[], value: Json): void {
  put(holderOf(root, parts, true), lastOf(parts), value);
}

/** Appends to a list, which is made if it is missing. @returns how many items it had */
export function extendAt(
  root: JsonObject,
  parts: readonly string[],
  { value, unique }: { value: Json; unique: boolean },
): number {
  const holder = holderOf(root, parts, true);
  const list = own(holder, lastOf(parts)) ?? [];
  if (!Array.isArray(list)) throw new RuleFailure(`Cannot extend non-list attribute ${parts.join('/')}`);
  const isThere = list.some((each) => JSON.stringify(each) === JSON.stringify(value));
  if (!unique || !isThere) put(holder, lastOf(parts), [...list, value]);
  return list.length;
}

/** False if it was not there. */
export function deleteAt(root: JsonObject, parts: readonly string[]): boolean {
  const holder = holderOf(root, parts, false);
  if (own(holder, lastOf(parts)) === undefined) return false;
  delete holder[lastOf(parts)];
  return true;
}
