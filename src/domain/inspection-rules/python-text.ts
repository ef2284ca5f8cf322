/** Values as Python writes and compares them: rules are written for Ironic. */
import type { Json, JsonObject } from '../json.ts';

/** `str(value)` */
export function textOf(value: Json): string {
  return typeof value === 'string' ? value : writtenOf(value);
}

/** `repr(value)` */
function writtenOf(value: Json): string {
  if (value === null) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value)) return `[${value.map(writtenOf).join(', ')}]`;
  return `{${Object.entries(value)
    .map(([name, member]) => `${quoted(name)}: ${writtenOf(member)}`)
    .join(', ')}}`;
}

function quoted(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t');
  return escaped.includes("'") && !escaped.includes('"') ? `"${escaped}"` : `'${escaped.replaceAll("'", "\\'")}'`;
}

/** `one == other`: True is 1. */
export function isEqual(one: Json, other: Json): boolean {
  const [left, right] = [plain(one), plain(other)];
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return left === right;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const [a, b] = [left as JsonObject, right as JsonObject];
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && isEqual(a[name] as Json, b[name] as Json))
  );
}

/** `one < other`; undefined if Python cannot compare them. */
export function isLess(one: Json, other: Json): boolean | undefined {
  const [left, right] = [plain(one), plain(other)];
  if (typeof left === 'number' && typeof right === 'number') return left < right;
  if (typeof left === 'string' && typeof right === 'string') return left < right;
  return undefined;
}

function plain(value: Json): Json {
  return typeof value === 'boolean' ? Number(value) : value;
}
