/** The networks and ports that a request gives a new server. */
import { Fault } from '#domain/faults.ts';
import { formatAddress, parseAddress } from '#domain/ip-addresses.ts';
import type { NewServer, RequestedNetwork } from '#engine/contract.ts';
import type { Caller } from '../caller.ts';
import { owns } from '../ownership.ts';
import type { ComputeContext } from './context.ts';

type Servers = Pick<ComputeContext, 'store'>;

export type NetworkRequest = {
  readonly uuid?: string | undefined;
  readonly port?: string | undefined;
  readonly fixed_ip?: string | undefined;
  readonly tag?: unknown;
};
export type NetworksRequest = 'auto' | 'none' | readonly NetworkRequest[] | undefined;

export async function networksOf(context: Servers, caller: Caller, networks: NetworksRequest): Promise<NewServer['networks']> {
  if (networks === undefined || typeof networks === 'string') return networks ?? 'auto';
  if (networks.length === 0) return 'auto';
  return Promise.all(networks.map((wanted) => networkOf(context, caller, wanted)));
}

/** Throws also for networks and ports of other projects, as if they did not exist. */
async function networkOf(
  { store }: Servers,
  caller: Caller,
  { uuid, port: port_id, fixed_ip }: NetworkRequest,
): Promise<RequestedNetwork> {
  if (!uuid && !port_id) throw new Fault('badRequest', { detail: 'Each of networks must have uuid or port.' });
  if (port_id) {
    if (fixed_ip) throw new Fault('badRequest', { detail: 'A port has its addresses already; fixed_ip goes with uuid.' });
    const port = await store.ports.find({ id: port_id });
    if (!port || !owns(caller, port)) throw new Fault('badRequest', { detail: `Port id ${port_id} could not be found.` });
    if (port.device_id !== '') throw new Fault('conflict', { detail: `Port ${port_id} is still in use.` });
    return { port_id };
  }
  const network = await store.networks.find({ id: uuid ?? '' });
  if (!network || !(owns(caller, network) || (await store.networks.isUsableBy(network.id, caller.project_id))))
    throw new Fault('badRequest', { detail: `Network ${uuid} could not be found.` });
  // As Neutron's policy `create_port:fixed_ips:ip_address`, since the port is created on behalf of the user.
  if (fixed_ip && !owns(caller, network)) throw new Fault('policyNotAuthorized', { rule: 'create_port:fixed_ips:ip_address' });
  return { network_id: network.id, ...(fixed_ip !== undefined && { fixed_ip: addressOf(fixed_ip) }) };
}

/** In canonical form, in which ports are compared. */
function addressOf(fixed_ip: string): string {
  const address = parseAddress(fixed_ip);
  if (address) return formatAddress(address);
  throw new Fault('badRequest', {
    detail: `Invalid input for field/attribute fixed_ip. Value: ${fixed_ip}. '${fixed_ip}' is not an IPv4 or IPv6 address`,
  });
}
