/** The texts of queries that were built before, and what tells them apart. */
import type { CompiledQuery } from 'kysely';
import type { Condition } from './conditions.ts';
import { type AnyPage, isConditions, LessThan, orderOf } from './query-parts.ts';

/** The texts of queries: building one takes several times as long as running it. */
export class QueryTexts {
  readonly #kept = new Map<string, CompiledQuery>();

  get(name: string, build: () => CompiledQuery): CompiledQuery {
    const known = this.#kept.get(name);
    if (known) return known;
    // Lists of ids have a text for each length.
    if (this.#kept.size >= textsMax) this.#kept.clear();
    const built = build();
    this.#kept.set(name, built);
    return built;
  }
}

const textsMax = 1000;
/** Longer lists of values are rare. */
const longestList = 200;

/** What distinguishes the texts of two conditions, and their parameters in order; undefined for other conditions. */
export function shapeOf(where: object | readonly Condition[]): { text: string; parameters: unknown[] } | undefined {
  if (isConditions(where)) return undefined;
  let text = '';
  const parameters: unknown[] = [];
  for (const column in where) {
    const value = (where as Record<string, unknown>)[column];
    if (value === undefined) continue;
    if (value instanceof LessThan || (Array.isArray(value) && value.length > longestList)) return undefined;
    if (Array.isArray(value)) {
      text += ` ${column} ${value.length}`;
      parameters.push(...value);
    } else {
      text += value === null ? ` ${column} null` : ` ${column}`;
      if (value !== null) parameters.push(value);
    }
  }
  return { text, parameters };
}

/** The value of this column in a condition on nothing else. */
export function keyIn(where: object | readonly Condition[], { limit, after }: AnyPage, column: string): string | undefined {
  if (limit !== undefined || after) return undefined;
  for (const other in where) if (other !== column) return undefined;
  const value = (where as Record<string, unknown>)[column];
  return typeof value === 'string' ? value : undefined;
}

/** Neither an expression nor something else that is part of the query's text. */
export function isParameter(value: unknown): boolean {
  return typeof value !== 'object' || value === null || value instanceof Uint8Array;
}

/** What distinguishes the texts of two pages, of which neither continues another one. */
export function orderText(page: AnyPage): string {
  const columns = orderOf(page).map(({ column, descending }) => ` ${column}${descending ? ' desc' : ''}`);
  return `${columns.length > 0 ? ` by${columns.join('')}` : ''}${page.limit === undefined ? '' : ' limited'}`;
}
