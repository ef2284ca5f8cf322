import { type RawBuilder, sql } from 'kysely';

/** Substring match in which `%` and `_` are ordinary characters. Like LIKE, it ignores ASCII case. */
export function contains(column: string, text: string): RawBuilder<boolean> {
  const pattern = `%${text.replace(/[!%_]/g, '!$&')}%`;
  return sql<boolean>`${sql.ref(column)} LIKE ${pattern} ESCAPE '!'`;
}
