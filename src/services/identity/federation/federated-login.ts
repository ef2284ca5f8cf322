/** Logins by the access token of an identity provider: its user becomes one here, in the groups that the mapping says. */
import { randomInt } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import { type Assertion, type Mapped, type MappedGroup, MappingError, mapAssertion } from '#domain/federation/mapping-rules.ts';
import type { Store } from '#store/store.ts';
import type { FederationMapping, IdentityProvider } from '#store/tables/federation.ts';
import type { User } from '#store/tables/users.ts';
import { issueFor } from '../authenticate.ts';
import type { IdentityContext } from '../context.ts';
import { publicId } from '../directory/public-id.ts';
import { findDomain } from '../domains.ts';
import { isEnough } from '../factor-rules.ts';
import type { LoginClient } from '../login-guard.ts';
import { refuseDuplicates } from '../unique-names.ts';
import { newUser } from '../users.ts';
import type { Claims, IssuerOfTokens } from './contract.ts';
import { replaceFederatedGroups } from './federated-groups.ts';
import { getMapping } from './mappings.ts';
import { getProtocol, getProvider } from './providers.ts';

export type FederatedLogin = {
  readonly idp_id: string;
  readonly protocol_id: string;
  /** What the issuer says about who logs in. */
  readonly claims: (issuer: IssuerOfTokens) => Promise<Claims>;
};

/** Of one provider, whose users would otherwise fill the database. */
const usersMost = 50_000;
const longestValue = 4096;
const valuesMost = 1000;

/** An unscoped token. @throws Fault `unauthorized`, `forbidden`, `notFound`, `identityProviderUnavailable` */
export async function logInFederated(
  context: IdentityContext,
  client: LoginClient,
  { idp_id, protocol_id, claims }: FederatedLogin,
) {
  const { store } = context;
  const provider = await getProvider(context, idp_id);
  if (!provider.enabled) throw new Fault('forbidden', { detail: `Identity Provider ${idp_id} is disabled` });
  const protocol = await getProtocol(context, { idp_id, id: protocol_id });
  const issuer = issuerOf(context);
  const assertion = assertionOf(await claims(issuer));
  const [remote_id = ''] = protocol.remote_id_attribute ? (assertion.get(protocol.remote_id_attribute) ?? []) : [issuer.name];
  if (!provider.remote_ids.includes(remote_id)) {
    const detail = 'Incoming identity provider identifier not included among the accepted identifiers.';
    throw new Fault('forbidden', { detail });
  }
  const mapping = await getMapping(context, protocol.mapping_id);
  const mapped = mappedBy(mapping, assertion, client);
  const groups = await groupIdsOf(context, mapping, mapped.groups);
  const ends = Date.now() + issuer.sessionMs;
  const holds = provider.authorization_ttl === null ? ends : Date.now() + provider.authorization_ttl * 60_000;
  const user = await store.transaction(async (trx) => {
    const shadow = await shadowUser(trx, provider, mapped);
    await replaceFederatedGroups(trx, shadow.id, { groups, expires_at: new Date(Math.max(ends, holds)).toISOString() });
    return { ...shadow, token_revision: (await trx.users.find({ id: shadow.id }))?.token_revision ?? 0 };
  });
  if (!isEnough(user.options, [protocol_id])) throw new Fault('unauthorized');
  const federation = { identity_provider: idp_id, protocol: protocol_id };
  return issueFor(context, { user, methods: [protocol_id], federation, notAfter: new Date(ends).toISOString() }, 'unscoped');
}

/** @throws Fault `forbidden` */
export function issuerOf({ issuer }: Pick<IdentityContext, 'issuer'>): IssuerOfTokens {
  if (issuer) return issuer;
  throw new Fault('forbidden', { detail: 'No issuer of OpenID Connect is known here: the setting oidc.issuer names it.' });
}

/**
 * Under the names that mod_auth_openidc gives them, as a header and as a variable, with Keystone's usual prefix. Two claims with
 * the same name as a header have none: whoever may choose one of them would choose for both.
 */
function assertionOf(claims: Claims): Assertion {
  const assertion = new Map<string, readonly string[]>();
  for (const [name, value] of Object.entries(claims)) {
    const values = textsOf(value);
    for (const shown of [`OIDC-${name}`, `OIDC_CLAIM_${name}`, `HTTP_OIDC_${name.toUpperCase().replaceAll('-', '_')}`])
      assertion.set(shown, assertion.has(shown) ? [] : values);
  }
  return assertion;
}

/** All or nothing: rules may be about a value that is not there. */
function textsOf(value: unknown): readonly string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  const texts = values.length > valuesMost ? [] : values.flatMap(textOf);
  return texts.length === values.length ? texts : [];
}

function textOf(value: unknown): string[] {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return [];
  const text = String(value);
  return text.length > longestValue ? [] : [text];
}

function mappedBy(mapping: FederationMapping, assertion: Assertion, { log }: LoginClient): Mapped {
  try {
    return mapAssertion(mapping.rules, assertion);
  } catch (error) {
    if (!(error instanceof MappingError)) throw error;
    log.warn({ mapping_id: mapping.id, detail: error.message }, 'a mapping does not fit the claims of an access token');
    throw new Fault('authenticationFailed', { detail: 'Could not map any federated user properties to identity values.' }, error);
  }
}

/** Ids must exist, as in Keystone; names that do not are left out. A directory alone says who is in its groups. */
async function groupIdsOf(
  { store, directory }: IdentityContext,
  mapping: FederationMapping,
  groups: readonly MappedGroup[],
): Promise<string[]> {
  const found = new Set<string>();
  for (const group of groups) {
    if ('id' in group) {
      const identified = await store.groups.find({ id: group.id });
      if (!identified || directory?.owns(identified)) {
        const detail = `Group ${group.id} returned by mapping ${mapping.id} was not found in the backend.`;
        throw new Fault('authenticationFailed', { detail });
      }
      found.add(group.id);
      continue;
    }
    const domain = await findDomain({ store }, group.domain);
    const named = domain && (await store.groups.find({ domain_id: domain.id, name: group.name }));
    if (named && !directory?.owns(named)) found.add(named.id);
  }
  return [...found];
}

/** Its id is made as Keystone makes it of the domain and of what the provider calls the user. */
async function shadowUser(store: Store, { domain_id }: IdentityProvider, { user }: Mapped): Promise<User> {
  const local_id = user.id ?? user.name;
  const name = user.name ?? user.id;
  if (!isText(local_id) || !isText(name))
    throw new Fault('authenticationFailed', {
      detail:
        'Could not map user while setting ephemeral user identity. Either mapping rules must specify user id/name or REMOTE_USER environment variable must be set.',
    });
  const id = publicId({ domain_id, entity_type: 'user', local_id: encodeURIComponent(local_id) });
  const email = isText(user.email) ? user.email : '';
  const former = await store.users.find({ id });
  if (former && former.origin !== 'federated') throw new Fault('conflict', { detail: `The id ${id} is that of another user.` });
  if (former) {
    if (former.name !== name || former.email !== email) await named(store.users.update({ id }, { name, email }), name);
    return { ...former, name, email };
  }
  if ((await store.users.count({ domain_id, origin: 'federated' })) >= usersMost)
    throw new Fault('forbidden', { detail: `The domain ${domain_id} has ${usersMost} users of identity providers already.` });
  // As for users of a directory: a token of a user who was deleted does not become valid again by a new one.
  const own = { id, origin: 'federated', email, token_revision: randomInt(2 ** 30) } as const;
  return named(store.users.insert({ ...newUser(name, domain_id), ...own }), name);
}

function isText(text: string | undefined): text is string {
  return text !== undefined && text !== '' && text.length <= 255 && text.isWellFormed() && !/\p{Cc}/u.test(text);
}

/** Who has a name keeps it: roles are assigned to users by their names. */
function named<R>(writing: Promise<R>, name: string): Promise<R> {
  return refuseDuplicates(writing, 'user', `Another user of this domain has the name ${name}`);
}
