/**
 * Conditions on the rows of a list, as data: any part may build them, only the store turns them into SQL. They go into
 * the query, so that a list reads only the rows that it shows.
 */
import { type RawBuilder, sql } from 'kysely';
import { contains as isContained, type Place } from './contains.ts';
import type { Dialect } from './dialect/dialect.ts';

export type Value = string | number | boolean | null;
type Comparison = '<' | '<=' | '>' | '>=';

interface Operators {
  oneOf: { column: string; values: readonly Value[] };
  compare: { column: string; comparison: Comparison; value: Value };
  text: { column: string; text: string };
  contains: { column: string; text: string; place: Place };
  item: { column: string; values: readonly Value[] };
  itemMember: { column: string; key: string; values: readonly Value[] };
  member: { column: string; key: string; values: readonly Value[] };
  related: { column: string } & RelatedRows;
  any: readonly Condition[];
  all: readonly Condition[];
  not: Condition;
}
/** A column of the matching rows of another table. */
export type RelatedRows = { table: string; select: string; where: readonly Condition[] };

export interface Condition {
  readonly operator: keyof Operators;
  readonly operand: unknown;
}

function condition<Name extends keyof Operators>(operator: Name, operand: Operators[Name]): Condition {
  return { operator, operand };
}

/** The column has one of the values; null among them matches NULL. */
export const isOneOf = (column: string, values: readonly Value[]) => condition('oneOf', { column, values });
export const isEqual = (column: string, value: Value) => isOneOf(column, [value]);
/** False for NULL. */
export const compares = (column: string, comparison: Comparison, value: Value) =>
  condition('compare', { column, comparison, value });
/** The column is this text, apart from the case of ASCII letters. */
export const isText = (column: string, text: string) => condition('text', { column, text });
/** Substring match that ignores ASCII case. */
export const contains = (column: string, text: string, place: Place = 'anywhere') =>
  condition('contains', { column, text, place });
/** The column is a JSON array and has one of the values as an item. */
export const hasItem = (column: string, values: readonly Value[]) => condition('item', { column, values });
/** The column is a JSON array of objects, one of which has one of the values under this key. */
export const hasItemWith = (column: string, key: string, values: readonly Value[]) =>
  condition('itemMember', { column, key, values });
/** The column is a JSON object and has one of the values under this key. */
export const hasMember = (column: string, key: string, values: readonly Value[]) => condition('member', { column, key, values });
export const isAmong = (column: string, related: RelatedRows) => condition('related', { column, ...related });
export const anyOf = (...conditions: Condition[]) => condition('any', conditions);
export const allOf = (...conditions: Condition[]) => condition('all', conditions);
export const isNot = (other: Condition) => condition('not', other);
export const everything = allOf();
export const nothing = anyOf();

type Compile = { [Name in keyof Operators]: (operand: Operators[Name], dialect: Dialect) => RawBuilder<boolean> };

const compileTable: Compile = {
  oneOf: ({ column, values }) => isAnyOf(sql.ref(column), values),
  compare: ({ column, comparison, value }) => sql`${sql.ref(column)} ${sql.raw(comparison)} ${value}`,
  text: ({ column, text }) => sql`lower(${sql.ref(column)}) = lower(${text})`,
  contains: ({ column, text, place }) => isContained(column, text, place),
  item: ({ column, values }, dialect) => dialect.hasItem(column, values),
  itemMember: ({ column, key, values }, dialect) => dialect.hasItemWith(column, key, values),
  member: ({ column, key, values }, dialect) => dialect.hasMember(column, key, values),
  related: ({ column, table, select, where }, dialect) =>
    sql`${sql.ref(column)} IN (SELECT ${sql.ref(select)} FROM ${sql.table(table)} WHERE ${compileAll(where, dialect)})`,
  any: (conditions, dialect) => join(conditions, { dialect, separator: sql` OR `, none: sql`FALSE` }),
  all: (conditions, dialect) => compileAll(conditions, dialect),
  not: (other, dialect) => sql`NOT COALESCE(${compile(other, dialect)}, FALSE)`,
};

function compile({ operator, operand }: Condition, dialect: Dialect): RawBuilder<boolean> {
  return (compileTable[operator] as (operand: unknown, dialect: Dialect) => RawBuilder<boolean>)(operand, dialect);
}

export function compileAll(conditions: readonly Condition[], dialect: Dialect): RawBuilder<boolean> {
  return join(conditions, { dialect, separator: sql` AND `, none: sql`TRUE` });
}

type Join = { dialect: Dialect; separator: RawBuilder<unknown>; none: RawBuilder<boolean> };

function join(conditions: readonly Condition[], { dialect, separator, none }: Join): RawBuilder<boolean> {
  if (conditions.length === 0) return none;
  return sql`(${sql.join(
    conditions.map((each) => compile(each, dialect)),
    separator,
  )})`;
}

function isAnyOf(expression: RawBuilder<unknown>, values: readonly Value[]): RawBuilder<boolean> {
  const known = values.filter((value) => value !== null);
  const isNull = known.length < values.length ? [sql`${expression} IS NULL`] : [];
  const isKnown = known.length > 0 ? [sql`${expression} IN (${sql.join(known)})`] : [];
  const alternatives = [...isKnown, ...isNull];
  return alternatives.length === 0 ? sql`FALSE` : sql`(${sql.join(alternatives, sql` OR `)})`;
}
