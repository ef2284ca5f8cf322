/** A JSON patch of the fields of a small record. */
import { type Static, type TObject, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { applyPatch, type JsonPatch, membersOf } from './json-patch.ts';

/**
 * The fields after the patch. Throws `badRequest` for a patch of anything that is no field of the schema, or whose result
 * is not valid.
 * @param masked as for `applyPatch`
 */
export function patchedFields<S extends TObject>(
  schema: S,
  before: object,
  patch: JsonPatch,
  masked: readonly string[] = [],
): Static<S> {
  const names = Object.keys(schema.properties);
  const fixed = [...membersOf(patch)].find((name) => !names.includes(name));
  if (fixed !== undefined) {
    const detail = `Cannot patch /${fixed}. Only the following can be updated: ${names.join(', ')}`;
    throw new Fault('badRequest', { detail });
  }
  const fields = Object.entries(before).filter(([name]) => names.includes(name));
  const after: unknown = applyPatch(Object.fromEntries(fields) as JsonObject, patch, masked);
  if (Value.Check(schema, after)) return after as Static<S>;
  const [error] = Value.Errors(schema, after);
  const place = error?.instancePath.slice(1).replaceAll('/', '.');
  throw new Fault('badRequest', { detail: `Schema error for patch: ${place || 'the result'} ${error?.message}` });
}

/** Fields that may be missing, or null. */
export const Uuid = Type.Optional(Type.Union([Type.String(), Type.Null()]));
export const Bag = Type.Optional(Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()]));
export const Description = Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()]));
export const Flag = Type.Optional(Type.Union([Type.Boolean(), Type.Null()]));
