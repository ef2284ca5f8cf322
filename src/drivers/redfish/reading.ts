/** Reads resources that a service may lack, and collections that may be long. */
import { linkOf, pathOf } from '#wire/redfish/links.ts';
import { type Json, RedfishError, type Resource } from '#wire/redfish/redfish-client.ts';
import type { AtSystem } from './find-system.ts';
import { objectsAt } from './resource-fields.ts';

/** What is needed to read. */
export type Reader = Pick<AtSystem, 'client' | 'asking'>;

/**
 * What services say where they do not have a resource or do not offer it now; iLO answers 400 for network adapters while
 * no operating system runs.
 */
const absences = new Set([400, 404, 405, 410, 501]);
/** Of one collection; services give 50 to 1000 members per page. */
const mostPages = 100;

export async function read({ client, asking }: Reader, path: string): Promise<Resource> {
  return (await client.get(path, asking)).body;
}

/** @returns undefined where there is no such resource */
export async function readIfAny(reader: Reader, path: string | undefined): Promise<Resource | undefined> {
  if (path === undefined) return undefined;
  return await unlessAbsent(() => read(reader, path));
}

/** Those of the resources that are there. */
export async function readAll(reader: Reader, paths: readonly string[]): Promise<Resource[]> {
  const found: Resource[] = [];
  for (const path of new Set(paths)) {
    const resource = await readIfAny(reader, path);
    if (resource) found.push(resource);
  }
  return found;
}

/** All members of a collection, or none where there is no such collection. */
export async function membersIfAny({ client, asking }: Reader, path: string | undefined): Promise<Resource[]> {
  if (path === undefined) return [];
  return (await unlessAbsent(() => client.members(path, asking))) ?? [];
}

export async function unlessAbsent<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

function isAbsence(error: unknown): boolean {
  return error instanceof RedfishError && error.failure === 'answered' && absences.has(error.status ?? 0);
}

/**
 * Members as they stand in the collection, page by page, so that the reader may stop early: whole resources where the
 * service expands them, links where not. DSP0266 section "Resource collection requests".
 */
export async function* pagesOf(reader: Reader, path: string): AsyncGenerator<Resource[]> {
  const seen = new Set<string>();
  let next: string | undefined = path;
  while (next !== undefined && !seen.has(next) && seen.size < mostPages) {
    seen.add(next);
    const page: Resource = await read(reader, next);
    yield objectsAt(page, 'Members');
    next = pathOf(page['Members@odata.nextLink']);
  }
}

export async function wholeMember(reader: Reader, member: Resource): Promise<Resource | undefined> {
  return isLink(member) ? await readIfAny(reader, linkOf(member as Json)) : member;
}

export function isLink(member: Resource): boolean {
  return Object.keys(member).every((key) => key.startsWith('@odata.'));
}
