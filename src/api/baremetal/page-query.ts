/** The query of lists of small records, and the selection of fields that it means. */
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { Selection } from './fields.ts';

export const Word = Type.Optional(Type.String());

export const PageQuery = Type.Object({
  detail: Type.Optional(Type.Boolean()),
  fields: Word,
  limit: Type.Optional(Type.Integer({ minimum: 1 })),
  marker: Word,
  sort_key: Word,
  sort_dir: Type.Optional(Type.Union([Type.Literal('asc'), Type.Literal('desc')])),
});
type PageQuery = Static<typeof PageQuery>;

/** The fields that are asked for, or all in detail, or the brief ones. Throws `badRequest` for both. */
export function selectionOf(
  { detail, fields }: Pick<PageQuery, 'detail' | 'fields'>,
  brief: readonly string[],
): Omit<Selection, 'version'> {
  if (detail && fields !== undefined)
    throw new Fault('badRequest', { detail: "Can't fetch a subset of fields with 'detail' set" });
  return { fields, ...(!detail && { brief }) };
}

export function pageOf({ limit, marker, sort_key, sort_dir }: PageQuery) {
  return { limit, marker, sort_key, descending: sort_dir === 'desc' };
}
