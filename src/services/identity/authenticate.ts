/** Logins: the proof of an identity (password, token or application credential), and the scope of the new token. */
import { Fault } from '#domain/faults.ts';
import type { ApplicationCredential } from '#store/tables/application-credentials.ts';
import type { User } from '#store/tables/users.ts';
import type { IdentityContext } from './context.ts';
import { findDomain, isDomainEnabled, type NamedDomain } from './domains.ts';
import { expecting } from './expecting.ts';
import type { LoginClient } from './login-guard.ts';
import { chooseScope, type RequestedScope } from './login-scope.ts';
import { hasRole } from './roles-in.ts';
import { systemScope } from './scopes.ts';
import type { TokenPayload } from './tokens.ts';
import { hasExpired, readToken } from './validate-token.ts';

export type NamedUser = { readonly id?: string; readonly name?: string; readonly domain?: NamedDomain };

export type Identity = {
  readonly methods: readonly string[];
  readonly password?: { readonly user: NamedUser & { readonly password: string } };
  readonly token?: { readonly id: string };
  readonly application_credential?: {
    readonly id?: string;
    readonly name?: string;
    readonly secret: string;
    readonly user?: NamedUser;
  };
};

export type Login = { readonly identity: Identity; readonly scope?: RequestedScope };

/** `parent`: the token that was exchanged. */
export type Proof = { user: User; methods: string[]; parent?: TokenPayload; credential?: ApplicationCredential };

/** Issues a token. @throws Fault `unauthorized`, without saying what was wrong; `tooManyRequests` */
export async function authenticate(context: IdentityContext, client: LoginClient, login: Login) {
  return issueFor(context, await prove(context, client, login.identity), login.scope);
}

/** For clients that name no scope: the system if the user has a role there, else the user's default project. */
export async function authenticateInWidestScope(context: IdentityContext, client: LoginClient, identity: Identity) {
  const proof = await prove(context, client, identity);
  const isOfSystem = !proof.credential && (await hasRole(context.store, proof.user.id, systemScope));
  return issueFor(context, proof, isOfSystem ? { system: { all: true } } : undefined);
}

export async function issueFor(context: IdentityContext, proof: Proof, requested: RequestedScope | undefined) {
  if (!proof.user.enabled || !(await isDomainEnabled(context, proof.user))) throw new Fault('unauthorized');
  const scope = await chooseScope(context, proof, requested);
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

function prove(context: IdentityContext, client: LoginClient, identity: Identity): Promise<Proof> {
  const [method = '', ...others] = new Set(identity.methods);
  if (others.length > 0) throw new Fault('badRequest', { detail: 'Only one authentication method at a time is possible.' });
  if (!Object.hasOwn(identity, method)) throw expecting(method, 'identity');
  if (!isMethod(method)) throw new Fault('authMethodNotSupported', { methods: Object.keys(methodTable).join(' ') });
  return methodTable[method](context, client, identity);
}

function isMethod(method: string): method is keyof typeof methodTable {
  return Object.hasOwn(methodTable, method);
}

async function proveByPassword(context: IdentityContext, client: LoginClient, { password }: Identity): Promise<Proof> {
  const named = password!.user;
  const user = await findUser(context, named);
  await context.logins.check(client, {
    ...{ account: user?.id ?? named.id ?? named.name ?? '', user_id: user?.id, secret: named.password },
    hash: user?.enabled ? user.password_hash : undefined,
  });
  return { user: user!, methods: ['password'] };
}

async function proveByCredential(context: IdentityContext, client: LoginClient, identity: Identity): Promise<Proof> {
  const named = identity.application_credential!;
  const credential = await findCredential(context, named);
  const user = credential && (await context.store.users.find({ id: credential.user_id }));
  await context.logins.check(client, {
    ...{ account: credential?.id ?? named.id ?? named.name ?? '', user_id: user?.id, secret: named.secret },
    hash: user?.enabled ? credential?.secret_hash : undefined,
  });
  return { user: user!, methods: ['application_credential'], credential: credential! };
}

async function proveByToken(context: IdentityContext, _client: LoginClient, { token }: Identity): Promise<Proof> {
  const parent = (await readToken(context, token!.id))?.payload;
  const user = parent && (await context.store.users.find({ id: parent.user_id }));
  if (!user || user.token_revision !== parent.user_revision) throw new Fault('unauthorized');
  // A credential is limited to one project and certain roles; its token cannot be exchanged for a wider scope.
  if (parent.application_credential_id)
    throw new Fault('forbidden', { detail: 'A token of an application credential cannot be exchanged for another one.' });
  return { user, methods: [...new Set([...parent.methods, 'token'])], parent };
}

async function findUser(context: IdentityContext, { id, name, domain }: NamedUser): Promise<User | undefined> {
  if (id !== undefined) return context.store.users.find({ id });
  if (name === undefined) throw expecting('id or name', 'user');
  if (!domain) throw expecting('domain', 'user');
  const home = await findDomain(context, domain);
  return home && context.store.users.find({ domain_id: home.id, name });
}

async function findCredential(context: IdentityContext, named: NamedCredential): Promise<ApplicationCredential | undefined> {
  const credential = await context.store.application_credentials.find(await keyOf(context, named));
  return credential && hasExpired(credential) ? undefined : credential;
}

type NamedCredential = NonNullable<Identity['application_credential']>;

/** By id, or by its name and its user. */
async function keyOf(context: IdentityContext, { id, name, user }: NamedCredential) {
  if (id !== undefined) return { id };
  if (name === undefined) throw expecting('name or ID', 'application credential');
  if (!user) throw expecting('user', 'application credential');
  return { name, user_id: (await findUser(context, user))?.id ?? '' };
}
