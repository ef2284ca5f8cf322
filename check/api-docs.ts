/**
 * The parts of the documents that are made from the routes of the API: PORTS.md's tables, the list of what is
 * unsupported in docs/limits.md, and docs/policies.md; and docs/states.md, from the operations of the engine. `bin/check docs` writes them; a test compares.
 */
import { readFile } from 'node:fs/promises';
import type { RouteOptions } from 'fastify';
import type { ServiceName } from '#api/http/fault-replies.ts';
import type { Policy } from '#api/http/policy/rules.ts';
import type { Row } from '#api/http/route.ts';
import { createPolicies } from '#api/policies.ts';
import { microversionTable } from '#api/versions.ts';
import type { Caller } from '#services/caller.ts';
import { openApiFixture } from '#test/api-fixture.ts';
import { stateDiagram, stateLines } from './state-docs.ts';

export const documentedServices: readonly { name: ServiceName; title: string; prefix: string }[] = [
  { name: 'identity', title: 'Identity', prefix: '/identity/v3' },
  { name: 'image', title: 'Images', prefix: '/image/v2' },
  { name: 'compute', title: 'Compute', prefix: '/compute/v2.1' },
  { name: 'baremetal', title: 'Bare metal', prefix: '/baremetal/v1' },
  { name: 'network', title: 'Networks', prefix: '/network/v2.0' },
];

type Rows = ReadonlyMap<ServiceName, readonly Row[]>;

/** The rows of each service, as the API registers them. */
export async function readRows(): Promise<Rows> {
  const routes: RouteOptions[] = [];
  const fixture = await openApiFixture();
  fixture.app.addHook('onRoute', (route) => void routes.push(route));
  await fixture.app.ready();
  await fixture.close();
  return new Map(
    documentedServices.map(({ name, prefix }) => {
      const own = routes.filter(({ url }) => url.startsWith(`${prefix}/`));
      return [name, [...new Set(own.flatMap(({ config }) => config?.rows ?? []))]];
    }),
  );
}

/** Each document with its generated parts, by path. */
export async function renderDocuments(root: string): Promise<Map<string, string>> {
  const rows = await readRows();
  const policies = createPolicies('');
  const documents = new Map<string, string>();
  const ports = await readFile(`${root}/PORTS.md`, 'utf8');
  const withRoutes = documentedServices.reduce((text, { name }) => {
    const own = rows.get(name) ?? [];
    return own.length === 0 ? text : replaceSection(text, `routes of ${name}`, routeTable(own));
  }, ports);
  documents.set('PORTS.md', withVersions(withRoutes));
  const limits = await readFile(`${root}/docs/limits.md`, 'utf8');
  documents.set('docs/limits.md', replaceSection(limits, 'unsupported routes', unsupportedTable(rows)));
  documents.set('docs/policies.md', policyDocument(await readFile(`${root}/docs/policies.md`, 'utf8'), { rows, policies }));
  documents.set('docs/states.md', stateDocument(await readFile(`${root}/docs/states.md`, 'utf8')));
  return documents;
}

function stateDocument(text: string): string {
  const states = table(['state', 'what it means', 'failed', 'verbs'], stateLines());
  return replaceSection(replaceSection(text, 'diagram', stateDiagram()), 'states', states);
}

/** Throws if the document has no such section. */
function replaceSection(text: string, name: string, body: string): string {
  const [begin, end] = [`<!-- generated: ${name}; bin/check docs -->`, '<!-- end -->'];
  const start = text.indexOf(begin);
  const stop = text.indexOf(end, start);
  if (start < 0 || stop < 0) throw new Error(`there is no section '${begin}' … '${end}'`);
  return `${text.slice(0, start)}${begin}\n\n${body}\n\n${text.slice(stop)}`;
}

/** `microversions 2.1 to 2.96` in the headings. */
function withVersions(text: string): string {
  const { compute, baremetal } = microversionTable;
  return text
    .replace(/microversions 2\.1 to 2\.\d+/g, `microversions 2.1 to 2.${compute.max.minor}`)
    .replace(/microversions 1\.1 to 1\.\d+/g, `microversions 1.1 to 1.${baremetal.max.minor}`);
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...lines.map(line)].join('\n');
}

const pathOf = ({ path }: Row) => `\`${path.replace(/:(\w+)/g, '{$1}')}\``;

/** One line for each path, with what is supported. */
function routeTable(rows: readonly Row[]): string {
  const byPath = Map.groupBy(
    rows.filter(({ unsupported }) => unsupported === undefined),
    pathOf,
  );
  return table(
    ['route', 'methods', 'what'],
    [...byPath].map(([path, group]) => [path, methodsOf(group), summariesOf(group)]),
  );
}

/** In parentheses the first and the last minor microversion with the method, unless it is in all. */
function methodsOf(group: readonly Row[]): string {
  const byMethod = Map.groupBy(group, ({ method }) => method);
  const shown = [...byMethod].map(([method, rows]) => {
    const first = Math.min(...rows.map(({ since = 0 }) => since));
    const last = Math.max(...rows.map(({ until = Number.POSITIVE_INFINITY }) => until));
    const span = [first > 1 ? `${first}` : '', last === Number.POSITIVE_INFINITY ? '' : `to ${last}`].filter(Boolean).join(' ');
    return span && rows[0]?.action === undefined ? `${method} (${span})` : method;
  });
  return shown.join(' ');
}

function summariesOf(group: readonly Row[]): string {
  const summaries = group.map(({ action, summary }) => (action === undefined ? summary : `\`${action}\`: ${summary}`));
  return [...new Set(summaries)].join('; ');
}

function unsupportedTable(rows: Rows): string {
  const lines = documentedServices.flatMap(({ name, title }) => {
    const unsupported = (rows.get(name) ?? []).filter((row) => row.unsupported !== undefined);
    const byPath = Map.groupBy(unsupported, (row) => `${pathOf(row)} ${row.action === undefined ? row.unsupported : ''}`);
    return [...byPath.values()].map((group) => {
      const [first] = group as [Row];
      const methods = [...new Set(group.map(({ method }) => method))].join(' ');
      const actions = group.flatMap(({ action }) => (action === undefined ? [] : [`\`${action}\``]));
      const what = actions.length > 0 ? `the actions ${actions.join(', ')}` : String(first.unsupported);
      return [title, `${methods} ${pathOf(first)}`, what];
    });
  });
  return table(['service', 'route', 'not supported'], lines);
}

type PolicyFacts = { readonly rows: Rows; readonly policies: Readonly<Record<ServiceName, Policy>> };

function policyDocument(text: string, { rows, policies }: PolicyFacts): string {
  return documentedServices.reduce((document, { name }) => {
    const policy = policies[name];
    return replaceSection(document, `rules of ${name}`, ruleTable(policy, rows.get(name) ?? []));
  }, text);
}

const roles = ['reader', 'member', 'manager', 'admin'] as const;
/** The columns of the tables of rules: one role in one scope, on what belongs to the caller. */
export const policyColumns = [
  ...roles.map((role) => ({ title: role, scope: 'project', role }) as const),
  { title: 'domain admin', scope: 'domain', role: 'admin' } as const,
  { title: 'system reader', scope: 'system', role: 'reader' } as const,
  { title: 'system admin', scope: 'system', role: 'admin' } as const,
  { title: 'service', scope: 'project', role: 'service' } as const,
  { title: 'system service', scope: 'system', role: 'service' } as const,
];
export type PolicyColumn = (typeof policyColumns)[number];

function ruleTable(policy: Policy, rows: readonly Row[]): string {
  const lines = Object.entries(policy.rules).map(([name, { description, scopes }]) => {
    const routes = rows
      .filter((row) => row.policy === name)
      .map(({ method, path, action }) => `${method} ${path}${action ? ` ${action}` : ''}`);
    const allowed = policyColumns.map((column) => (scopes && policy.allows(callerOf(column), name) ? '✓' : ''));
    const check = policy.checkOf(name);
    return [
      `\`${name}\``,
      check === '' ? 'anyone' : `\`${check}\``,
      scopes?.join(', ') ?? 'base rule',
      ...allowed,
      `${description}${routes.length > 0 ? ` ${[...new Set(routes)].map((route) => `\`${route}\``).join(', ')}` : ''}`,
    ];
  });
  return table(['rule', 'check', 'scopes', ...policyColumns.map(({ title }) => title), 'what, and its routes'], lines);
}

/** Each role includes those before it; `service` is apart. */
function callerOf({ scope, role }: PolicyColumn): Caller {
  return {
    user_id: 'user',
    user_name: 'user',
    project_id: scope === 'project' ? 'project' : '',
    project_name: scope === 'project' ? 'project' : '',
    ...(scope === 'domain' && { domain_id: 'domain' }),
    ...(scope === 'system' && { system_scope: 'all' as const }),
    roles: role === 'service' ? [role] : roles.slice(0, roles.indexOf(role) + 1),
    is_admin: role === 'admin',
  };
}
