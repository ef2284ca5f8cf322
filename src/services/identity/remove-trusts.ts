import type { Where } from '#store/query-parts.ts';
import type { Store } from '#store/store.ts';
import type { Trust } from '#store/tables/trusts.ts';

/** Values of one statement. */
const chunkLength = 500;

/** With all that were redelegated from them. Call in a transaction. @returns how many matched */
export async function removeTrusts(store: Store, where: Where<Trust>): Promise<number> {
  const matching = (await store.trusts.pick(['id'], where)).map(({ id }) => id);
  for (let ids = matching; ids.length > 0; ) {
    const chunk = ids.slice(0, chunkLength);
    const next = (await store.trusts.pick(['id'], { redelegated_trust_id: chunk })).map(({ id }) => id);
    await store.trusts.remove({ id: chunk });
    ids = [...ids.slice(chunkLength), ...next];
  }
  return matching.length;
}
