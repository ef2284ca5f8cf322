/** Binds a server's network ports to the NICs of its node, by MAC, and unbinds them. */
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import type { ReservedRange } from '#domain/reserved-addresses.ts';
import type { Store } from '#store/store.ts';
import type { NodePort } from '#store/tables/node-ports.ts';
import type { Port } from '#store/tables/ports.ts';
import type { Server } from '#store/tables/servers.ts';
import type { NewServer, RequestedNetwork } from '../contract.ts';
import { allocatePort, newMac, readdressPort, releasePort } from './addresses.ts';

/**
 * Resolves `auto` to the only network, and checks every id. Throws `notFound`, or `conflict` if `auto` is ambiguous.
 */
export async function resolveNetworks(store: Store, request: NewServer): Promise<RequestedNetwork[]> {
  if (request.networks === 'none') return [];
  if (request.networks !== 'auto') {
    for (const wanted of request.networks) await checkRequested(store, wanted);
    return request.networks;
  }
  const usable = await store.networks.listVisible(request.project_id);
  if (usable.length > 1) {
    throw new Fault('conflict', { detail: 'Multiple possible networks found, use a Network ID to be more specific.' });
  }
  return usable.map((network) => ({ network_id: network.id }));
}

async function checkRequested(store: Store, wanted: RequestedNetwork): Promise<void> {
  if (wanted.port_id) {
    const port = await store.ports.find({ id: wanted.port_id });
    if (!port) throw new Fault('notFound', { what: 'Port', id: wanted.port_id });
    if (port.device_id) throw new Fault('conflict', { detail: `Port ${port.id} is still in use.` });
  } else if (!wanted.network_id || !(await store.networks.find({ id: wanted.network_id }))) {
    throw new Fault('badRequest', { detail: `Network ${wanted.network_id ?? ''} could not be found.` });
  }
}

/**
 * Assigns each requested network a NIC of the node, boot NICs first, and gives the port that NIC's MAC. Existing
 * bindings are kept, so it can be repeated.
 * @param reserved addresses that no port gets
 */
export async function bindPorts(store: Store, server: Server, reserved: readonly ReservedRange[] = []): Promise<void> {
  const requested = (server.requested_networks ?? []) as RequestedNetwork[];
  const nics = await store.node_ports.list({ node_uuid: server.node_uuid ?? '' }, { orderBy: 'id' });
  const free = nics.filter((nic) => !nic.vif_port_id).sort((a, b) => Number(b.pxe_enabled) - Number(a.pxe_enabled));
  const portIds = [...server.port_ids];
  for (const wanted of requested.slice(portIds.length)) {
    const nic = free.shift();
    if (!nic)
      throw new Fault('conflict', {
        detail: `the node has ${nics.length} NICs, the server asks for ${requested.length} networks`,
      });
    // In one transaction, so that a bound port always has its NIC and cannot be changed in between.
    await store.transaction(async (trx) => {
      const binding = { server, nic, reserved };
      const port = wanted.port_id ? await adoptPort(trx, wanted.port_id, binding) : await makePort(trx, wanted, binding);
      portIds.push(port.id);
      await trx.node_ports.update({ id: nic.id }, { vif_port_id: port.id });
      await trx.servers.update({ id: server.id }, { port_ids: portIds });
    });
  }
}

type Binding = { server: Server; nic: NodePort; reserved: readonly ReservedRange[] };

const boundTo = ({ server }: Binding) => ({
  device_id: server.id,
  device_owner: `compute:${server.availability_zone ?? 'nova'}`,
  status: 'ACTIVE' as const,
});

/** The port is claimed first: two concurrent requests may both have seen it free. */
async function adoptPort(trx: Store, id: string, binding: Binding): Promise<Port> {
  const taken = await trx.ports.update({ id, device_id: ['', binding.server.id] }, boundTo(binding));
  const port = await trx.ports.find({ id });
  if (!port) throw new Fault('notFound', { what: 'Port', id });
  if (taken === 0) throw new Fault('conflict', { detail: `Port ${id} is still in use.` });
  await freeMac(trx, binding.nic.address, id);
  return readdressPort(trx, port, { mac_address: binding.nic.address });
}

/** A port that a crash left between its creation and the server's row is found by its device and reused. */
async function makePort(trx: Store, wanted: RequestedNetwork, binding: Binding): Promise<Port> {
  const { server, nic, reserved } = binding;
  const left = await trx.ports.find({ device_id: server.id, mac_address: nic.address, owned_by_server: true });
  if (left) return left;
  await freeMac(trx, nic.address, '');
  const network = await trx.networks.find({ id: wanted.network_id ?? '' });
  if (!network) throw new Fault('notFound', { what: 'Network', id: wanted.network_id ?? '' });
  const port = await allocatePort(trx, {
    network,
    project_id: server.project_id,
    mac_address: nic.address,
    device_id: server.id,
    owned_by_server: true,
    reserved,
    ...(wanted.fixed_ip && { fixed_ips: [{ ip_address: wanted.fixed_ip }] }),
  });
  await trx.ports.update({ id: port.id }, boundTo(binding));
  return port;
}

/** The NIC's MAC belongs to the machine. An unused port that was created with it gets another one. */
async function freeMac(trx: Store, mac_address: string, except: string): Promise<void> {
  const holder = await trx.ports.find({ mac_address });
  if (!holder || holder.id === except || (await trx.node_ports.find({ vif_port_id: holder.id }))) return;
  await trx.ports.update({ id: holder.id }, { mac_address: await newMac(trx) });
}

/**
 * Ports that the server created are deleted with it; a user's port is only unbound. It gets its own MAC again, because
 * the NIC's belongs to the next server on that machine.
 */
export async function unbindPorts(store: Store, server: Server): Promise<void> {
  await store.transaction(async (trx) => {
    const named = await trx.ports.list({ device_id: server.id });
    // Any user can write any server's id into his own port.
    const own = named.filter((port) => port.project_id === server.project_id || server.port_ids.includes(port.id));
    for (const port of own) {
      await trx.node_ports.update({ vif_port_id: port.id }, { vif_port_id: null });
      if (port.owned_by_server) await releasePort(trx, port.id);
      else await setFree(trx, port);
    }
    if (server.node_uuid) await trx.node_ports.update({ node_uuid: server.node_uuid }, { vif_port_id: null });
    await trx.servers.update({ id: server.id }, { port_ids: [] });
  });
}

async function setFree(trx: Store, port: Port): Promise<void> {
  const mac_address = await newMac(trx);
  await trx.ports.update({ id: port.id }, { device_id: '', device_owner: '', status: 'DOWN', mac_address });
}

/** Ports, networks and subnets of a server, from which the config drive's network_data.json is generated. */
export async function networkFacts(store: Store, server: Server): Promise<JsonObject> {
  const ports = server.port_ids.length ? await store.ports.list({ id: server.port_ids }) : [];
  const networkIds = [...new Set(ports.map((port) => port.network_id))];
  const subnetIds = [...new Set(ports.flatMap((port) => port.fixed_ips.map((ip) => ip.subnet_id)))];
  const networks = networkIds.length ? await store.networks.list({ id: networkIds }) : [];
  const subnets = subnetIds.length ? await store.subnets.list({ id: subnetIds }) : [];
  return JSON.parse(JSON.stringify({ ports, networks, subnets })) as JsonObject;
}
