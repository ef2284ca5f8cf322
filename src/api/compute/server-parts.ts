/** Parts of a server: addresses, interfaces; and parts that exist in other clouds, which are empty here. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { Port } from '#store/tables/ports.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { atLeast, type Microversion } from '../http/microversions.ts';
import { findServer } from './lookup.ts';
import { groupDetails } from './security-groups.ts';
import { registerServerConsole } from './server-console.ts';
import { addressesOf, loadRelated, portsOf } from './server-json.ts';

const IdParams = Type.Object({ id: Type.String() });
const PartParams = Type.Object({ id: Type.String(), part: Type.String() });

export function registerServerParts(app: ApiScope, context: ApiContext): void {
  app.get('/servers/:id/ips', { schema: { params: IdParams } }, async (request) => {
    const server = await findServer(context, request, request.params.id);
    return { addresses: bare(addressesOf(server, await loadRelated(context.store, [server]))) };
  });
  app.get('/servers/:id/ips/:part', { schema: { params: PartParams } }, async (request) => {
    const { id, part } = request.params;
    const server = await findServer(context, request, id);
    const addresses = bare(addressesOf(server, await loadRelated(context.store, [server])));
    if (!Object.hasOwn(addresses, part)) throw new Fault('notFound', { what: 'Network', id: part });
    return { [part]: addresses[part] };
  });

  app.get('/servers/:id/os-interface', { schema: { params: IdParams } }, async (request) => {
    const server = await findServer(context, request, request.params.id);
    return {
      interfaceAttachments: portsOf(server, await loadRelated(context.store, [server])).map((port) =>
        interfaceJson(port, request.microversion),
      ),
    };
  });
  app.get('/servers/:id/os-interface/:part', { schema: { params: PartParams } }, async (request) => {
    const { id, part } = request.params;
    const server = await findServer(context, request, id);
    const port = portsOf(server, await loadRelated(context.store, [server])).find((each) => each.id === part);
    if (!port) throw new Fault('notFound', { what: 'Interface', id: part });
    return { interfaceAttachment: interfaceJson(port, request.microversion) };
  });
  app.get('/servers/:id/os-security-groups', { schema: { params: IdParams } }, async (request) => ({
    security_groups: groupDetails(await findServer(context, request, request.params.id)),
  }));
  registerServerConsole(app, context);
  registerEmptyParts(app, context);
}

/** Lists that are always empty, by field name. */
const emptyPartTable = {
  'os-volume_attachments': 'volumeAttachments',
  tags: 'tags',
  migrations: 'migrations',
} as const;

const unsupportedPartTable = [
  { method: 'POST', path: 'os-interface', what: 'Adding an interface to a running server' },
  { method: 'DELETE', path: 'os-interface/:part', what: 'Removing an interface from a running server' },
  { method: 'POST', path: 'os-volume_attachments', what: 'Attaching volumes' },
  { method: 'DELETE', path: 'os-volume_attachments/:part', what: 'Detaching volumes' },
  { method: 'PUT', path: 'tags', what: 'Tagging servers' },
  { method: 'DELETE', path: 'tags', what: 'Tagging servers' },
  { method: 'PUT', path: 'tags/:part', what: 'Tagging servers' },
  { method: 'DELETE', path: 'tags/:part', what: 'Tagging servers' },
  { method: 'GET', path: 'diagnostics', what: 'Reading the diagnostics of a server' },
  { method: 'GET', path: 'topology', what: 'Reading the topology of a server' },
  { method: 'GET', path: 'os-server-password', what: 'Reading the password of a server' },
] as const;

function registerEmptyParts(app: ApiScope, context: ApiContext): void {
  for (const [path, field] of Object.entries(emptyPartTable)) {
    app.get(`/servers/:id/${path}`, { schema: { params: IdParams } }, async (request) => {
      await findServer(context, request, request.params.id);
      return { [field]: [] };
    });
  }
  for (const { method, path, what } of unsupportedPartTable) {
    app.route({
      method,
      url: `/servers/:id/${path}`,
      schema: { params: IdParams },
      async handler(request) {
        await findServer(context, request, (request.params as { id: string }).id);
        throw new Fault('unsupported', { what });
      },
    });
  }
}

/** The short form of the address routes: version and address only. */
function bare(addresses: Record<string, object[]>): Record<string, object[]> {
  const short = (address: object) => {
    const { version, addr } = address as { version: number; addr: string };
    return { version, addr };
  };
  return Object.fromEntries(Object.entries(addresses).map(([label, list]) => [label, list.map(short)]));
}

/** Interfaces have no tags here. */
function interfaceJson(port: Port, version: Microversion) {
  return {
    port_id: port.id,
    net_id: port.network_id,
    mac_addr: port.mac_address,
    port_state: port.status,
    fixed_ips: port.fixed_ips.map(({ subnet_id, ip_address }) => ({ subnet_id, ip_address })),
    ...(atLeast(version, 70) && { tag: null }),
  };
}
