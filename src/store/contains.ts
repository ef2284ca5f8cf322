import { type RawBuilder, sql } from 'kysely';

/** Whether a text is a part of what stands in the column: `%` and `_` are letters like others. As LIKE, it minds no ASCII case. */
export function contains(column: string, text: string): RawBuilder<boolean> {
  const pattern = `%${text.replace(/[!%_]/g, '!$&')}%`;
  return sql<boolean>`${sql.ref(column)} LIKE ${pattern} ESCAPE '!'`;
}
