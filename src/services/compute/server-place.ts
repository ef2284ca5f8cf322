/** The zone, host or node that a request wants for a new server. */
import { Fault } from '#domain/faults.ts';
import type { ComputeContext } from './context.ts';
import { hostName, zoneName } from './host.ts';

export type PlaceRequest = {
  readonly server: {
    readonly availability_zone?: string | undefined;
    readonly host?: string | undefined;
    readonly hypervisor_hostname?: string | undefined;
  };
  readonly hints: Readonly<Record<string, unknown>>;
};
type Place = { readonly zone: string; readonly host: string | undefined; readonly node: string | undefined };

/** `zone`, `zone:host:node`, `zone::node`, the field hypervisor_hostname or the hint `node`. */
function wantedPlace({ server, hints }: PlaceRequest): Place {
  const [zone = '', zoneHost, zoneNode] = (server.availability_zone ?? '').split(':');
  return { zone, host: server.host || zoneHost, node: server.hypervisor_hostname || zoneNode || nodeHint(hints) };
}

/** Whether the request names a host or node: only administrators may. */
export function forcesHost(request: PlaceRequest): boolean {
  const { host, node } = wantedPlace(request);
  return Boolean(host || node);
}

export async function placeOf(
  { store }: Pick<ComputeContext, 'store'>,
  request: PlaceRequest,
): Promise<{ availability_zone?: string; node?: string }> {
  if (request.hints['group'] !== undefined) throw new Fault('unsupported', { what: 'The scheduler hint group' });
  const { zone, host, node } = wantedPlace(request);
  if (zone !== '' && zone !== zoneName)
    throw new Fault('badRequest', {
      detail: `The requested availability zone ${zone} is not available: there is only ${zoneName}.`,
    });
  if (host && host !== hostName && host !== node)
    throw new Fault('badRequest', { detail: `Compute host ${host} could not be found: this one is ${hostName}.` });
  if (node && !(await store.nodes.find({ uuid: node })) && !(await store.nodes.find({ name: node })))
    throw new Fault('badRequest', { detail: `Compute host ${node} could not be found: there is no such node.` });
  return { ...(zone && { availability_zone: zone }), ...(node && { node }) };
}

function nodeHint(hints: Readonly<Record<string, unknown>>): string | undefined {
  const [node] = [hints['node'] ?? []].flat();
  if (node === undefined || typeof node === 'string') return node;
  throw new Fault('badRequest', { detail: 'The scheduler hint node must be the name or UUID of a node.' });
}
