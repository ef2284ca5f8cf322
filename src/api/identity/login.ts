/** Authentication (password, token or application credential), and the scope of the new token. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { longestPassword } from '#services/identity/passwords.ts';
import { rolesIn } from '#services/identity/roles.ts';
import type { TokenPayload } from '#services/identity/tokens.ts';
import type { ApplicationCredential } from '#store/tables/application-credentials.ts';
import type { Project } from '#store/tables/projects.ts';
import type { User } from '#store/tables/users.ts';
import type { ApiContext } from '../context.ts';
import { hasExpired, readToken } from '../http/authentication.ts';
import { loginClientOf } from './login-client.ts';

const Domain = Type.Object({ id: Type.Optional(Type.String()), name: Type.Optional(Type.String()) });
const Name = Type.String({ maxLength: 255 });
const Secret = Type.String({ maxLength: longestPassword });
const NamedUser = Type.Object({
  id: Type.Optional(Name),
  name: Type.Optional(Name),
  domain: Type.Optional(Domain),
});
const NamedProject = NamedUser;

export const Login = Type.Object({
  identity: Type.Object({
    methods: Type.Array(Type.String(), { minItems: 1 }),
    password: Type.Optional(Type.Object({ user: Type.Intersect([NamedUser, Type.Object({ password: Secret })]) })),
    token: Type.Optional(Type.Object({ id: Type.String() })),
    application_credential: Type.Optional(
      Type.Object({
        id: Type.Optional(Name),
        name: Type.Optional(Name),
        secret: Secret,
        user: Type.Optional(NamedUser),
      }),
    ),
  }),
  scope: Type.Optional(
    Type.Union([
      Type.Literal('unscoped'),
      Type.Object({
        project: Type.Optional(NamedProject),
        domain: Type.Optional(Type.Unknown()),
        system: Type.Optional(Type.Unknown()),
        unscoped: Type.Optional(Type.Unknown()),
      }),
    ]),
  ),
});
export type Login = Static<typeof Login>;
type Identity = Login['identity'];

type Proof = { user: User; methods: string[]; parent?: TokenPayload; credential?: ApplicationCredential };

/** Issues a token. @throws Fault `unauthorized`, without saying what was wrong; `tooManyRequests` */
export async function logIn(context: ApiContext, request: FastifyRequest, login: Login) {
  const proof = await prove(context, request, login.identity);
  if (!proof.user.enabled) throw new Fault('unauthorized');
  const scope = await chooseScope(context, proof, login.scope);
  const { user, methods, parent, credential } = proof;
  // The user as read before the secret was checked: a revocation meanwhile also voids the new token.
  const claims = { user_id: user.id, user_revision: user.token_revision, methods, ...scope };
  return context.tokens.issue(
    { ...claims, ...(credential && { application_credential_id: credential.id }) },
    { parent, notAfter: credential?.expires_at },
  );
}

const methodTable = {
  password: proveByPassword,
  token: proveByToken,
  application_credential: proveByCredential,
} as const;

function prove(context: ApiContext, request: FastifyRequest, identity: Identity): Promise<Proof> {
  const [method = '', ...others] = identity.methods;
  if (others.length > 0) throw new Fault('badRequest', { detail: 'Only one authentication method at a time is possible.' });
  if (!isMethod(method)) {
    const known = Object.keys(methodTable).join(', ');
    throw new Fault('badRequest', { detail: `Authentication method '${method}' is none of ${known}.` });
  }
  if (!identity[method]) {
    const detail = `Invalid input for field/attribute auth.identity: it must have '${method}'.`;
    throw new Fault('badRequest', { detail });
  }
  return methodTable[method](context, request, identity);
}

function isMethod(method: string): method is keyof typeof methodTable {
  return Object.hasOwn(methodTable, method);
}

async function proveByPassword(context: ApiContext, request: FastifyRequest, { password }: Identity): Promise<Proof> {
  const named = password!.user;
  const user = await findUser(context, named);
  await context.logins.check(loginClientOf(request), {
    ...{ account: user?.id ?? named.id ?? named.name ?? '', user_id: user?.id, secret: named.password },
    hash: user?.enabled ? user.password_hash : undefined,
  });
  return { user: user!, methods: ['password'] };
}

async function proveByCredential(context: ApiContext, request: FastifyRequest, identity: Identity): Promise<Proof> {
  const named = identity.application_credential!;
  const credential = await findCredential(context, named);
  const user = credential && (await context.store.users.find({ id: credential.user_id }));
  await context.logins.check(loginClientOf(request), {
    ...{ account: credential?.id ?? named.id ?? named.name ?? '', user_id: user?.id, secret: named.secret },
    hash: user?.enabled ? credential?.secret_hash : undefined,
  });
  return { user: user!, methods: ['application_credential'], credential: credential! };
}

async function proveByToken(context: ApiContext, _request: FastifyRequest, { token }: Identity): Promise<Proof> {
  const parent = (await readToken(context, token!.id))?.payload;
  const user = parent && (await context.store.users.find({ id: parent.user_id }));
  if (!user || user.token_revision !== parent.user_revision) throw new Fault('unauthorized');
  // A credential is limited to one project and certain roles; its token cannot be exchanged for a wider scope.
  if (parent.application_credential_id)
    throw new Fault('forbidden', { detail: 'A token of an application credential stays as it is.' });
  return { user, methods: [...new Set([...parent.methods, 'token'])], parent };
}

async function findUser(context: ApiContext, named: Static<typeof NamedUser>): Promise<User | undefined> {
  if (named.id !== undefined) return context.store.users.find({ id: named.id });
  if (named.name === undefined || !isDefaultDomain(named.domain)) return undefined;
  return context.store.users.find({ name: named.name });
}

async function findCredential(
  context: ApiContext,
  named: { id?: string; name?: string; user?: Static<typeof NamedUser> },
): Promise<ApplicationCredential | undefined> {
  const user = named.id === undefined && named.user ? await findUser(context, named.user) : undefined;
  if (named.id === undefined && (!user || named.name === undefined)) return undefined;
  const credential = await context.store.application_credentials.find(
    named.id === undefined ? { user_id: user!.id, name: named.name! } : { id: named.id },
  );
  return credential && hasExpired(credential) ? undefined : credential;
}

const unscoped: Scope = { project_id: null, project_revision: 0 };

type Scope = Pick<TokenPayload, 'project_id' | 'project_revision'>;

/** Without a scope: the user's default project, else unscoped. */
async function chooseScope(context: ApiContext, proof: Proof, scope: Login['scope']): Promise<Scope> {
  if (proof.credential) {
    const own = await scopeOf(context, proof.user, proof.credential.project_id);
    if (!own) throw new Fault('unauthorized');
    return own;
  }
  if (scope === 'unscoped' || (scope && 'unscoped' in scope)) return unscoped;
  if (scope && !scope.project)
    throw new Fault('badRequest', { detail: 'Scopes are projects: system and domain scopes do not exist here.' });
  const project = scope?.project
    ? await findProject(context, scope.project)
    : await context.store.projects.find({ id: proof.user.project_id });
  const found = project && (await scopeOf(context, proof.user, project.id));
  if (found) return found;
  if (!scope) return unscoped;
  throw new Fault('unauthorized');
}

/** undefined if the user has no role. */
async function scopeOf({ store }: ApiContext, user: User, project_id: string): Promise<Scope | undefined> {
  const project_revision = await store.project_token_revisions.revisionOf({ user_id: user.id, project_id });
  return (await rolesIn(store, user, project_id)).length > 0 ? { project_id, project_revision } : undefined;
}

async function findProject(context: ApiContext, named: Static<typeof NamedProject>): Promise<Project | undefined> {
  if (named.id !== undefined) return context.store.projects.find({ id: named.id });
  if (named.name === undefined || !isDefaultDomain(named.domain)) return undefined;
  return context.store.projects.find({ name: named.name });
}

export function isDefaultDomain(domain: Static<typeof Domain> | undefined): boolean {
  if (!domain) return true;
  return domain.id === 'default' || domain.name?.toLowerCase() === 'default';
}
