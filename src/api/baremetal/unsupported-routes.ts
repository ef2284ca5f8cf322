/** Parts of Ironic's API that Ingot does not have: lists are empty, other requests are rejected with the reason. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { findNode } from '#services/baremetal/lookup.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { field, selectFields } from './fields.ts';
import { conductorName } from './node-json.ts';
import { since } from './since.ts';
import { AnyQuery } from './strict-requests.ts';

const NodeParams = Type.Object({ node: Type.String() });

/** Query parameters common to all lists. */
const pageWords = ['fields', 'limit', 'marker', 'sort_key', 'sort_dir'];

/** The field of the empty list, its further query parameters, and its first microversion if that is after 1.78. */
const emptyListTable: readonly { path: string; field: string; words?: readonly string[]; minor?: number }[] = [
  { path: '/allocations', field: 'allocations', words: ['node', 'resource_class', 'state', 'owner'] },
  { path: '/chassis', field: 'chassis', words: ['detail'] },
  { path: '/chassis/detail', field: 'chassis' },
  { path: '/portgroups', field: 'portgroups', words: ['node', 'address', 'detail', 'shard', 'conductor_groups'] },
  { path: '/portgroups/detail', field: 'portgroups', words: ['node', 'address', 'shard', 'conductor_groups'] },
  { path: '/deploy_templates', field: 'deploy_templates', words: ['detail'] },
  { path: '/volume/connectors', field: 'connectors', words: ['node', 'detail'] },
  { path: '/volume/targets', field: 'targets', words: ['node', 'detail'] },
  { path: '/runbooks', field: 'runbooks', words: ['detail', 'project'], minor: 92 },
  { path: '/inspection_rules', field: 'inspection_rules', words: ['detail'], minor: 96 },
];
const emptyNodeListTable = { portgroups: 'portgroups', 'volume/connectors': 'connectors', 'volume/targets': 'targets' } as const;

const unsupportedTable: readonly { method: 'POST' | 'PUT' | 'DELETE'; path: string; what: string; minor?: number }[] = [
  { method: 'POST', path: '/allocations', what: 'Making an allocation (create a server instead)' },
  { method: 'POST', path: '/chassis', what: 'Making a chassis' },
  { method: 'POST', path: '/portgroups', what: 'Making a port group' },
  { method: 'POST', path: '/deploy_templates', what: 'Making a deploy template' },
  { method: 'POST', path: '/volume/connectors', what: 'Making a volume connector' },
  { method: 'POST', path: '/volume/targets', what: 'Making a volume target' },
  { method: 'POST', path: '/nodes/:node/vifs', what: 'Attaching a VIF by hand (create the server with a port instead)' },
  { method: 'DELETE', path: '/nodes/:node/vifs/:vif', what: 'Detaching a VIF by hand' },
  { method: 'PUT', path: '/nodes/:node/states/raid', what: 'RAID' },
  { method: 'POST', path: '/continue_inspection', what: 'Inspection', minor: 84 },
  { method: 'POST', path: '/runbooks', what: 'Making a runbook (name the steps with `clean`)', minor: 92 },
  { method: 'POST', path: '/inspection_rules', what: 'Making an inspection rule', minor: 96 },
];

export function registerUnsupported(app: ApiScope, context: ApiContext): void {
  for (const { path, field, words = [], minor = 1 } of emptyListTable) {
    const known = [...pageWords, ...words].map((name) => [name, Type.Optional(Type.String())] as const);
    const querystring = Type.Object(Object.fromEntries(known));
    app.get(path, { preValidation: since(minor), schema: { querystring } }, async () => ({ [field]: [] }));
  }
  for (const [path, field] of Object.entries(emptyNodeListTable)) {
    app.get(`/nodes/:node/${path}`, { schema: { params: NodeParams, querystring: AnyQuery } }, async (request) => {
      await findNode(context, request.params.node);
      return { [field]: [] };
    });
  }
  for (const { method, path, what, minor = 1 } of unsupportedTable) {
    app.route({
      method,
      url: path,
      preValidation: since(minor),
      schema: { querystring: AnyQuery },
      async handler(request) {
        const { node } = request.params as { node?: string };
        if (node !== undefined) await findNode(context, node);
        throw new Fault('unsupported', { what });
      },
    });
  }
  registerConductors(app, context);
  registerNodeReads(app, context);
}

const Word = Type.Optional(Type.String());
const ConductorQuery = Type.Object({
  detail: Type.Optional(Type.Boolean()),
  ...{ fields: Word, limit: Word, marker: Word, sort_key: Word, sort_dir: Word },
});

/** Relative to the base URL. */
const conductorFields = ({ drivers }: ApiContext) => [
  field<string>('hostname', 1, () => conductorName),
  field<string>('conductor_group', 1, () => ''),
  field<string>('alive', 1, () => true),
  field<string>('drivers', 1, () => Object.keys(drivers.hardwareTypes)),
  field<string>('updated_at', 1, () => new Date().toISOString()),
  field<string>('links', 1, (base) => linksTo(base, `conductors/${conductorName}`)),
];

function volumeLinks(base: string, path: string) {
  return {
    links: linksTo(base, `${path}/`),
    connectors: linksTo(base, `${path}/connectors`),
    targets: linksTo(base, `${path}/targets`),
  };
}

function linksTo(base: string, path: string) {
  return [
    { href: `${base}/baremetal/v1/${path}`, rel: 'self' },
    { href: `${base}/baremetal/${path}`, rel: 'bookmark' },
  ];
}

function registerConductors(app: ApiScope, context: ApiContext): void {
  const show = (request: FastifyRequest, selection: { fields?: string | undefined; brief?: readonly string[] }) =>
    selectFields(conductorFields(context), context.baseUrl(request), { ...selection, version: request.microversion });
  app.get('/conductors', { schema: { querystring: ConductorQuery } }, async (request) => {
    const { detail, fields } = request.query;
    const selection = detail ? {} : { fields, brief: ['hostname', 'conductor_group', 'alive'] };
    return { conductors: [show(request, selection)] };
  });
  const querystring = Type.Object({ fields: Type.Optional(Type.String()) });
  app.get('/conductors/:name', { schema: { querystring } }, async (request) => {
    const { name } = request.params as { name: string };
    if (name !== conductorName) throw new Fault('notFound', { what: 'Conductor', id: name });
    return show(request, request.query);
  });
  app.get('/volume', async (request) => volumeLinks(context.baseUrl(request), 'volume'));
}

function registerNodeReads(app: ApiScope, context: ApiContext): void {
  app.get('/nodes/:node/volume', { schema: { params: NodeParams } }, async (request) => {
    const { uuid } = await findNode(context, request.params.node);
    return volumeLinks(context.baseUrl(request), `nodes/${uuid}/volume`);
  });
  app.get('/nodes/:node/vifs', { schema: { params: NodeParams, querystring: AnyQuery } }, async (request) => {
    const { uuid } = await findNode(context, request.params.node);
    const ports = await context.store.node_ports.list({ node_uuid: uuid }, { orderBy: 'id' });
    return { vifs: ports.flatMap(({ vif_port_id }) => (vif_port_id ? [{ id: vif_port_id }] : [])) };
  });
}
