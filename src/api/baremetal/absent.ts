/** What Ironic has and Ingot has not: lists that clients read are empty, the rest says what is missing. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { findNode } from './lookup.ts';
import { conductorName } from './node-json.ts';
import { since } from './since.ts';
import { AnyQuery } from './strict-requests.ts';

const NodeParams = Type.Object({ node: Type.String() });

/** The field of the empty list, and the microversion it came with where that is after 1.78. */
const emptyListTable = [
  { path: '/allocations', field: 'allocations' },
  { path: '/chassis', field: 'chassis' },
  { path: '/chassis/detail', field: 'chassis' },
  { path: '/portgroups', field: 'portgroups' },
  { path: '/portgroups/detail', field: 'portgroups' },
  { path: '/deploy_templates', field: 'deploy_templates' },
  { path: '/volume/connectors', field: 'connectors' },
  { path: '/volume/targets', field: 'targets' },
  { path: '/runbooks', field: 'runbooks', minor: 92 },
  { path: '/inspection_rules', field: 'inspection_rules', minor: 96 },
] as const;
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

export function registerAbsent(app: ApiScope, context: ApiContext): void {
  for (const { path, field, ...row } of emptyListTable) {
    app.get(path, { preValidation: since('minor' in row ? row.minor : 1), schema: { querystring: AnyQuery } }, async () => ({
      [field]: [],
    }));
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

function registerConductors(app: ApiScope, context: ApiContext): void {
  const now = () => new Date().toISOString();
  const conductor = () => ({
    hostname: conductorName,
    conductor_group: '',
    alive: true,
    drivers: Object.keys(context.drivers.hardwareTypes),
    updated_at: now(),
    links: [],
  });
  app.get('/conductors', { schema: { querystring: AnyQuery } }, async () => ({ conductors: [conductor()] }));
  app.get('/conductors/:name', { schema: { querystring: AnyQuery } }, async (request) => {
    const { name } = request.params as { name: string };
    if (name !== conductorName) throw new Fault('notFound', { what: 'Conductor', id: name });
    return conductor();
  });
}

function registerNodeReads(app: ApiScope, context: ApiContext): void {
  app.get('/nodes/:node/vifs', { schema: { params: NodeParams, querystring: AnyQuery } }, async (request) => {
    const { uuid } = await findNode(context, request.params.node);
    const ports = await context.store.node_ports.list({ node_uuid: uuid }, { orderBy: 'id' });
    return { vifs: ports.flatMap(({ vif_port_id }) => (vif_port_id ? [{ id: vif_port_id }] : [])) };
  });
}
