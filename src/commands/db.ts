/** `ingot db sync`: schema migrations, also done at each start of `ingot serve`. */
import { readSettings } from '#settings.ts';
import { migrate } from '#store/migrate.ts';
import { openStateFolder } from '#store/state-folder.ts';
import { databaseFile, openDatabase } from '#store/store.ts';
import { parseOptions } from './options.ts';

const usage = `Usage: ingot db sync [--config FILE] [--state DIR]

Brings the schema of the database in the state folder up to date. It is safe to repeat.
`;

export async function runDbCommand(args: string[]): Promise<number> {
  const { flags, positionals, isHelp } = parseOptions(args, { valueNames: ['config', 'state'] });
  if (isHelp || positionals[0] !== 'sync' || positionals.length !== 1) {
    process[isHelp ? 'stdout' : 'stderr'].write(usage);
    return isHelp ? 0 : 2;
  }
  const { config, state } = flags;
  const settings = readSettings({ env: process.env, flags: state ? { state_dir: state } : {}, ...(config && { file: config }) });
  openStateFolder(settings.state_dir);
  const database = openDatabase(databaseFile(settings.state_dir));
  try {
    const done = await migrate(database);
    process.stdout.write(done.length > 0 ? `Migrations done: ${done.join(', ')}\n` : 'The schema is up to date.\n');
  } finally {
    await database.destroy();
  }
  return 0;
}
