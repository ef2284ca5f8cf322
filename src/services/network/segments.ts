/** Segments of networks (neutron/services/segments, neutron/db/segments_db.py): what a network is on the wire, in one or more places. */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { NetworkSegment } from '#store/tables/network-segments.ts';
import type { Network } from '#store/tables/networks.ts';
import type { NetworkContext } from './context.ts';
import { networkFault } from './errors.ts';
import {
  changedSegmentationId,
  refuseSameSegments,
  reserveSegment,
  type Segment,
  type SegmentRequest,
} from './provider-segments.ts';

/** Neutron has no limit for them. */
export const mostSegments = 50;

export type SegmentChanges = { readonly name?: string | null | undefined; readonly description?: string | undefined };
export type NewSegment = SegmentChanges &
  SegmentRequest & {
    readonly network_id: string;
    readonly network_type: string;
  };

export const missingSegment = (id: string): Fault => networkFault('SegmentNotFound', `Segment ${id} could not be found.`);

/** @throws Fault `notFound`, `invalidInput`, `conflict`, `overQuota` */
export async function createSegment({ store }: NetworkContext, request: NewSegment): Promise<NetworkSegment> {
  const { network_id, name = null, description = '' } = request;
  return store.transaction(async (trx) => {
    if ((await trx.networks.count({ id: network_id })) === 0) throw new Fault('notFound', { what: 'Network', id: network_id });
    const others = await trx.network_segments.list({ network_id }, { orderBy: 'segment_index' });
    if (others.length >= mostSegments) throw new Fault('overQuota', { what: 'segment' });
    const segment = await reserveSegment(trx, request);
    refuseSecond(others, segment);
    const segment_index = (others.at(-1)?.segment_index ?? -1) + 1;
    return trx.network_segments.insert({ ...rowOf({ network_id, ...segment }, segment_index), name, description });
  });
}

/** As Neutron's database: a network is on a physical network once for each type. @throws Fault `conflict` */
function refuseSecond(others: readonly Segment[], { network_type, physical_network }: Segment): void {
  const isSame = (other: Segment) => other.network_type === network_type && other.physical_network === physical_network;
  if (physical_network !== null && others.some(isSame))
    throw networkFault(
      'NeutronDbObjectDuplicateEntry',
      `The network already has a segment of type ${network_type} on physical network ${physical_network}.`,
    );
}

function rowOf(segment: Segment & { readonly network_id: string }, segment_index: number) {
  const now = new Date().toISOString();
  const { network_id, network_type, physical_network, segmentation_id } = segment;
  return {
    ...{ id: randomUUID(), project_id: '', name: null, description: '', created_at: now, updated_at: now },
    ...{ network_id, network_type, physical_network, segmentation_id, segment_index },
  };
}

export async function updateSegment({ store }: NetworkContext, { id }: NetworkSegment, changes: SegmentChanges): Promise<void> {
  const { name, description } = changes;
  await store.network_segments.update(
    { id },
    {
      ...(name !== undefined && { name }),
      ...(description !== undefined && { description }),
      updated_at: new Date().toISOString(),
    },
  );
}

/** @throws Fault `conflict` while a subnet or a bound port is on it */
export async function deleteSegment({ store }: NetworkContext, { id, network_id }: NetworkSegment): Promise<void> {
  await store.transaction(async (trx) => {
    const subnets = await trx.subnets.pick(['id'], { segment_id: id });
    if (subnets.length > 0) throw inUse(id, `it has the subnets ${subnets.map((subnet) => subnet.id).join(', ')}`);
    // A port is bound to the first segment of its network: all are on the one wire.
    const [first] = await trx.network_segments.list({ network_id }, { orderBy: 'segment_index' });
    const bound = first?.id === id ? await trx.ports.count({ network_id, status: 'ACTIVE' }) : 0;
    if (bound > 0) throw inUse(id, `${bound} ports are bound to it`);
    await trx.network_segments.remove({ id });
  });
}

const inUse = (id: string, reason: string) => networkFault('SegmentInUse', `Segment '${id}' cannot be deleted: ${reason}.`);

/** Of a new network: those that are named, or one. @throws Fault `badRequest`, `invalidInput`, `conflict` */
export async function reserveSegments(
  trx: Store,
  {
    segments,
    network_type,
    physical_network,
    segmentation_id,
  }: SegmentRequest & { segments?: readonly SegmentRequest[] | undefined },
): Promise<Segment[]> {
  const one = { network_type, physical_network, segmentation_id };
  if (!segments || segments.length === 0) return [await reserveSegment(trx, one)];
  if (Object.values(one).some((value) => value !== undefined && value !== null))
    throw networkFault(
      'SegmentsSetInConjunctionWithProviders',
      'Invalid input for operation: a network has segments or provider attributes, not both.',
    );
  if (segments.some((segment) => !segment.network_type)) throw new Fault('invalidInput', { detail: 'network_type required' });
  refuseSameSegments(segments);
  const reserved: Segment[] = [];
  for (const segment of segments) {
    const made = await reserveSegment(trx, segment);
    refuseSecond(reserved, made);
    reserved.push(made);
  }
  return reserved;
}

export async function insertSegments(trx: Store, { id: network_id }: Network, segments: readonly Segment[]): Promise<void> {
  for (const [index, segment] of segments.entries()) await trx.network_segments.insert(rowOf({ network_id, ...segment }, index));
}

/** @throws Fault `invalidInput`, `conflict` */
export async function updateSegmentationId(trx: Store, network_id: string, request: SegmentRequest): Promise<void> {
  const segments = (await segmentsOfNetworks(trx, [network_id])).get(network_id) ?? [];
  const segmentation_id = await changedSegmentationId(trx, segments, request);
  if (segmentation_id === undefined) return;
  await trx.network_segments.update({ network_id }, { segmentation_id, updated_at: new Date().toISOString() });
}

/** In their order. */
export async function segmentsOfNetworks(store: Store, ids: readonly string[]): Promise<ReadonlyMap<string, Segment[]>> {
  const columns = ['network_id', 'network_type', 'physical_network', 'segmentation_id', 'segment_index'] as const;
  const rows = await store.network_segments.pick(columns, { network_id: [...ids] }, { orderBy: 'segment_index' });
  return Map.groupBy(rows, ({ network_id }) => network_id);
}

type Place = { readonly network_id: string; readonly segment_id: string | null; readonly service_types: readonly string[] };

/** Of a gateway's addresses: not of a segment. */
const routedType = 'network:routed';

/**
 * Either all subnets of a network are of a segment, or none; an only one may get its segment later
 * (neutron/db/ipam_backend_mixin.py, `_validate_segment`).
 *
 * @param former of a subnet that changes
 * @throws Fault `badRequest`, `missing`
 */
export async function requireSegment(trx: Store, place: Place, former?: Place): Promise<void> {
  const { network_id, segment_id, service_types } = place;
  const segment = segment_id === null ? undefined : await trx.network_segments.find({ id: segment_id });
  if (segment_id !== null && !segment) throw missingSegment(segment_id);
  const rows = await trx.subnets.pick(['segment_id', 'service_types'], { network_id });
  const counted = [...rows, ...(former ? [] : [{ segment_id, service_types }])];
  const ids = counted.filter((each) => !each.service_types.includes(routedType)).map((each) => each.segment_id);
  const mixed = () =>
    networkFault(
      'SubnetsNotAllAssociatedWithSegments',
      `Either each subnet of network ${network_id} is of a segment, or none is.`,
    );
  if (ids.includes(null) && new Set(ids).size > 1) throw mixed();
  if (former && former.segment_id !== segment_id) {
    if (ids.length > 1) throw mixed();
    if (!ids.includes(null) && !ids.includes(segment_id))
      throw networkFault('SubnetSegmentAssociationChangeNotAllowed', 'The segment of a subnet cannot be changed.');
    if ((await trx.network_segments.count({ network_id })) > 1)
      throw networkFault(
        'NoUpdateSubnetWhenMultipleSegmentsOnNetwork',
        `Network ${network_id} has several segments: only a new subnet of it can be of a segment.`,
      );
  }
  if (segment && segment.network_id !== network_id)
    throw networkFault('NetworkIdsDontMatch', `Segment ${segment_id} is not of network ${network_id}, which the subnet is of.`);
}
