/** The groups of users of identity providers: members like others, for as long as the last login said. */
import type { Store } from '#store/store.ts';
import { revokeEverywhere } from '../revoke-everywhere.ts';

type Groups = { readonly groups: readonly string[]; readonly expires_at: string };

/** In a transaction. What the user has no more ends at once, with all tokens; what was given here stays. */
export async function replaceFederatedGroups(store: Store, user_id: string, { groups, expires_at }: Groups): Promise<void> {
  const former = await store.group_members.list({ user_id });
  const given = new Set(former.filter((row) => row.expires_at === '').map(({ group_id }) => group_id));
  const lost = former.filter((row) => row.expires_at !== '' && !groups.includes(row.group_id));
  for (const { group_id } of lost) await store.group_members.remove({ group_id, user_id });
  for (const group_id of groups)
    if (!given.has(group_id)) await store.group_members.upsert(['group_id', 'user_id'], { group_id, user_id, expires_at });
  if (lost.length > 0) await revokeEverywhere(store, user_id);
}
