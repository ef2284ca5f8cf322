/** Logins for a trust: its trustee gets a token with the delegated roles. */
import { Fault } from '#domain/faults.ts';
import type { User } from '#store/tables/users.ts';
import type { IdentityContext, StoreContext } from './context.ts';
import { expecting } from './expecting.ts';
import { isActive } from './password-rules.ts';
import { isUsable } from './projects.ts';
import { projectScope } from './scopes.ts';
import type { TokenPayload } from './tokens.ts';
import { disabledAgent, standingOf } from './trust-chains.ts';
import { getTrust } from './trusts.ts';

type TrustScope = Pick<TokenPayload, 'scope' | 'scope_revision' | 'trust'>;

/** @throws Fault `unauthorized` if there is no such trust, `forbidden` if it does not hold or is another user's */
export async function trustScope(context: IdentityContext, user: User, { id }: { readonly id?: string }): Promise<TrustScope> {
  if (!id) throw expecting('trust_id', 'trust');
  const { trust, holder_id, revision, agents } = await standingFor(context, user, id);
  for (const agent of agents) await context.directory?.refuseOutdated(agent);
  // Keystone keeps such a trust, too, and finds no project when it is used.
  if (trust.project_id === '') throw new Fault('notFound', { what: 'Project', id: 'None' });
  const project = await context.store.projects.find({ id: trust.project_id });
  if (!project || !(await isUsable(context, project))) throw new Fault('unauthorized');
  const scope = projectScope(trust.project_id);
  const scope_revision = await context.store.scope_token_revisions.revisionOf({ user_id: holder_id, ...scope });
  return { scope, scope_revision, trust: { id, revision } };
}

async function standingFor(context: IdentityContext, user: User, id: string) {
  try {
    const trust = await getTrust(context, id);
    if (trust.trustee_user_id !== user.id) throw new Fault('forbidden', { detail: 'User is not a trustee.' });
    const standing = await standingOf(context.store, trust);
    // Whoever is inactive counts as disabled. What reads tokens does not ask: they end within hours.
    const away = standing.agents.find((agent) => !isActive(context.settings, agent));
    if (away) throw disabledAgent(trust, away.id);
    return standing;
  } catch (error) {
    throw error instanceof Fault && error.code === 'notFound' ? new Fault('unauthorized', {}, error) : error;
  }
}

/**
 * Counts a token that is issued by the trust. Of two concurrent logins, only one has the last use.
 * @returns the end of the trust @throws Fault `forbidden`
 */
export async function spendUse({ store }: StoreContext, id: string): Promise<string | null> {
  return store.transaction(async (trx) => {
    const trust = await trx.trusts.find({ id });
    if (!trust) throw new Fault('unauthorized');
    const { remaining_uses, expires_at } = trust;
    if (remaining_uses === null) return expires_at;
    if (remaining_uses <= 0) throw new Fault('forbidden', { detail: `No remaining uses for trust: ${id}.` });
    await trx.trusts.update({ id }, { remaining_uses: remaining_uses - 1 });
    return expires_at;
  });
}
