/** Chassis: nodes that an operator groups. */
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { isUuidLike } from '#domain/uuids.ts';
import { UniqueViolation } from '#store/collection.ts';
import type { ListPage } from '#store/list.ts';
import type { ChassisRecord } from '#store/tables/chassis.ts';
import type { BaremetalContext } from './context.ts';
import { applyPatch, type JsonPatch, membersOf } from './json-patch.ts';
import { newUuid } from './kept-uuid.ts';
import { findMarked } from './lookup.ts';
import { type ListRequest, listRecords } from './record-lists.ts';

type StoreContext = Pick<BaremetalContext, 'store'>;

const Description = Type.Union([Type.String({ maxLength: 255 }), Type.Null()]);
const Extra = Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()]);
export const ChassisRequest = Type.Object(
  {
    uuid: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    description: Type.Optional(Description),
    extra: Type.Optional(Extra),
  },
  { additionalProperties: false },
);
const Patched = Type.Object({ description: Type.Optional(Description), extra: Type.Optional(Extra) });

/** Throws `badRequest` for what is no UUID, `notFound` */
export async function findChassis({ store }: StoreContext, uuid: string): Promise<ChassisRecord> {
  const chassis = await store.chassis.find({ uuid: readUuid('chassis_uuid', uuid) });
  if (!chassis) throw new Fault('notFound', { what: 'Chassis', id: uuid });
  return chassis;
}

const sortable = ['uuid', 'description', 'created_at', 'updated_at'] as const;

export function listChassis(context: StoreContext, request: ListRequest): Promise<ListPage<ChassisRecord>> {
  const { chassis: collection } = context.store;
  const find = (marker: string) => findMarked(marker, 'Chassis', (uuid) => collection.find({ uuid }));
  return listRecords({ collection, sortable, find }, request);
}

export async function createChassis({ store }: StoreContext, request: Static<typeof ChassisRequest>): Promise<ChassisRecord> {
  const { uuid, description, extra } = request;
  const record: ChassisRecord = {
    uuid: newUuid(uuid),
    description: description ?? null,
    extra: (extra ?? {}) as JsonObject,
    created_at: new Date().toISOString(),
    updated_at: null,
  };
  try {
    return await store.chassis.insert(record);
  } catch (error) {
    if (!(error instanceof UniqueViolation)) throw error;
    throw new Fault('conflict', { detail: `A chassis with UUID ${record.uuid} already exists.` }, error);
  }
}

const patchable: readonly string[] = ['description', 'extra'];

export function patchChassis(context: StoreContext, uuid: string, patch: JsonPatch): Promise<ChassisRecord> {
  return context.store.transaction(async (store) => {
    const { description, extra, ...chassis } = await findChassis({ store }, uuid);
    const fixed = [...membersOf(patch)].find((name) => !patchable.includes(name));
    if (fixed !== undefined) {
      const only = patchable.join(', ');
      throw new Fault('badRequest', { detail: `Cannot patch /${fixed}. Only the following can be updated: ${only}` });
    }
    const after: unknown = applyPatch({ description, extra }, patch);
    if (!Value.Check(Patched, after)) {
      const [error] = Value.Errors(Patched, after);
      throw new Fault('badRequest', { detail: `Invalid value for ${error?.instancePath.slice(1)}: it ${error?.message}.` });
    }
    const changes = { description: after.description ?? null, extra: (after.extra ?? {}) as JsonObject };
    const changed = { ...changes, updated_at: new Date().toISOString() };
    await store.chassis.update({ uuid: chassis.uuid }, changed);
    return { ...chassis, ...changed };
  });
}

export async function deleteChassis(context: StoreContext, uuid: string): Promise<void> {
  await context.store.transaction(async (store) => {
    const chassis = await findChassis({ store }, uuid);
    const [node] = await store.nodes.list({ chassis_uuid: chassis.uuid }, { limit: 1 });
    if (node) {
      const detail = `Cannot complete the requested action because chassis ${uuid} contains nodes.`;
      throw new Fault('badRequest', { detail });
    }
    await store.chassis.remove({ uuid: chassis.uuid });
  });
}

function readUuid(field: string, text: string): string {
  if (!isUuidLike(text)) throw new Fault('badRequest', { detail: `Expected UUID for ${field}: ${text}` });
  return text.toLowerCase();
}
