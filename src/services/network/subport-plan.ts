/** Which ports can be subports of a trunk, and by which VLAN (neutron/services/trunk/rules.py; neutron-lib's `validate_subports`). */
import { Fault } from '#domain/faults.ts';
import { isEqual, isOneOf } from '#store/conditions.ts';
import type { Store } from '#store/store.ts';
import type { Port } from '#store/tables/ports.ts';
import type { Subport } from '#store/tables/trunks.ts';
import type { Caller } from '../caller.ts';
import { networkFault } from './errors.ts';
import type { Segment } from './provider-segments.ts';
import { segmentsOfNetworks } from './segments.ts';
import { visiblePorts } from './visibility.ts';

export type WantedSubport = {
  readonly port_id: string;
  readonly segmentation_type?: string | undefined;
  readonly segmentation_id?: number | string | undefined;
};
export type PlannedSubport = Omit<Subport, 'trunk_id'>;

/** @throws Fault `notFound` */
export async function findPort(store: Store, caller: Caller, id: string): Promise<Port> {
  const [port] = await store.ports.list([...visiblePorts(caller), isEqual('id', id)]);
  if (port) return port;
  throw new Fault('notFound', { what: 'Port', id });
}

type Plan = { readonly parent: Port; readonly wanted: readonly WantedSubport[] };

/** @throws Fault `notFound`, `conflict`, `invalidInput` */
export async function planSubports(store: Store, caller: Caller, { parent, wanted }: Plan): Promise<PlannedSubport[]> {
  refuseRepeated(wanted);
  const ids = wanted.map(({ port_id }) => port_id);
  const ports = new Map((await store.ports.list([...visiblePorts(caller), isOneOf('id', ids)])).map((port) => [port.id, port]));
  const networkIds = [parent, ...ports.values()].map(({ network_id }) => network_id);
  const networks = new Map((await store.networks.list([isOneOf('id', [...new Set(networkIds)])])).map((each) => [each.id, each]));
  const segments = await segmentsOfNetworks(store, [...networks.keys()]);
  const mtuOf = ({ network_id }: Port) => networks.get(network_id)?.mtu ?? 0;
  const planned: PlannedSubport[] = [];
  for (const subport of wanted) {
    const { port_id } = subport;
    if (port_id === parent.id) throw parentInUse(port_id);
    const port = ports.get(port_id);
    if (!port) throw new Fault('notFound', { what: 'Port', id: port_id });
    if (mtuOf(port) > mtuOf(parent)) {
      const detail = `MTU ${mtuOf(port)} of subport ${port_id} cannot be greater than MTU ${mtuOf(parent)} of trunk ${parent.id}.`;
      throw networkFault('SubPortMtuGreaterThanTrunkPortMtu', detail);
    }
    planned.push({ port_id, ...segmentOf(subport, segments.get(port.network_id)) });
    await refuseUsed(store, port);
  }
  return planned;
}

const parentInUse = (id: string) =>
  networkFault('ParentPortInUse', `Port ${id} is currently in use and is not eligible for use as a parent port.`);

const invalid = (detail: string) => new Fault('invalidInput', { detail });

function refuseRepeated(wanted: readonly WantedSubport[]): void {
  const ports = new Set<string>();
  const segments = new Set<string>();
  for (const { port_id, segmentation_type, segmentation_id } of wanted) {
    if (ports.has(port_id)) throw invalid(`Non unique UUID for subport: '${port_id}'`);
    ports.add(port_id);
    if (segmentation_type === 'inherit') continue;
    if (!segmentation_type || segmentation_id === undefined)
      throw invalid(
        `Invalid subport details '${port_id}': missing segmentation information. Must specify both segmentation_id and segmentation_type`,
      );
    const segment = `${segmentation_type} ${Number(segmentation_id)}`;
    if (segments.has(segment)) throw invalid(`Segmentation ID '${segmentation_id}' for '${port_id}' is not unique`);
    segments.add(segment);
  }
}

/** `inherit`: those of the port's network. */
function segmentOf(
  { segmentation_type, segmentation_id }: WantedSubport,
  segments: readonly Segment[] = [],
): Pick<Subport, 'segmentation_type' | 'segmentation_id'> {
  const isInherited = segmentation_type === 'inherit';
  const own = segments.length === 1 ? segments[0] : undefined;
  const type = isInherited ? (own?.network_type ?? 'flat') : segmentation_type;
  const given = isInherited ? (own?.segmentation_id ?? 'None') : segmentation_id;
  if (!/^\d{1,9}$/.test(String(given))) throw invalid(`Invalid subport details: segmentation_id '${given}' is not an integer`);
  if (type !== 'vlan') throw invalid(`Unknown segmentation_type '${type}'`);
  const id = Number(given);
  if (id < 1 || id > 4094) throw invalid(`Segmentation ID '${given}' is not in range`);
  return { segmentation_type: type, segmentation_id: id };
}

async function refuseUsed(store: Store, { id, device_id, network_id }: Port): Promise<void> {
  if (await store.trunk_subports.find({ port_id: id }))
    throw networkFault('TrunkPortInUse', `Port ${id} is in use by another trunk.`);
  if (await store.trunks.find({ port_id: id })) throw parentInUse(id);
  if (!device_id) return;
  const detail = `Unable to complete operation on port ${id} for network ${network_id}. Port already has an attached device ${device_id}.`;
  throw networkFault('PortInUse', detail);
}
