/** What Ironic has and Ingot has not: lists that clients read are empty, the rest says what is missing. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { findNode } from './lookup.ts';
import { conductorName } from './node-json.ts';

const NodeParams = Type.Object({ node: Type.String() });

/** Path → field of the empty list. */
const emptyListTable = {
  '/allocations': 'allocations',
  '/chassis': 'chassis',
  '/chassis/detail': 'chassis',
  '/portgroups': 'portgroups',
  '/portgroups/detail': 'portgroups',
  '/deploy_templates': 'deploy_templates',
  '/volume/connectors': 'connectors',
  '/volume/targets': 'targets',
} as const;
const emptyNodeListTable = { portgroups: 'portgroups', 'volume/connectors': 'connectors', 'volume/targets': 'targets' } as const;

const unsupportedTable = [
  { method: 'POST', path: '/allocations', what: 'Making an allocation (create a server instead)' },
  { method: 'POST', path: '/chassis', what: 'Making a chassis' },
  { method: 'POST', path: '/portgroups', what: 'Making a port group' },
  { method: 'POST', path: '/deploy_templates', what: 'Making a deploy template' },
  { method: 'POST', path: '/volume/connectors', what: 'Making a volume connector' },
  { method: 'POST', path: '/volume/targets', what: 'Making a volume target' },
  { method: 'POST', path: '/nodes/:node/vifs', what: 'Attaching a VIF by hand (create the server with a port instead)' },
  { method: 'DELETE', path: '/nodes/:node/vifs/:vif', what: 'Detaching a VIF by hand' },
  { method: 'PUT', path: '/nodes/:node/states/raid', what: 'RAID' },
] as const;

export function registerAbsent(app: ApiScope, context: ApiContext): void {
  for (const [path, field] of Object.entries(emptyListTable)) app.get(path, async () => ({ [field]: [] }));
  for (const [path, field] of Object.entries(emptyNodeListTable)) {
    app.get(`/nodes/:node/${path}`, { schema: { params: NodeParams } }, async (request) => {
      await findNode(context, request.params.node);
      return { [field]: [] };
    });
  }
  for (const { method, path, what } of unsupportedTable) {
    app.route({
      method,
      url: path,
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
  app.get('/conductors', async () => ({ conductors: [conductor()] }));
  app.get('/conductors/:name', async (request) => {
    const { name } = request.params as { name: string };
    if (name !== conductorName) throw new Fault('notFound', { what: 'Conductor', id: name });
    return conductor();
  });
}

function registerNodeReads(app: ApiScope, context: ApiContext): void {
  app.get('/nodes/:node/vifs', { schema: { params: NodeParams } }, async (request) => {
    const { uuid } = await findNode(context, request.params.node);
    const ports = await context.store.node_ports.list({ node_uuid: uuid }, { orderBy: 'id' });
    return { vifs: ports.flatMap(({ vif_port_id }) => (vif_port_id ? [{ id: vif_port_id }] : [])) };
  });
}
