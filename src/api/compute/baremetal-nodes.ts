/**
 * `/os-baremetal-nodes`: the administrator's API of the original bare metal driver (with os-baremetal-ext-status), for
 * the same nodes as `/baremetal/v1`. Ids are small integers. Served at every microversion, though Nova itself ended it
 * with 2.36.
 */
import { Type } from 'typebox';
import {
  addInterface,
  type ClassicNode,
  createClassicNode,
  deleteClassicNode,
  findClassicNode,
  readClassicNodes,
  removeInterface,
  taskStateOf,
} from '#services/compute/classic-nodes.ts';
import type { NodePort } from '#store/tables/node-ports.ts';
import { nextLinks } from '../http/pagination.ts';
import { Links, Maybe, Nullable, pageQuery } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';
import { WholeNumber, wholeNumberOf } from '../http/whole-numbers.ts';
import { route } from './policy.ts';

const Text = Type.String();
const TextOrNull = Nullable(Type.String());

const interfaceView = viewOf<NodePort>()({
  id: { type: Type.Integer(), value: ({ id }) => id },
  address: { type: Text, value: ({ address }) => address },
  datapath_id: { type: Type.Unknown(), value: ({ local_link_connection }) => local_link_connection['switch_id'] ?? null },
  port_no: { type: Type.Unknown(), value: ({ local_link_connection }) => local_link_connection['port_id'] ?? null },
});

const amount = (name: 'cpus' | 'memory_mb' | 'local_gb') => ({
  type: Type.Number(),
  value: ({ node }: ClassicNode) => Number(node.properties[name] ?? 0),
});

/** The password is omitted. The fields after `interfaces` are os-baremetal-ext-status. */
const nodeView = viewOf<ClassicNode>()({
  id: { type: Type.Integer(), value: ({ node }) => node.id },
  service_host: { type: Type.Unknown(), value: ({ node }) => node.extra['service_host'] ?? null },
  cpus: amount('cpus'),
  memory_mb: amount('memory_mb'),
  local_gb: amount('local_gb'),
  pm_address: { type: Type.Unknown(), value: ({ node }) => node.driver_info['ipmi_address'] ?? null },
  pm_user: { type: Type.Unknown(), value: ({ node }) => node.driver_info['ipmi_username'] ?? null },
  terminal_port: { type: Type.Unknown(), value: ({ node }) => node.driver_info['ipmi_terminal_port'] ?? null },
  instance_uuid: { type: TextOrNull, value: ({ node }) => node.instance_uuid },
  interfaces: {
    type: Type.Array(interfaceView.schema),
    value: ({ ports }, { request, context }) => ports.map(interfaceView.of(request, context)),
  },
  uuid: { type: Text, value: ({ node }) => node.uuid },
  task_state: { type: TextOrNull, value: ({ node }) => taskStateOf(node) },
  updated_at: { type: TextOrNull, value: ({ node }) => node.updated_at },
  pxe_config_path: { type: TextOrNull, value: ({ node }) => node.instance_uuid && `${node.instance_uuid}/config` },
});
const NodeReply = Type.Object({ node: nodeView.schema });

const NewNode = Type.Object({
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

export const baremetalNodeRoutes = [
  route({
    method: 'GET',
    path: '/os-baremetal-nodes',
    policy: 'os_compute_api:os-baremetal-nodes:list',
    summary: 'List nodes (classic extension)',
    query: Type.Object(pageQuery),
    // Links to the next page as everywhere in this API; clients of the classic API read only the first.
    reply: Type.Object({ nodes: Type.Array(nodeView.schema), nodes_links: Type.Optional(Links) }),
    async handler(request, context) {
      const page = await readClassicNodes(context, request.query);
      const links = nextLinks(context, request, page.next);
      return { nodes: page.items.map(nodeView.of(request, context)), ...(links.length > 0 && { nodes_links: links }) };
    },
  }),
  route({
    method: 'GET',
    path: '/os-baremetal-nodes/:id',
    policy: 'os_compute_api:os-baremetal-nodes:show',
    summary: 'Show a node (classic extension)',
    reply: NodeReply,
    handler: async (request, context) => ({
      node: nodeView.of(request, context)(await findClassicNode(context, request.params.id)),
    }),
  }),
  route({
    method: 'POST',
    path: '/os-baremetal-nodes',
    policy: 'os_compute_api:os-baremetal-nodes:create',
    summary: 'Create a node with IPMI, available at once (classic extension)',
    body: Type.Object({ node: NewNode }),
    reply: NodeReply,
    async handler(request, context) {
      const { cpus, memory_mb, local_gb, terminal_port, ...body } = request.body.node;
      const node = await createClassicNode(context, {
        ...body,
        cpus: wholeNumberOf('cpus', cpus),
        memory_mb: wholeNumberOf('memory_mb', memory_mb),
        local_gb: wholeNumberOf('local_gb', local_gb),
        ...(terminal_port && { terminal_port: Number(terminal_port) }),
      });
      return { node: nodeView.of(request, context)(node) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/os-baremetal-nodes/:id',
    policy: 'os_compute_api:os-baremetal-nodes:delete',
    summary: 'Delete a node; 409 while a server uses it (classic extension)',
    status: 202,
    handler: async (request, context) => deleteClassicNode(context, await findClassicNode(context, request.params.id)),
  }),
  route({
    method: 'POST',
    path: '/os-baremetal-nodes/:id/action',
    action: 'add_interface',
    policy: 'os_compute_api:os-baremetal-nodes:add_interface',
    summary: 'Add an interface to a node (classic extension)',
    body: Type.Object({ add_interface: AddInterface }),
    reply: Type.Object({ interface: interfaceView.schema }),
    async handler(request, context) {
      const node = await findClassicNode(context, request.params.id);
      const port = await addInterface(context, node, request.body.add_interface);
      return { interface: interfaceView.of(request, context)(port) };
    },
  }),
  route({
    method: 'POST',
    path: '/os-baremetal-nodes/:id/action',
    action: 'remove_interface',
    policy: 'os_compute_api:os-baremetal-nodes:remove_interface',
    summary: 'Remove an interface from a node (classic extension)',
    status: 202,
    body: Type.Object({ remove_interface: RemoveInterface }),
    async handler(request, context) {
      const node = await findClassicNode(context, request.params.id);
      const { address, id } = request.body.remove_interface;
      await removeInterface(context, node, {
        ...(address && { address }),
        ...(id !== undefined && id !== null && { id: Number(id) }),
      });
    },
  }),
];
