/** To what of a node a network port can be attached: its port groups, and its NICs. */
import type { Store } from '#store/store.ts';
import type { NodePort } from '#store/tables/node-ports.ts';
import type { PortGroup } from '#store/tables/port-groups.ts';

export type Attachment = {
  /** Absent: the NIC alone. */
  readonly group?: PortGroup;
  /** The member of the port group that boots. */
  readonly nic: NodePort;
  readonly mac_address: string;
};

/**
 * What is free of a node, in the order of Ironic's `get_free_port_like_object`: port groups first, then NICs that boot. A
 * port group without ports is no bond; its ports are used alone only if one of them is already.
 */
export async function attachmentsOf(store: Store, node_uuid: string): Promise<Attachment[]> {
  const nics = await store.node_ports.list({ node_uuid }, { orderBy: 'id' });
  const groups = await store.portgroups.list({ node_uuid }, { order: [{ column: 'created_at' }, { column: 'uuid' }] });
  const free = nics.filter((nic) => !nic.vif_port_id).sort((a, b) => Number(b.pxe_enabled) - Number(a.pxe_enabled));
  const split = new Set(nics.flatMap(({ vif_port_id, portgroup_uuid }) => (vif_port_id && portgroup_uuid) || []));
  const bonds = groups.flatMap((group): Attachment[] => {
    const nic = free.find(({ portgroup_uuid }) => portgroup_uuid === group.uuid);
    if (!nic || group.vif_port_id || split.has(group.uuid)) return [];
    return [{ group, nic, mac_address: group.address ?? nic.address }];
  });
  const single = free.filter(({ portgroup_uuid }) => portgroup_uuid === null || split.has(portgroup_uuid));
  return [...bonds, ...single.map((nic) => ({ nic, mac_address: nic.address }))];
}

/** The ports of port groups, in the order in which they were created. */
export async function membersOf(store: Store, groups: readonly PortGroup[]): Promise<Map<string | null, NodePort[]>> {
  const uuids = groups.map(({ uuid }) => uuid);
  const members = uuids.length ? await store.node_ports.list({ portgroup_uuid: uuids }, { orderBy: 'id' }) : [];
  return Map.groupBy(members, ({ portgroup_uuid }) => portgroup_uuid);
}
