/** Reads optional resources, and collections that may be long. */
import type { RedfishService } from '#wire/redfish/client.ts';
import { linkOf, pathOf } from '#wire/redfish/links.ts';
import { type Json, RedfishError, type Resource } from '#wire/redfish/redfish-client.ts';
import type { CallOptions } from '../interfaces.ts';
import { objectsAt } from './resource-fields.ts';

/** Client and options of a read. */
export type Reader = { readonly client: RedfishService; readonly callOptions: CallOptions };

/**
 * Statuses of resources that do not exist or are not available now; iLO answers 400 for network adapters while no
 * operating system runs.
 */
const absences = new Set([400, 404, 405, 410, 501]);
/** Per collection; services send 50 to 1000 members per page. */
const mostPages = 100;

export async function read({ client, callOptions }: Reader, path: string): Promise<Resource> {
  return (await client.get(path, callOptions)).body;
}

/** @returns undefined if the resource does not exist, or is not accessible to this user */
export async function readIfAny(reader: Reader, path: string | undefined): Promise<Resource | undefined> {
  if (path === undefined) return undefined;
  return await unlessAbsent(reader, () => read(reader, path));
}

/** Reads the resources that exist. */
export async function readAll(reader: Reader, paths: readonly string[]): Promise<Resource[]> {
  const found: Resource[] = [];
  for (const path of new Set(paths)) {
    const resource = await readIfAny(reader, path);
    if (resource) found.push(resource);
  }
  return found;
}

/** All members of a collection; an empty list if it does not exist. */
export async function membersIfAny(reader: Reader, path: string | undefined): Promise<Resource[]> {
  if (path === undefined) return [];
  return (await unlessAbsent(reader, () => reader.client.members(path, reader.callOptions))) ?? [];
}

/** Skips resources that lack a privilege or license, with a notice: the others are still useful. */
export async function unlessAbsent<T>(
  { callOptions }: Pick<Reader, 'callOptions'>,
  ask: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof RedfishError)) throw error;
    const isAbsent = error.failure === 'answered' && absences.has(error.status ?? 0);
    if (!isAbsent && !error.lacksPrivilege) throw error;
    if (error.lacksPrivilege || isUnlicensed(error)) callOptions.notice?.(`left out: ${error.message}`);
    return undefined;
  }
}

/** DSP0266 section "Password change required handling"; the wording is that of the Base registry. */
export function isPasswordChangeRequired({ messageIds }: RedfishError): boolean {
  return messageIds.some((id) => id.endsWith('.PasswordChangeRequired'));
}

/** iDRAC `LIC…`, iLO `LicenseKeyRequired`, Base registry `InsufficientLicense…`, Supermicro `OobLicense…`. */
export function isUnlicensed({ messageIds, messages }: RedfishError): boolean {
  return /licen[cs]e|\.LIC\d/i.test([...messageIds, ...messages].join(' '));
}

/**
 * Members of a collection, page by page, so that the reader can stop early: complete resources if the service expands
 * them, else links. DSP0266 section "Resource collection requests".
 */
export async function* pagesOf(reader: Reader, path: string): AsyncGenerator<Resource[]> {
  const seen = new Set<string>();
  let next: string | undefined = path;
  while (next !== undefined && !seen.has(next) && seen.size < mostPages) {
    seen.add(next);
    const page: Resource = await read(reader, next);
    yield objectsAt(page, 'Members');
    next = pathOf(page['Members@odata.nextLink'] ?? page['@odata.nextLink']);
  }
}

export async function wholeMember(reader: Reader, member: Resource): Promise<Resource | undefined> {
  return isLink(member) ? await readIfAny(reader, linkOf(member as Json)) : member;
}

export function isLink(member: Resource): boolean {
  return Object.keys(member).every((key) => key.startsWith('@odata.'));
}
