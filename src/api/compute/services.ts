/** `/os-services` and `/os-availability-zone`: Ingot is one process, so there is one of each. */
import { Type } from 'typebox';
import { hostName, serviceUuid, zoneName } from '#services/compute/host.ts';
import { viewOf } from '../http/view.ts';
import { route, unsupportedRoute } from './policy.ts';
import { microsecondsTime } from './times.ts';

const ServiceQuery = Type.Object({ host: Type.Optional(Type.String()), binary: Type.Optional(Type.String()) });
const binary = 'nova-compute';
const now = () => microsecondsTime(new Date().toISOString());

/** Names that clients expect; it responds, so it is up. */
const serviceView = viewOf<typeof binary>()({
  number: { name: 'id', until: 52, type: Type.Integer(), value: () => 1 },
  id: { since: 53, type: Type.String(), value: () => serviceUuid },
  binary: { type: Type.String(), value: (binary) => binary },
  host: { type: Type.String(), value: () => hostName },
  zone: { type: Type.String(), value: () => zoneName },
  status: { type: Type.String(), value: () => 'enabled' },
  state: { type: Type.String(), value: () => 'up' },
  disabled_reason: { type: Type.Null(), value: () => null },
  updated_at: { type: Type.String(), value: now },
  forced_down: { since: 11, type: Type.Boolean(), value: () => false },
});

const zone = { zoneName, zoneState: { available: true } };
const ZoneReply = Type.Object({
  availabilityZoneInfo: Type.Array(
    Type.Object({ zoneName: Type.String(), zoneState: Type.Object({ available: Type.Boolean() }), hosts: Type.Unknown() }),
  ),
});

export const serviceRoutes = [
  route({
    method: 'GET',
    path: '/os-services',
    policy: 'os_compute_api:os-services:list',
    summary: 'List compute services: this process',
    query: ServiceQuery,
    reply: Type.Object({ services: Type.Array(serviceView.schema) }),
    handler(request, context) {
      const { query } = request;
      const isWanted = (query.host ?? hostName) === hostName && (query.binary ?? binary) === binary;
      return { services: isWanted ? [serviceView.of(request, context)(binary)] : [] };
    },
  }),
  unsupportedRoute({
    method: 'PUT',
    path: '/os-services/:id',
    policy: 'os_compute_api:os-services:update',
    what: 'Disabling the compute service (put nodes into maintenance instead)',
  }),
  route({
    method: 'GET',
    path: '/os-availability-zone',
    policy: 'os_compute_api:os-availability-zone:list',
    summary: 'List availability zones: `nova`',
    reply: ZoneReply,
    handler: () => ({ availabilityZoneInfo: [{ ...zone, hosts: null }] }),
  }),
  route({
    method: 'GET',
    path: '/os-availability-zone/detail',
    policy: 'os_compute_api:os-availability-zone:detail',
    summary: 'List availability zones with their hosts',
    reply: ZoneReply,
    handler() {
      const services = { [binary]: { active: true, available: true, updated_at: now() } };
      return { availabilityZoneInfo: [{ ...zone, hosts: { [hostName]: services } }] };
    },
  }),
];
