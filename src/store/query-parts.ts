/** Conditions and pages of the queries of collections, as the query builder takes them. */
import { type RawBuilder, sql } from 'kysely';
import { type Condition, compileAll } from './conditions.ts';
import type { Dialect } from './dialect/dialect.ts';
import { isAfter, type Order, sortedBy } from './keyset.ts';

/** A value that sorts before this one; NULL does not. */
export class LessThan<V> {
  readonly value: V;
  constructor(value: V) {
    this.value = value;
  }
}

/** Equality on columns; `null` matches NULL, an array any of its values. */
export type Where<T> = { [K in keyof T]?: T[K] | readonly T[K][] | LessThan<T[K]> };
export type Page<T> = {
  orderBy?: keyof T & string;
  descending?: boolean;
  /** Replaces `orderBy`; its last column must be unique. */
  order?: Order;
  /** Only rows after this one in that order. */
  after?: T | undefined;
  limit?: number;
};

/** Of any record. */
export type AnyPage = Omit<Page<object>, 'orderBy'> & { readonly orderBy?: string };

// Kysely's builder types cannot follow a table name that is a type parameter; the casts stay here and in collection.ts.
// biome-ignore lint/suspicious/noExplicitAny: see above
export type AnyQuery = any;

export function filtered(
  query: AnyQuery,
  { where, dialect }: { where: object | readonly Condition[]; dialect: Dialect },
): AnyQuery {
  if (isConditions(where)) return where.length === 0 ? query : query.where(compileAll(where, dialect));
  let narrowed = query;
  for (const [column, value] of Object.entries(where)) {
    if (value === undefined) continue;
    if (value === null) narrowed = narrowed.where(column, 'is', null);
    else if (value instanceof LessThan) narrowed = narrowed.where(column, '<', value.value);
    else if (Array.isArray(value)) narrowed = narrowed.where(isIn(column, value));
    else narrowed = narrowed.where(column, '=', value);
  }
  return narrowed;
}

export function isConditions(where: object | readonly Condition[]): where is readonly Condition[] {
  return Array.isArray(where);
}

/** PostgreSQL knows no empty list. */
function isIn(column: string, values: readonly unknown[]): RawBuilder<boolean> {
  return values.length === 0 ? sql`FALSE` : sql`${sql.ref(column)} IN (${sql.join(values)})`;
}

export function orderOf({ order, orderBy, descending = false }: AnyPage): Order {
  return order ?? (orderBy ? [{ column: orderBy, descending }] : []);
}

export function cut(query: AnyQuery, page: AnyPage): AnyQuery {
  const order = orderOf(page);
  const sorted = sortedBy(query, order);
  const rest = page.after ? sorted.where(isAfter(order, page.after)) : sorted;
  return page.limit === undefined ? rest : rest.limit(page.limit);
}
