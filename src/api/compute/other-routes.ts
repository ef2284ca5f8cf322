/** Parts of Nova's API that Ingot does not have: lists are empty, changes are rejected with the reason. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { Row } from '../http/route.ts';
import { route, unsupportedRoute } from './policy.ts';

const emptyLists = (
  [
    { path: '/os-aggregates', field: 'aggregates', policy: 'os_compute_api:os-aggregates:index' },
    { path: '/os-server-groups', field: 'server_groups', policy: 'os_compute_api:os-server-groups:index' },
    { path: '/os-migrations', field: 'migrations', policy: 'os_compute_api:os-migrations:index' },
  ] as const
).map(({ path, field, policy }) =>
  route({
    method: 'GET',
    path,
    policy,
    summary: `Empty: there are no ${field.replace('_', ' ')}`,
    reply: Type.Record(Type.String(), Type.Array(Type.Unknown())),
    handler: () => ({ [field]: [] }),
  }),
);

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
const Extension = Type.Object({
  alias: Type.String(),
  name: Type.String(),
  namespace: Type.String(),
  description: Type.String(),
  updated: Type.String(),
  links: Type.Array(Type.Unknown()),
});

export const otherRoutes: readonly Row[] = [
  ...emptyLists,
  unsupportedRoute({
    method: 'POST',
    path: '/os-aggregates',
    policy: 'os_compute_api:os-aggregates:create',
    what: 'Making host aggregates',
  }),
  unsupportedRoute({
    method: 'POST',
    path: '/os-server-groups',
    policy: 'os_compute_api:os-server-groups:create',
    what: 'Making server groups',
  }),
  unsupportedRoute({
    method: 'POST',
    path: '/os-server-external-events',
    policy: 'os_compute_api:os-server-external-events:create',
    what: 'Taking events from other services',
  }),
  unsupportedRoute({
    method: 'POST',
    path: '/os-volumes_boot',
    policy: 'os_compute_api:os-volumes:create',
    what: 'Booting from volumes',
  }),
  route({
    method: 'GET',
    path: '/extensions',
    policy: 'os_compute_api:extensions',
    summary: 'List API extensions',
    reply: Type.Object({ extensions: Type.Array(Extension) }),
    handler: () => ({ extensions }),
  }),
  route({
    method: 'GET',
    path: '/extensions/:alias',
    policy: 'os_compute_api:extensions',
    summary: 'Show an API extension',
    reply: Type.Object({ extension: Extension }),
    handler(request) {
      const { alias } = request.params;
      const extension = extensions.find((each) => each.alias === alias);
      if (!extension) throw new Fault('notFound', { what: 'Extension', id: alias });
      return { extension };
    },
  }),
];
