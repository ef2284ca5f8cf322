/** `ingot db`: manual maintenance of the database while no server uses it. */
import { setImmediate } from 'node:timers/promises';
import { readSettings, type Settings } from '#settings.ts';
import { databaseAddress, secretsKeyFile } from '#store/database-address.ts';
import { pruneRecords } from '#store/retention.ts';
import { openStateFolder } from '#store/state-folder.ts';
import { openStore, syncSchema } from '#store/store.ts';
import { type Options, parseOptions } from './options.ts';

const usage = `Usage: ingot db sync [--config FILE] [--state DIR]
       ingot db prune [--days N] [--keep N] [--shrink] [--config FILE] [--state DIR]

Works while no server uses the state folder.

sync brings the schema of the database in the state folder up to date. It is safe to repeat.

prune removes events and ended operations that are old, as a running server does every hour by itself. What runs, what was
done to servers that exist, and the failures of nodes stay.

  --days N   older than that many days; default: the setting records.keep
  --keep N   but the newest N of each node; default: the setting records.keep_per_node
  --shrink   then gives the space that is free back to the file system; else the next records fill it. Takes as much
             space again while it runs
`;

export async function runDbCommand(args: string[]): Promise<number> {
  const options = parseOptions(args, { valueNames: ['config', 'state', 'days', 'keep'], switchNames: ['shrink'] });
  const { flags, positionals, isHelp, switches } = options;
  const [command, ...rest] = positionals;
  const isPlain = flags['days'] === undefined && flags['keep'] === undefined && switches.size === 0;
  const isKnown = rest.length === 0 && (command === 'prune' || (command === 'sync' && isPlain));
  if (isHelp || !isKnown) {
    process[isHelp ? 'stdout' : 'stderr'].write(usage);
    return isHelp ? 0 : 2;
  }
  const { config } = flags;
  const settings = readSettings({ env: process.env, flags: settingsOf(flags), ...(config && { file: config }) });
  openStateFolder(settings.state_dir);
  await (command === 'sync' ? sync(settings) : prune(settings, switches.has('shrink')));
  return 0;
}

/** Flags of this command that are aliases of settings. */
function settingsOf({ state, days, keep }: Options['flags']): Record<string, string> {
  const named = { state_dir: state, 'records.keep': days, 'records.keep_per_node': keep };
  return Object.fromEntries(Object.entries(named).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

async function sync(settings: Settings): Promise<void> {
  const done = await syncSchema(databaseAddress(settings));
  process.stdout.write(done.length > 0 ? `Migrations done: ${done.join(', ')}\n` : 'The schema is up to date.\n');
}

async function prune(settings: Settings, isShrunk: boolean): Promise<void> {
  const rules = { days: settings['records.keep'], perNode: settings['records.keep_per_node'] };
  if (rules.days === 0) throw new Error('records.keep is 0: records are kept for ever; name an age with --days');
  const store = await openStore(databaseAddress(settings), secretsKeyFile(settings['secrets.key_file'], settings.state_dir));
  try {
    const { operations, events } = await pruneRecords(store, rules, { rest: () => setImmediate() });
    process.stdout.write(`Removed: operations ${operations}, events ${events}\n`);
    if (isShrunk) await store.shrink();
  } finally {
    await store.close();
  }
}
