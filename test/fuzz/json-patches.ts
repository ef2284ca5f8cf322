/** Random JSON patches on random records, compared with a model: every operation creates a new document. */
import { isDeepStrictEqual } from 'node:util';
import { Fault } from '#domain/faults.ts';
import type { Json, JsonObject } from '#domain/json.ts';
import { applyPatch, type JsonPatch } from '#services/baremetal/json-patch.ts';
import { pick, type Roll } from './dice.ts';
import { diceOf, seedInput, type Target, type Verdict } from './target.ts';

type Operation = JsonPatch[number];
const names = ['a', 'b', '0', '1', '-', '', '~', '/', '__proto__'];
const keysAsked = [...names, '2', '3', '01', '-1', '1e0', 'length', 'toString'];

function someJson(roll: Roll, depth = 0): Json {
  const kind = roll(depth > 3 ? 5 : 9);
  if (kind < 5) return pick([null, true, 0, 7, 'text'], roll);
  const items = Array.from({ length: roll(4) }, () => someJson(roll, depth + 1));
  return kind < 7 ? items : Object.fromEntries(items.map((item) => [pick(names, roll), item]));
}

/** Mostly to an existing location. */
function somePointer(roll: Roll, document: Json): string {
  let at: Json = document;
  let pointer = '';
  for (let left = roll(4); left > 0; left -= 1) {
    const key: string = roll(4) === 0 ? pick(keysAsked, roll) : (pick(Object.keys(at ?? {}), roll) ?? pick(keysAsked, roll));
    pointer += `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    at = Object.getOwnPropertyDescriptor(at ?? {}, key)?.value ?? null;
  }
  return pointer;
}

function someOperation(roll: Roll, document: Json): Operation {
  const path = somePointer(roll, document);
  const op = pick(['add', 'replace', 'test', 'remove', 'move', 'copy'] as const, roll);
  if (op === 'remove') return { op, path };
  if (op === 'move' || op === 'copy') return { op, path, from: somePointer(roll, document) };
  const there = op === 'test' && roll(2) === 0 ? modelGet(document, readPointer(path)) : undefined;
  return { op, path, value: there?.[0] ?? someJson(roll) };
}

function readPointer(pointer: string): string[] {
  const plain = (key: string) => key.replace(/~[01]/g, (found) => (found === '~1' ? '/' : '~'));
  return pointer.split('/').slice(1).map(plain);
}

/** Boxed, since null may be the value; undefined = no value. */
function modelGet(document: Json, keys: readonly string[]): [Json] | undefined {
  const [key, ...deeper] = keys;
  if (key === undefined) return [document];
  const members = membersIn(document);
  const found = members?.find(([name]) => name === key);
  return found && modelGet(found[1], deeper);
}

function membersIn(document: Json): [string, Json][] | undefined {
  if (typeof document !== 'object' || document === null) return undefined;
  return Array.isArray(document) ? document.map((item, index) => [String(index), item]) : Object.entries(document);
}

type Edit = { add?: Json; replace?: Json };

/** With neither add nor replace: the value is removed. Undefined = not possible. */
function modelEdit(document: Json, keys: readonly string[], edit: Edit): [Json] | undefined {
  const [key, ...deeper] = keys;
  const given = edit.add !== undefined ? edit.add : edit.replace;
  if (key === undefined) return given === undefined ? undefined : [given];
  const members = membersIn(document);
  const at = members?.findIndex(([name]) => name === key) ?? -1;
  if (!members) return undefined;
  if (deeper.length > 0) {
    const inner = at < 0 ? undefined : modelEdit((members[at] as [string, Json])[1], deeper, edit);
    return inner && [made(document, members.toSpliced(at, 1, [key, inner[0]]))];
  }
  if (edit.add !== undefined && Array.isArray(document)) return modelInsert(document, key, edit.add);
  if (at < 0) return edit.add === undefined ? undefined : [made(document, [...members, [key, edit.add]])];
  return [made(document, given === undefined ? members.toSpliced(at, 1) : members.toSpliced(at, 1, [key, given]))];
}

function modelInsert(items: readonly Json[], key: string, value: Json): [Json] | undefined {
  const places = [...items.keys(), items.length].map(String);
  const place = key === '-' ? items.length : places.indexOf(key);
  return place < 0 ? undefined : [items.toSpliced(place, 0, value)];
}

function made(like: Json, members: readonly [string, Json][]): Json {
  return Array.isArray(like) ? members.map(([, item]) => item) : Object.fromEntries(members);
}

function modelApply(document: Json, operation: Operation): [Json] | undefined {
  const keys = readPointer(operation.path);
  const there = modelGet(document, keys);
  if (operation.op === 'add') return modelEdit(document, keys, { add: operation.value as Json });
  if (operation.op === 'replace') return there && modelEdit(document, keys, { replace: operation.value as Json });
  if (operation.op === 'remove') return there && modelEdit(document, keys, {});
  if (operation.op === 'test') return there && isDeepStrictEqual(there[0], operation.value) ? [document] : undefined;
  const from = modelGet(document, readPointer(operation.from));
  if (!from) return undefined;
  if (operation.op === 'copy') return modelEdit(document, keys, { add: from[0] });
  if (operation.path === operation.from) return [document];
  if (operation.path.startsWith(`${operation.from}/`)) return undefined;
  const rest = modelEdit(document, readPointer(operation.from), {});
  return rest && modelEdit(rest[0], keys, { add: from[0] });
}

function compare(input: Buffer): Verdict {
  const roll = diceOf(input);
  const before = someJson(roll);
  const patch: JsonPatch = [];
  let expected: [Json] | undefined = [before];
  for (let left = 1 + roll(4); left > 0 && expected; left -= 1) {
    const operation = someOperation(roll, expected[0]);
    patch.push(operation);
    expected = modelApply(expected[0], operation);
  }
  const asSent = JSON.stringify({ before, patch });
  const { after, reason } = attempt(before, patch);
  if (!isDeepStrictEqual(after, expected))
    throw new Error(`${asSent} became ${JSON.stringify(after)}, not ${JSON.stringify(expected)}`);
  if (JSON.stringify({ before, patch }) !== asSent) throw new Error(`${asSent} was itself changed`);
  if ('polluted' in {} || Object.keys(Object.prototype).length > 0) throw new Error('every object was changed');
  return reason === undefined ? { read: true } : { read: false, reason };
}

function attempt(before: Json, patch: JsonPatch): { after?: [Json]; reason?: string } {
  try {
    return { after: [applyPatch(before as JsonObject, patch)] };
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'badRequest') throw error;
    return { reason: error.message };
  }
}

export const jsonPatchTarget: Target = {
  ...{ name: 'json patches against a model', share: 4 },
  open: () => ({ make: seedInput, feed: compare }),
};
