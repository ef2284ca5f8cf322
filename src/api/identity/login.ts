/** Who somebody is (password, token or application credential), and for which project the new token is to be. */
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { ApplicationCredential, Project, User } from '#store/tables.ts';
import { projectTokenRevision } from '#store/token-revisions.ts';
import { hasExpired, readToken } from '../authentication.ts';
import type { ApiContext } from '../context.ts';
import type { TokenPayload } from '../tokens.ts';
import type { LoginAttempts } from './login-attempts.ts';
import { checkPassword } from './passwords.ts';
import { rolesIn } from './roles.ts';

const Domain = Type.Object({ id: Type.Optional(Type.String()), name: Type.Optional(Type.String()) });
const Name = Type.String({ maxLength: 255 });
const NamedUser = Type.Object({
  id: Type.Optional(Name),
  name: Type.Optional(Name),
  domain: Type.Optional(Domain),
});
const NamedProject = NamedUser;

export const Login = Type.Object({
  identity: Type.Object({
    methods: Type.Array(Type.String(), { minItems: 1 }),
    password: Type.Optional(Type.Object({ user: Type.Intersect([NamedUser, Type.Object({ password: Type.String() })]) })),
    token: Type.Optional(Type.Object({ id: Type.String() })),
    application_credential: Type.Optional(
      Type.Object({
        id: Type.Optional(Name),
        name: Type.Optional(Name),
        secret: Type.String(),
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

type Proof = { user: User; methods: string[]; parent?: TokenPayload; credential?: ApplicationCredential };

/** A new token for the login. @throws Fault `unauthorized`, with no word on what was wrong; `tooManyRequests` */
export async function logIn(context: ApiContext, attempts: LoginAttempts, request: { login: Login; address: string }) {
  const proof = await prove(context, attempts, request);
  if (!proof.user.enabled) throw new Fault('unauthorized');
  const scope = await chooseScope(context, proof, request.login.scope);
  const { user, methods, parent, credential } = proof;
  // The user as it was read before the secret was checked: what is revoked meanwhile voids the new token as well.
  const claims = { user_id: user.id, user_revision: user.token_revision, methods, ...scope };
  return context.tokens.issue(
    { ...claims, ...(credential && { application_credential_id: credential.id }) },
    { parent, notAfter: credential?.expires_at },
  );
}

async function prove(
  context: ApiContext,
  attempts: LoginAttempts,
  { login, address }: { login: Login; address: string },
): Promise<Proof> {
  const { password, token, application_credential } = login.identity;
  if (login.identity.methods.length > 1)
    throw new Fault('badRequest', { detail: 'Only one authentication method at a time is possible.' });
  switch (login.identity.methods[0]) {
    case 'password': {
      if (!password) throw missing('password');
      const user = await findUser(context, password.user);
      await check(attempts, `${address} ${password.user.id ?? password.user.name}`, password.user.password, user?.password_hash);
      return { user: user!, methods: ['password'] };
    }
    case 'token':
      if (!token) throw missing('token');
      return proveByToken(context, token.id);
    case 'application_credential': {
      if (!application_credential) throw missing('application_credential');
      const credential = await findCredential(context, application_credential);
      const key = `${address} ${application_credential.id ?? application_credential.name}`;
      const user = credential && (await context.store.users.find({ id: credential.user_id }));
      await check(attempts, key, application_credential.secret, credential?.secret_hash);
      if (!user) throw new Fault('unauthorized');
      return { user, methods: ['application_credential'], credential: credential! };
    }
    default:
      throw new Fault('badRequest', {
        detail: `Authentication method '${login.identity.methods[0]}' is none of password, token, application_credential.`,
      });
  }
}

function missing(method: string): Fault {
  return new Fault('badRequest', { detail: `Invalid input for field/attribute auth.identity: it must have '${method}'.` });
}

async function check(attempts: LoginAttempts, key: string, secret: string, hash: string | undefined): Promise<void> {
  attempts.check(key);
  if (!(await checkPassword(secret, hash))) {
    attempts.failed(key);
    throw new Fault('unauthorized');
  }
  attempts.succeeded(key);
}

async function proveByToken(context: ApiContext, token: string): Promise<Proof> {
  const parent = (await readToken(context, token))?.payload;
  const user = parent && (await context.store.users.find({ id: parent.user_id }));
  if (!user || user.token_revision !== parent.user_revision) throw new Fault('unauthorized');
  // A credential stands for one project and certain roles; it can't be traded for anything wider.
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

/** Without a scope: the user's default project, else none. */
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

/** undefined where the user has no role. */
async function scopeOf({ store }: ApiContext, user: User, project_id: string): Promise<Scope | undefined> {
  const project_revision = await projectTokenRevision(store, { user_id: user.id, project_id });
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
