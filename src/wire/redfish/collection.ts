/** Reads all members of a collection as separate resources, over all pages, in as few requests as possible. */
import { linkOf, pathOf } from './links.ts';
import { isObject } from './messages.ts';
import { type Json, RedfishError, type RedfishReply, type Resource, unusableReplies } from './redfish-client.ts';

export type Reading = {
  readonly get: (path: string) => Promise<RedfishReply>;
  /** Query that makes the service include members in the collection, if it supports that. */
  readonly expand: string | undefined;
  /** Called when the service advertises $expand but fails at it. */
  readonly cannotExpand: () => void;
  /** Called with the first member that could not be read, if others could. */
  readonly leftOut: (failure: RedfishError) => void;
};

const mostMembers = 20_000;
/** All known services have at least ten members per page. */
const mostPages = 2_000;
/** Limit for all responses together: they are kept in memory until the last page has been read. */
const mostBytes = 64 * 1024 * 1024;

/** @throws RedfishError `unfit` for pages that loop, and for collections that exceed the limits */
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
  // One unreadable member does not fail the others; if none is readable, the cause is not a single member.
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
    if (!(error instanceof RedfishError) || !(error.failure === 'answered' || unusableReplies.includes(error.failure)))
      throw error;
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
 * Reads a bare link; a link to a missing resource means it was removed meanwhile. An expanded member without the
 * mandatory Id is read separately, too: AMI firmware omits properties from expanded members.
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
    const isOfMember = error.failure === 'answered' || unusableReplies.includes(error.failure) || error.lacksPrivilege;
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
