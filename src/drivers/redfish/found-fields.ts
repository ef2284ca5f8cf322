/** Fields of what an inspection finds: it is kept in the database, so texts and lists are bounded. */
import type { Resource } from '#wire/redfish/redfish-client.ts';
import { numberAt, wordAt } from './resource-fields.ts';

/** More than any machine has of one kind of part. */
export const mostFound = 256;
const longestText = 256;

/** The first 256 characters: what is longer is no name of a part. */
export function shortAt(resource: Resource | undefined, ...keys: readonly string[]): string | undefined {
  return wordAt(resource, ...keys)
    ?.slice(0, longestText)
    .toWellFormed();
}

export function atLeastOne(value: number | undefined): number | undefined {
  return value !== undefined && value >= 1 && value <= Number.MAX_SAFE_INTEGER ? Math.floor(value) : undefined;
}

export function sizeAt(resource: Resource, name: string): number | undefined {
  return atLeastOne(numberAt(resource, name));
}

/** Without the fields that are undefined. */
export function known<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
