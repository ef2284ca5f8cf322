/**
 * The supported Neutron extensions, which clients check before use; and responses for unsupported ones that they use
 * anyway.
 */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { quotaTable, quotaUsage } from '#services/network/quotas.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { owns, requireAdmin } from '../http/authentication.ts';

type Extension = { readonly alias: string; readonly name: string; readonly description: string };

const extensionTable: readonly Extension[] = [
  { alias: 'external-net', name: 'Neutron external network', description: 'The router:external attribute of networks.' },
  { alias: 'net-mtu', name: 'Network MTU', description: 'The mtu attribute of networks.' },
  { alias: 'net-mtu-writable', name: 'Network MTU (writable)', description: 'The mtu of a network can be chosen.' },
  { alias: 'pagination', name: 'Pagination support', description: 'limit and marker on lists.' },
  { alias: 'project-id', name: 'project_id field enabled', description: 'Records have project_id beside tenant_id.' },
  { alias: 'provider', name: 'Provider Network', description: 'What a network is on the wire.' },
  { alias: 'quota_details', name: 'Quota details management support', description: 'Quotas with what is used.' },
  { alias: 'quotas', name: 'Quota management support', description: 'Quotas can be read; they are fixed.' },
  { alias: 'sorting', name: 'Sorting support', description: 'sort_key and sort_dir on lists.' },
  { alias: 'standard-attr-description', name: 'standard-attr-description', description: 'Records have a description.' },
  { alias: 'standard-attr-timestamp', name: 'Resource timestamps', description: 'Records have created_at and updated_at.' },
];

/** Collections that clients list routinely: always empty, and read-only. */
const absentTable: Readonly<Record<string, string>> = {
  agents: 'A network agent',
  availability_zones: 'A network availability zone',
  floatingips: 'A floating IP',
  routers: 'A router',
  'security-groups': 'A security group',
  'security-group-rules': 'A security group rule',
  'rbac-policies': 'An RBAC policy',
  segments: 'A network segment',
  subnetpools: 'A subnet pool',
  'address-scopes': 'An address scope',
  trunks: 'A trunk',
};

const updated = '2013-03-28T10:00:00-00:00';
const extensionBody = (extension: Extension) => ({ ...extension, updated, links: [] });

export function registerExtensions(app: ApiScope): void {
  app.get('/extensions', async () => ({ extensions: extensionTable.map(extensionBody) }));
  app.get('/extensions/:alias', { schema: { params: Type.Object({ alias: Type.String() }) } }, async (request) => {
    const extension = extensionTable.find(({ alias }) => alias === request.params.alias);
    if (!extension) throw new Fault('notFound', { what: 'Extension', id: request.params.alias });
    return { extension: extensionBody(extension) };
  });
  for (const [collection, what] of Object.entries(absentTable)) registerUnsupported(app, collection, what);
}

function registerUnsupported(app: ApiScope, collection: string, what: string): void {
  const plural = collection.replaceAll('-', '_');
  app.get(`/${collection}`, async () => ({ [plural]: [] }));
  app.get(`/${collection}/:id`, { schema: { params: Type.Object({ id: Type.String() }) } }, async (request) => {
    throw new Fault('notFound', { what: typeName(what), id: request.params.id });
  });
  app.post(`/${collection}`, async () => {
    throw new Fault('unsupported', { what });
  });
}

/** `A security group` → `SecurityGroup`, as in Neutron's error names. */
function typeName(what: string): string {
  return what
    .replace(/^An? /, '')
    .split(' ')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}

export function registerQuotas(app: ApiScope, context: ApiContext): void {
  const params = Type.Object({ project: Type.String() });
  app.get('/quotas', async () => ({ quotas: [] }));
  // The project of a token: the older client requests it before it shows a quota.
  for (const name of ['tenant', 'project']) {
    app.get(`/quotas/${name}`, async ({ caller }) => ({
      [name]: { [`${name}_id`]: caller.project_id, [`${name}_name`]: caller.project_name },
    }));
  }
  for (const path of ['/quotas/:project', '/quotas/:project/default'])
    app.get(path, { schema: { params } }, async () => ({ quota: quotaTable }));
  app.get('/quotas/:project/details', { schema: { params } }, async (request) => {
    const { project } = request.params;
    if (!owns(request.caller, { project_id: project })) requireAdmin(request, 'get_quota');
    const used = await quotaUsage(context, project);
    const details = Object.entries(quotaTable).map(([name, limit]) => [name, { limit, used: used[name] ?? 0, reserved: 0 }]);
    return { quota: Object.fromEntries(details) };
  });
  app.put('/quotas/:project', { schema: { params } }, async () => {
    throw new Fault('unsupported', { what: 'A network quota' });
  });
}
