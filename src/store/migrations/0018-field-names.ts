/** The names of the field in place of our own: BMC health, polls, rollback, and two fault codes. */
import { type Kysely, type Migration, sql } from 'kysely';

/** Values of columns that were renamed. */
const values = [
  { table: 'bmc_health', column: 'state', from: 'silent', to: 'unreachable' },
  { table: 'bmc_health', column: 'state', from: 'refused', to: 'auth_failed' },
  { table: 'bmc_health', column: 'state', from: 'failing', to: 'erroring' },
  { table: 'operations', column: 'state', from: 'undoing', to: 'rolling_back' },
];

/** Fault codes inside stored faults, which are JSON text. */
const codes = [
  { from: 'personSilent', to: 'operatorTimeout' },
  { from: 'notOfThisHardware', to: 'unsupportedByHardware' },
];

export const migration0018: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('bmc_contacts').renameTo('bmc_health').execute();
    await db.schema.alterTable('bmc_health').renameColumn('next_look_at', 'next_poll_at').execute();
    for (const { table, column, from, to } of values)
      await sql`UPDATE ${sql.table(table)} SET ${sql.ref(column)} = ${to} WHERE ${sql.ref(column)} = ${from}`.execute(db);
    for (const table of ['operations', 'servers'])
      for (const { from, to } of codes) await renameCode(db, table, { from: `"code":"${from}"`, to: `"code":"${to}"` });
  },
};

async function renameCode(db: Kysely<unknown>, table: string, { from, to }: { from: string; to: string }): Promise<void> {
  await sql`UPDATE ${sql.table(table)} SET fault = replace(fault, ${from}, ${to}) WHERE fault LIKE ${`%${from}%`}`.execute(db);
}
