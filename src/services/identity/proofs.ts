/** How a login proves an identity: each method on its own. */
import { Fault } from '#domain/faults.ts';
import type { ApplicationCredential } from '#store/tables/application-credentials.ts';
import type { User } from '#store/tables/users.ts';
import { foldName } from '#wire/ldap/distinguished-name.ts';
import { checkAccount } from './account-locks.ts';
import type { IdentityContext } from './context.ts';
import { findDomain, type NamedDomain } from './domains.ts';
import { expecting } from './expecting.ts';
import { hasExpired } from './expiry.ts';
import { type MethodName, methodNames } from './factor-rules.ts';
import { forbiddenAction } from './forbidden-action.ts';
import type { LoginClient } from './login-guard.ts';
import { refuseExpired } from './password-rules.ts';
import type { TokenPayload } from './tokens.ts';
import { isPasscode } from './totp.ts';
import { readToken } from './validate-token.ts';

export type NamedUser = { readonly id?: string; readonly name?: string; readonly domain?: NamedDomain };

export type Identity = {
  readonly methods: readonly string[];
  readonly password?: { readonly user: NamedUser & { readonly password: string } };
  readonly token?: { readonly id: string };
  readonly totp?: { readonly user: NamedUser & { readonly passcode: string } };
  readonly application_credential?: {
    readonly id?: string;
    readonly name?: string;
    readonly secret: string;
    readonly user?: NamedUser;
  };
};

/** `parent`: the token that was exchanged. */
export type Proof = {
  user: User;
  methods: string[];
  parent?: TokenPayload;
  credential?: ApplicationCredential;
  federation?: NonNullable<TokenPayload['federation']>;
  notAfter?: string;
};

type Prove = (context: IdentityContext, client: LoginClient, identity: Identity) => Promise<Proof>;

const methodTable: Record<MethodName, Prove> = {
  password: proveByPassword,
  token: proveByToken,
  application_credential: proveByCredential,
  totp: proveByTotp,
};

/** By all methods of the login, which are of one user. @throws Fault `unauthorized`, without saying what was wrong */
export async function prove(context: IdentityContext, client: LoginClient, identity: Identity): Promise<Proof> {
  const methods = [...new Set(identity.methods)];
  for (const method of methods) {
    if (!Object.hasOwn(identity, method)) throw expecting(method, 'identity');
    if (!isMethod(method)) throw new Fault('authMethodNotSupported', { methods: methodNames.join(' ') });
  }
  if (methods.length > 1 && methods.includes('application_credential'))
    throw new Fault('badRequest', { detail: 'An application credential is the only method of its login.' });
  const proofs: Proof[] = [];
  // One after the other: what fails first is counted alone.
  for (const method of methods.filter(isMethod)) proofs.push(await methodTable[method](context, client, identity));
  const [first, ...others] = proofs;
  if (!first || others.some(({ user }) => user.id !== first.user.id)) throw new Fault('unauthorized');
  const proved = [...new Set(proofs.flatMap((proof) => proof.methods))];
  return Object.assign({}, ...proofs, { methods: proved });
}

function isMethod(method: string): method is MethodName {
  return Object.hasOwn(methodTable, method);
}

async function proveByPassword(context: IdentityContext, client: LoginClient, { password }: Identity): Promise<Proof> {
  const named = password!.user;
  const found = await findUser(context, named);
  if (await isOfDirectory(context, named, found)) return proveByDirectory(context, client, { named, user: found });
  const account = named.id ?? named.name ?? '';
  const user = await checkAccount(context, client, { user: found, account, password: named.password });
  refuseExpired(user);
  return { user, methods: ['password'] };
}

/** Whether the directory decides: also for names that it may have and this service does not know yet. */
async function isOfDirectory({ store, directory }: IdentityContext, { domain }: NamedUser, user: User | undefined) {
  if (!directory) return false;
  if (user) return directory.owns(user);
  const home = domain && (await findDomain({ store }, domain));
  return home !== undefined && directory.owns({ domain_id: home.id });
}

type OfDirectory = { readonly named: NamedUser & { readonly password: string }; readonly user: User | undefined };

async function proveByDirectory(context: IdentityContext, client: LoginClient, { named, user }: OfDirectory): Promise<Proof> {
  const { store, directory, logins } = context;
  const name = named.id === undefined ? named.name : user?.name;
  let id: string | undefined;
  const test = async (password: string) => {
    id = name === undefined ? undefined : await directory?.logIn(name, password);
    return id !== undefined && (named.id === undefined || named.id === id);
  };
  // However the name is written, guesses are counted together.
  const account = user?.id ?? foldName(name ?? named.id ?? '');
  await logins.check(client, { account, user_id: user?.id, secret: named.password, test, isElsewhere: true });
  // As the directory has just described it.
  const current = await store.users.find({ id: id ?? '' });
  if (!current) throw new Fault('unauthorized');
  return { user: current, methods: ['password'] };
}

async function proveByTotp(context: IdentityContext, client: LoginClient, { totp }: Identity): Promise<Proof> {
  const named = totp!.user;
  const user = await findUser(context, named);
  const id = user?.enabled ? user.id : '';
  const secrets = await context.store.credentials.list({ user_id: id, type: 'totp' });
  await context.logins.check(client, {
    ...{ account: `totp ${user?.id ?? named.id ?? named.name ?? ''}`, user_id: user?.id, secret: named.passcode },
    test: (passcode) => secrets.some(({ blob }) => isPasscode(blob, passcode)),
  });
  return { user: user!, methods: ['totp'] };
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
  // A trust is limited in the same way, and is used once for each token.
  if (parent.trust)
    throw forbiddenAction('Using trust-scoped token to create another token. Create a new trust-scoped token instead');
  const { federation, methods } = parent;
  return { user, methods: [...new Set([...methods, 'token'])], parent, ...(federation && { federation }) };
}

async function findUser(context: IdentityContext, { id, name, domain }: NamedUser): Promise<User | undefined> {
  if (id !== undefined) return context.store.users.find({ id });
  if (name === undefined) throw expecting('id or name', 'user');
  if (!domain) throw expecting('domain', 'user');
  const home = await findDomain(context, domain);
  if (!home) return undefined;
  // A directory does not tell case apart.
  const known = context.directory?.owns({ domain_id: home.id }) ? context.directory.idOf(name) : undefined;
  return context.store.users.find(known === undefined ? { domain_id: home.id, name } : { id: known });
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
