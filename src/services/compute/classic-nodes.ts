/** The rules of the original bare metal driver's API, on the same nodes as the bare metal service. */
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import type { NodePort } from '#store/tables/node-ports.ts';
import type { HypervisorRow, Node } from '#store/tables/nodes.ts';
import { type Page, readPage } from '../pages.ts';
import type { ComputeContext } from './context.ts';

type Nodes = Pick<ComputeContext, 'store'>;
export type ClassicNode = { readonly node: Node; readonly ports: readonly NodePort[] };

/** @param id a small integer */
export async function findClassicNode(context: Nodes, id: string): Promise<ClassicNode> {
  const node = /^\d{1,9}$/.test(id) ? await context.store.nodes.find({ id: Number(id) }) : undefined;
  if (!node) throw new Fault('notFound', { what: 'Node', id });
  return { node, ports: await portsOf(context, node) };
}

function portsOf({ store }: Nodes, node: Node): Promise<NodePort[]> {
  return store.node_ports.list({ node_uuid: node.uuid }, { orderBy: 'id' });
}

type NodePage = { readonly limit?: number | undefined; readonly marker?: string | undefined };

export async function readClassicNodes({ store }: Nodes, { limit, marker }: NodePage): Promise<Page<ClassicNode>> {
  const page = await readPage<HypervisorRow, Node>(
    {
      find: (id) => store.nodes.find({ id: Number(id) || 0 }),
      list: (cut) => store.nodes.listHypervisors('', cut),
    },
    { limit, marker, idOf: ({ id }) => String(id) },
  );
  const items: ClassicNode[] = [];
  for await (const some of store.nodes.read(page.items)) {
    const ports = await store.node_ports.list({ node_uuid: some.map(({ uuid }) => uuid) }, { orderBy: 'id' });
    const byNode = Map.groupBy(ports, ({ node_uuid }) => node_uuid);
    items.push(...some.map((node) => ({ node, ports: byNode.get(node.uuid) ?? [] })));
  }
  return { items, next: page.next };
}

export type NewClassicNode = {
  readonly service_host: string;
  readonly cpus: number;
  readonly memory_mb: number;
  readonly local_gb: number;
  readonly pm_address: string;
  readonly pm_user?: string | null | undefined;
  readonly pm_password?: string | null | undefined;
  readonly terminal_port?: number | undefined;
  readonly prov_mac_address?: string | null | undefined;
};

/** A node of the classic API is available at once: that API has no step in which an operator could provide it. */
export async function createClassicNode(context: ComputeContext, request: NewClassicNode): Promise<ClassicNode> {
  const { store, engine } = context;
  const mac = request.prov_mac_address ? macOf(request.prov_mac_address) : undefined;
  if (mac && (await store.node_ports.find({ address: mac }))) throw macInUse(mac);
  const driver_info: JsonObject = { ipmi_address: request.pm_address };
  if (request.pm_user) driver_info['ipmi_username'] = request.pm_user;
  if (request.pm_password) driver_info['ipmi_password'] = request.pm_password;
  if (request.terminal_port) driver_info['ipmi_terminal_port'] = request.terminal_port;
  const node = await engine.createNode({
    driver: 'ipmi',
    driver_info,
    properties: { cpus: request.cpus, memory_mb: request.memory_mb, local_gb: request.local_gb },
    extra: { service_host: request.service_host },
    provision_state: 'available',
  });
  if (mac) await engine.createNodePort({ node_uuid: node.uuid, address: mac });
  return { node, ports: await portsOf(context, node) };
}

export async function deleteClassicNode({ engine }: ComputeContext, { node }: ClassicNode): Promise<void> {
  if (node.instance_uuid !== null)
    throw new Fault('conflict', { detail: `Node ${node.id} is in use by instance ${node.instance_uuid}.` });
  await engine.deleteNode(node.uuid);
}

export type NewInterface = {
  readonly address: string;
  readonly datapath_id?: string | null | undefined;
  readonly port_no?: string | number | null | undefined;
};

export async function addInterface(
  { store, engine }: ComputeContext,
  { node }: ClassicNode,
  request: NewInterface,
): Promise<NodePort> {
  const address = macOf(request.address);
  if (await store.node_ports.find({ address })) throw macInUse(address);
  const local_link_connection: JsonObject = {};
  if (request.datapath_id) local_link_connection['switch_id'] = request.datapath_id;
  if (request.port_no !== undefined && request.port_no !== null) local_link_connection['port_id'] = String(request.port_no);
  return engine.createNodePort({ node_uuid: node.uuid, address, local_link_connection });
}

export type OldInterface = { readonly address?: string | undefined; readonly id?: number | undefined };

export async function removeInterface(
  { engine }: ComputeContext,
  { ports }: ClassicNode,
  { address, id }: OldInterface,
): Promise<void> {
  if (address === undefined && id === undefined) throw new Fault('badRequest', { detail: 'Must specify id or address' });
  const isMeant = (port: NodePort) =>
    (address === undefined || port.address === address.toLowerCase()) && (id === undefined || port.id === id);
  const port = ports.find(isMeant);
  if (!port) throw new Fault('notFound', { what: 'Interface', id: address ?? String(id) });
  await engine.deleteNodePort(port.uuid);
}

function macOf(text: string): string {
  const mac = text.toLowerCase();
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac))
    throw new Fault('badRequest', { detail: `Must specify address as a MAC, not ${text}` });
  return mac;
}

function macInUse(mac: string): Fault {
  return new Fault('conflict', { detail: `The address ${mac} is registered already.` });
}

/** The original driver's names of provision states; null for a node that has never been used. */
const taskStateTable: Readonly<Partial<Record<Node['provision_state'], string>>> = {
  deploying: 'building',
  'wait call-back': 'prepared',
  rebuild: 'building',
  active: 'active',
  'deploy failed': 'deploy failed',
  error: 'error',
  'clean failed': 'error',
};

export function taskStateOf({ provision_state }: Node): string | null {
  return taskStateTable[provision_state] ?? null;
}
