/**
 * `/os-baremetal-nodes`: the administrator's API of the original bare metal driver (with os-baremetal-ext-status), for
 * the same nodes as `/baremetal/v1`. Ids are small integers. Served at every microversion, though Nova itself ended it
 * with 2.36.
 */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import type { NodePort } from '#store/tables/node-ports.ts';
import type { HypervisorRow, Node } from '#store/tables/nodes.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { requireAdmin } from '../http/authentication.ts';
import { nextLinks, type PageSource, readPage } from '../http/pagination.ts';
import { WholeNumber, wholeNumberOf } from '../http/whole-numbers.ts';

const Maybe = <T extends Parameters<typeof Type.Optional>[0]>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]));

const ClassicNode = Type.Object({
  service_host: Type.String({ minLength: 1, maxLength: 255 }),
  cpus: WholeNumber,
  memory_mb: WholeNumber,
  local_gb: WholeNumber,
  pm_address: Type.String({ minLength: 1, maxLength: 255 }),
  pm_user: Maybe(Type.String({ maxLength: 255 })),
  pm_password: Maybe(Type.String({ maxLength: 255 })),
  terminal_port: Maybe(WholeNumber),
  prov_mac_address: Maybe(Type.String()),
});
const AddInterface = Type.Object({
  address: Type.String(),
  datapath_id: Maybe(Type.String({ maxLength: 255 })),
  port_no: Maybe(Type.Union([Type.Integer(), Type.String({ maxLength: 255 })])),
});
const RemoveInterface = Type.Object({ address: Maybe(Type.String()), id: Maybe(WholeNumber) });
const ClassicAction = Type.Object({
  add_interface: Type.Optional(AddInterface),
  remove_interface: Type.Optional(RemoveInterface),
});
const IdParams = Type.Object({ id: Type.String() });
const PageQuery = Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 0 })), marker: Type.Optional(Type.String()) });

export function registerBaremetalNodes(app: ApiScope, context: ApiContext): void {
  const { engine } = context;

  app.get('/os-baremetal-nodes', { schema: { querystring: PageQuery } }, (request) => listReply(context, request, request.query));

  app.get('/os-baremetal-nodes/:id', { schema: { params: IdParams } }, async (request) => {
    const node = await findNode(context, request, request.params.id);
    return { node: nodeJson(node, await portsOf(context, node)) };
  });

  app.post('/os-baremetal-nodes', { schema: { body: Type.Object({ node: ClassicNode }) } }, async (request) => {
    requireAdmin(request, 'compute_extension:baremetal_nodes');
    const node = await createNode(context, request.body.node);
    return { node: nodeJson(node, await portsOf(context, node)) };
  });

  app.delete('/os-baremetal-nodes/:id', { schema: { params: IdParams } }, async (request, reply) => {
    const node = await findNode(context, request, request.params.id);
    if (node.instance_uuid !== null)
      throw new Fault('conflict', { detail: `Node ${node.id} is in use by instance ${node.instance_uuid}.` });
    await engine.deleteNode(node.uuid);
    reply.code(202).send();
  });

  app.post('/os-baremetal-nodes/:id/action', { schema: { params: IdParams, body: ClassicAction } }, async (request, reply) => {
    const node = await findNode(context, request, request.params.id);
    const { add_interface, remove_interface } = request.body;
    if (add_interface) return { interface: interfaceJson(await addInterface(context, node, add_interface)) };
    if (!remove_interface)
      throw new Fault('badRequest', { detail: 'There is no such action: only add_interface and remove_interface.' });
    await removeInterface(context, node, remove_interface);
    return reply.code(202).send();
  });
}

/** Links to the next page as everywhere in this API; clients of the classic API read only the first. */
async function listReply(context: ApiContext, request: FastifyRequest, { limit, marker }: Static<typeof PageQuery>) {
  requireAdmin(request, 'compute_extension:baremetal_nodes');
  const { store } = context;
  const source: PageSource<HypervisorRow, Node> = {
    find: (id) => store.nodes.find({ id: Number(id) || 0 }),
    list: (page) => store.nodes.listHypervisors('', page),
  };
  const page = await readPage(source, { limit, marker, idOf: ({ id }) => String(id) });
  const nodes: object[] = [];
  for await (const some of store.nodes.read(page.items)) {
    const ports = await store.node_ports.list({ node_uuid: some.map(({ uuid }) => uuid) }, { orderBy: 'id' });
    const byNode = Map.groupBy(ports, ({ node_uuid }) => node_uuid);
    nodes.push(...some.map((node) => nodeJson(node, byNode.get(node.uuid) ?? [])));
  }
  const links = nextLinks(context, request, page.next);
  return { nodes, ...(links.length > 0 && { nodes_links: links }) };
}

async function findNode({ store }: ApiContext, request: FastifyRequest, id: string): Promise<Node> {
  requireAdmin(request, 'compute_extension:baremetal_nodes');
  const node = /^\d{1,9}$/.test(id) ? await store.nodes.find({ id: Number(id) }) : undefined;
  if (!node) throw new Fault('notFound', { what: 'Node', id });
  return node;
}

function portsOf({ store }: ApiContext, node: Node): Promise<NodePort[]> {
  return store.node_ports.list({ node_uuid: node.uuid }, { orderBy: 'id' });
}

/** A node of the classic API is available at once: that API has no step in which an operator could provide it. */
async function createNode({ store, engine }: ApiContext, body: Static<typeof ClassicNode>): Promise<Node> {
  const mac = body.prov_mac_address ? macOf(body.prov_mac_address) : undefined;
  if (mac && (await store.node_ports.find({ address: mac }))) throw macInUse(mac);
  const driver_info: JsonObject = { ipmi_address: body.pm_address };
  if (body.pm_user) driver_info['ipmi_username'] = body.pm_user;
  if (body.pm_password) driver_info['ipmi_password'] = body.pm_password;
  if (body.terminal_port) driver_info['ipmi_terminal_port'] = Number(body.terminal_port);
  const node = await engine.createNode({
    driver: 'ipmi',
    driver_info,
    properties: {
      cpus: wholeNumberOf('cpus', body.cpus),
      memory_mb: wholeNumberOf('memory_mb', body.memory_mb),
      local_gb: wholeNumberOf('local_gb', body.local_gb),
    },
    extra: { service_host: body.service_host },
    provision_state: 'available',
  });
  if (mac) await engine.createNodePort({ node_uuid: node.uuid, address: mac });
  return node;
}

async function addInterface({ store, engine }: ApiContext, node: Node, body: Static<typeof AddInterface>): Promise<NodePort> {
  const address = macOf(body.address);
  if (await store.node_ports.find({ address })) throw macInUse(address);
  const local_link_connection: JsonObject = {};
  if (body.datapath_id) local_link_connection['switch_id'] = body.datapath_id;
  if (body.port_no !== undefined && body.port_no !== null) local_link_connection['port_id'] = String(body.port_no);
  return engine.createNodePort({ node_uuid: node.uuid, address, local_link_connection });
}

async function removeInterface(context: ApiContext, node: Node, body: Static<typeof RemoveInterface>): Promise<void> {
  const address = body.address ?? undefined;
  const id = body.id === null || body.id === undefined ? undefined : Number(body.id);
  if (address === undefined && id === undefined) throw new Fault('badRequest', { detail: 'Must specify id or address' });
  const isMeant = (port: NodePort) =>
    (address === undefined || port.address === address.toLowerCase()) && (id === undefined || port.id === id);
  const port = (await portsOf(context, node)).find(isMeant);
  if (!port) throw new Fault('notFound', { what: 'Interface', id: address ?? String(id) });
  await context.engine.deleteNodePort(port.uuid);
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

/** The password is omitted. The fields after `interfaces` are os-baremetal-ext-status. */
function nodeJson(node: Node, ports: readonly NodePort[]) {
  const { properties, driver_info, extra } = node;
  return {
    id: node.id,
    service_host: extra['service_host'] ?? null,
    cpus: Number(properties['cpus'] ?? 0),
    memory_mb: Number(properties['memory_mb'] ?? 0),
    local_gb: Number(properties['local_gb'] ?? 0),
    pm_address: driver_info['ipmi_address'] ?? null,
    pm_user: driver_info['ipmi_username'] ?? null,
    terminal_port: driver_info['ipmi_terminal_port'] ?? null,
    instance_uuid: node.instance_uuid,
    interfaces: ports.map(interfaceJson),
    uuid: node.uuid,
    task_state: taskStateOf(node),
    updated_at: node.updated_at,
    pxe_config_path: node.instance_uuid && `${node.instance_uuid}/config`,
  };
}

function interfaceJson({ id, address, local_link_connection }: NodePort) {
  return {
    id,
    address,
    datapath_id: local_link_connection['switch_id'] ?? null,
    port_no: local_link_connection['port_id'] ?? null,
  };
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

function taskStateOf(node: Node): string | null {
  return taskStateTable[node.provision_state] ?? null;
}
