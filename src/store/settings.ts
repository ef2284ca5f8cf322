/** Settings of the database: its place, its key, and how long records are kept. */
import { integer, type SettingsOf, text } from '#settings/setting.ts';
import { isPostgresUrl } from './database-address.ts';

export const databaseSettings = {
  'database.url': text(
    {
      help: 'PostgreSQL database, postgresql://USER:PASSWORD@HOST/DATABASE; empty = a file in the state folder',
      secret: true,
    },
    { expected: 'a URL that begins with postgresql://', isValid: isPostgresUrl },
  ),
};

export const secretsSettings = {
  'secrets.key_file': text({
    help: 'File of the key that encrypts secrets in the database; created if missing; default: secrets-key in the state folder',
  }),
};

export const recordSettings = {
  'records.keep': integer({
    default: 90,
    max: 36_500,
    help: 'Retention of events and completed operations; 0 = forever (days)',
  }),
  'records.keep_per_node': integer({
    default: 100,
    help: 'Number of newest operations and events of each node kept regardless of age',
  }),
};

export type StoreSettings = SettingsOf<typeof databaseSettings & typeof secretsSettings & typeof recordSettings>;
