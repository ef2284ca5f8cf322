/** `ingot db`: manual maintenance of the database while no server uses it. */
import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { readSettings, type Settings } from '#settings.ts';
import { copyDatabase, type DatabasePlace } from '#store/copy.ts';
import { databaseAddress, databaseFile, isPostgresUrl, secretsKeyFile } from '#store/database-address.ts';
import { pruneRecords } from '#store/retention.ts';
import { openStateFolder } from '#store/state-folder.ts';
import { openStore, syncSchema } from '#store/store.ts';
import { type Options, parseOptions } from './options.ts';

const usage = `Usage: ingot db sync [--config FILE] [--state DIR]
       ingot db copy [--from DATABASE] [--to DATABASE] [--config FILE] [--state DIR]
       ingot db prune [--days N] [--keep N] [--shrink] [--config FILE] [--state DIR]

Works while no server uses the database.

sync brings the schema of the database up to date. It is safe to repeat.

copy copies all records into another, empty database, and the key of the secrets with them. DATABASE is the path of a
database file, or a URL postgresql://USER@HOST/DATABASE. A password belongs into the environment (PGPASSWORD or
PGPASSFILE, or INGOT_DATABASE_URL for the setting), where other users do not see it. Images stay in the state folder.

  --from DATABASE   default: ingot.sqlite in the state folder
  --to DATABASE     default: the setting database.url

prune removes events and ended operations that are old, as a running server does every hour by itself. What runs, what was
done to servers that exist, and the failures of nodes stay.

  --days N   older than that many days; default: the setting records.keep
  --keep N   but the newest N of each node; default: the setting records.keep_per_node
  --shrink   then gives the space that is free back to the file system; else the next records fill it. Takes as much
             space again while it runs
`;

export async function runDbCommand(args: string[]): Promise<number> {
  const options = parseOptions(args, { valueNames: ['config', 'state', 'days', 'keep', 'from', 'to'], switchNames: ['shrink'] });
  const { flags, positionals, isHelp, switches } = options;
  const [command, ...rest] = positionals;
  const isKnown = rest.length === 0 && isCommand(command) && isFitting(command, [...Object.keys(flags), ...switches]);
  if (isHelp || !isKnown) {
    process[isHelp ? 'stdout' : 'stderr'].write(usage);
    return isHelp ? 0 : 2;
  }
  const { config } = flags;
  const settings = readSettings({ env: process.env, flags: settingsOf(flags), ...(config && { file: config }) });
  openStateFolder(settings.state_dir);
  await commandTable[command].run(settings, options);
  return 0;
}

/** Flags of this command that are aliases of settings. */
function settingsOf({ state, days, keep }: Options['flags']): Record<string, string> {
  const named = { state_dir: state, 'records.keep': days, 'records.keep_per_node': keep };
  return Object.fromEntries(Object.entries(named).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

type Command = { readonly options: readonly string[]; run(settings: Settings, options: Options): Promise<void> };

/** `options`: those that only this command has. */
const commandTable = {
  sync: { options: [], run: sync },
  copy: { options: ['from', 'to'], run: copy },
  prune: { options: ['days', 'keep', 'shrink'], run: prune },
} as const satisfies Record<string, Command>;

function isCommand(name: string | undefined): name is keyof typeof commandTable {
  return name !== undefined && Object.hasOwn(commandTable, name);
}

function isFitting(command: keyof typeof commandTable, given: readonly string[]): boolean {
  const own: readonly string[] = [...commandTable[command].options, 'config', 'state'];
  return given.every((name) => own.includes(name));
}

async function sync(settings: Settings): Promise<void> {
  const done = await syncSchema(databaseAddress(settings));
  process.stdout.write(done.length > 0 ? `Migrations done: ${done.join(', ')}\n` : 'The schema is up to date.\n');
}

async function copy(settings: Settings, { flags }: Options): Promise<void> {
  const { from = databaseFile(settings.state_dir), to = settings['database.url'] } = flags;
  if (to === '') throw new Error('name the database to copy to with --to, or with the setting database.url');
  const counts = await copyDatabase(placeOf(settings, from), placeOf(settings, to));
  process.stdout.write([...counts].map(([table, count]) => `${table}: ${count}\n`).join(''));
}

/** The key lies where an Ingot that uses the database looks for it. */
function placeOf(settings: Settings, address: string): DatabasePlace {
  const folder = isPostgresUrl(address) ? settings.state_dir : dirname(address);
  return { address, keyFile: secretsKeyFile(settings['secrets.key_file'], folder) };
}

async function prune(settings: Settings, { switches }: Options): Promise<void> {
  const rules = { days: settings['records.keep'], perNode: settings['records.keep_per_node'] };
  if (rules.days === 0) throw new Error('records.keep is 0: records are kept for ever; name an age with --days');
  const store = await openStore(databaseAddress(settings), secretsKeyFile(settings['secrets.key_file'], settings.state_dir));
  try {
    const { operations, events } = await pruneRecords(store, rules, { rest: () => setImmediate() });
    process.stdout.write(`Removed: operations ${operations}, events ${events}\n`);
    if (switches.has('shrink')) await store.shrink();
  } finally {
    await store.close();
  }
}
