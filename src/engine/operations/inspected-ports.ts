/** The ports that an inspection adds and removes: Ironic's `[inspector]add_ports` and `keep_ports`. */
import { randomUUID } from 'node:crypto';
import type { Store } from '#store/store.ts';
import type { NodePort } from '#store/tables/node-ports.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Report, ReportedNic } from '../nodes/inspection-report.ts';
import type { EngineSettings } from '../settings.ts';

export type PortSettings = Pick<EngineSettings, 'inspection.add_ports' | 'inspection.keep_ports'>;
type Found = {
  readonly node: Pick<Node, 'uuid'>;
  readonly report: Pick<Report, 'nics' | 'isFromRamdisk'>;
  readonly ports: readonly NodePort[];
};

const macShape = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

/** Those of another node stay there. */
export async function portsToAdd(store: Store, found: Found, settings: PortSettings): Promise<Omit<NodePort, 'id'>[]> {
  const addresses = wanted(found, settings);
  const taken = await store.node_ports.list({ address: addresses });
  const now = new Date().toISOString();
  return addresses
    .filter((address) => !taken.some((port) => port.address === address))
    .map((address) => ({
      ...{ uuid: randomUUID(), node_uuid: found.node.uuid, address, name: null, description: null, vendor: null, category: null },
      ...{ pxe_enabled: true, local_link_connection: {}, extra: {}, portgroup_uuid: null, physical_network: null },
      ...{ available_for_dynamic_portgroup: true, vif_port_id: null, created_at: now, updated_at: now },
    }));
}

/** A machine without a NIC that could be read keeps its ports, as does what is in use or part of a port group. */
export function portsToRemove(found: Found, settings: PortSettings): NodePort[] {
  const keeps = settings['inspection.keep_ports'];
  const expected = keeps === 'added' ? wanted(found, settings) : macsOf(found.report.nics);
  if (keeps === 'all' || expected.length === 0) return [];
  return found.ports.filter(
    ({ address, vif_port_id, portgroup_uuid }) => !expected.includes(address) && vif_port_id === null && portgroup_uuid === null,
  );
}

/**
 * `pxe`: a machine that has booted from one of the node's ports has what it needs, so these are the known NICs. If none is
 * known, or the BMC has reported them, which does not tell from which NIC a machine boots, all, as in Ironic.
 */
function wanted({ report: { nics, isFromRamdisk }, ports }: Found, settings: PortSettings): string[] {
  const which = settings['inspection.add_ports'];
  const all = macsOf(nics);
  if (which === 'disabled') return [];
  if (which === 'active') return macsOf(nics.filter(({ address }) => address !== null));
  const booting = all.filter((mac) => ports.some(({ address }) => address === mac));
  return which === 'all' || !isFromRamdisk || booting.length === 0 ? all : booting;
}

function macsOf(nics: readonly ReportedNic[]): string[] {
  return [...new Set(nics.map(({ mac }) => mac))].filter((mac) => macShape.test(mac));
}
