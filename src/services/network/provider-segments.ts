/**
 * What a network is on the wire (neutron/plugins/ml2/managers.py and drivers/type_*.py): a fact for whoever configures the
 * switches, and the VLAN that subports of trunks inherit.
 */
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import { networkFault } from './errors.ts';

export type SegmentRequest = {
  readonly network_type?: string | null | undefined;
  readonly physical_network?: string | null | undefined;
  readonly segmentation_id?: number | null | undefined;
};
export type Segment = {
  readonly network_type: string;
  readonly physical_network: string | null;
  readonly segmentation_id: number | null;
};

/** What the machines are wired to. */
const defaultPhysical = 'provisioning';
const ethernetMtu = 1500;

type TypeFacts = {
  readonly isPhysical: boolean;
  /** The highest segmentation ID; 0: the type has none. */
  readonly highest: number;
  readonly mtu: number;
};

/** Headers of tunnels leave less to packets. */
const typeTable: Readonly<Record<string, TypeFacts>> = {
  local: { isPhysical: false, highest: 0, mtu: ethernetMtu },
  flat: { isPhysical: true, highest: 0, mtu: ethernetMtu },
  vlan: { isPhysical: true, highest: 4094, mtu: ethernetMtu },
  gre: { isPhysical: false, highest: 2 ** 32 - 1, mtu: ethernetMtu - 42 },
  vxlan: { isPhysical: false, highest: 2 ** 24 - 1, mtu: ethernetMtu - 50 },
  geneve: { isPhysical: false, highest: 2 ** 24 - 1, mtu: ethernetMtu - 50 },
};

const invalid = (detail: string) => new Fault('invalidInput', { detail });

function factsOf(type: string): TypeFacts {
  const facts = Object.hasOwn(typeTable, type) ? typeTable[type] : undefined;
  if (!facts) throw invalid(`network_type value '${type}' not supported`);
  return facts;
}

/** The least of what the segments carry. */
export const defaultMtuOf = (segments: readonly Segment[]): number =>
  Math.min(ethernetMtu, ...segments.map(({ network_type }) => factsOf(network_type).mtu));

/** Two of its network, which leave nothing open, must not be the same. @throws Fault `badRequest` */
export function refuseSameSegments(wanted: readonly SegmentRequest[]): void {
  const keys = wanted
    .filter((segment) => !isPartial(segment))
    .map(({ network_type, physical_network, segmentation_id }) => [network_type, physical_network, segmentation_id].join(' '));
  if (new Set(keys).size < keys.length)
    throw networkFault('SegmentsContainDuplicateEntry', 'Invalid input for operation: two segments are the same.');
}

/** It gets a free ID. */
const isPartial = ({ network_type, segmentation_id }: SegmentRequest) =>
  network_type != null && factsOf(network_type).highest > 0 && segmentation_id == null;

/** Call in the transaction that writes it. @throws Fault `invalidInput`, `conflict` */
export async function reserveSegment(trx: Store, request: SegmentRequest): Promise<Segment> {
  const { network_type, physical_network = null, segmentation_id = null } = request;
  if (!network_type) {
    if (physical_network || segmentation_id !== null) throw invalid('network_type required');
    return { network_type: 'flat', physical_network: defaultPhysical, segmentation_id: null };
  }
  const { isPhysical, highest } = factsOf(network_type);
  if (!isPhysical && physical_network) throw invalid(`provider:physical_network specified for ${network_type} network`);
  if (highest === 0 && segmentation_id !== null) throw invalid(`segmentation_id prohibited for ${network_type} provider network`);
  if (network_type === 'vlan' && segmentation_id !== null && !physical_network)
    throw invalid('segmentation_id requires physical_network for VLAN provider network');
  const segment = { network_type, physical_network: isPhysical ? physical_network || defaultPhysical : null };
  if (highest === 0) return { ...segment, segmentation_id: null };
  return { ...segment, segmentation_id: await reserveId(trx, { ...segment, segmentation_id }) };
}

/** @throws Fault `invalidInput`, `conflict` */
async function reserveId(trx: Store, { network_type, physical_network, segmentation_id }: Segment): Promise<number> {
  const { highest } = factsOf(network_type);
  if (segmentation_id !== null && (segmentation_id < 1 || segmentation_id > highest))
    throw invalid(`segmentation_id out of range (1 through ${highest})`);
  const beside = await trx.network_segments.pick(['segmentation_id'], { network_type, physical_network });
  const taken = new Set(beside.map((each) => each.segmentation_id));
  if (segmentation_id === null) return lowestFree(taken, highest);
  if (!taken.has(segmentation_id)) return segmentation_id;
  if (network_type !== 'vlan')
    throw networkFault('TunnelIdInUse', `Unable to create the network. The tunnel ID ${segmentation_id} is in use.`);
  const detail = `Unable to create the network. The VLAN ${segmentation_id} on physical network ${physical_network} is in use.`;
  throw networkFault('VlanIdInUse', detail);
}

function lowestFree(taken: ReadonlySet<number | null>, highest: number): number {
  let id = 1;
  while (taken.has(id)) id++;
  if (id <= highest) return id;
  throw networkFault(
    'NoNetworkAvailable',
    'Unable to create the network. No available network found in maximum allowed attempts.',
  );
}

/** Only the VLAN of a network changes, and of one with a single segment. @throws Fault `invalidInput`, `conflict` */
export async function changedSegmentationId(
  trx: Store,
  segments: readonly Segment[],
  request: SegmentRequest,
): Promise<number | undefined> {
  const [current = null] = segments;
  const wanted = Object.entries(request).filter(
    ([name, value]) => value !== undefined && value !== (current?.[name as keyof Segment] ?? null),
  );
  if (wanted.length === 0) return undefined;
  if (segments.length > 1) throw invalid('the attributes of a network with several segments are those of its segments');
  if (current?.network_type !== 'vlan') throw invalid('Only VLAN type networks can be updated.');
  const { segmentation_id } = request;
  if (wanted.length > 1 || wanted[0]?.[0] !== 'segmentation_id' || !segmentation_id)
    throw invalid('Only segmentation_id field can be updated in VLAN type networks');
  return reserveId(trx, { ...current, segmentation_id });
}
