/** Binds a server's network ports to the port groups and NICs of its node, by MAC, and unbinds them. */
import { dnsNameOfHost } from '#domain/dns-names.ts';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import type { ProvisionState } from '#domain/provision-states.ts';
import type { ReservedRange } from '#domain/reserved-addresses.ts';
import { isOneOf } from '#store/conditions.ts';
import type { Store } from '#store/store.ts';
import type { Port } from '#store/tables/ports.ts';
import type { Server } from '#store/tables/servers.ts';
import type { NewServer, RequestedNetwork } from '../contract.ts';
import { allocatePort, isAttached, newMac, readdressPort, releasePort } from './addresses.ts';
import { type Attachment, attachmentsOf, membersOf } from './attachments.ts';
import { type Hold, holdAddresses, refuseHeld } from './held-addresses.ts';

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
    if (port.device_id || (await store.trunk_subports.find({ port_id: port.id })))
      throw new Fault('conflict', { detail: `Port ${port.id} is still in use.` });
    await refuseHeld(store, port);
  } else if (!wanted.network_id || !(await store.networks.find({ id: wanted.network_id }))) {
    throw new Fault('badRequest', { detail: `Network ${wanted.network_id ?? ''} could not be found.` });
  }
}

/**
 * Assigns each requested network a port group of the node or a NIC, boot NICs first, and gives the port its MAC. Existing
 * bindings are kept, so it can be repeated.
 * @param reserved addresses that no port gets
 */
export async function bindPorts(store: Store, server: Server, reserved: readonly ReservedRange[] = []): Promise<void> {
  const requested = (server.requested_networks ?? []) as RequestedNetwork[];
  const free = await attachmentsOf(store, server.node_uuid ?? '');
  const portIds = [...server.port_ids];
  for (const wanted of requested.slice(portIds.length)) {
    const attachment = free.shift();
    if (!attachment) {
      const detail = `the node has no free NIC or port group left, the server asks for ${requested.length} networks`;
      throw new Fault('conflict', { detail });
    }
    // In one transaction, so that a bound port always has its NIC and cannot be changed in between.
    await store.transaction(async (trx) => {
      const binding = { server, mac_address: attachment.mac_address, reserved };
      const port = wanted.port_id ? await adoptPort(trx, wanted.port_id, binding) : await makePort(trx, wanted, binding);
      portIds.push(port.id);
      await attach(trx, attachment, port.id);
      await trx.servers.update({ id: server.id }, { port_ids: portIds });
    });
  }
}

function attach(trx: Store, { group, nic }: Attachment, vif_port_id: string): Promise<number> {
  return group
    ? trx.portgroups.update({ uuid: group.uuid }, { vif_port_id })
    : trx.node_ports.update({ id: nic.id }, { vif_port_id });
}

type Binding = { server: Server; mac_address: string; reserved: readonly ReservedRange[] };

/** Like Nova, gives the port the name of the server; one that DNS cannot have is left out. */
function boundTo({ server }: Binding) {
  const dns_name = dnsNameOfHost(server.hostname);
  const device_owner = `compute:${server.availability_zone ?? 'nova'}`;
  return { device_id: server.id, device_owner, status: 'ACTIVE' as const, ...(dns_name && { dns_name }) };
}

/** The port is claimed first: two concurrent requests may both have seen it free. */
async function adoptPort(trx: Store, id: string, binding: Binding): Promise<Port> {
  const taken = await trx.ports.update({ id, device_id: ['', binding.server.id] }, boundTo(binding));
  const port = await trx.ports.find({ id });
  if (!port) throw new Fault('notFound', { what: 'Port', id });
  if (taken === 0 || (await trx.trunk_subports.find({ port_id: id })))
    throw new Fault('conflict', { detail: `Port ${id} is still in use.` });
  await refuseHeld(trx, port, binding.server.node_uuid ?? '');
  await freeMac(trx, binding.mac_address, id);
  return readdressPort(trx, port, { mac_address: binding.mac_address });
}

/** A port that a crash left between its creation and the server's row is found by its device and reused. */
async function makePort(trx: Store, wanted: RequestedNetwork, binding: Binding): Promise<Port> {
  const { server, mac_address, reserved } = binding;
  const left = await trx.ports.find({ device_id: server.id, mac_address, owned_by_server: true });
  if (left) return left;
  await freeMac(trx, mac_address, '');
  const network = await trx.networks.find({ id: wanted.network_id ?? '' });
  if (!network) throw new Fault('notFound', { what: 'Network', id: wanted.network_id ?? '' });
  const port = await allocatePort(trx, {
    network,
    project_id: server.project_id,
    mac_address,
    device_id: server.id,
    owned_by_server: true,
    reserved,
    ...(wanted.fixed_ip && { fixed_ips: [{ ip_address: wanted.fixed_ip }] }),
    ...(await requestedGroups(trx, server)),
  });
  await trx.ports.update({ id: port.id }, boundTo(binding));
  return port;
}

/** @throws Fault `conflict` with a group that was deleted since the request */
async function requestedGroups(trx: Store, { security_groups }: Server): Promise<{ security_groups?: string[] }> {
  if (security_groups.length === 0) return {};
  const found = new Set((await trx.security_groups.pick(['id'], { id: security_groups })).map(({ id }) => id));
  const lost = security_groups.find((id) => !found.has(id));
  if (!lost) return { security_groups };
  throw new Fault('conflict', { detail: `Security group ${lost} was deleted since the server was requested.` });
}

/** The MAC of a NIC or bond belongs to the machine. An unused port that was created with it gets another one. */
async function freeMac(trx: Store, mac_address: string, except: string): Promise<void> {
  const holder = await trx.ports.find({ mac_address });
  if (!holder || holder.id === except || (await isAttached(trx, holder.id))) return;
  await readdressPort(trx, holder, { mac_address: await newMac(trx) });
}

/**
 * Ports that the server created are deleted with it; a user's port is only unbound. It gets its own MAC again, because
 * the NIC's belongs to the next server on that machine.
 * @param hold the machine may still use the addresses
 */
export async function unbindPorts(store: Store, server: Server, hold?: Hold): Promise<void> {
  await store.transaction(async (trx) => {
    const named = await trx.ports.list({ device_id: server.id });
    // Any user can write any server's id into his own port.
    const own = named.filter((port) => port.project_id === server.project_id || server.port_ids.includes(port.id));
    if (hold) await holdAddresses(trx, hold, await withSubports(trx, own));
    for (const port of own) {
      await detach(trx, { vif_port_id: port.id });
      if (port.owned_by_server) await releasePort(trx, port.id);
      else await setFree(trx, port, port.device_id, { dns_name: '' });
    }
    if (server.node_uuid) await detach(trx, { node_uuid: server.node_uuid });
    await trx.servers.update({ id: server.id }, { port_ids: [] });
  });
}

async function detach(trx: Store, where: { vif_port_id: string } | { node_uuid: string }): Promise<void> {
  await trx.node_ports.update(where, { vif_port_id: null });
  await trx.portgroups.update(where, { vif_port_id: null });
}

/**
 * Detaches what Ironic's API has attached to the machine.
 * @param hold the machine may still use the addresses
 */
export async function detachPorts(store: Store, node_uuid: string, hold?: Hold): Promise<void> {
  await store.transaction(async (trx) => {
    const ports = await portsOfNode(trx, node_uuid);
    if (hold) await holdAddresses(trx, hold, await withSubports(trx, ports));
    for (const port of ports) await setFree(trx, port, node_uuid);
    await detach(trx, { node_uuid });
  });
}

/** The ports that are attached to the NICs and port groups of a node. */
export async function portsOfNode(store: Store, node_uuid: string): Promise<Port[]> {
  const attached = await vifsOf(store, node_uuid);
  return attached.length > 0 ? store.ports.list({ id: attached }) : [];
}

/** Ids of the network ports that are attached to a node: those of its port groups, then those of its NICs. */
export async function vifsOf(store: Store, node_uuid: string): Promise<string[]> {
  const groups = await store.portgroups.list({ node_uuid }, { order: [{ column: 'created_at' }, { column: 'uuid' }] });
  const nics = await store.node_ports.list({ node_uuid }, { orderBy: 'id' });
  return [...groups, ...nics].flatMap(({ vif_port_id }) => vif_port_id ?? []);
}

type Wanted = { id: string; port_uuid?: string | undefined; portgroup_uuid?: string | undefined };

/**
 * Attaches a network port to a NIC or port group of the node, whose MAC it gets. Texts are Ironic's.
 * @throws Fault `badRequest`, `conflict`
 */
export async function attachPort(store: Store, node_uuid: string, { id, port_uuid, portgroup_uuid }: Wanted): Promise<void> {
  await store.transaction(async (trx) => {
    const port = await trx.ports.find({ id });
    if (!port) throw new Fault('badRequest', { detail: `Unable to attach VIF ${id}: there is no network port with this id.` });
    if (await trx.trunk_subports.find({ port_id: id }))
      throw new Fault('conflict', { detail: `Unable to attach VIF ${id}: it is a subport of a trunk.` });
    if (await isAttached(trx, id)) throw new Fault('conflict', { detail: `Unable to attach VIF ${id}: it is attached already.` });
    if ((await trx.router_ports.find({ port_id: id })) ?? (await trx.floating_ips.find({ floating_port_id: id })))
      throw new Fault('conflict', { detail: `Unable to attach VIF ${id}: it belongs to a router or floating IP.` });
    if (await trx.servers.find({ id: port.device_id }))
      throw new Fault('conflict', { detail: `Unable to attach VIF ${id}: server ${port.device_id} uses it.` });
    await refuseHeld(trx, port, node_uuid);
    const free = await attachmentsOf(trx, node_uuid);
    const attachment = free.find(
      ({ group, nic }) =>
        (portgroup_uuid === undefined || group?.uuid === portgroup_uuid) &&
        (port_uuid === undefined || (!group && nic.uuid === port_uuid)),
    );
    if (!attachment) throw new Fault('badRequest', { detail: `Unable to attach VIF ${id}, not enough free physical ports.` });
    await freeMac(trx, attachment.mac_address, id);
    await readdressPort(trx, port, { mac_address: attachment.mac_address });
    await trx.ports.update(
      { id },
      { status: 'ACTIVE', ...(port.device_id === '' && { device_id: node_uuid, device_owner: 'baremetal:none' }) },
    );
    await attach(trx, attachment, id);
  });
}

/** An instance may run on the machine, or what is left of one. */
const withInstance: readonly ProvisionState[] = ['active', 'service failed', 'deploy failed', 'error'];

/**
 * The addresses are held while the machine may still use them.
 * @throws Fault `badRequest` if it is not attached to the node
 */
export async function detachPort(store: Store, node_uuid: string, id: string): Promise<void> {
  await store.transaction(async (trx) => {
    if (!(await vifsOf(trx, node_uuid)).includes(id))
      throw new Fault('badRequest', {
        detail: `Unable to detach VIF ${id} from node ${node_uuid} because it is not attached to it.`,
      });
    const port = await trx.ports.find({ id });
    const [node] = await trx.nodes.pick(['provision_state', 'power_state', 'instance_uuid'], { uuid: node_uuid });
    if (port && node && withInstance.includes(node.provision_state) && node.power_state !== 'power off') {
      const reason = 'the machine was not powered off when the VIF was detached';
      await holdAddresses(trx, { node_uuid, instance_uuid: node.instance_uuid, reason }, await withSubports(trx, [port]));
    }
    if (port) await setFree(trx, port, node_uuid);
    await detach(trx, { vif_port_id: id });
  });
}

/**
 * Ends what the attachment has written. A device that a user of Ironic's API has named remains: Nova finds the ports that
 * it must delete by it.
 * @param holder the server or node to which it was attached
 * @param more what else ends
 */
async function setFree(trx: Store, port: Port, holder: string, more: Partial<Port> = {}): Promise<void> {
  const device = port.device_id === holder ? { device_id: '', device_owner: '' } : {};
  const binding = { binding_host_id: '', binding_profile: {}, ...more };
  // An address made of the MAC goes with it: the next port of the NIC on this network has the same.
  await readdressPort(trx, port, { mac_address: await newMac(trx) });
  await trx.ports.update({ id: port.id }, { ...device, ...binding, status: 'DOWN' });
}

/** Ports, networks, subnets, bonds and trunks of a server, from which the config drive's network_data.json is generated. */
export async function networkFacts(store: Store, server: Server): Promise<JsonObject> {
  const ports = server.port_ids.length ? await store.ports.list({ id: server.port_ids }) : [];
  const vlans = await vlansOf(store, server.port_ids);
  const all = [...ports, ...vlans.map(({ port }) => port)];
  const networkIds = [...new Set(all.map((port) => port.network_id))];
  const subnetIds = [...new Set(all.flatMap((port) => port.fixed_ips.map((ip) => ip.subnet_id)))];
  const networks = networkIds.length ? await store.networks.list({ id: networkIds }) : [];
  const subnets = subnetIds.length ? await store.subnets.list({ id: subnetIds }) : [];
  const bonds = await bondsOf(store, server.port_ids);
  return JSON.parse(JSON.stringify({ ports, networks, subnets, bonds, vlans })) as JsonObject;
}

/** A machine uses the addresses of subports with those of their parent. */
async function withSubports(store: Store, ports: readonly Port[]): Promise<Port[]> {
  const ids = ports.map(({ id }) => id);
  return [...ports, ...(await vlansOf(store, ids)).map(({ port }) => port)];
}

/** The subports of the trunks whose parents these ports are. */
async function vlansOf(store: Store, portIds: readonly string[]) {
  const trunks = await store.trunks.list([isOneOf('port_id', portIds)]);
  const parents = new Map(trunks.map(({ id, port_id }) => [id, port_id]));
  const subports = await store.trunk_subports.list([isOneOf('trunk_id', [...parents.keys()])], { orderBy: 'segmentation_id' });
  const found = await store.ports.list([
    isOneOf(
      'id',
      subports.map(({ port_id }) => port_id),
    ),
  ]);
  return subports.flatMap(({ port_id, trunk_id, segmentation_id }) => {
    const port = found.find(({ id }) => id === port_id);
    return port ? [{ parent_id: parents.get(trunk_id) ?? '', segmentation_id, port }] : [];
  });
}

/** Port groups to which these ports are bound, each with its members. */
async function bondsOf(store: Store, portIds: readonly string[]) {
  const groups = portIds.length ? await store.portgroups.list({ vif_port_id: portIds }) : [];
  const members = await membersOf(store, groups);
  return groups.map(({ uuid, vif_port_id, mode, properties }) => ({
    ...{ vif_port_id, mode, properties },
    members: (members.get(uuid) ?? []).map(({ uuid: id, address }) => ({ id, mac_address: address })),
  }));
}
