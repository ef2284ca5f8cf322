/** The paths under which roles are assigned: each to users and to groups. */
import { domainScope, projectScope, systemScope } from '#services/identity/scopes.ts';
import type { Scope } from '#store/tables/role-assignments.ts';
import type { ApiContext } from '../context.ts';
import type { PolicyTarget } from '../http/policy/check-language.ts';
import { domainTarget, projectTarget } from './policy-targets.ts';

const actors = ['user', 'group'] as const;
type ActorKind = (typeof actors)[number];
type Action = 'check' | 'create' | 'revoke';
type GrantRule =
  | `identity:${Action}_${'grant' | `system_grant_for_${ActorKind}`}`
  | `identity:list_${'grants' | `system_grants_for_${ActorKind}`}`;

type Rules = Readonly<Record<Action | 'list', GrantRule>>;

export type GrantPlace = {
  readonly actor: ActorKind;
  /** Of one role. */
  readonly path: string;
  /** Of all roles; absent: Keystone has no such list. */
  readonly list?: string;
  readonly name: string;
  readonly rules: Rules;
  readonly inherited: boolean;
  readonly scope: (id: string) => Scope;
  /** The scope as the policy sees it. */
  readonly target: (context: ApiContext, id: string) => Promise<PolicyTarget>;
};

const grantRules: Rules = {
  list: 'identity:list_grants',
  check: 'identity:check_grant',
  create: 'identity:create_grant',
  revoke: 'identity:revoke_grant',
};

const systemRules = (actor: ActorKind): Rules => ({
  list: `identity:list_system_grants_for_${actor}`,
  check: `identity:check_system_grant_for_${actor}`,
  create: `identity:create_system_grant_for_${actor}`,
  revoke: `identity:revoke_system_grant_for_${actor}`,
});

const project = {
  scope: projectScope,
  target: async ({ store }: ApiContext, id: string) =>
    projectTarget((await store.projects.find({ id })) ?? { id, domain_id: '' }),
};
const domain = { scope: domainScope, target: async (_: ApiContext, id: string) => domainTarget({ id }) };
const system = { scope: () => systemScope, target: async () => ({}) };

/** `OS-INHERIT`: for the projects below. */
const inheriting = (path: string) => `/OS-INHERIT${path}/inherited_to_projects`;

export const grantPlaces: readonly GrantPlace[] = actors.flatMap((actor): GrantPlace[] => {
  const roles = `${actor}s/:${actor}_id/roles`;
  const [ofProject, ofDomain, ofSystem] = [`/projects/:project_id/${roles}`, `/domains/:domain_id/${roles}`, `/system/${roles}`];
  const direct = { actor, inherited: false, rules: grantRules };
  const inherited = { actor, inherited: true, rules: grantRules };
  const one = (list: string) => `${list}/:role_id`;
  return [
    { ...direct, ...project, list: ofProject, path: one(ofProject), name: 'a project' },
    { ...direct, ...domain, list: ofDomain, path: one(ofDomain), name: 'a domain' },
    { ...direct, ...system, list: ofSystem, path: one(ofSystem), name: 'the system', rules: systemRules(actor) },
    { ...inherited, ...project, path: inheriting(one(ofProject)), name: 'the projects below a project' },
    {
      ...{ ...inherited, ...domain, list: inheriting(ofDomain), path: inheriting(one(ofDomain)) },
      name: 'the projects of a domain',
    },
  ];
});
