/** Lists of servers: Nova's filters and sort keys. */
import { Fault } from '#domain/faults.ts';
import type { Where } from '#store/collection.ts';
import type { Store } from '#store/store.ts';
import { liveVmStates, type Server, type ShortServer } from '#store/tables/servers.ts';
import type { Caller } from '../caller.ts';
import { booleanOf } from '../loose-booleans.ts';
import { type Page, type PageSource, pageOf, readPage } from '../pages.ts';
import type { ComputeContext } from './context.ts';
import { hostName } from './host.ts';
import { addressesOf, loadRelated, nothingRelated, type Related } from './related.ts';
import { lastSegment } from './server-image.ts';
import { statusOf } from './server-status.ts';

type Text = string | string[] | undefined;

/** Query parameters; each may be repeated. */
export type ServerQuery = Readonly<Record<string, unknown>> & {
  readonly limit?: number | undefined;
  readonly marker?: string | undefined;
  readonly sort_key?: Text;
  readonly sort_dir?: Text;
  readonly all_tenants?: Text;
  readonly deleted?: Text;
  readonly 'changes-since'?: Text;
};

export type ServerList = {
  readonly caller: Caller;
  /** Whether the caller may filter and sort by host, node, project and user. */
  readonly allFilters: boolean;
  readonly query: ServerQuery;
};

type Test = (server: Server, related: Related) => boolean;
/** Parses the wanted value once, for all servers. */
type Filter = (wanted: string) => Test;

/** Filters by query parameter. */
const filterTable: Readonly<Record<string, Filter>> = {
  name: patternFilter((server) => server.name),
  description: patternFilter((server) => server.description ?? ''),
  hostname: patternFilter((server) => server.hostname),
  status: (wanted) => (server) => statusOf(server) === wanted.toUpperCase(),
  image: (wanted) => (server) => server.image_id === lastSegment(wanted),
  flavor: (wanted) => (server) => server.flavor.id === lastSegment(wanted),
  uuid: (wanted) => (server) => server.id === wanted,
  ip: addressFilter,
  ip6: addressFilter,
  availability_zone: (wanted) => (server) =>
    server.availability_zone === wanted || (server.node_uuid !== null && wanted === 'nova'),
  key_name: (wanted) => (server) => server.key_name === wanted,
  project_id: (wanted) => (server) => server.project_id === wanted,
  tenant_id: (wanted) => (server) => server.project_id === wanted,
  user_id: (wanted) => (server) => server.user_id === wanted,
  vm_state: (wanted) => (server) => server.vm_state === wanted,
  task_state: (wanted) => (server) => server.task_state === wanted,
  host: (wanted) => (server) => server.node_uuid !== null && wanted === hostName,
  node: (wanted) => (server) => server.node_uuid === wanted,
  locked: (wanted) => {
    const isLocked = booleanOf('locked', wanted);
    return (server) => server.locked === isLocked;
  },
  tags: () => () => false,
  'tags-any': () => () => false,
  'changes-since': (wanted) => after(timeOf(wanted)),
  'changes-before': (wanted) => before(timeOf(wanted)),
};

function patternFilter(textOf: (server: Server) => string): Filter {
  return (wanted) => {
    const matches = patternOf(wanted);
    return (server) => matches(textOf(server));
  };
}

const after =
  (time: string): Test =>
  ({ updated_at }) =>
    updated_at >= time;
const before =
  (time: string): Test =>
  ({ updated_at }) =>
    updated_at <= time;

const adminFilters = ['host', 'node', 'project_id', 'tenant_id', 'user_id'];

/** Whether the list is of the servers of all projects: only administrators may see those. */
export function isEverywhere({ all_tenants }: ServerQuery): boolean {
  return all_tenants !== undefined && booleanOf('all_tenants', first(all_tenants) || '1');
}

/** Whether the list is sorted by something that tenants do not see: its order would show which servers share it. */
export function sortsByHost({ sort_key }: ServerQuery): boolean {
  return [sort_key ?? []].flat().some((key) => adminSortKeys.includes(key));
}

/** A page of the servers visible to the caller that match the filters, newest first by default. */
export async function readServerPage(
  { store }: Pick<ComputeContext, 'store'>,
  { caller, allFilters, query }: ServerList,
): Promise<Page<ShortServer>> {
  const where = visibleServers(caller, query);
  const tests = testsOf(query, allFilters);
  const page = { limit: query.limit, marker: query.marker, idOf: ({ id }: ShortServer) => id };
  if (tests.length > 0 || query.sort_key !== undefined) {
    const order = orderOf(query);
    const found = await filterServers(store, await store.servers.listShort(where), tests);
    return pageOf(found.sort(order), { ...page, maximum: 1000 });
  }
  const source: PageSource<ShortServer, ShortServer> = {
    find: (id) => store.servers.find({ ...where, id }),
    list: (cut) => store.servers.listShort(where, cut),
  };
  return readPage(source, page);
}

function visibleServers(caller: Caller, query: ServerQuery): Where<Server> {
  const deleted = caller.is_admin && isTrue(first(query.deleted) ?? '');
  return {
    ...(!isEverywhere(query) && { project_id: caller.project_id }),
    ...(deleted && { vm_state: 'deleted' }),
    ...(!deleted && query['changes-since'] === undefined && { vm_state: liveVmStates }),
  };
}

/** These need more than the short columns. */
const longFilters: readonly string[] = ['flavor', 'ip', 'ip6'];

/** Nova's filters that are no columns: tests every server visible to the caller, reads only the shown ones in full. */
async function filterServers(
  store: Store,
  short: readonly ShortServer[],
  tests: ReturnType<typeof testsOf>,
): Promise<ShortServer[]> {
  const isLong = ({ name }: { name: string }) => longFilters.includes(name);
  const cheap = tests.filter((each) => !isLong(each));
  const likely = short.filter((server) => cheap.every(({ test }) => test(server as Server, nothingRelated)));
  const long = tests.filter(isLong);
  if (long.length === 0) return likely;
  const needsPorts = long.some(({ name }) => name.startsWith('ip'));
  const found: ShortServer[] = [];
  for await (const some of store.servers.read(likely)) {
    const related = needsPorts ? await loadRelated(store, some) : nothingRelated;
    found.push(...some.filter((server) => long.every(({ test }) => test(server, related))));
  }
  return found;
}

/** A filtered list tests every server visible to the caller, and a request line has room for thousands of values. */
const mostValues = 50;

/** A repeated parameter matches any of its values. Filters for administrators are ignored for other callers. */
function testsOf(query: ServerQuery, allFilters: boolean): { name: string; test: Test }[] {
  return Object.entries(query).flatMap(([name, value]) => {
    const filter = Object.hasOwn(filterTable, name) ? filterTable[name] : undefined;
    if (!filter || value === undefined || (!allFilters && adminFilters.includes(name))) return [];
    const wanted = [...new Set([value].flat().map(String))];
    if (wanted.length > mostValues)
      throw new Fault('badRequest', { detail: `Invalid query: ${name} has ${wanted.length} values, ${mostValues} are allowed.` });
    const tests = wanted.map(filter);
    return [{ name, test: (server: Server, related: Related) => tests.some((test) => test(server, related)) }];
  });
}

const sortKeyTable: Readonly<Record<string, (server: ShortServer) => string>> = {
  created_at: (server) => server.created_at,
  updated_at: (server) => server.updated_at,
  display_name: (server) => server.name,
  name: (server) => server.name,
  uuid: (server) => server.id,
  vm_state: (server) => server.vm_state,
  task_state: (server) => server.task_state ?? '',
  key_name: (server) => server.key_name ?? '',
  project_id: (server) => server.project_id,
  user_id: (server) => server.user_id,
  image_ref: (server) => server.image_id ?? '',
  host: (server) => server.node_uuid ?? '',
  node: (server) => server.node_uuid ?? '',
};

const adminSortKeys = ['host', 'node'];

function orderOf(query: ServerQuery): (left: ShortServer, right: ShortServer) => number {
  const directions = [query.sort_dir ?? []].flat();
  const names = [query.sort_key ?? []].flat();
  if (directions.some((direction) => direction !== 'asc' && direction !== 'desc'))
    throw new Fault('badRequest', { detail: 'Unknown sort direction, must be one of: asc, desc' });
  // A repeated key has no effect.
  const keys = [...new Set(names)].map((name) => {
    const sortValue = Object.hasOwn(sortKeyTable, name) ? sortKeyTable[name] : undefined;
    if (!sortValue) throw new Fault('badRequest', { detail: `Servers cannot be sorted by ${name}.` });
    return { sortValue, sign: (directions[names.indexOf(name)] ?? 'desc') === 'asc' ? 1 : -1 };
  });
  const last = [
    { sortValue: (server: ShortServer) => server.created_at, sign: -1 },
    { sortValue: (server: ShortServer) => server.id, sign: -1 },
  ];
  return (left, right) => {
    for (const { sortValue, sign } of [...keys, ...last]) {
      const [a, b] = [sortValue(left), sortValue(right)];
      if (a !== b) return a < b ? -sign : sign;
    }
    return 0;
  };
}

/**
 * A regular expression in Nova. `^`, `$` and `.*` are what clients use; anything else is matched literally, so that no
 * caller can make us run an expensive pattern.
 */
function patternOf(pattern: string): (text: string) => boolean {
  const isAtStart = pattern.startsWith('^');
  const isAtEnd = pattern.endsWith('$') && !pattern.endsWith('\\$');
  const parts = pattern
    .slice(isAtStart ? 1 : 0, isAtEnd ? -1 : undefined)
    .split('.*')
    .map((part) => part.replace(/\\(.)/g, '$1'));
  const last = isAtEnd ? (parts.pop() ?? '') : '';
  // An empty string matches everywhere.
  const sought = parts.filter((part, index) => part !== '' || (isAtStart && index === 0));
  return (text) => {
    let position = 0;
    for (const [index, part] of sought.entries()) {
      const found = isAtStart && index === 0 ? (text.startsWith(part) ? 0 : -1) : text.indexOf(part, position);
      if (found < 0) return false;
      position = found + part.length;
    }
    if (!isAtEnd) return true;
    if (isAtStart && parts.length === 0) return text === last;
    return text.length - last.length >= position && text.endsWith(last);
  };
}

function addressFilter(wanted: string): Test {
  const matches = patternOf(wanted);
  return (server, related) => {
    const addresses = [...addressesOf(server, related).values()].flat();
    return addresses.some(({ addr }) => matches(addr));
  };
}

function timeOf(text: string): string {
  const time = new Date(/[zZ]|[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`);
  if (Number.isNaN(time.getTime())) throw new Fault('badRequest', { detail: `Invalid time ${text}: it must be ISO 8601.` });
  return time.toISOString();
}

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

function isTrue(text: string): boolean {
  return /^(1|t|true|yes|y|on)$/i.test(text);
}
