/** JSON Patch (RFC 6902) on plain records. */
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { Json, JsonObject } from '#domain/json.ts';
import { faultOfSize } from '#domain/json-size.ts';
import { indexOf, keysOf, pointerPattern } from './json-pointer.ts';

const Pointer = Type.String({ pattern: pointerPattern });
const Value = Type.Unknown();
/** Other members of an operation are ignored, as section 4 requires. */
const Operation = Type.Union([
  Type.Object({ op: Type.Literal('add'), path: Pointer, value: Value }),
  Type.Object({ op: Type.Literal('replace'), path: Pointer, value: Value }),
  Type.Object({ op: Type.Literal('test'), path: Pointer, value: Value }),
  Type.Object({ op: Type.Literal('remove'), path: Pointer }),
  Type.Object({ op: Type.Literal('move'), path: Pointer, from: Pointer }),
  Type.Object({ op: Type.Literal('copy'), path: Pointer, from: Pointer }),
]);
export const JsonPatch = Type.Array(Operation, { maxItems: 1000 });
/** Maximum size of a node or port with all its fields. */
export const recordBytes = 256 * 1024;

export type JsonPatch = Static<typeof JsonPatch>;
type Operation = Static<typeof Operation>;

/**
 * Applies all operations to a copy; changes neither record nor patch, and the result shares nothing with them. Throws
 * `badRequest` if a path does not exist or a test fails.
 * @param masked the top-level members that may hold secrets
 */
export function applyPatch<J extends Json>(record: J, patch: JsonPatch, masked: readonly string[] = []): J {
  const document = new PatchedDocument(record, masked);
  for (const operation of patch) document.apply(operation);
  const { root } = document;
  refuseTooLarge(root, record);
  return root as J;
}

/** The top-level members that a patch reads or writes, even in part. */
export function membersOf(patch: JsonPatch): Set<string> {
  return new Set(patch.flatMap((operation) => pointersOf(operation).map(firstKey)));
}

/** The top-level members that a patch may change. */
export function writtenMembersOf(patch: JsonPatch): Set<string> {
  const pointers = patch.flatMap((operation) => {
    if (operation.op === 'test') return [];
    return operation.op === 'move' ? pointersOf(operation) : [operation.path];
  });
  return new Set(pointers.map(firstKey));
}

function firstKey(pointer: string): string {
  return keysOf(pointer)[0] ?? '';
}

export function pointersOf(operation: Operation): string[] {
  return 'from' in operation ? [operation.path, operation.from] : [operation.path];
}

/** Repeated patches could grow a record without limit. A record of an older Ingot above the limit may still shrink. */
function refuseTooLarge(after: Json, before: Json): void {
  const tooDeep = faultOfSize(after);
  if (tooDeep) throw tooDeep;
  const bytes = Buffer.byteLength(JSON.stringify(after));
  if (bytes <= recordBytes || bytes < Buffer.byteLength(JSON.stringify(before))) return;
  throw tooLarge(bytes);
}

function tooLarge(bytes: number): Fault {
  return new Fault('tooLarge', { detail: `The record would have ${bytes} bytes; ${recordBytes} are allowed.` });
}

class PatchedDocument {
  root: Json;
  /** Bytes copied so far: repeated copies would double the document each time. */
  #copied = 0;
  readonly #masked: readonly string[];

  constructor(record: Json, masked: readonly string[]) {
    this.root = structuredClone(record);
    this.#masked = masked;
  }

  apply(operation: Operation): void {
    const keys = keysOf(operation.path);
    try {
      if (operation.op !== 'test') this.#refuseRenaming(keys);
      if (operation.op === 'remove') this.#remove(keys);
      else if (operation.op === 'add') this.#add(keys, ownCopy(operation.value));
      else if (operation.op === 'replace') this.#replace(keys, ownCopy(operation.value));
      else if (operation.op === 'test') this.#test(keys, operation.value as Json);
      else if (operation.op === 'copy') this.#add(keys, this.#copy(keysOf(operation.from)));
      else this.#move(keysOf(operation.from), keys);
    } catch (error) {
      if (!(error instanceof Impossible)) throw error;
      const where = pointersOf(operation).reverse().join(' to ');
      // The value may be a secret, so the message omits it.
      const detail = `Couldn't apply patch '${operation.op} ${where}'. Reason: ${error.message}`;
      throw new Fault('badRequest', { detail });
    }
  }

  /** The name beside a value decides whether the value is masked: another one could show it. */
  #refuseRenaming(keys: readonly string[]): void {
    if (keys.length < 2 || keys.at(-1) !== 'name' || !this.#masked.includes(keys[0] as string)) return;
    const holder = this.#get(keys.slice(0, -1));
    if (!Array.isArray(holder) && has(holder, 'name') && has(holder, 'value'))
      throw new Impossible('it names a value, which may be a secret: replace the object that has both');
  }

  #get(keys: readonly string[]): Json {
    return keys.reduce(child, this.root);
  }

  /** The parent (record or list) of the target, and its last key; undefined = the root. */
  #holder(keys: readonly string[]): { holder: Json; key: string } | undefined {
    const key = keys.at(-1);
    return key === undefined ? undefined : { holder: this.#get(keys.slice(0, -1)), key };
  }

  #add(keys: readonly string[], value: Json): void {
    const place = this.#holder(keys);
    if (!place) this.root = value;
    else if (Array.isArray(place.holder)) place.holder.splice(placeIn(place.holder, place.key), 0, value);
    else setMember(place.holder, place.key, value);
  }

  #remove(keys: readonly string[]): void {
    const place = this.#holder(keys);
    if (!place) throw new Impossible("can't remove the whole document");
    if (!has(place.holder, place.key)) throw new Impossible(`can't remove a non-existent object '${place.key}'`);
    if (Array.isArray(place.holder)) place.holder.splice(Number(place.key), 1);
    else delete (place.holder as JsonObject)[place.key];
  }

  #replace(keys: readonly string[], value: Json): void {
    const place = this.#holder(keys);
    if (!place) this.root = value;
    else if (!has(place.holder, place.key)) throw new Impossible(`can't replace a non-existent object '${place.key}'`);
    else if (Array.isArray(place.holder)) place.holder[Number(place.key)] = value;
    else setMember(place.holder, place.key, value);
  }

  #test(keys: readonly string[], value: Json): void {
    if (!isEqual(this.#get(keys), value)) throw new Impossible('the value there is not equal to the tested value');
  }

  #copy(from: readonly string[]): Json {
    const value = this.#get(from);
    const tooDeep = faultOfSize(value);
    if (tooDeep) throw tooDeep;
    const text = JSON.stringify(value);
    this.#copied += text.length;
    if (this.#copied > recordBytes) throw tooLarge(this.#copied);
    return JSON.parse(text) as Json;
  }

  #move(from: readonly string[], to: readonly string[]): void {
    const value = this.#get(from);
    const isInside = from.length < to.length && from.every((key, index) => key === to[index]);
    if (isInside) throw new Impossible('Cannot move values into their own children');
    if (from.length === to.length && from.every((key, index) => key === to[index])) return;
    this.#remove(from);
    this.#add(to, value);
  }
}

/** An operation that does not apply to the document. The words are those of Python's jsonpatch, which Ironic's clients know. */
class Impossible extends Error {}

function ownCopy(value: unknown): Json {
  return structuredClone(value) as Json;
}

function child(at: Json, key: string): Json {
  if (Array.isArray(at)) {
    const index = indexIn(key);
    if (index >= at.length) throw new Impossible(`index '${key}' is out of bounds`);
    return at[index] as Json;
  }
  const member = has(at, key) ? (at as JsonObject)[key] : undefined;
  if (member === undefined) throw new Impossible(`member '${key}' not found`);
  return member;
}

function has(holder: Json, key: string): boolean {
  if (Array.isArray(holder)) return indexIn(key) < holder.length;
  return typeof holder === 'object' && holder !== null && Object.hasOwn(holder, key);
}

function indexIn(key: string): number {
  const index = indexOf(key);
  if (index === undefined) throw new Impossible(`'${key}' is not a valid sequence index`);
  return index;
}

function placeIn(list: readonly Json[], key: string): number {
  const index = key === '-' ? list.length : indexIn(key);
  if (index <= list.length) return index;
  throw new Impossible("can't insert outside of list");
}

/** A member may be named `__proto__`. */
function setMember(holder: Json, key: string, value: Json): void {
  if (typeof holder !== 'object' || holder === null)
    throw new Impossible(`unable to fully resolve json pointer: what is there can have no member '${key}'`);
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

/** Section 4.6: numbers by value, lists in order, records in any order. */
function isEqual(one: Json | undefined, other: Json | undefined): boolean {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return one === other;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const keys = Object.keys(one);
  const [left, right] = [one as JsonObject, other as JsonObject];
  return (
    keys.length === Object.keys(other).length && keys.every((key) => Object.hasOwn(other, key) && isEqual(left[key], right[key]))
  );
}
