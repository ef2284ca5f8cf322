/** Fields of a node that name another record by its UUID (`refersTo` in domain/node-fields.ts). */
import { Fault } from '#domain/faults.ts';
import { fixedNodeFieldTable, nodeTexts, textRow } from '#domain/node-fields.ts';
import { isUuidLike } from '#domain/uuids.ts';
import type { BaremetalContext } from './context.ts';

type Reference = { readonly field: string; readonly noun: string };
type Records = { find(where: { uuid: string }): Promise<object | undefined> };

const references: readonly Reference[] = [
  ...nodeTexts.map((field) => ({ field, noun: textRow(field).refersTo })),
  ...Object.entries(fixedNodeFieldTable).map(([field, { refersTo }]) => ({ field, noun: refersTo })),
].flatMap(({ field, noun }) => (noun === undefined ? [] : [{ field, noun }]));

/** Throws `badRequest` for a value that is no UUID, or names no record. @param fields of a new or changed node */
export async function refuseUnknownReferences(context: Pick<BaremetalContext, 'store'>, fields: object): Promise<void> {
  for (const { reference, uuid } of unknownIn(fields)) {
    if (await isKnown(context, reference, uuid)) continue;
    throw new Fault('badRequest', { detail: `${titleOf(reference)} ${uuid} could not be found.` });
  }
}

/** The same for filters: throws `notFound` for an unknown record. */
export async function refuseUnknownFilters(context: Pick<BaremetalContext, 'store'>, filters: object): Promise<void> {
  for (const { reference, uuid } of unknownIn(filters)) {
    if (await isKnown(context, reference, uuid)) continue;
    throw new Fault('notFound', { what: titleOf(reference), id: uuid });
  }
}

function unknownIn(fields: object): { reference: Reference; uuid: string }[] {
  return references.flatMap((reference) => {
    const value = (fields as Record<string, unknown>)[reference.field];
    if (value === undefined || value === null || value === '') return [];
    if (!isUuidLike(String(value))) throw new Fault('badRequest', { detail: `Expected UUID for ${reference.field}: ${value}` });
    return [{ reference, uuid: String(value) }];
  });
}

/** A noun without a table has no records. */
async function isKnown({ store }: Pick<BaremetalContext, 'store'>, { noun }: Reference, uuid: string): Promise<boolean> {
  const records = (store as object as Record<string, Records | undefined>)[noun];
  return (await records?.find({ uuid })) !== undefined;
}

/** As in Ironic's messages: `Chassis`. */
function titleOf({ noun }: Reference): string {
  return noun.charAt(0).toUpperCase() + noun.slice(1);
}
