import { type RawBuilder, sql } from 'kysely';

export type Place = 'anywhere' | 'atStart' | 'atEnd';

/** Substring match that ignores ASCII case, and in which `%` and `_` are ordinary characters. */
export function contains(column: string, text: string, place: Place = 'anywhere'): RawBuilder<boolean> {
  const lower = text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  const plain = lower.replace(/[!%_]/g, '!$&');
  const pattern = `${place === 'atStart' ? '' : '%'}${plain}${place === 'atEnd' ? '' : '%'}`;
  return sql<boolean>`lower(${sql.ref(column)}) LIKE ${pattern} ESCAPE '!'`;
}
