/** Volume connectors and targets of nodes, which are only kept and shown. */
import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { isUuidLike } from '#domain/uuids.ts';
import { refuseLocked, refuseWhileBusy } from '#engine/contract.ts';
import { type Collection, type UniqueViolation, whereUnique } from '#store/collection.ts';
import { isEqual } from '#store/conditions.ts';
import type { ListPage } from '#store/list.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { VolumeConnector, VolumeTarget } from '#store/tables/volumes.ts';
import type { BaremetalContext } from './context.ts';
import { applyPatch, type JsonPatch, membersOf } from './json-patch.ts';
import { newUuid } from './kept-uuid.ts';
import { findMarked, findNamedNode, findNode } from './lookup.ts';
import { type ListRequest, listRecords } from './record-lists.ts';
import { refuseReading } from './refuse-reading.ts';
import { restoreSecrets } from './restore-secrets.ts';
import { declaredSecrets } from './secrets.ts';

type StoreContext = Pick<BaremetalContext, 'store'>;
type SecretsContext = Pick<BaremetalContext, 'store' | 'drivers'>;
type Volume = VolumeConnector | VolumeTarget;
type Own<T extends Volume> = Omit<T, 'uuid' | 'created_at' | 'updated_at'>;

/** What distinguishes connectors from targets. */
export type VolumeKind<T extends Volume> = {
  readonly noun: 'connector' | 'target';
  readonly fields: Readonly<Record<string, TSchema>>;
  readonly sortable: readonly (keyof T & string)[];
  collectionOf(store: Store): Collection<T>;
  /** The fields of a record, from a valid request. @param former the record that a patch changes, and the names of secrets */
  read(given: object, node_uuid: string, former: { before?: T; declared: ReadonlySet<string> }): Own<T>;
  /** What a record with the same unique values has in common. */
  duplicate(violation: UniqueViolation, record: T): string;
};

const Bag = Type.Optional(Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()]));
const commonFields = { node_uuid: Type.String(), extra: Bag };
const Uuid = Type.Optional(Type.Union([Type.String(), Type.Null()]));

const connectorFields = {
  ...commonFields,
  type: Type.String({ maxLength: 32 }),
  connector_id: Type.String({ maxLength: 255 }),
};
const targetFields = {
  ...commonFields,
  volume_type: Type.String({ maxLength: 64 }),
  volume_id: Type.String({ maxLength: 36 }),
  boot_index: Type.Integer({ minimum: -(2 ** 31), maximum: 2 ** 31 - 1 }),
  properties: Bag,
};
export const ConnectorRequest = Type.Object({ ...connectorFields, uuid: Uuid }, { additionalProperties: false });
export const TargetRequest = Type.Object({ ...targetFields, uuid: Uuid }, { additionalProperties: false });
type ConnectorRequest = Static<typeof ConnectorRequest>;
type TargetRequest = Static<typeof TargetRequest>;

export const connectorKind: VolumeKind<VolumeConnector> = {
  noun: 'connector',
  fields: connectorFields,
  sortable: ['uuid', 'node_uuid', 'type', 'connector_id', 'created_at', 'updated_at'],
  collectionOf: ({ volume_connectors }) => volume_connectors,
  read(given, node_uuid) {
    const { type, connector_id, extra } = given as ConnectorRequest;
    return { node_uuid, type, connector_id, extra: (extra ?? {}) as JsonObject };
  },
  duplicate: ({ columns }, { uuid, type, connector_id }) =>
    columns.includes('type') ? `type ${type} and connector ID ${connector_id} already exists.` : `UUID ${uuid} already exists.`,
};

export const targetKind: VolumeKind<VolumeTarget> = {
  noun: 'target',
  fields: targetFields,
  sortable: ['uuid', 'node_uuid', 'volume_type', 'volume_id', 'boot_index', 'created_at', 'updated_at'],
  collectionOf: ({ volume_targets }) => volume_targets,
  read(given, node_uuid, { before, declared }) {
    const { volume_type, volume_id, boot_index, properties, extra } = given as TargetRequest;
    const restored = restoreSecrets((properties ?? {}) as JsonObject, before?.properties ?? {}, declared);
    return { node_uuid, volume_type, volume_id, boot_index, properties: restored, extra: (extra ?? {}) as JsonObject };
  },
  duplicate: ({ columns }, { uuid, boot_index }) =>
    columns.includes('boot_index')
      ? `boot index '${boot_index}' for the same node already exists.`
      : `UUID ${uuid} already exists.`,
};

/** Throws `badRequest` for what is no UUID, `notFound` */
export async function findVolume<T extends Volume>(kind: VolumeKind<T>, { store }: StoreContext, uuid: string): Promise<T> {
  if (!isUuidLike(uuid)) throw new Fault('badRequest', { detail: `Expected UUID for ${kind.noun}_uuid: ${uuid}` });
  const volume = await kind.collectionOf(store).find({ uuid: uuid.toLowerCase() } as object);
  if (!volume) throw new Fault('notFound', { what: `Volume ${kind.noun}`, id: uuid });
  return volume;
}

export async function listVolumes<T extends Volume>(
  kind: VolumeKind<T>,
  context: StoreContext,
  { node, ...request }: ListRequest & { node?: string | undefined },
): Promise<ListPage<T>> {
  const where = node === undefined ? [] : [isEqual('node_uuid', (await findNode(context, node)).uuid)];
  const collection = kind.collectionOf(context.store);
  const find = (marker: string) => findMarked(marker, `Volume ${kind.noun}`, (uuid) => collection.find({ uuid } as object));
  return listRecords({ collection, sortable: kind.sortable, where, find }, request);
}

export async function createVolume<T extends Volume>(
  kind: VolumeKind<T>,
  { store, drivers }: SecretsContext,
  request: ConnectorRequest | TargetRequest,
): Promise<T> {
  const { uuid } = request;
  return store.transaction(async (trx) => {
    const node = await nodeOf(trx, request.node_uuid);
    await refuseLocked(trx, node.uuid, ['all']);
    const record = {
      ...kind.read(request, node.uuid, { declared: declaredSecrets(drivers) }),
      uuid: newUuid(uuid),
      created_at: new Date().toISOString(),
      updated_at: null,
    } as T;
    return whereUnique(kind.collectionOf(trx).insert(record), (violation) => alreadyExists(kind, violation, record));
  });
}

const masked = ['properties'];

export function patchVolume<T extends Volume>(
  kind: VolumeKind<T>,
  { store, drivers }: SecretsContext,
  { uuid, patch }: { uuid: string; patch: JsonPatch },
): Promise<T> {
  const names = Object.keys(kind.fields);
  const fixed = [...membersOf(patch)].find((name) => !names.includes(name));
  if (fixed !== undefined) {
    const detail = `Cannot patch /${fixed}. Only the following can be updated: ${names.join(', ')}`;
    throw new Fault('badRequest', { detail });
  }
  refuseReading(patch, masked);
  return store.transaction(async (trx) => {
    const before = await findVolume(kind, { store: trx }, uuid);
    const after: unknown = applyPatch(patchableOf(before, names), patch, masked);
    const Patched = Type.Object(kind.fields);
    if (!Value.Check(Patched, after)) {
      const [error] = Value.Errors(Patched, after);
      throw new Fault('badRequest', { detail: `Invalid value for ${error?.instancePath.slice(1)}: it ${error?.message}.` });
    }
    const node = await nodeOf(trx, String((after as JsonObject)['node_uuid']));
    const former = node.uuid === before.node_uuid ? [] : [await findNode({ store: trx }, before.node_uuid)];
    for (const each of [...former, node]) {
      await refuseWhileBusy(trx, each);
      if (each.power_state !== 'power off') throw wrongState(`volume ${kind.noun} update`, each);
    }
    const own = kind.read(after as object, node.uuid, { before, declared: declaredSecrets(drivers) });
    const record = { ...before, ...own, updated_at: new Date().toISOString() };
    const writing = kind.collectionOf(trx).update({ uuid: before.uuid } as object, record);
    await whereUnique(writing, (violation) => alreadyExists(kind, violation, record));
    return record;
  });
}

/** States in which a node, and so what it has, may be deleted. */
const deletable: readonly string[] = ['manageable', 'enroll', 'adopt failed'];

export async function deleteVolume<T extends Volume>(kind: VolumeKind<T>, { store }: StoreContext, uuid: string): Promise<void> {
  await store.transaction(async (trx) => {
    const volume = await findVolume(kind, { store: trx }, uuid);
    const node = await findNode({ store: trx }, volume.node_uuid);
    await refuseWhileBusy(trx, node);
    if (!deletable.includes(node.provision_state) && node.power_state !== 'power off')
      throw wrongState(`volume ${kind.noun} deletion`, node);
    await kind.collectionOf(trx).remove({ uuid: volume.uuid } as object);
  });
}

function patchableOf(record: Volume, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(record).filter(([name]) => names.includes(name))) as JsonObject;
}

async function nodeOf(store: Store, uuid: string): Promise<Node> {
  if (!isUuidLike(uuid)) throw new Fault('badRequest', { detail: `Expected UUID for node_uuid: ${uuid}` });
  return findNamedNode({ store }, uuid);
}

function wrongState(action: string, { uuid, power_state }: Node): Fault {
  const detail = `The requested action "${action}" can not be performed on node "${uuid}" while it is in state "${power_state ?? 'None'}".`;
  return new Fault('badRequest', { detail });
}

function alreadyExists<T extends Volume>(kind: VolumeKind<T>, violation: UniqueViolation, record: T): Fault {
  return new Fault('conflict', { detail: `A volume ${kind.noun} with ${kind.duplicate(violation, record)}` }, violation);
}
