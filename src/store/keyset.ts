/** Keyset pagination: pages continue after the last row of the previous one, by an index and at constant cost. */
import { type OrderByItemBuilder, type RawBuilder, sql } from 'kysely';

/** The part of Kysely's query builders that `sortedBy` uses. */
// biome-ignore lint/suspicious/noExplicitAny: the builder's own types depend on the table
type Sortable = { orderBy(expression: any, direction: any): any };

export type Order = readonly { readonly column: string; readonly descending?: boolean }[];

/**
 * NULL sorts before all values, in both databases. The columns of `neverNull` are sorted plainly, since PostgreSQL does
 * not use an index for another order of NULL than its own.
 */
export function sortedBy<Q extends Sortable>(query: Q, order: Order): Q {
  return order.reduce<Q>((sorted, { column, descending }) => {
    if (neverNull.has(column)) return sorted.orderBy(sql.ref(column), descending ? 'desc' : 'asc');
    return sorted.orderBy(sql.ref(column), (by: OrderByItemBuilder) =>
      descending ? by.desc().nullsLast() : by.asc().nullsFirst(),
    );
  }, query);
}

/** Condition for rows after `row` in this order, whose last column must be unique. NULL sorts first. */
export function isAfter(order: Order, row: object): RawBuilder<boolean> {
  const values = row as Record<string, unknown>;
  const cases = order.map((key, index) => {
    const equal = order.slice(0, index).map(({ column }) => isSame(column, values[column]));
    return sql`(${sql.join([...equal, isBeyond(key, values[key.column])], sql` AND `)})`;
  });
  return sql<boolean>`${startOf(order, values)} (${sql.join(cases, sql` OR `)})`;
}

/** A redundant condition on the first column, in a form for which SQLite uses an index. */
function startOf([first]: Order, values: Record<string, unknown>): RawBuilder<unknown> {
  const value = first && values[first.column];
  if (!first || value === null || value === undefined) return sql``;
  // In descending order NULL sorts last.
  if (first.descending) return neverNull.has(first.column) ? sql`${sql.ref(first.column)} <= ${value} AND` : sql``;
  return sql`${sql.ref(first.column)} >= ${value} AND`;
}

const neverNull: ReadonlySet<string> = new Set(['id', 'uuid', 'created_at']);

function isSame(column: string, value: unknown): RawBuilder<unknown> {
  return value === null ? sql`${sql.ref(column)} IS NULL` : sql`${sql.ref(column)} = ${value}`;
}

function isBeyond({ column, descending }: Order[number], value: unknown): RawBuilder<unknown> {
  const name = sql.ref(column);
  if (descending) return value === null ? sql`FALSE` : sql`(${name} < ${value} OR ${name} IS NULL)`;
  return value === null ? sql`${name} IS NOT NULL` : sql`${name} > ${value}`;
}
