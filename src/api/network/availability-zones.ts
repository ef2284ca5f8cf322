/** `/availability_zones`: the one zone, for networks and for routers. */
import { Type } from 'typebox';
import { availabilityZones } from '#services/network/availability-zones.ts';
import { fieldsQuery, project } from './list-query.ts';
import { route } from './policy.ts';

const Filter = Type.Optional(Type.String());
const Zone = Type.Object({ name: Type.String(), resource: Type.String(), state: Type.String() });

export const availabilityZoneRoutes = [
  route({
    method: 'GET',
    path: '/availability_zones',
    policy: 'get_availability_zone',
    summary: 'List the availability zones of networks and routers',
    query: Type.Object({ ...fieldsQuery.properties, name: Filter, resource: Filter, state: Filter }),
    reply: Type.Object({ availability_zones: Type.Array(Zone) }),
    handler({ query }) {
      const filters = (['name', 'resource', 'state'] as const).filter((name) => query[name] !== undefined);
      const zones = availabilityZones.filter((zone) => filters.every((name) => zone[name] === query[name]));
      return { availability_zones: zones.map((zone) => project(zone, query)) };
    },
  }),
];
