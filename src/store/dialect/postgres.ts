/** Kysely's PostgreSQL dialect on one session, which holds the lock of the database (`postgres-session.ts`). */
import { type Driver, type Kysely, PostgresAdapter, PostgresDialect, type RawBuilder, sql } from 'kysely';
import type { Dialect, JsonValue } from './dialect.ts';
import { isOfServer, PostgresSession, storable } from './postgres-session.ts';

/** @param url `postgresql://[USER[:PASSWORD]@][HOST][:PORT]/DATABASE[?host=/SOCKET/FOLDER]` */
export function postgresDialect(url: string): PostgresDialect {
  return new SingleSessionDialect(url);
}

class SingleSessionDialect extends PostgresDialect {
  readonly #url: string;

  constructor(url: string) {
    super({ pool: () => Promise.reject(new Error('unused: there is one session')) });
    this.#url = url;
  }

  override createDriver(): Driver {
    return new PostgresSession(this.#url);
  }

  override createAdapter(): PostgresAdapter {
    return new NamedPostgresAdapter();
  }
}

class NamedPostgresAdapter extends PostgresAdapter {
  readonly dialect = postgres;
}

const jsonb = (value: JsonValue) => sql`${JSON.stringify(storable(value))}::jsonb`;
const isAnyOf = (expression: RawBuilder<unknown>, values: readonly JsonValue[]): RawBuilder<boolean> =>
  values.length === 0 ? sql`FALSE` : sql`${expression} IN (${sql.join(values.map(jsonb))})`;

/** SQLSTATE 23505: unique_violation (PostgreSQL 15, appendix A). */
const uniqueViolated = '23505';
/** SQLSTATE classes 22 (data exception) and 23 (integrity constraint violation). */
const refused = /^2[23]/;

export const postgres: Dialect = {
  name: 'postgres',
  violatedColumns(error) {
    const { code, detail = '' } = error as Error & { code?: string; detail?: string };
    if (code !== uniqueViolated) return undefined;
    // `Key (user_id, name)=(u, n) already exists.`
    return /^Key \(([^)]*)\)=/.exec(detail)?.[1]?.split(', ') ?? [];
  },
  // A lost connection is a fault of the session.
  hasFailed: (error) => isOfServer(error) && !refused.test(error.code ?? ''),
  hasItem: (column, values) =>
    sql`EXISTS (SELECT 1 FROM jsonb_array_elements(${sql.ref(column)}::jsonb) AS item(value)
      WHERE ${isAnyOf(sql`item.value`, values)})`,
  hasItemWith: (column, key, values) =>
    sql`EXISTS (SELECT 1 FROM jsonb_array_elements(${sql.ref(column)}::jsonb) AS item(value)
      WHERE ${isAnyOf(sql`(item.value -> ${key}::text)`, values)})`,
  hasMember: (column, key, values) => isAnyOf(sql`(${sql.ref(column)}::jsonb -> ${key}::text)`, values),
  async finishSchema(db) {
    await sortByCodePoint(db);
    await widenIntegers(db);
  },
  rewrite: async (db) => {
    await sql`VACUUM FULL`.execute(db);
  },
  async counters(db) {
    const { rows } = await sql<{ table: string; last: number | null }>`
      SELECT t.relname AS table, s.last_value AS last FROM pg_sequences AS s
      JOIN pg_class AS c ON c.relname = s.sequencename AND c.relnamespace = s.schemaname::regnamespace
      JOIN pg_depend AS d ON d.objid = c.oid AND d.deptype = 'a' JOIN pg_class AS t ON t.oid = d.refobjid
      WHERE s.schemaname = current_schema()`.execute(db);
    return new Map(rows.flatMap(({ table, last }) => (last === null ? [] : [[table, last]])));
  },
  async countOn(db, counters) {
    for (const [table, last] of counters) await sql`SELECT setval(pg_get_serial_sequence(${table}, 'id'), ${last})`.execute(db);
  },
  overwriteSecurely: async () => {},
};

/**
 * Text compares and sorts by code point, as in SQLite, whatever the locale of the database: pages continue after the
 * last row of the one before, and lists are also sorted by Ingot itself.
 */
async function sortByCodePoint(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<{ table_name: string; column_name: string }>`
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = current_schema() AND data_type IN ('text', 'character varying') AND collation_name IS NULL
      AND table_name NOT LIKE 'kysely%' ORDER BY table_name, column_name`.execute(db);
  const byTable = Map.groupBy(rows, ({ table_name }) => table_name);
  for (const [table, columns] of byTable) {
    const changes = columns.map(({ column_name }) => sql`ALTER COLUMN ${sql.ref(column_name)} TYPE text COLLATE "C"`);
    await sql`ALTER TABLE ${sql.table(table)} ${sql.join(changes)}`.execute(db);
  }
}

/** As wide as in SQLite, so that a number is stored or compared where it is there, rather than out of range. */
async function widenIntegers(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<{ table_name: string; column_name: string; sequence: string | null }>`
    SELECT table_name, column_name, pg_get_serial_sequence(quote_ident(table_name), column_name) AS sequence
    FROM information_schema.columns WHERE table_schema = current_schema() AND data_type = 'integer'
      AND table_name NOT LIKE 'kysely%' ORDER BY table_name, column_name`.execute(db);
  for (const { table_name, column_name, sequence } of rows) {
    await sql`ALTER TABLE ${sql.table(table_name)} ALTER COLUMN ${sql.ref(column_name)} TYPE bigint`.execute(db);
    if (sequence !== null) await sql`ALTER SEQUENCE ${sql.raw(sequence)} AS bigint`.execute(db);
  }
}
