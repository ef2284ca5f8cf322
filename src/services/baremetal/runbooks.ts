/** Runbooks: steps of cleaning or service under a name, for nodes with certain traits. */
import { type Static, type TSchema, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { mostTraits } from '#domain/traits.ts';
import { isUuidLike } from '#domain/uuids.ts';
import { type UniqueViolation, whereUnique } from '#store/collection.ts';
import { anyOf, isEqual } from '#store/conditions.ts';
import type { ListPage } from '#store/list.ts';
import type { Runbook } from '#store/tables/runbooks.ts';
import type { BaremetalContext } from './context.ts';
import type { JsonPatch } from './json-patch.ts';
import { newUuid, uuidOf } from './kept-uuid.ts';
import { findMarked } from './lookup.ts';
import { refuseImpossibleIdent } from './node-names.ts';
import { Trait } from './node-traits.ts';
import { type ListRequest, listRecords } from './record-lists.ts';
import { Bag, Description, Flag, patchedFields, Uuid } from './record-patch.ts';
import { RunbookSteps, runbookStepsOf } from './recorded-steps.ts';
import { refuseReading } from './refuse-reading.ts';
import { declaredSecrets } from './secrets.ts';

type StoreContext = Pick<BaremetalContext, 'store'>;
type SecretsContext = Pick<BaremetalContext, 'store' | 'drivers'>;

const common = {
  disable_ramdisk: Flag,
  extra: Bag,
  owner: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
  public: Flag,
  steps: RunbookSteps,
};
/** Names that can stand in a URL. Until 1.111 only traits are given. */
const Name = Type.String({ minLength: 1, maxLength: 255, pattern: '^[A-Za-z0-9._~-]+$' });
const request = <S extends TSchema>(name: S) => ({ ...common, name, uuid: Uuid });

export const EarlierRunbookRequest = Type.Object(request(Trait), { additionalProperties: false });
export const RunbookRequest = Type.Object({ ...request(Name), description: Description }, { additionalProperties: false });
const EarlierPatched = Type.Object({ ...common, name: Name });
const Patched = Type.Object({ ...common, name: Name, description: Description });

/** By UUID or name. Throws `notFound`, and `badRequest` if it can be neither. */
export async function findRunbook({ store }: StoreContext, ident: string): Promise<Runbook> {
  refuseImpossibleIdent('runbook', ident);
  const runbook = await store.runbooks.find(isUuidLike(ident) ? { uuid: uuidOf('runbook', ident) } : { name: ident });
  if (!runbook) throw notFound(ident);
  return runbook;
}

const sortable = [
  ...(['uuid', 'name', 'description', 'owner', 'public', 'disable_ramdisk'] as const),
  ...(['created_at', 'updated_at'] as const),
];

/** @param project only those of this project and public ones */
export function listRunbooks(
  { store }: StoreContext,
  request: ListRequest,
  project: string | undefined,
): Promise<ListPage<Runbook>> {
  const collection = store.runbooks;
  const find = (marker: string) => findMarked(marker, 'Runbook', (uuid) => collection.find({ uuid }));
  const where = project === undefined ? [] : [anyOf(isEqual('owner', project), isEqual('public', true))];
  return listRecords({ collection, sortable, where, find }, request);
}

export function createRunbook({ store, drivers }: SecretsContext, request: Static<typeof RunbookRequest>): Promise<Runbook> {
  const { uuid, name, description, steps, extra, owner, disable_ramdisk } = request;
  const runbook: Runbook = {
    uuid: newUuid(uuid),
    ...{
      name,
      description: description ?? null,
      steps: runbookStepsOf(steps, { declared: declaredSecrets(drivers) }),
      traits: [],
    },
    ...{ disable_ramdisk: disable_ramdisk ?? false, public: request.public ?? false, owner: owner ?? null },
    extra: (extra ?? {}) as JsonObject,
    created_at: new Date().toISOString(),
    updated_at: null,
  };
  return whereUnique(store.runbooks.insert(runbook), (violation) => alreadyExists(violation, runbook));
}

const masked = ['steps'];

type Change = { patch: JsonPatch; hasDescription: boolean };

/** @param hasDescription whether the description may be changed */
export function patchRunbook(context: SecretsContext, uuid: string, { patch, hasDescription }: Change): Promise<Runbook> {
  return context.store.transaction(async (store) => {
    refuseReading(patch, masked);
    const before = await findRunbook({ store }, uuid);
    const sets = (path: string) => patch.some((each) => each.path === path && each.op !== 'remove' && each.op !== 'test');
    // Whoever publishes a runbook, or withdraws it, gives it no owner unless the patch names one.
    const start = sets('/public') ? { ...before, owner: null } : before;
    const { steps, ...after }: Static<typeof Patched> = patchedFields(
      hasDescription ? Patched : EarlierPatched,
      start,
      patch,
      masked,
    );
    if (sets('/owner') && after.owner && after.public)
      throw new Fault('badRequest', { detail: "Couldn't apply patch. Reason: There cannot be an owner for a public runbook" });
    const former = { before: before.steps, declared: declaredSecrets(context.drivers) };
    const changed: Runbook = {
      ...{ ...before, name: after.name, steps: runbookStepsOf(steps, former), extra: (after.extra ?? {}) as JsonObject },
      ...{ disable_ramdisk: after.disable_ramdisk ?? false, public: after.public ?? false, owner: after.owner ?? null },
      ...(hasDescription && { description: after.description ?? null }),
      updated_at: new Date().toISOString(),
    };
    const writing = store.runbooks.update({ uuid: before.uuid }, changed);
    await whereUnique(writing, (violation) => alreadyExists(violation, changed));
    return changed;
  });
}

/** @param change gives the new traits, in any order and with repetitions */
export function changeRunbookTraits(
  context: StoreContext,
  uuid: string,
  change: (traits: readonly string[]) => readonly string[],
): Promise<void> {
  return context.store.transaction(async (store) => {
    const runbook = await findRunbook({ store }, uuid);
    const traits = [...new Set(change(runbook.traits))].sort();
    if (traits.length > mostTraits)
      throw new Fault('badRequest', { detail: `A runbook has at most ${mostTraits} traits, not ${traits.length}.` });
    await store.runbooks.update({ uuid: runbook.uuid }, { traits });
  });
}

export async function deleteRunbook({ store }: StoreContext, uuid: string): Promise<void> {
  if ((await store.runbooks.remove({ uuid })) === 0) throw notFound(uuid);
}

function notFound(id: string): Fault {
  return new Fault('notFound', { what: 'Runbook', id });
}

function alreadyExists(violation: UniqueViolation, { uuid, name }: Runbook): Fault {
  const same = violation.columns.includes('name') ? `name ${name}` : `UUID ${uuid}`;
  return new Fault('conflict', { detail: `A runbook with ${same} already exists.` }, violation);
}
