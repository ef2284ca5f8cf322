/**
 * Ensures that no two nodes are the same machine: a power command to one would affect the server on the other.
 * Addresses are compared at enrolment and change, BMC-reported system UUIDs at verification.
 */
import { Fault } from '#domain/faults.ts';
import type { Drivers, Endpoint, Interface, ManagementInterface, Task } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import { loadNode } from '../worker/task.ts';

type Owner = Pick<Node, 'uuid' | 'name' | 'parent_node'>;

/**
 * Records the endpoints by which the node is controlled, in the caller's transaction.
 * @param isMoved the node has another parent, with which it may share an endpoint
 * @throws Fault `sameMachine` if another node has one of these endpoints
 */
export async function claimEndpoints(
  trx: Store,
  drivers: Drivers,
  { uuid, isMoved = false }: Pick<Node, 'uuid'> & { isMoved?: boolean },
): Promise<void> {
  const { node, facts } = await loadNode(trx, uuid);
  const endpoints = [
    ...endpointsOf(drivers.power, node.power_interface, facts),
    ...endpointsOf(drivers.management, node.management_interface, facts),
  ];
  const wanted = unique(endpoints);
  if (!isMoved && isSame(await trx.node_endpoints.list({ node_uuid: uuid }), wanted)) return;
  await trx.node_endpoints.remove({ node_uuid: uuid });
  for (const endpoint of wanted) {
    const other = await findOther(trx, node, endpoint);
    if (other) throw sameMachine(node, other, `both are commanded by ${describe(endpoint)}`);
    await trx.node_endpoints.insert({ node_uuid: uuid, ...endpoint });
  }
}

/**
 * Nodes of an earlier version have no recorded endpoints. Those that share a machine are reported, and the idle ones
 * are taken out of service.
 */
export async function claimFormerEndpoints(store: Store, drivers: Drivers): Promise<void> {
  const known = new Set((await store.node_endpoints.pick(['node_uuid'])).map(({ node_uuid }) => node_uuid));
  const nodes = await store.nodes.pick(['uuid', 'instance_uuid']);
  // The node with a server keeps the machine.
  const [used, idle] = [nodes.filter((node) => node.instance_uuid), nodes.filter((node) => !node.instance_uuid)];
  for (const { uuid } of [...used, ...idle]) {
    if (known.has(uuid)) continue;
    await store.transaction((trx) => claimEndpoints(trx, drivers, { uuid })).catch((error) => holdBack(store, uuid, error));
  }
}

async function holdBack(store: Store, uuid: string, error: unknown): Promise<void> {
  if (!(error instanceof Fault) || error.code !== 'sameMachine') throw error;
  store.events.append({ kind: 'bmc', node_uuid: uuid, subject: 'same machine', message: error.message });
  const reason = { maintenance: true, maintenance_reason: error.message };
  await store.nodes.update({ uuid, instance_uuid: null, maintenance: false }, reason);
}

function endpointsOf(interfaces: Readonly<Record<string, Interface>>, name: string, facts: Parameters<Interface['validate']>[0]) {
  try {
    return interfaces[name]?.endpoints?.(facts) ?? [];
  } catch (error) {
    // Incomplete settings have no endpoint yet; `manage` rejects them.
    if (error instanceof Fault && error.code === 'driverInfo') return [];
    throw error;
  }
}

function unique(endpoints: readonly Endpoint[]): Endpoint[] {
  return [...new Map(endpoints.map((endpoint) => [keyOf(endpoint), endpoint])).values()];
}

function isSame(recorded: readonly Endpoint[], wanted: readonly Endpoint[]): boolean {
  const keys = new Set(recorded.map(keyOf));
  return keys.size === wanted.length && wanted.every((endpoint) => keys.has(keyOf(endpoint)));
}

function keyOf({ address, part }: Endpoint): string {
  return JSON.stringify([address, part]);
}

/** An endpoint without a part ("the only system") matches every part at that address. */
async function findOther(trx: Store, node: Owner, { address, part }: Endpoint): Promise<Node | undefined> {
  for (const row of await trx.node_endpoints.list({ address })) {
    if (row.node_uuid === node.uuid || (row.part !== part && row.part !== null && part !== null)) continue;
    const other = await trx.nodes.find({ uuid: row.node_uuid });
    if (other && !isOneMachine(node, other)) return other;
  }
  return undefined;
}

/** A child node (`parent_node`) may share the BMC of its parent. */
export function isOneMachine(node: Owner, other: Owner): boolean {
  return node.parent_node === other.uuid || other.parent_node === node.uuid;
}

function describe({ address, part }: Endpoint): string {
  return part === null || part === 'itself' ? address : `${address}, ${part}`;
}

function sameMachine(node: Owner, other: Owner, detail: string): Fault {
  return new Fault('sameMachine', { node: node.name ?? node.uuid, other: other.name ?? other.uuid, detail });
}

/** UUIDs of firmware that never got its own: all zeros or ones, and AMI's template. */
const templateUuids = [
  '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
  '03000200-0400-0500-0006-000700080009',
];

export function isTemplateUuid(uuid: string): boolean {
  return templateUuids.includes(uuid);
}

/** Property by which an operator states that a vendor gave several machines the same UUID. */
export const sharedUuid = 'system_uuid_not_unique';

/** @returns the UUID to store; null if the BMC reports none that distinguishes machines */
export async function askSystemUuid(management: ManagementInterface, { node, signal }: Pick<Task, 'node' | 'signal'>) {
  const uuid = await management.systemUuid?.(node, { signal });
  return uuid === undefined || isTemplateUuid(uuid) ? null : uuid;
}

/** @throws Fault `sameMachine` if another node was verified with this UUID */
export async function refuseSameSystem(store: Store, node: Owner & Pick<Node, 'properties'>, systemUuid: string): Promise<void> {
  if (String(node.properties[sharedUuid]).toLowerCase() === 'true') return;
  const others = await store.nodes.list({ system_uuid: systemUuid });
  const other = others.find(({ uuid }) => uuid !== node.uuid);
  if (other && !isOneMachine(node, other)) throw sameMachine(node, other, `both BMCs report system UUID ${systemUuid}`);
}
