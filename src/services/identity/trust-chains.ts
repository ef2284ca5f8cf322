/** What a trust is worth: it may be the last of a chain of trusts, each made by the token of the one before. */
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { Role } from '#store/tables/roles.ts';
import type { Trust } from '#store/tables/trusts.ts';
import type { User } from '#store/tables/users.ts';
import { isDomainEnabled } from './domains.ts';
import { hasExpired } from './expiry.ts';
import { isProviderEnabled } from './federation/providers.ts';
import { readRoleGraph } from './role-graph.ts';
import { allRolesIn } from './roles-in.ts';
import { projectScope } from './scopes.ts';

/** Keystone's `[trust] max_redelegation_count`. */
export const longestRedelegation = 3;

/** What a token of the trust permits. */
export type Standing = {
  readonly trust: Trust;
  /** Whose roles they are: the first trustor of the chain. */
  readonly holder_id: string;
  readonly roles: readonly Role[];
  /** Another one once the tokens of a user of the chain were revoked. */
  readonly revision: number;
  /** These users: trustors, and trustees who have redelegated. */
  readonly agents: readonly User[];
};

export function trustNotFound(id: string): Fault {
  return new Fault('notFound', { what: 'Trust', id });
}

/** The trust, the one from which it was redelegated, and so on to the first. @throws Fault `notFound` if one has ended */
export async function chainOf(store: Store, trust: Trust): Promise<readonly Trust[]> {
  const chain = [trust];
  for (let last = trust; last.redelegated_trust_id !== null && chain.length <= longestRedelegation; ) {
    const former = await store.trusts.find({ id: last.redelegated_trust_id });
    if (!former) throw trustNotFound(last.redelegated_trust_id);
    chain.push(former);
    last = former;
  }
  const ended = chain.find(hasExpired);
  if (ended) throw trustNotFound(ended.id);
  return chain;
}

/**
 * Whether a trust may be redelegated from a former one. Other than in Keystone, it must be for the same project: the trustor
 * may have the same roles in projects that were not delegated.
 * @throws Fault `forbidden`
 */
export function checkRedelegation(former: Trust, trust: Omit<Trust, 'id'>): void {
  const depth = former.redelegation_count;
  const limits: readonly (readonly [isBroken: boolean, detail: string])[] = [
    [
      depth <= 0 || depth > longestRedelegation,
      `Remaining redelegation depth of ${depth} out of allowed range of [0..${longestRedelegation}]`,
    ],
    [
      trust.remaining_uses !== null,
      `Field "remaining_uses" is set to ${trust.remaining_uses} while it must not be set in order to redelegate a trust`,
    ],
    [
      former.expires_at !== null && (trust.expires_at === null || trust.expires_at > former.expires_at),
      'Requested expiration time is more than redelegated trust can provide',
    ],
    [trust.project_id !== former.project_id, 'The project is not that of the redelegated trust'],
    [!trust.roles.every((id) => former.roles.includes(id)), 'Some of requested roles are not in redelegated trust'],
    [
      trust.impersonation && !former.impersonation,
      `Impersonation is not allowed because redelegated trust does not specify impersonation. Redelegated trust id: ${former.id}`,
    ],
  ];
  const broken = limits.find(([isBroken]) => isBroken);
  if (broken) throw new Fault('forbidden', { detail: broken[1] });
}

/**
 * Everything on which the trust rests is checked again. @throws Fault `forbidden` in Keystone's words, `notFound` if it or a
 * trust before it has ended
 */
export async function standingOf(store: Store, trust: Trust): Promise<Standing> {
  const chain = await chainOf(store, trust);
  for (const [at, former] of chain.slice(1).entries()) checkRedelegation(former, chain[at]!);
  const agents = await agentsOf(store, chain);
  const holder_id = chain.at(-1)!.trustor_user_id;
  // Revisions only grow, and so does their sum.
  const revision = agents.reduce((sum, { token_revision }) => sum + token_revision, 0);
  return { trust, holder_id, roles: await rolesOf(store, trust, holder_id), revision, agents };
}

/** undefined if the trust no longer holds, whatever the reason. */
export async function findStanding(store: Store, id: string): Promise<Standing | undefined> {
  const trust = await store.trusts.find({ id });
  try {
    return trust && (await standingOf(store, trust));
  } catch (error) {
    if (error instanceof Fault && (error.code === 'forbidden' || error.code === 'notFound')) return undefined;
    throw error;
  }
}

/** @throws Fault `forbidden` */
async function agentsOf(store: Store, chain: readonly Trust[]): Promise<User[]> {
  const [trust, ...formers] = chain;
  const ids = new Set([...formers.flatMap((each) => [each.trustor_user_id, each.trustee_user_id]), trust!.trustor_user_id]);
  const agents: User[] = [];
  for (const id of ids) {
    const user = await store.users.find({ id });
    if (!user?.enabled || !(await isDomainEnabled({ store }, user)) || !(await isProviderEnabled(store, user)))
      throw disabledAgent(trust!, id);
    agents.push(user);
  }
  return agents;
}

/** In Keystone's words. */
export function disabledAgent({ trustor_user_id }: Trust, id: string): Fault {
  const detail = id === trustor_user_id ? 'Trustor is disabled.' : 'One of the trust agents is disabled or deleted';
  return new Fault('forbidden', { detail });
}

/** The holder must still have all of them, with what they imply. */
async function rolesOf(store: Store, { roles, project_id }: Trust, holder_id: string): Promise<Role[]> {
  const graph = await readRoleGraph(store);
  const held = new Set((await allRolesIn(store, holder_id, projectScope(project_id))).map(({ id }) => id));
  const isHeld = roles.every((id) => held.has(id)) && graph.expand(roles).every(({ id }) => held.has(id));
  if (!isHeld) throw new Fault('forbidden', { detail: 'Trustee has no delegated roles.' });
  return graph.inToken(roles);
}
