/** The interfaces of a router: ports with an address of an internal subnet. */
import { Fault } from '#domain/faults.ts';
import { parseAddress } from '#domain/ip-addresses.ts';
import { siteRanges } from '#domain/reserved-addresses.ts';
import { allocatePort, isAttached } from '#engine/servers/addresses.ts';
import { isEqual } from '#store/conditions.ts';
import type { Store } from '#store/store.ts';
import type { Port } from '#store/tables/ports.ts';
import type { Router } from '#store/tables/routers.ts';
import type { Subnet } from '#store/tables/subnets.ts';
import type { Caller } from '../caller.ts';
import type { NetworkContext } from './context.ts';
import { networkFault } from './errors.ts';
import { refuseOver } from './quotas.ts';
import {
  addressIsWithin,
  interfaceOwner,
  portsOfRouters,
  refusedRouter,
  refuseSubnetsTwice,
  releaseL3Port,
} from './router-ports.ts';
import { visiblePorts, visibleSubnets } from './visibility.ts';

export type InterfaceRequest = { readonly port_id?: string | undefined; readonly subnet_id?: string | undefined };
export type Interface = { readonly port: Port; readonly subnets: readonly Subnet[] };

type Change = { readonly router: Router; readonly request: InterfaceRequest };

/** Call in a transaction. @throws Fault `badRequest`, `notFound`, `conflict`, and as `allocatePort` */
export async function addInterface(context: NetworkContext, caller: Caller, { router, request }: Change): Promise<Interface> {
  const { port_id, subnet_id } = request;
  refuseNeither(request);
  if (port_id !== undefined && subnet_id !== undefined) throw refusedRouter('Cannot specify both subnet-id and port-id');
  const added =
    port_id === undefined
      ? await bySubnet(context, caller, { router, request })
      : await byPort(context, caller, { router, request });
  await context.store.router_ports.insert({ port_id: added.port.id, router_id: router.id, kind: 'interface' });
  await context.store.routers.revise(router.id);
  return added;
}

function refuseNeither({ port_id, subnet_id }: InterfaceRequest): void {
  if (port_id === undefined && subnet_id === undefined) throw refusedRouter('Either subnet_id or port_id must be specified');
}

async function findSubnet({ store }: NetworkContext, caller: Caller, id = ''): Promise<Subnet> {
  const [subnet] = await store.subnets.list([...visibleSubnets(caller), isEqual('id', id)]);
  if (!subnet) throw new Fault('notFound', { what: 'Subnet', id });
  return subnet;
}

async function bySubnet(context: NetworkContext, caller: Caller, { router, request }: Change): Promise<Interface> {
  const { store, settings } = context;
  const subnet = await findSubnet(context, caller, request.subnet_id);
  if (!subnet.gateway_ip) throw refusedRouter('Subnet for router interface must have a gateway IP');
  await refuseForeign(store, caller, subnet);
  await refuseSubnetsTwice(store, router.id, [subnet]);
  await refuseOver(store, 'port', { project_id: router.project_id });
  const network = await store.networks.find({ id: subnet.network_id });
  if (!network) throw new Fault('notFound', { what: 'Network', id: subnet.network_id });
  const port = await allocatePort(store, {
    network,
    project_id: router.project_id,
    fixed_ips: [{ subnet_id: subnet.id, ip_address: subnet.gateway_ip }],
    device_id: router.id,
    device_owner: interfaceOwner,
    reserved: siteRanges(settings),
    isRouter: true,
  });
  return { port, subnets: [subnet] };
}

/** The gateway of a subnet is its owner's choice; of a network shared with all, it is that of all. */
async function refuseForeign(store: Store, { is_admin, project_id }: Caller, subnet: Subnet): Promise<void> {
  if (is_admin || subnet.project_id === project_id) return;
  const lent = { object_id: subnet.network_id, action: 'access_as_shared', target_project: project_id } as const;
  if (await store.rbac_policies.find(lent)) return;
  const reason = `subnet ${subnet.id} is not owned by project making the request`;
  throw refusedRouter(`Cannot add interface to router because ${reason}`);
}

async function byPort({ store }: NetworkContext, caller: Caller, { router, request }: Change): Promise<Interface> {
  const { port_id: id = '' } = request;
  const [port] = await store.ports.list([...visiblePorts(caller), isEqual('id', id)]);
  if (!port) throw new Fault('notFound', { what: 'Port', id });
  if (port.device_id !== '' || (await isAttached(store, id))) {
    const where = `Port ${id} on network ${port.network_id}`;
    throw networkFault(
      'PortInUse',
      `Unable to complete operation on port ${id}. ${where} is in use by device ${port.device_id}.`,
    );
  }
  if (port.fixed_ips.length === 0) throw refusedRouter('Router port must have at least one fixed IP');
  const subnets = await store.subnets.list({ id: port.fixed_ips.map(({ subnet_id }) => subnet_id) });
  await refuseSubnetsTwice(store, router.id, subnets);
  if (subnets.filter(({ ip_version }) => ip_version === 4).length > 1)
    throw refusedRouter('Cannot have multiple IPv4 subnets on router port');
  const unsecured = { security_groups: [], port_security_enabled: false, allowed_address_pairs: [] };
  const owned = { device_id: router.id, device_owner: interfaceOwner, ...unsecured };
  await store.ports.update({ id }, { ...owned, updated_at: new Date().toISOString() });
  return { port: { ...port, ...owned }, subnets };
}

/** Deletes the port. Call in a transaction. @throws Fault `badRequest`, `missing`, `conflict` */
export async function removeInterface(context: NetworkContext, caller: Caller, { router, request }: Change): Promise<Interface> {
  refuseNeither(request);
  const { store } = context;
  const port = await findInterface(context, caller, { router, request });
  const subnets = await store.subnets.list({ id: port.fixed_ips.map(({ subnet_id }) => subnet_id) });
  for (const subnet of subnets) await refuseUsed(store, router, subnet);
  await releaseL3Port(store, port.id);
  await store.routers.revise(router.id);
  return { port, subnets };
}

async function findInterface(context: NetworkContext, caller: Caller, { router, request }: Change): Promise<Port> {
  const { port_id, subnet_id } = request;
  const ports = (await portsOfRouters(context.store, [router.id], 'interface')).get(router.id) ?? [];
  const has = ({ fixed_ips }: Port) => fixed_ips.some((ip) => ip.subnet_id === subnet_id);
  if (port_id === undefined) {
    await findSubnet(context, caller, subnet_id);
    const port = ports.find(has);
    if (port) return port;
    throw networkFault('RouterInterfaceNotFoundForSubnet', `Router ${router.id} has no interface on subnet ${subnet_id}`);
  }
  const port = ports.find(({ id }) => id === port_id);
  if (!port) throw networkFault('RouterInterfaceNotFound', `Router ${router.id} does not have an interface with id ${port_id}`);
  if (subnet_id !== undefined && !has(port))
    throw networkFault('SubnetMismatchForPort', `Subnet on port ${port_id} does not match the requested subnet ${subnet_id}.`);
  return port;
}

async function refuseUsed(store: Store, { id, routes }: Router, subnet: Subnet): Promise<void> {
  const reason = (by: string) =>
    `Router interface for subnet ${subnet.id} on router ${id} cannot be deleted, as it is required by one or more ${by}.`;
  const floating = await store.floating_ips.list({ router_id: id });
  const forwarded = await store.port_forwardings.pick(['internal_ip_address'], { floatingip_id: floating.map((ip) => ip.id) });
  const targets = [...floating.map((ip) => ip.fixed_ip_address ?? ''), ...forwarded.map((each) => each.internal_ip_address)];
  if (targets.some((address) => parseAddress(address) && addressIsWithin(address, subnet.cidr)))
    throw networkFault('RouterInterfaceInUseByFloatingIP', reason('floating IPs'));
  if (routes.some(({ nexthop }) => addressIsWithin(nexthop, subnet.cidr)))
    throw networkFault('RouterInterfaceInUseByRoute', reason('routes'));
}
