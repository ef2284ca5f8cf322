/** The scope of a new token: what the login asks for, else the user's default project, else none. */
import { Fault } from '#domain/faults.ts';
import type { ApplicationCredential } from '#store/tables/application-credentials.ts';
import type { Project } from '#store/tables/projects.ts';
import type { Scope } from '#store/tables/role-assignments.ts';
import type { User } from '#store/tables/users.ts';
import type { IdentityContext } from './context.ts';
import { findDomain, type NamedDomain } from './domains.ts';
import { expecting } from './expecting.ts';
import { isUsable } from './projects.ts';
import { rolesIn } from './roles-in.ts';
import { domainScope, projectScope, systemScope } from './scopes.ts';
import type { TokenPayload } from './tokens.ts';
import { trustScope } from './trust-scope.ts';

/** Who logs in; `credential` has its own scope. */
type Proof = { readonly user: User; readonly credential?: ApplicationCredential };

export type NamedProject = { readonly id?: string; readonly name?: string; readonly domain?: NamedDomain };

/** `auth.scope`: `"unscoped"`, or an object with exactly one of these. */
export type RequestedScope = string | { readonly [kind in ScopeKind]?: unknown };

const scopeKinds = ['system', 'project', 'domain', 'OS-TRUST:trust', 'unscoped'] as const;
type ScopeKind = (typeof scopeKinds)[number];

type TokenScope = Pick<TokenPayload, 'scope' | 'scope_revision' | 'trust'>;
const unscoped: TokenScope = { scope: null, scope_revision: 0 };

/** @throws Fault `unauthorized` if the user has no role in the scope, or there is no such scope */
export async function chooseScope(
  context: IdentityContext,
  proof: Proof,
  requested: RequestedScope | undefined,
): Promise<TokenScope> {
  const { user, credential } = proof;
  if (credential && requested !== undefined)
    throw new Fault('applicationCredentialAuth', { detail: 'Application credentials cannot request a scope.' });
  if (credential) return granted(await scopeIn(context, user, await projectOf(context, { id: credential.project_id })));
  if (requested === undefined) {
    const project = await projectOf(context, { id: user.project_id });
    return (await scopeIn(context, user, project)) ?? unscoped;
  }
  const kind = kindOf(requested);
  if (kind === 'unscoped') return unscoped;
  const value = typeof requested === 'string' ? undefined : requested[kind];
  if (kind === 'OS-TRUST:trust') return trustScope(context, user, (value ?? {}) as { id?: string });
  return granted(await scopeIn(context, user, await lookUp[kind](context, value as never)));
}

function granted(scope: TokenScope | undefined): TokenScope {
  if (!scope) throw new Fault('unauthorized');
  return scope;
}

function kindOf(requested: RequestedScope): ScopeKind {
  const given = scopeKinds.filter((kind) =>
    typeof requested === 'string' ? requested === kind : Object.hasOwn(requested, kind),
  );
  const [kind, ...others] = given;
  if (kind !== undefined && others.length === 0) return kind;
  throw expecting('system, project, domain, OS-TRUST:trust or unscoped', 'scope');
}

type LookUp<Value> = (context: IdentityContext, value: Value) => Promise<Scope | undefined>;

const lookUp = {
  system: async () => systemScope,
  domain: domainOf,
  project: projectOf,
} as const satisfies { [kind in Exclude<ScopeKind, 'unscoped' | 'OS-TRUST:trust'>]: LookUp<NamedDomain> | LookUp<NamedProject> };

async function domainOf(context: IdentityContext, named: NamedDomain): Promise<Scope | undefined> {
  const domain = await findDomain(context, named);
  return domain?.enabled ? domainScope(domain.id) : undefined;
}

async function projectOf(context: IdentityContext, named: NamedProject): Promise<Scope | undefined> {
  const project = await findProject(context, named);
  if (!project || !(await isUsable(context, project))) return undefined;
  return projectScope(project.id);
}

async function findProject(context: IdentityContext, { id, name, domain }: NamedProject): Promise<Project | undefined> {
  if (name === undefined) return id ? context.store.projects.find({ id }) : undefined;
  if (!domain) throw expecting('domain', 'project');
  const home = await findDomain(context, domain);
  return home && context.store.projects.find({ domain_id: home.id, name });
}

/** undefined if there is no such scope, or the user has no role in it. */
async function scopeIn({ store }: IdentityContext, { id }: User, scope: Scope | undefined): Promise<TokenScope | undefined> {
  if (!scope) return undefined;
  const scope_revision = await store.scope_token_revisions.revisionOf({ user_id: id, ...scope });
  return (await rolesIn(store, id, scope)).length > 0 ? { scope, scope_revision } : undefined;
}
