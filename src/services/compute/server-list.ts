/** Lists of servers: Nova's filters and sort keys. */
import { Fault } from '#domain/faults.ts';
import {
  allOf,
  anyOf,
  type Condition,
  compares,
  hasItem,
  hasMember,
  isEqual,
  isNot,
  isOneOf,
  nothing,
} from '#store/conditions.ts';
import type { Order } from '#store/keyset.ts';
import { type ListPage, listKeys, type RowTest } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { Store } from '#store/store.ts';
import { liveVmStates, type ShortServer } from '#store/tables/servers.ts';
import type { Caller } from '../caller.ts';
import { booleanOf } from '../loose-booleans.ts';
import type { ComputeContext } from './context.ts';
import { hostName, zoneName } from './host.ts';
import { addressesOf, loadRelated } from './related.ts';
import { lastSegment } from './server-image.ts';
import { type ServerState, statesOf, tasksWithStatus } from './server-status.ts';
import { mostTags } from './server-tags.ts';

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

/** Filters that are conditions on columns, by query parameter; parses the wanted values once, for all servers. */
const conditionTable: Readonly<Record<string, (values: readonly string[]) => Condition>> = {
  status: (values) => anyOf(...statesOf(values.map((value) => value.toUpperCase())).map(isInState)),
  image: (values) => isOneOf('image_id', values.map(lastSegment)),
  flavor: (values) => hasMember('flavor', 'id', values.map(lastSegment)),
  uuid: (values) => isOneOf('id', values),
  availability_zone: (values) => anyOf(isOneOf('availability_zone', values), values.includes(zoneName) ? hasNode : nothing),
  key_name: (values) => isOneOf('key_name', values),
  project_id: (values) => isOneOf('project_id', values),
  tenant_id: (values) => isOneOf('project_id', values),
  user_id: (values) => isOneOf('user_id', values),
  vm_state: (values) => isOneOf('vm_state', values),
  task_state: (values) => isOneOf('task_state', values),
  host: (values) => (values.includes(hostName) ? hasNode : nothing),
  node: (values) => isOneOf('node_uuid', values),
  locked: (values) =>
    isOneOf(
      'locked',
      values.map((value) => booleanOf('locked', value)),
    ),
  // Repeated or separated by commas. A tag has no comma.
  tags: (values) => allOf(...tagsOf(values).map((tag) => hasItem('tags', [tag]))),
  'tags-any': (values) => hasItem('tags', tagsOf(values)),
  'not-tags': (values) => isNot(allOf(...tagsOf(values).map((tag) => hasItem('tags', [tag])))),
  'not-tags-any': (values) => isNot(hasItem('tags', tagsOf(values))),
  'changes-since': (values) => anyOf(...values.map((value) => compares('updated_at', '>=', timeOf(value)))),
  'changes-before': (values) => anyOf(...values.map((value) => compares('updated_at', '<=', timeOf(value)))),
};

const hasNode = isNot(isEqual('node_uuid', null));

/** Of a server there are at most 50, and each is a condition. @throws Fault `badRequest` */
function tagsOf(values: readonly string[]): string[] {
  const tags = [...new Set(values.flatMap((value) => value.split(',')))];
  if (tags.length <= mostTags) return tags;
  throw new Fault('badRequest', { detail: `Invalid query: ${tags.length} tags are named, ${mostTags} are allowed.` });
}

function isInState({ vm_state, task_state }: ServerState): Condition {
  const isState = isEqual('vm_state', vm_state);
  if (task_state !== undefined) return allOf(isState, isEqual('task_state', task_state));
  return allOf(isState, anyOf(isEqual('task_state', null), isNot(isOneOf('task_state', tasksWithStatus(vm_state)))));
}

/** Filters by a pattern of a short column. */
const patternTable: Readonly<Record<string, (server: ShortServer) => string>> = {
  name: ({ name }) => name,
  description: ({ description }) => description ?? '',
  hostname: ({ hostname }) => hostname,
};
/** Filters by a pattern of an address, for which ports are read. */
const addressFilters = ['ip', 'ip6'];

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
): Promise<ListPage<ShortServer>> {
  const filters = filtersOf(query, allFilters);
  const page = await listKeys(
    {
      ...{ collection: store.servers, table: listTables.servers, visible: visibleServers(caller, query) },
      unknownMarker: (id) => `marker [${id}] not found`,
    },
    { where: conditionsOf(filters), sort: sortOf(query), limit: query.limit, marker: query.marker, keep: testOf(store, filters) },
  );
  return page as ListPage<ShortServer>;
}

function visibleServers(caller: Caller, query: ServerQuery): Condition[] {
  const deleted = caller.is_admin && isTrue(first(query.deleted) ?? '');
  return [
    ...(isEverywhere(query) ? [] : [isEqual('project_id', caller.project_id)]),
    ...(deleted ? [isEqual('vm_state', 'deleted')] : []),
    ...(!deleted && query['changes-since'] === undefined ? [isOneOf('vm_state', liveVmStates)] : []),
  ];
}

/** A request line has room for thousands of values. */
const mostValues = 50;

type Filters = ReadonlyMap<string, readonly string[]>;

/** A repeated parameter matches any of its values. Filters for administrators are ignored for other callers. */
function filtersOf(query: ServerQuery, allFilters: boolean): Filters {
  const given = Object.entries(query).filter(([name, value]) => {
    const isKnown = Object.hasOwn(conditionTable, name) || Object.hasOwn(patternTable, name) || addressFilters.includes(name);
    return isKnown && value !== undefined && (allFilters || !adminFilters.includes(name));
  });
  return new Map(
    given.map(([name, value]) => {
      const wanted = [...new Set([value].flat().map(String))];
      if (wanted.length <= mostValues) return [name, wanted];
      throw new Fault('badRequest', { detail: `Invalid query: ${name} has ${wanted.length} values, ${mostValues} are allowed.` });
    }),
  );
}

function conditionsOf(filters: Filters): Condition[] {
  return [...filters].flatMap(([name, values]) =>
    Object.hasOwn(conditionTable, name) ? (conditionTable[name]?.(values) ?? []) : [],
  );
}

/** Patterns are tested batch by batch: a database's own expressions could be expensive. undefined: none are given. */
function testOf(store: Store, filters: Filters): RowTest | undefined {
  const texts = [...filters].flatMap(([name, values]) => {
    const textOf = Object.hasOwn(patternTable, name) ? patternTable[name] : undefined;
    return textOf ? [{ textOf, matches: anyPatternOf(values) }] : [];
  });
  const addresses = addressFilters.flatMap((name) => filters.get(name) ?? []).length > 0;
  if (texts.length === 0 && !addresses) return undefined;
  const tests = addressFilters.flatMap((name) => {
    const values = filters.get(name);
    return values ? [anyPatternOf(values)] : [];
  });
  return async (rows) => {
    const short = rows as readonly ShortServer[];
    const likely = short.filter((server) => texts.every(({ textOf, matches }) => matches(textOf(server))));
    return tests.length === 0 ? likely : withAddresses(store, likely, tests);
  };
}

type TextTest = (text: string) => boolean;

/** Those of the servers that have, for each test, an address which passes it. */
async function withAddresses(store: Store, servers: readonly ShortServer[], tests: readonly TextTest[]): Promise<ShortServer[]> {
  const found = new Set<string>();
  for await (const some of store.servers.read(servers)) {
    const related = await loadRelated(store, some);
    for (const server of some) {
      const addresses = [...addressesOf(server, related).values()].flat();
      if (tests.every((test) => addresses.some(({ addr }) => test(addr)))) found.add(server.id);
    }
  }
  return servers.filter(({ id }) => found.has(id));
}

const sortKeyTable: Readonly<Record<string, keyof ShortServer>> = {
  created_at: 'created_at',
  updated_at: 'updated_at',
  display_name: 'name',
  name: 'name',
  uuid: 'id',
  vm_state: 'vm_state',
  task_state: 'task_state',
  key_name: 'key_name',
  project_id: 'project_id',
  user_id: 'user_id',
  image_ref: 'image_id',
  host: 'node_uuid',
  node: 'node_uuid',
};

const adminSortKeys = ['host', 'node'];

/** A key without a direction is descending. */
function sortOf(query: ServerQuery): Order {
  const directions = [query.sort_dir ?? []].flat();
  if (directions.some((direction) => direction !== 'asc' && direction !== 'desc'))
    throw new Fault('badRequest', { detail: 'Unknown sort direction, must be one of: asc, desc' });
  return [query.sort_key ?? []].flat().map((name, index) => {
    const column = Object.hasOwn(sortKeyTable, name) ? sortKeyTable[name] : undefined;
    if (!column) throw new Fault('badRequest', { detail: `Servers cannot be sorted by ${name}.` });
    return { column, descending: (directions[index] ?? 'desc') === 'desc' };
  });
}

function anyPatternOf(patterns: readonly string[]): TextTest {
  const tests = patterns.map(patternOf);
  return (text) => tests.some((test) => test(text));
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

/** A time of a request as it is stored; without a zone, in UTC. @throws Fault `badRequest` */
export function timeOf(text: string): string {
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
