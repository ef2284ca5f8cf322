/** JSON Patch (RFC 6902) on plain records: add, replace, remove and test, which is what clients send. */
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { Json, JsonObject } from '#domain/records.ts';

export const JsonPatch = Type.Array(
  Type.Object({
    op: Type.Union([Type.Literal('add'), Type.Literal('replace'), Type.Literal('remove'), Type.Literal('test')]),
    path: Type.String({ pattern: '^(/[^/]+)+$' }),
    value: Type.Optional(Type.Unknown()),
  }),
  { minItems: 1, maxItems: 1000 },
);
/** Of a node or port with all that stands in it. */
export const recordBytes = 256 * 1024;

export type JsonPatch = Static<typeof JsonPatch>;

/** Applies all operations to a copy. Throws `badRequest` where a path does not exist or a test fails. */
export function applyPatch(record: JsonObject, patch: JsonPatch): JsonObject {
  const result = structuredClone(record);
  for (const { op, path, value } of patch) {
    const keys = path.slice(1).split('/').map(unescapeKey);
    const last = keys.pop() ?? '';
    const parent = keys.reduce<Json | undefined>((at, key) => child(at, key), result);
    if (typeof parent !== 'object' || parent === null) throw conflict(op, path, 'its parent does not exist');
    if ((op === 'add' || op === 'replace' || op === 'test') && value === undefined) throw conflict(op, path, 'it has no value');
    if (Array.isArray(parent)) changeArray(parent, last, { op, path, value: value as Json });
    else changeObject(parent, last, { op, path, value: value as Json });
  }
  refuseTooLarge(result, record);
  return result;
}

/** Patch by patch a record could grow without end. What an older Ingot let grow further may be made smaller. */
function refuseTooLarge(after: JsonObject, before: JsonObject): void {
  const bytes = Buffer.byteLength(JSON.stringify(after));
  if (bytes <= recordBytes || bytes < Buffer.byteLength(JSON.stringify(before))) return;
  throw new Fault('tooLarge', { detail: `The record would have ${bytes} bytes; ${recordBytes} are allowed.` });
}

type Change = { op: string; path: string; value: Json };

function changeObject(parent: JsonObject, key: string, { op, path, value }: Change): void {
  const exists = Object.hasOwn(parent, key);
  if (op !== 'add' && !exists) throw conflict(op, path, 'there is nothing');
  if (op === 'remove') delete parent[key];
  else if (op === 'test') refuseDifferent(parent[key], { op, path, value });
  else Object.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true });
}

function changeArray(parent: Json[], key: string, { op, path, value }: Change): void {
  const index = key === '-' && op === 'add' ? parent.length : /^\d+$/.test(key) ? Number(key) : -1;
  if (index < 0 || index > parent.length || (op !== 'add' && index === parent.length))
    throw conflict(op, path, 'there is nothing');
  if (op === 'add') parent.splice(index, 0, value);
  else if (op === 'remove') parent.splice(index, 1);
  else if (op === 'test') refuseDifferent(parent[index], { op, path, value });
  else parent[index] = value;
}

function refuseDifferent(actual: Json | undefined, { op, path, value }: Change): void {
  if (JSON.stringify(actual) !== JSON.stringify(value)) throw conflict(op, path, 'the value is another');
}

function child(at: Json | undefined, key: string): Json | undefined {
  if (typeof at !== 'object' || at === null) return undefined;
  if (Array.isArray(at)) return at[Number(key)];
  return Object.hasOwn(at, key) ? at[key] : undefined;
}

function unescapeKey(key: string): string {
  return key.replaceAll('~1', '/').replaceAll('~0', '~');
}

function conflict(op: string, path: string, detail: string): Fault {
  return new Fault('badRequest', { detail: `Couldn't apply patch: ${op} ${path}: ${detail}.` });
}
