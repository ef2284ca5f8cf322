/** The directory that the settings name, with its domain. */
import { isIP } from 'node:net';
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import { createDomain, defaultDomainId, findDomain } from '../domains.ts';
import type { KeystoneSettings, LdapSettings } from '../settings.ts';
import { removeDirectoryUser } from './copy.ts';
import { Directory, type DirectoryLog } from './directory.ts';

type Parts = {
  readonly store: Store;
  readonly settings: LdapSettings & Pick<KeystoneSettings, 'keystone.auth_url'>;
  readonly log: DirectoryLog;
};

/** It is to be started. @throws Fault `badRequest` that names a setting */
export async function openDirectory({ store, settings, log }: Parts): Promise<Directory | undefined> {
  const urls = settings['ldap.url'];
  if (urls.length === 0) {
    await forgetUsers(store, undefined);
    return undefined;
  }
  if (settings['keystone.auth_url'] !== '')
    throw refused('ldap.url', 'cannot be used with keystone.auth_url: that Keystone has the users');
  const domain_id = await ensureDomain(store, settings['ldap.domain_name']);
  const directory = new Directory({ store, settings, log, domain_id });
  await forgetUsers(store, domain_id);
  const open = urls.filter((url) => isReadable(url, settings['ldap.use_tls']));
  if (open.length > 0)
    log.warn({ urls: open }, 'passwords are sent to the LDAP directory in the clear: use ldaps or ldap.use_tls');
  return directory;
}

/** A directory that the settings no longer name says nothing about its users, so that they are none. */
async function forgetUsers(store: Store, kept: string | undefined): Promise<void> {
  for (const { id, domain_id } of await store.users.pick(['id', 'domain_id'], { origin: 'ldap' }))
    if (domain_id !== kept) await store.transaction((trx) => removeDirectoryUser(trx, id));
}

/** Not one with users of its own: those would be hidden, or taken for others. */
async function ensureDomain(store: Store, name: string): Promise<string> {
  if (name === '') throw refused('ldap.domain_name', 'is missing');
  const domain = (await findDomain({ store }, { name })) ?? (await createDomain({ store }, { name }));
  const { id } = domain;
  if (id === defaultDomainId)
    throw refused('ldap.domain_name', `names ${domain.name}, which has the administrator of the settings`);
  const [provider] = await store.identity_providers.list({ domain_id: id });
  if (provider) throw refused('ldap.domain_name', `names ${domain.name}, which is that of the identity provider ${provider.id}`);
  const [user] = await store.users.list({ domain_id: id, origin: ['local', 'federated'] }, { limit: 1 });
  const group = (await store.groups.list({ domain_id: id })).find((each) => !/^[0-9a-f]{64}$/.test(each.id));
  const own = user ?? group;
  if (own) throw refused('ldap.domain_name', `names ${domain.name}, which has users or groups of its own, such as ${own.name}`);
  return id;
}

function isReadable(url: string, asksForTls: boolean): boolean {
  const { protocol, hostname } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const isLocal = host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
  return protocol === 'ldap:' && !asksForTls && !isLocal;
}

function refused(setting: string, problem: string): Fault {
  return new Fault('badRequest', { detail: `setting ${setting} ${problem}` });
}
