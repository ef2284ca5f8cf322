/** Requests that are made from our rows of routes: each at its first microversion, one below, and the newest of both services. */
import { baremetalRoutes } from '#api/baremetal/routes.ts';
import type { Row } from '#api/http/route.ts';
import { type Ask, newest } from '../row.ts';
import { typicalBodies } from './bodies.ts';
import { identTable, nobody } from './resources.ts';

/** @property route method and path, with the names of parameters */
export type Request = { readonly route: string; readonly name: string; readonly ask: Ask };

/** Not of Ironic's API, or answered when something happens. */
const ownRoutes = /\/(locks|events|operations|held_addresses|firmware_updates)(\/|$)/;

/** After these Ironic has a record that no request finds. */
const lost = /^POST \/\w+ uuid (text|a number)/;

/** The minor microversions that brought routes to Ironic where our rows do not say so. */
const sinceTable: readonly [path: RegExp, since: number][] = [
  [/^\/portgroups|\/portgroups(\/|$)/, 23],
  [/\/vifs/, 28],
  [/^\/volume|\/volume(\/|$)/, 32],
  [/\/traits/, 37],
  [/\/bios/, 40],
  [/^\/conductors/, 49],
  [/\/management\/indicators/, 63],
  [/\/states\/(boot_mode|secure_boot)/, 76],
  [/\/history/, 78],
];

export function walkedRoutes(): readonly Row[] {
  return baremetalRoutes.filter(({ path }) => !ownRoutes.test(path));
}

export function requestsOf(row: Row): Request[] {
  const since = row.since ?? sinceTable.find(([path]) => path.test(row.path))?.[1] ?? 1;
  const route = `${row.method} ${row.path}`;
  const latest = Number(newest.split('.')[1]);
  const [typical] = typicalBodies(row);
  const path = filled(row.path);
  const older = [since - 1, since]
    .filter((minor) => minor > 0 && minor < latest)
    .map((minor) => ({ what: `at 1.${minor}`, ask: { method: row.method, path, body: typical, version: `1.${minor}` } }));
  const all = [...older, ...pathsOf(row, typical), ...queriesOf(row, path), ...bodiesOf(row, path)];
  return all.map(({ what, ask }) => ({ route, name: `${route} ${what}`, ask })).filter(({ name }) => !lost.test(name));
}

type Variant = { readonly what: string; readonly ask: Ask };

function filled(path: string): string {
  const volume = path.includes('/connectors') ? 'connector' : 'target';
  return path.replace(/:(\w+)/g, (_, name) => identTable[name === 'volume' ? volume : name] ?? name);
}

function pathsOf({ method, path }: Row, body: unknown): Variant[] {
  const [first] = /:\w+/.exec(path) ?? [];
  if (first === undefined) return [];
  const odd = { unknown: nobody, 'a word': 'no-such', 'two words': 'no%20such' };
  return Object.entries(odd).map(([what, ident]) => ({
    what: `of ${what}`,
    ask: { method, path: filled(path.replace(first, ident)), body },
  }));
}

const flags = ['true', 'false', 'x'];
const queryTable: Readonly<Record<string, readonly string[]>> = {
  limit: ['1', '0', '-1', 'x'],
  marker: [nobody, 'x'],
  sort_key: ['uuid', 'created_at', 'extra', 'nonsense'],
  sort_dir: ['desc', 'up'],
  fields: ['uuid', 'uuid,extra', 'nonsense', ''],
  ...Object.fromEntries(
    ['detail', 'maintenance', 'associated', 'retired', 'sharded', 'include_children'].map((name) => [name, flags]),
  ),
  device_types: ['cdrom', 'x'],
  instance_uuid: [nobody, 'x'],
  provision_state: ['manageable', 'x'],
};

function queriesOf({ method, query }: Row, path: string): Variant[] {
  if (method !== 'GET') return [];
  const names = Object.keys((query as { properties?: object } | undefined)?.properties ?? {});
  const asked = names.flatMap((name) => (queryTable[name] ?? [nobody, 'x']).map((value) => `${name}=${value}`));
  return ['', ...asked, 'nonsense=1'].map((text) => ({
    what: text === '' ? 'plain' : `?${text}`,
    ask: { method, path: text === '' ? path : `${path}?${text}` },
  }));
}

function bodiesOf(row: Row, path: string): Variant[] {
  const { method } = row;
  if (method === 'GET') return [];
  const bodies = typicalBodies(row);
  const [typical] = bodies;
  const ofBody = (what: string, body: unknown): Variant => ({ what, ask: { method, path, body } });
  const plain = bodies.map((body) => ofBody(body === undefined ? 'plain' : JSON.stringify(body), body));
  if (method === 'DELETE' || method === 'PATCH') return plain;
  const others = [ofBody('an empty list', []), ofBody('no members', {}), ofBody('text', 'text'), ofBody('no body', undefined)];
  if (typeof typical !== 'object' || typical === null) return [...plain, ...others];
  const changed = Object.keys(typical).flatMap((name) => [
    ofBody(`without ${name}`, { ...typical, [name]: undefined }),
    ofBody(`${name} null`, { ...typical, [name]: null }),
    ofBody(`${name} a number`, { ...typical, [name]: 17 }),
    ofBody(`${name} text`, { ...typical, [name]: 'text' }),
    ofBody(`${name} a list`, { ...typical, [name]: [] }),
  ]);
  return [...plain, ...others, ...changed, ofBody('an unknown member', { ...typical, nonsense: 1 })];
}

/** Changes of each member that a record shows. */
export function patchesOf({ method, path }: Row, record: Readonly<Record<string, unknown>>): Request[] {
  const route = `${method} ${path}`;
  const members = Object.entries(record).filter(([name]) => name !== 'links');
  return members.flatMap(([name, value]) => {
    const at = { path: `/${name}` };
    const changes: readonly [what: string, change: object][] = [
      ['the same', { op: 'replace', value }],
      ['null', { op: 'replace', value: null }],
      ['a number', { op: 'replace', value: 17 }],
      ['text', { op: 'add', value: 'text' }],
      ['an object', { op: 'add', value: { a: 1 } }],
      ['removed', { op: 'remove' }],
    ];
    return changes.map(([what, change]) => ({
      route,
      name: `${route} ${name} ${what}`,
      ask: { method: 'PATCH' as const, path: filled(path), body: [{ ...at, ...change }] },
    }));
  });
}
