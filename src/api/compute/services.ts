/** `/os-services` and `/os-availability-zone`: Ingot is one process, so there is one of each. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { ApiScope } from '../context.ts';
import { requireAdmin } from '../http/authentication.ts';
import { atLeast, type Microversion } from '../http/microversions.ts';
import { hostName, zoneName } from './server-json.ts';
import { microsecondsTime } from './times.ts';

const serviceUuid = '00000000-0000-4000-8000-000000000001';

export function serviceId(version: Microversion): number | string {
  return atLeast(version, 53) ? serviceUuid : 1;
}

const ServiceQuery = Type.Object({ host: Type.Optional(Type.String()), binary: Type.Optional(Type.String()) });

export function registerServices(app: ApiScope): void {
  app.get('/os-services', { schema: { querystring: ServiceQuery } }, async (request) => {
    requireAdmin(request, 'os_compute_api:os-services:list');
    const { host, binary } = request.query;
    const service = serviceJson(request.microversion);
    const isWanted = (host ?? service.host) === service.host && (binary ?? service.binary) === service.binary;
    return { services: isWanted ? [service] : [] };
  });
  app.put('/os-services/:id', async (request) => {
    requireAdmin(request, 'os_compute_api:os-services:update');
    throw new Fault('unsupported', { what: 'Disabling the compute service (put nodes into maintenance instead)' });
  });

  const now = () => microsecondsTime(new Date().toISOString());
  const zone = { zoneName, zoneState: { available: true } };
  app.get('/os-availability-zone', async () => ({ availabilityZoneInfo: [{ ...zone, hosts: null }] }));
  app.get('/os-availability-zone/detail', async (request) => {
    requireAdmin(request, 'os_compute_api:os-availability-zone:detail');
    const services = { 'nova-compute': { active: true, available: true, updated_at: now() } };
    return { availabilityZoneInfo: [{ ...zone, hosts: { [hostName]: services } }] };
  });
}

/** Names that clients expect; it responds, so it is up. */
function serviceJson(version: Microversion) {
  return {
    id: serviceId(version),
    binary: 'nova-compute',
    host: hostName,
    zone: zoneName,
    status: 'enabled',
    state: 'up',
    disabled_reason: null,
    updated_at: microsecondsTime(new Date().toISOString()),
    ...(atLeast(version, 11) && { forced_down: false }),
  };
}
