/** Where the database is: the path of a file, or the URL of a PostgreSQL database. */
import { join, resolve } from 'node:path';
import { stateFiles } from './state-files.ts';

export function isPostgresUrl(address: string): boolean {
  return /^postgres(ql)?:\/\//.test(address) && URL.canParse(address);
}

/** @returns `database.url`, or the file in the state folder */
export function databaseAddress(settings: { readonly 'database.url': string; readonly state_dir: string }): string {
  return settings['database.url'] || databaseFile(settings.state_dir);
}

export function databaseFile(stateDir: string): string {
  return `${stateDir}/ingot.sqlite`;
}

/** @param setting `secrets.key_file` */
export function secretsKeyFile(setting: string, stateDir: string): string {
  return setting === '' ? join(stateDir, stateFiles.secretsKey) : resolve(setting);
}

/** For messages: neither password nor options. */
export function withoutPassword(address: string): string {
  if (!isPostgresUrl(address)) return address;
  const { protocol, username, host, pathname } = new URL(address);
  return `${protocol}//${username === '' ? '' : `${username}@`}${host}${pathname}`;
}
