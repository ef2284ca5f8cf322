/** An API whose servers and images have records of maximum size. */
import type { Port } from '#store/tables/ports.ts';
import { aNode, anImage, aServer } from './a-task.ts';
import { type ApiFixture, openApiFixture } from './api-fixture.ts';

export { adminPassword } from './api-fixture.ts';

export type LargeRecords = { fixture: ApiFixture; serverIds: readonly string[] };

/** Each server belongs to the administrator and has its own node and port. */
export async function openLargeRecords(
  count: { servers: number; images: number },
  { onDisk = false } = {},
): Promise<LargeRecords> {
  const fixture = await openApiFixture({ onDisk });
  const project = await fixture.store.projects.find({ name: 'admin' });
  const project_id = project?.id ?? '';
  const serverIds = Array.from({ length: count.servers }, (_, index) => uuidOf(2, index));
  await fixture.store.transaction(async (trx) => {
    await trx.networks.insert(network);
    for (const [index, id] of serverIds.entries()) {
      const { id: _, ...node } = aNode({ uuid: uuidOf(1, index), name: `node-${index}` });
      await trx.nodes.insert(node);
      await trx.servers.insert(aServer({ id, project_id, name: `name-${index % 7}`, node_uuid: node.uuid, ...large }));
      await trx.ports.insert(portOf(index, { project_id, device_id: id }));
    }
    for (let index = 0; index < count.images; index++)
      await trx.images.insert(anImage({ id: uuidOf(3, index), owner: project_id, properties }));
  });
  return { fixture, serverIds };
}

const many = (count: number, name: string, size: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`${name}-${index}`, 'v'.repeat(size)]));
const large = { user_data: Buffer.alloc(48_000, 'ingot').toString('base64'), metadata: many(128, 'key', 255) };
const properties = many(4, 'property', 60_000);

const uuidOf = (kind: number, index: number) => `${kind}0000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
const hex = (byte: number) => byte.toString(16).padStart(2, '0');

const at = '2026-01-01T00:00:00.000Z';
const network = {
  ...{ id: uuidOf(6, 0), name: 'fabric', project_id: 'p', admin_state_up: true, shared: true, external: false },
  ...{
    mtu: 1500,
    port_security_enabled: true,
    tags: [],
    revision_number: 1,

    description: '',
    created_at: at,
    updated_at: at,
  },
};

const portOf = (index: number, owner: Pick<Port, 'project_id' | 'device_id'>): Port => ({
  ...{
    id: uuidOf(5, index),
    name: '',
    network_id: network.id,
    mac_address: `52:54:00:00:${hex(index >> 8)}:${hex(index & 255)}`,
  },
  ...{ fixed_ips: [{ subnet_id: 's', ip_address: `10.0.${index >> 8}.${index & 255}` }], device_owner: 'compute:nova', ...owner },
  ...{
    admin_state_up: true,
    status: 'ACTIVE',
    description: '',
    owned_by_server: true,
    binding_host_id: '',
    security_groups: [],
    port_security_enabled: true,
    allowed_address_pairs: [],
    propagate_uplink_status: true,
    numa_affinity_policy: null,
    qos_policy_id: null,
    dns_name: '',
    extra_dhcp_opts: [],
    data_plane_status: null,
    tags: [],
    revision_number: 1,
    binding_profile: {},
    created_at: at,
    updated_at: at,
  },
});
