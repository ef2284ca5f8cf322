/** Which servers a list shows: Nova's query parameters. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { Server } from '#domain/records.ts';
import type { Where } from '#store/collection.ts';
import { requireAdmin } from '../authentication.ts';
import type { ApiContext } from '../context.ts';
import { atLeast } from '../microversions.ts';
import { type Page, type PageSource, pageOf, readPage } from '../pagination.ts';
import { addressesOf, hostName, loadRelated, nothingRelated, type Related, statusNames, statusOf } from './server-json.ts';

const Text = Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())]));

export const ServerQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 0 })),
  marker: Type.Optional(Type.String()),
  sort_key: Text,
  sort_dir: Text,
  all_tenants: Text,
  name: Text,
  status: Text,
  image: Text,
  flavor: Text,
  ip: Text,
  ip6: Text,
  uuid: Text,
  host: Text,
  node: Text,
  hostname: Text,
  description: Text,
  availability_zone: Text,
  key_name: Text,
  project_id: Text,
  tenant_id: Text,
  user_id: Text,
  vm_state: Text,
  task_state: Text,
  locked: Text,
  tags: Text,
  'tags-any': Text,
  deleted: Text,
  'changes-since': Text,
  'changes-before': Text,
});
export type ServerQuery = Static<typeof ServerQuery>;

type Test = (server: Server, wanted: string, related: Related) => boolean;

/** Every filter by its name in the query. */
const filterTable: Readonly<Record<string, Test>> = {
  name: (server, wanted) => matchesPattern(server.name, wanted),
  description: (server, wanted) => matchesPattern(server.description ?? '', wanted),
  hostname: (server, wanted) => matchesPattern(server.hostname, wanted),
  status: (server, wanted) => statusOf(server) === wanted.toUpperCase(),
  image: (server, wanted) => server.image_id === lastSegment(wanted),
  flavor: (server, wanted) => server.flavor.id === lastSegment(wanted),
  uuid: (server, wanted) => server.id === wanted,
  ip: (server, wanted, related) => hasAddress(server, wanted, related),
  ip6: (server, wanted, related) => hasAddress(server, wanted, related),
  availability_zone: (server, wanted) => server.availability_zone === wanted || (server.node_uuid !== null && wanted === 'nova'),
  key_name: (server, wanted) => server.key_name === wanted,
  project_id: (server, wanted) => server.project_id === wanted,
  tenant_id: (server, wanted) => server.project_id === wanted,
  user_id: (server, wanted) => server.user_id === wanted,
  vm_state: (server, wanted) => server.vm_state === wanted,
  task_state: (server, wanted) => server.task_state === wanted,
  host: (server, wanted) => server.node_uuid !== null && wanted === hostName,
  node: (server, wanted) => server.node_uuid === wanted,
  locked: (server, wanted) => server.locked === isTrue(wanted),
  tags: () => false,
  'tags-any': () => false,
  'changes-since': (server, wanted) => server.updated_at >= timeOf(wanted),
  'changes-before': (server, wanted) => server.updated_at <= timeOf(wanted),
};

const adminFilters = ['host', 'node', 'project_id', 'tenant_id', 'user_id'];

/** A page of the servers that the caller may see and asked for, newest first unless he sorts otherwise. */
export async function readServers(context: ApiContext, request: FastifyRequest, query: ServerQuery): Promise<Page<Server>> {
  refuseUnknownStatus(request, query);
  const where = visibleServers(request, query);
  const tests = testsOf(query, request.caller.is_admin);
  const page = { limit: query.limit, marker: query.marker, idOf: ({ id }: Server) => id };
  if (tests.length > 0 || query.sort_key !== undefined)
    return pageOf(await listServers(context, { request, where, tests, query }), { ...page, maximum: 1000 });
  const { servers } = context.store;
  const source: PageSource<Server, Server> = {
    find: (id) => servers.find({ ...where, id }),
    list: (cut) => servers.list(where, { order: newestFirst, ...cut }),
  };
  return readPage(source, page);
}

const newestFirst = [
  { column: 'created_at', descending: true },
  { column: 'id', descending: true },
];

function visibleServers(request: FastifyRequest, query: ServerQuery): Where<Server> {
  const isEverywhere = query.all_tenants !== undefined && isTrue(first(query.all_tenants) || '1');
  if (isEverywhere) requireAdmin(request, 'os_compute_api:servers:detail:get_all_tenants');
  const deleted = request.caller.is_admin && isTrue(first(query.deleted) ?? '');
  return {
    ...(!isEverywhere && { project_id: request.caller.project_id }),
    ...(deleted && { vm_state: 'deleted' }),
    ...(!deleted && query['changes-since'] === undefined && { vm_state: ['building', 'active', 'stopped', 'error'] }),
  };
}

type Listing = { request: FastifyRequest; where: Where<Server>; tests: ReturnType<typeof testsOf>; query: ServerQuery };

/** Short, and all that most filters look at. */
const shortColumns = [
  ...(['id', 'name', 'hostname', 'description', 'project_id', 'user_id', 'image_id', 'key_name', 'availability_zone'] as const),
  ...(['locked', 'vm_state', 'task_state', 'node_uuid', 'created_at', 'updated_at'] as const),
] as const satisfies readonly (keyof Server)[];
const longFilters: readonly string[] = ['flavor', 'ip', 'ip6'];
const serversAtOnce = 500;

/** Filters of Nova that are no columns: every server that the caller may see is looked at, but read is what may be shown. */
async function listServers({ store }: ApiContext, { request, where, tests, query }: Listing): Promise<Server[]> {
  const short = (await store.servers.pick(shortColumns, where)) as Server[];
  const cheap = tests.filter(({ name }) => !longFilters.includes(name));
  const ids = short.filter((server) => cheap.every(({ test }) => test(server, nothingRelated))).map(({ id }) => id);
  const all: Server[] = [];
  for (let start = 0; start < ids.length; start += serversAtOnce)
    all.push(...(await store.servers.list({ id: ids.slice(start, start + serversAtOnce) })));
  const related = tests.some(({ name }) => name.startsWith('ip')) ? await loadRelated(store, all) : undefined;
  const found = all.filter((server) => tests.every(({ test }) => test(server, related ?? nothingRelated)));
  return found.sort(orderOf(request, query));
}

/** A parameter given several times asks for any of its values. Filters that only administrators have are no filters for others. */
function testsOf(query: ServerQuery, isAdmin: boolean) {
  return Object.entries(query).flatMap(([name, value]) => {
    const test = Object.hasOwn(filterTable, name) ? filterTable[name] : undefined;
    if (!test || value === undefined || (!isAdmin && adminFilters.includes(name))) return [];
    const wanted = [value].flat().map(String);
    return [{ name, test: (server: Server, related: Related) => wanted.some((each) => test(server, each, related)) }];
  });
}

function refuseUnknownStatus(request: FastifyRequest, query: ServerQuery): void {
  const unknown = [query.status ?? []].flat().find((status) => !statusNames.includes(status.toUpperCase()));
  if (unknown !== undefined && atLeast(request.microversion, 38))
    throw new Fault('badRequest', { detail: `Invalid status value ${unknown}; known: ${statusNames.join(', ')}.` });
}

const sortKeyTable: Readonly<Record<string, (server: Server) => string>> = {
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

/** Their order tells which servers share what tenants do not see. */
const adminSortKeys = ['host', 'node'];

function orderOf(request: FastifyRequest, query: ServerQuery): (left: Server, right: Server) => number {
  const directions = [query.sort_dir ?? []].flat();
  const keys = [query.sort_key ?? []].flat().map((name, index) => {
    const sortValue = Object.hasOwn(sortKeyTable, name) ? sortKeyTable[name] : undefined;
    if (sortValue && adminSortKeys.includes(name)) requireAdmin(request, `os_compute_api:servers:sort_by_${name}`);
    if (!sortValue) throw new Fault('badRequest', { detail: `Servers cannot be sorted by ${name}.` });
    return { sortValue, sign: (directions[index] ?? 'desc') === 'asc' ? 1 : -1 };
  });
  const last = [
    { sortValue: (server: Server) => server.created_at, sign: -1 },
    { sortValue: (server: Server) => server.id, sign: -1 },
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
 * Nova takes a regular expression here. `^`, `$` and `.*` are what clients use; anything else is taken as it stands, so
 * that no caller can make us run an expensive pattern.
 */
export function matchesPattern(text: string, pattern: string): boolean {
  const isAtStart = pattern.startsWith('^');
  const isAtEnd = pattern.endsWith('$') && !pattern.endsWith('\\$');
  const parts = pattern
    .slice(isAtStart ? 1 : 0, isAtEnd ? -1 : undefined)
    .split('.*')
    .map((part) => part.replace(/\\(.)/g, '$1'));
  const last = isAtEnd ? (parts.pop() ?? '') : '';
  let position = 0;
  for (const [index, part] of parts.entries()) {
    const found = isAtStart && index === 0 ? (text.startsWith(part) ? 0 : -1) : text.indexOf(part, position);
    if (found < 0) return false;
    position = found + part.length;
  }
  if (!isAtEnd) return true;
  if (isAtStart && parts.length === 0) return text === last;
  return text.length - last.length >= position && text.endsWith(last);
}

function hasAddress(server: Server, pattern: string, related: Related): boolean {
  const addresses = Object.values(addressesOf(server, related)).flat() as { addr: string }[];
  return addresses.some(({ addr }) => matchesPattern(addr, pattern));
}

function timeOf(text: string): string {
  const time = new Date(/[zZ]|[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`);
  if (Number.isNaN(time.getTime())) throw new Fault('badRequest', { detail: `Invalid time ${text}: it must be ISO 8601.` });
  return time.toISOString();
}

function lastSegment(reference: string): string {
  return reference.slice(reference.lastIndexOf('/') + 1);
}

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

function isTrue(text: string): boolean {
  return /^(1|t|true|yes|y|on)$/i.test(text);
}
