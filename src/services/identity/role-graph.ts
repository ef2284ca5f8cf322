/** All roles and which implies which: what an assigned role amounts to. */
import type { Store } from '#store/store.ts';
import type { Role } from '#store/tables/roles.ts';

/** The roles that every installation has, the highest first; `service` implies none and none implies it. */
export const builtInRoles: readonly string[] = ['admin', 'manager', 'member', 'reader', 'service'];

export class RoleGraph {
  readonly #roles: ReadonlyMap<string, Role>;
  readonly #implied: ReadonlyMap<string, readonly string[]>;

  constructor(roles: ReadonlyMap<string, Role>, implied: ReadonlyMap<string, readonly string[]>) {
    this.#roles = roles;
    this.#implied = implied;
  }

  find(id: string): Role | undefined {
    return this.#roles.get(id);
  }

  /** What it implies directly. */
  impliedBy(id: string): readonly string[] {
    return this.#implied.get(id) ?? [];
  }

  /** These roles and all that they imply, the built-in ones first; rules may form a circle. */
  expand(ids: Iterable<string>): Role[] {
    const reached = new Set(ids);
    for (const id of reached) for (const implied of this.impliedBy(id)) reached.add(implied);
    const roles = [...reached].flatMap((id) => this.#roles.get(id) ?? []);
    return roles.sort((one, other) => rankOf(one) - rankOf(other) || (one.name < other.name ? -1 : 1));
  }

  /** The same, without the roles of domains: in a token, these stand only for what they imply. */
  inToken(ids: Iterable<string>): Role[] {
    return this.expand(ids).filter(({ domain_id }) => domain_id === '');
  }
}

function rankOf({ id }: Role): number {
  const rank = builtInRoles.indexOf(id);
  return rank < 0 ? builtInRoles.length : rank;
}

/** Of each store, as of a revision: any write to a role is another one. */
const kept = new WeakMap<Store, { readonly revision: number; readonly graph: RoleGraph }>();

export async function readRoleGraph(store: Store): Promise<RoleGraph> {
  const revision = store.accessRevision;
  const known = kept.get(store);
  if (known?.revision === revision) return known.graph;
  const roles = new Map((await store.roles.list()).map((role) => [role.id, role]));
  const implied = new Map<string, string[]>();
  for (const { prior_role_id, implied_role_id } of await store.implied_roles.list())
    implied.set(prior_role_id, [...(implied.get(prior_role_id) ?? []), implied_role_id]);
  const graph = new RoleGraph(roles, implied);
  kept.set(store, { revision, graph });
  return graph;
}
