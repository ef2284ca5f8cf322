/** All members of a collection, each as its own resource, over all pages and in as few requests as the service allows. */
import { linkOf, pathOf } from './links.ts';
import { isObject } from './messages.ts';
import { type Json, RedfishError, type RedfishReply, type Resource } from './redfish-client.ts';

export type Reading = {
  readonly get: (path: string) => Promise<RedfishReply>;
  /** Query that makes the service put members into the collection, where it can. */
  readonly expand: string | undefined;
  /** The service promised to expand but cannot. */
  readonly cannotExpand: () => void;
  /** Told of the first member that could not be read, where others could. */
  readonly leftOut: (failure: RedfishError) => void;
};

const mostMembers = 20_000;
/** A page has ten members at least in all services that are known. */
const mostPages = 2_000;
/** Of all replies together: what is read is kept in memory until the last page is here. */
const mostBytes = 64 * 1024 * 1024;

/** @throws RedfishError `unfit` for pages that lead back to themselves, and for collections without end or measure */
export async function readMembers(path: string, given: Reading): Promise<Resource[]> {
  const reading = bounded(path, given);
  const members: Resource[] = [];
  const seen = new Set<string>();
  let failure: RedfishError | undefined;
  const leaveOut = (error: RedfishError) => {
    failure ??= error;
  };
  let page: RedfishReply | undefined = await readFirst(path, reading);
  while (page) {
    for (const member of entriesOf(page.body, path)) members.push(...(await complete(member, reading, leaveOut)));
    if (members.length > mostMembers) throw unfit(path, `more than ${mostMembers} members`);
    const next = nextPage(page.body, path);
    if (next === undefined) break;
    if (seen.has(next)) throw unfit(path, 'its pages lead back to themselves');
    if (seen.size >= mostPages) throw unfit(path, `more than ${mostPages} pages`);
    seen.add(next);
    page = await reading.get(next);
  }
  // One that cannot be read does not spoil the others; where none can, the trouble is not with the members.
  if (members.length === 0 && failure) throw failure;
  if (failure) reading.leftOut(failure);
  return members;
}

/** A query alone counts from the collection; some services give the link as an object, as links to resources are. */
function nextPage(body: Resource, path: string): string | undefined {
  const link = body['Members@odata.nextLink'] ?? body['@odata.nextLink'];
  const text = isObject(link) ? link['@odata.id'] : link;
  return pathOf(typeof text === 'string' && text.startsWith('?') ? path.replace(/\?.*$/s, '') + text : text);
}

function bounded(path: string, reading: Reading): Reading {
  let bytes = 0;
  const get = async (page: string) => {
    const reply = await reading.get(page);
    bytes += reply.bytes ?? 0;
    if (bytes > mostBytes) throw unfit(path, `more than ${mostBytes} bytes`);
    return reply;
  };
  return { ...reading, get };
}

async function readFirst(path: string, { get, expand, cannotExpand }: Reading): Promise<RedfishReply> {
  if (expand === undefined) return get(path);
  try {
    return await get(`${path}${path.includes('?') ? '&' : '?'}${expand}`);
  } catch (error) {
    if (!(error instanceof RedfishError) || !['answered', 'unfit'].includes(error.failure)) throw error;
    cannotExpand();
    return get(path);
  }
}

function entriesOf(body: Resource, path: string): Resource[] {
  const members = body['Members'] ?? [];
  if (!Array.isArray(members)) throw unfit(path, "its 'Members' is no array");
  return members.filter(isObject);
}

/**
 * A bare link is read; one that leads to nothing was removed meanwhile. What was put in without the Id that each resource
 * must have is read by itself, too: AMI's firmware leaves out of expanded members what it sends with each alone.
 */
async function complete(
  member: Resource,
  { get }: Pick<Reading, 'get'>,
  leaveOut: (error: RedfishError) => void,
): Promise<Resource[]> {
  const link = linkOf(member as Json);
  const isBare = Object.keys(member).every((key) => key.startsWith('@odata.'));
  if (link === undefined || (!isBare && 'Id' in member)) return [member];
  try {
    return [{ ...member, ...(await get(link)).body }];
  } catch (error) {
    if (!(error instanceof RedfishError)) throw error;
    const isOfMember = error.failure === 'answered' || error.failure === 'unfit' || error.lacksPrivilege;
    if (!isOfMember) throw error;
    if (!isBare) return [member];
    if (error.status === 404) return [];
    leaveOut(error);
    return [];
  }
}

function unfit(path: string, detail: string): RedfishError {
  return new RedfishError('unfit', { request: `GET ${path}`, detail });
}
