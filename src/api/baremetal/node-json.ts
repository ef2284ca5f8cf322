/** A node in Ironic's representation: every field since its microversion. Secrets are never included. */
import { hostname } from 'node:os';
import type { FastifyRequest } from 'fastify';
import { fieldOf, fixedInterfaceTable, interfaceKinds, rowOf } from '#domain/interface-kinds.ts';
import { instanceNameOf } from '#services/baremetal/instance-name.ts';
import { declaredSecrets, withoutSecrets } from '#services/baremetal/secrets.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { ApiContext } from '../context.ts';
import { atLeast } from '../http/microversions.ts';
import { type Field, field, type Selection, selectFields } from './fields.ts';

/** Name of the one conductor: the machine Ingot runs on. */
export const conductorName = hostname();

export type NodeView = {
  node: Node;
  operation: Operation | undefined;
  /** BMC health of the node. */
  health: ReturnType<ApiContext['engine']['bmcHealth']>;
  /** The last progress report of the running agent. */
  progress: string | undefined;
  base: string;
  secrets: ReadonlySet<string>;
  minor: number;
};
type NodeField = Field<NodeView>;

const plain = (name: keyof Node & string, since = 1): NodeField => field(name, since, ({ node }) => node[name]);
const constant = (name: string, since: number, value: unknown): NodeField => field(name, since, () => value);
const collection = (name: string, since: number): NodeField =>
  field(name, since, ({ base, node }) => [
    { href: `${base}/baremetal/v1/nodes/${node.uuid}/${name}`, rel: 'self' },
    { href: `${base}/baremetal/nodes/${node.uuid}/${name}`, rel: 'bookmark' },
  ]);

const interfaces: readonly NodeField[] = [
  ...interfaceKinds.map((kind) => plain(fieldOf(kind), rowOf(kind).since.node)),
  ...Object.entries(fixedInterfaceTable).map(([kind, { name, since }]) => constant(`${kind}_interface`, since.node, name)),
];

export const nodeFields: readonly NodeField[] = [
  plain('uuid'),
  plain('name', 5),
  plain('driver'),
  field('driver_info', 1, ({ node, secrets }) => withoutSecrets(node.driver_info, secrets)),
  field('driver_internal_info', 3, ({ operation, health, progress }) => ({
    ...(operation && { operation: { ...operationFacts(operation), ...(progress && { progress }) } }),
    ...(health && { bmc_health: health }),
  })),
  plain('properties'),
  plain('extra'),
  field('instance_info', 1, ({ node, secrets }) => withoutSecrets(node.instance_info, secrets)),
  plain('instance_uuid'),
  field('instance_name', 104, ({ node }) => instanceNameOf(node)),
  field('provision_state', 1, ({ node, minor }) => stateName(node.provision_state, minor)),
  field('target_provision_state', 1, ({ node, minor }) => stateName(node.target_provision_state, minor)),
  plain('provision_updated_at'),
  plain('power_state'),
  plain('target_power_state'),
  plain('maintenance'),
  plain('maintenance_reason'),
  plain('fault', 42),
  // Ingot does not read it from the BMC.
  constant('health', 109, null),
  plain('last_error'),
  field('reservation', 1, ({ node }) => (node.operation_id === null ? null : conductorName)),
  field('clean_step', 7, ({ operation }) => stepOf(operation, ['clean'])),
  constant('service_step', 87, {}),
  field('deploy_step', 44, ({ operation }) => stepOf(operation, ['deploy', 'rebuild'])),
  plain('resource_class', 21),
  plain('traits', 37),
  plain('description', 51),
  plain('owner', 50),
  plain('shard', 82),
  plain('parent_node', 83),
  ...interfaces,
  constant('chassis_uuid', 1, null),
  plain('console_enabled'),
  constant('inspection_started_at', 1, null),
  constant('inspection_finished_at', 1, null),
  constant('raid_config', 12, {}),
  constant('target_raid_config', 12, {}),
  constant('conductor_group', 46, ''),
  constant('automated_clean', 47, null),
  constant('protected', 48, false),
  constant('protected_reason', 48, null),
  constant('conductor', 49, conductorName),
  constant('allocation_uuid', 52, null),
  constant('retired', 61, false),
  constant('retired_reason', 61, null),
  constant('lessee', 65, null),
  constant('network_data', 66, {}),
  constant('disable_power_off', 95, false),
  plain('boot_mode', 75),
  plain('secure_boot', 75),
  plain('created_at'),
  plain('updated_at'),
  field('links', 1, ({ base, node }) => nodeLinks(base, node)),
  collection('ports', 1),
  collection('states', 14),
  collection('portgroups', 24),
  collection('volume', 32),
];

export const briefFields = ['instance_uuid', 'maintenance', 'power_state', 'provision_state', 'uuid', 'name', 'links'] as const;

export function nodeLinks(base: string, { uuid }: Node) {
  return [
    { href: `${base}/baremetal/v1/nodes/${uuid}`, rel: 'self' },
    { href: `${base}/baremetal/nodes/${uuid}`, rel: 'bookmark' },
  ];
}

/** Several nodes with the operations that hold their reservations, read once. */
export async function nodesJson(
  context: ApiContext,
  request: FastifyRequest,
  { nodes, ...selection }: Omit<Selection, 'version'> & { nodes: readonly Node[] },
): Promise<object[]> {
  const ids = nodes.flatMap(({ operation_id }) => operation_id ?? []);
  const operations = ids.length > 0 ? await context.store.operations.list({ id: ids }) : [];
  const byId = new Map(operations.map((operation) => [operation.id, operation]));
  const base = context.baseUrl(request);
  const { minor } = request.microversion;
  const secrets = declaredSecrets(context.drivers);
  return nodes.map((node) => {
    const health = context.engine.bmcHealth(node.uuid);
    const progress = context.engine.progressOf(node.uuid);
    const view = { node, operation: byId.get(node.operation_id ?? ''), health, progress, base, secrets, minor };
    return selectFields(nodeFields, view, { ...selection, version: request.microversion });
  });
}

export async function nodeJson(context: ApiContext, request: FastifyRequest, node: Node, fields?: string): Promise<object> {
  const [json] = await nodesJson(context, request, { nodes: [node], fields });
  return json as object;
}

/** Up to 1.1 an available node had no state at all. */
export function stateName(state: string | null, minor: number): string | null {
  return state === 'available' && !atLeast({ major: 1, minor }, 2) ? null : state;
}

/** The state of an operation; its context may contain secrets and is not shown. */
export function operationFacts({ id, kind, purpose, state, step, step_started_at, waiting_for, deadline_at }: Operation) {
  return { id, kind, purpose, state, step, step_started_at, waiting_for, deadline_at };
}

function stepOf(operation: Operation | undefined, kinds: readonly string[]): object {
  if (!operation || !kinds.includes(operation.kind) || operation.state !== 'running') return {};
  return { interface: 'deploy', step: operation.step, priority: 0, args: {} };
}
