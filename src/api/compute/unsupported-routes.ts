/** Parts of Nova's API that Ingot does not have: lists are empty, changes are rejected with the reason. */
import { Fault } from '#domain/faults.ts';
import type { ApiScope } from '../context.ts';

const emptyListTable = {
  '/os-aggregates': 'aggregates',
  '/os-server-groups': 'server_groups',
  '/os-migrations': 'migrations',
} as const;

const unsupportedTable = [
  { method: 'POST', path: '/os-aggregates', what: 'Making host aggregates' },
  { method: 'POST', path: '/os-server-groups', what: 'Making server groups' },
  { method: 'POST', path: '/os-server-external-events', what: 'Taking events from other services' },
  { method: 'POST', path: '/os-volumes_boot', what: 'Booting from volumes' },
] as const;

const extensions = [
  {
    alias: 'os-baremetal-nodes',
    name: 'BareMetalNodes',
    namespace: 'http://docs.openstack.org/compute/ext/baremetal_nodes/api/v2.0',
    description: 'Admin-only bare-metal node administration.',
    updated: '2013-01-04T00:00:00Z',
    links: [],
  },
  {
    alias: 'os-baremetal-ext-status',
    name: 'BareMetalExtStatus',
    namespace: 'http://docs.openstack.org/compute/ext/baremetal_ext_status/api/v2.0',
    description: 'Add extended status in Baremetal Nodes v2 API.',
    updated: '2013-08-27T00:00:00Z',
    links: [],
  },
];

export function registerUnsupported(app: ApiScope): void {
  for (const [path, field] of Object.entries(emptyListTable)) app.get(path, async () => ({ [field]: [] }));
  for (const { method, path, what } of unsupportedTable) {
    app.route({
      method,
      url: path,
      async handler() {
        throw new Fault('unsupported', { what });
      },
    });
  }
  app.get('/extensions', async () => ({ extensions }));
  app.get('/extensions/:alias', async (request) => {
    const { alias } = request.params as { alias: string };
    const extension = extensions.find((each) => each.alias === alias);
    if (!extension) throw new Fault('notFound', { what: 'Extension', id: alias });
    return { extension };
  });
}
