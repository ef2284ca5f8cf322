/** Each route as each kind of caller, compared with the table of rules in docs/policies.md. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import type { RouteOptions } from 'fastify';
import { createPersonas, type Persona } from '#test/personas.ts';
import { openRackFixture } from '#test/rack-fixture.ts';
import type { ServiceName } from './http/fault-replies.ts';
import type { Row } from './http/route.ts';
import { policyTable } from './policies.ts';

const services: Readonly<Record<ServiceName, string>> = {
  identity: '/identity/v3',
  compute: '/compute/v2.1',
  image: '/image/v2',
  network: '/network/v2.0',
  baremetal: '/baremetal/v1',
};

const routes: RouteOptions[] = [];
const fixture = await openRackFixture();
after(() => fixture.close());
fixture.app.addHook('onRoute', (route) => void routes.push(route));
await fixture.app.ready();
const personas = await createPersonas(fixture);

/** The columns of the printed table, and the callers that they are about. */
const columns: Readonly<Record<string, readonly string[]>> = {
  reader: ['reader of the project', 'reader of the other project'],
  member: ['member of the project', 'member of the other project'],
  manager: ['manager of the project', 'manager of the other project'],
  admin: ['admin of the project', 'admin of the other project'],
  'domain admin': ['admin of the domain'],
  'system reader': ['reader of the system'],
  'system admin': ['admin of the system'],
  service: ['service of the project', 'service of the other project'],
  'system service': ['service of the system'],
};

/** Rule → names of the callers whom the printed table allows it. */
function printedRules(service: ServiceName): ReadonlyMap<string, ReadonlySet<string>> {
  const text = readFileSync(new URL('../../docs/policies.md', import.meta.url), 'utf8');
  const section = text.slice(text.indexOf(`<!-- generated: rules of ${service};`)).split('<!-- end -->', 1)[0] ?? '';
  const [head = [], , ...lines] = section
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .replaceAll('\\|', '/')
        .slice(2, -2)
        .split(' | ')
        .map((cell) => cell.trim()),
    );
  return new Map(
    lines.map((cells) => {
      const allowed = head.flatMap((title, index) => (cells[index] === '✓' ? (columns[title] ?? []) : []));
      return [(cells[0] ?? '').replaceAll('`', ''), new Set(allowed)];
    }),
  );
}

const known = new Set(Object.values(columns).flat());
const nothing = '00000000-0000-4000-8000-000000000000';

/** The path, about what belongs to the caller where a parameter names a project or user; else about nothing. */
function urlOf(prefix: string, { path, method }: Row, persona: Persona): string {
  // Later requests need the user and the project.
  if (method === 'DELETE' && /:(user|project)_id$/.test(path)) return prefix + path.replace(/:\w+/g, nothing);
  const own: Readonly<Record<string, string>> = {
    project_id: persona.project_id,
    project: persona.project_id,
    user_id: persona.user_id,
  };
  const query = path === '/role_assignments' ? `?user.id=${persona.user_id}` : '';
  return prefix + path.replace(/:(\w+)/g, (_, name: string) => own[name] || nothing) + query;
}

/** The policy of an action is known from its body; other requests have none, and do not get past their schemas. */
async function send(prefix: string, row: Row, persona: Persona) {
  const minor = row.since ?? row.until ?? 1;
  const version = prefix.startsWith('/baremetal')
    ? { 'x-openstack-ironic-api-version': `1.${minor}` }
    : { 'x-openstack-nova-api-version': `2.${minor}` };
  const payload = row.action === undefined ? undefined : { [row.action]: null };
  const url = urlOf(prefix, row, persona);
  const reply = await fixture.app.inject({
    method: row.method,
    url,
    headers: { ...version, ...persona.headers },
    ...(payload && { payload }),
  });
  return { status: reply.statusCode, text: reply.body };
}

/** A 403 of another reason (a quota, an object of another project) comes from behind the rule. */
function isDenied(service: ServiceName, rule: string, { status, text }: { status: number; text: string }): boolean {
  const message = policyTable[service].denied(rule, {} as never).message;
  return status === 401 || (status === 403 && (text.includes('The scope of the token') || text.includes(escaped(message))));
}

/** An empty list, or what a missing object gets. */
function showsNothing({ status, text }: { status: number; text: string }): boolean {
  return (
    status === 404 ||
    (status === 200 && Object.values(JSON.parse(text)).every((value) => Array.isArray(value) && value.length === 0))
  );
}

/** As in JSON, and in Ironic's JSON inside of JSON. */
function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

for (const [service, prefix] of Object.entries(services) as [ServiceName, string][]) {
  const rows = routes.filter(({ url }) => url.startsWith(`${prefix}/`)).flatMap(({ config }) => config?.rows ?? []);
  test(`each route of ${service} allows and denies as docs/policies.md says`, async () => {
    const printed = printedRules(service);
    const wrong: string[] = [];
    for (const row of new Set(rows)) {
      const rule = row.policy;
      if (typeof rule !== 'string') continue;
      for (const persona of personas.filter(({ name }) => name === 'nobody' || known.has(name))) {
        const reply = await send(prefix, row, persona);
        const isAllowed = printed.get(rule)?.has(persona.name) ?? false;
        if (isDenied(service, rule, reply) !== isAllowed) continue;
        if (row.denied === 'nothing' && !isAllowed && showsNothing(reply)) continue;
        wrong.push(
          `${row.method} ${row.path} ${row.action ?? ''} as ${persona.name}: ${reply.status} ${reply.text.slice(0, 200)}`,
        );
      }
    }
    assert.deepEqual(wrong, []);
  });
}
