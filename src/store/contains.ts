import { type RawBuilder, sql } from 'kysely';

/** Substring match that ignores ASCII case, and in which `%` and `_` are ordinary characters. */
export function contains(column: string, text: string): RawBuilder<boolean> {
  const lower = text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  const pattern = `%${lower.replace(/[!%_]/g, '!$&')}%`;
  return sql<boolean>`lower(${sql.ref(column)}) LIKE ${pattern} ESCAPE '!'`;
}
