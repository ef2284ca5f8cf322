/** Questions to the directory. Each has a connection of its own, which begins as Ingot's user. */
import { setImmediate } from 'node:timers/promises';
import { Fault } from '#domain/faults.ts';
import { readAuthorities } from '#images/fetch/authorities.ts';
import { type LdapAddress, LdapConnection } from '#wire/ldap/client.ts';
import { foldName } from '#wire/ldap/distinguished-name.ts';
import { allOf, type Filter, isEqualTo, parseFilter } from '#wire/ldap/filter.ts';
import type { Entry } from '#wire/ldap/messages.ts';
import type { LdapSettings } from '../settings.ts';
import { type DirectoryGroup, type DirectoryUser, groupOf, memberKeyOf, userOf } from './entries.ts';

export type Contents = {
  readonly users: readonly DirectoryUser[];
  readonly groups: readonly DirectoryGroup[];
  /** Entries without an id or a name, or with those of another one. */
  readonly unusable: number;
};

export type FoundUser = { readonly user: DirectoryUser; readonly groups: readonly DirectoryGroup[] };

/** Groups that one user may be in. */
const groupsOfUser = 1000;
/** Users with one name or id: more than one is refused. */
const namesakes = 100;

type Kind = 'user' | 'group';

/** Where the entries of a kind are, which of those are meant, and what is asked about them. */
type Tree = { readonly base: string; readonly filter: Filter; readonly attributes: readonly string[] };

export class LdapReader {
  readonly #settings: LdapSettings;
  readonly #authorities: string | undefined;
  readonly #trees: Readonly<Record<Kind, Tree>>;

  /** @throws Fault `badRequest` that names the setting */
  constructor(settings: LdapSettings) {
    this.#settings = settings;
    const file = settings['ldap.tls_cacertfile'];
    this.#authorities = file === '' ? undefined : readAuthorities('ldap.tls_cacertfile', file);
    if (settings['ldap.user_tree_dn'] === '') throw wrongSetting('ldap.user_tree_dn', 'is missing');
    if ((settings['ldap.user'] === '') !== (settings['ldap.password'] === ''))
      throw wrongSetting('ldap.user', 'needs ldap.password, and the other way round');
    this.#trees = treesOf(settings);
  }

  /** All users and groups. @throws LdapError, never a part of them */
  readAll(signal: AbortSignal): Promise<Contents> {
    return this.#connected(signal, async (session) => {
      const users = await this.#search(session, { kind: 'user', entries: this.#settings['ldap.users_max'] });
      const groups = await this.#search(session, { kind: 'group', entries: this.#settings['ldap.groups_max'] });
      const found = {
        users: unique(await inSlices(users, (entry) => userOf(entry, this.#settings))),
        groups: unique(await this.#groups(groups)),
      };
      return { ...found, unusable: users.length + groups.length - found.users.length - found.groups.length };
    });
  }

  /**
   * The user of this name with this password; undefined if there is none, or more than one. The last thing that happens on
   * a connection is the login of the user. @throws LdapError
   */
  async logIn(name: string, password: string, signal: AbortSignal): Promise<FoundUser | undefined> {
    if (password === '') return undefined;
    return this.#connected(signal, async (session) => {
      const user = await this.#findByName(session, name);
      if (!user) return undefined;
      const groups = await this.#groupsOf(session, user);
      const isRight = await session.connection.checkPassword(user.dn, password, session.deadline());
      return isRight ? { user, groups } : undefined;
    });
  }

  /** Name and id must be of this entry alone. */
  async #findByName(session: Session, name: string): Promise<DirectoryUser | undefined> {
    const named = await this.#findOne(session, 'ldap.user_name_attribute', name);
    // The directory may compare otherwise than the limit on guesses does.
    if (!named || foldName(named.name) !== foldName(name)) return undefined;
    const identified = await this.#findOne(session, 'ldap.user_id_attribute', named.local_id);
    return identified?.dn === named.dn ? named : undefined;
  }

  async #findOne(
    session: Session,
    setting: 'ldap.user_name_attribute' | 'ldap.user_id_attribute',
    value: string,
  ): Promise<DirectoryUser | undefined> {
    const filter = isEqualTo(this.#settings[setting], value);
    const [entry, ...others] = await this.#search(session, { kind: 'user', entries: namesakes, filter });
    return entry && others.length === 0 ? userOf(entry, this.#settings) : undefined;
  }

  async #groupsOf(session: Session, user: DirectoryUser): Promise<DirectoryGroup[]> {
    const member = this.#settings['ldap.group_members_are_ids'] ? user.local_id : user.dn;
    const filter = isEqualTo(this.#settings['ldap.group_member_attribute'], member);
    const found = await this.#search(session, { kind: 'group', entries: groupsOfUser, filter });
    const key = memberKeyOf(user, this.#settings);
    return unique(await this.#groups(found)).filter(({ members }) => key !== undefined && members.has(key));
  }

  #groups(entries: readonly Entry[]): Promise<(DirectoryGroup | undefined)[]> {
    return inSlices(entries, (entry) => groupOf(entry, this.#settings));
  }

  async #search({ connection, deadline }: Session, { kind, entries, filter }: Question): Promise<Entry[]> {
    const tree = this.#trees[kind];
    if (tree.base === '') return [];
    const scope = this.#settings['ldap.query_scope'];
    const search = { ...tree, scope, filter: filter ? allOf(tree.filter, filter) : tree.filter };
    return connection.search(search, { entries, pageSize: this.#settings['ldap.page_size'] }, deadline);
  }

  async #connected<T>(signal: AbortSignal, work: (session: Session) => Promise<T>): Promise<T> {
    const deadline = () => AbortSignal.any([signal, AbortSignal.timeout(this.#settings['ldap.connection_timeout'] * 1000)]);
    const connection = await this.#open(deadline);
    try {
      if (this.#settings['ldap.user'] !== '')
        await connection.bind(this.#settings['ldap.user'], this.#settings['ldap.password'], deadline());
      return await work({ connection, deadline });
    } finally {
      connection.close();
    }
  }

  /** Of the first server that can be reached. */
  async #open(deadline: () => AbortSignal): Promise<LdapConnection> {
    let last: unknown;
    for (const url of this.#settings['ldap.url']) {
      try {
        return await LdapConnection.open(addressOf(url, this.#settings['ldap.use_tls'], this.#authorities), deadline());
      } catch (error) {
        last = error;
      }
    }
    throw last;
  }
}

type Session = { readonly connection: LdapConnection; readonly deadline: () => AbortSignal };
type Question = { readonly kind: Kind; readonly entries: number; readonly filter?: Filter };

/** Milliseconds after which others have their turn: groups may have hundreds of thousands of members. */
const sliceMs = 20;

async function inSlices<From, To>(all: readonly From[], work: (each: From) => To): Promise<To[]> {
  const done: To[] = [];
  let began = performance.now();
  for (const each of all) {
    done.push(work(each));
    if (performance.now() - began < sliceMs) continue;
    await setImmediate();
    began = performance.now();
  }
  return done;
}

/** Without those that are unusable, and without all that have the same id or the same name: none of them is sure to be the right one. */
function unique<T extends { readonly local_id: string; readonly name: string }>(found: readonly (T | undefined)[]): T[] {
  const usable = found.filter((each) => each !== undefined);
  const ids = countsOf(usable.map(({ local_id }) => foldName(local_id)));
  const names = countsOf(usable.map(({ name }) => foldName(name)));
  return usable.filter(({ local_id, name }) => ids.get(foldName(local_id)) === 1 && names.get(foldName(name)) === 1);
}

function countsOf(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

function addressOf(url: string, asksForTls: boolean, authorities: string | undefined): LdapAddress {
  const { protocol, hostname, port } = new URL(url);
  const isTls = protocol === 'ldaps:';
  const host = hostname.replace(/^\[|\]$/g, '');
  const security = isTls ? 'tls' : asksForTls ? 'starttls' : 'none';
  return { host, port: port === '' ? (isTls ? 636 : 389) : Number(port), security, authorities };
}

function treesOf(settings: LdapSettings): Record<Kind, Tree> {
  return {
    user: {
      base: settings['ldap.user_tree_dn'],
      filter: filterOf('ldap.user_filter', settings['ldap.user_filter'], settings['ldap.user_objectclass']),
      attributes: unrepeated([
        ...[settings['ldap.user_id_attribute'], settings['ldap.user_name_attribute'], settings['ldap.user_mail_attribute']],
        ...[settings['ldap.user_enabled_attribute'], settings['ldap.user_description_attribute']],
      ]),
    },
    group: {
      base: settings['ldap.group_tree_dn'],
      filter: filterOf('ldap.group_filter', settings['ldap.group_filter'], settings['ldap.group_objectclass']),
      attributes: unrepeated([
        ...[settings['ldap.group_id_attribute'], settings['ldap.group_name_attribute']],
        ...[settings['ldap.group_desc_attribute'], settings['ldap.group_member_attribute']],
      ]),
    },
  };
}

const unrepeated = (names: readonly string[]) => [...new Set(names)];

function filterOf(setting: string, text: string, objectClass: string): Filter {
  const isOfClass = isEqualTo('objectClass', objectClass);
  if (text === '') return isOfClass;
  try {
    return allOf(isOfClass, parseFilter(text));
  } catch (error) {
    throw wrongSetting(setting, `is no filter of LDAP: ${(error as Error).message}`);
  }
}

function wrongSetting(setting: string, problem: string): Fault {
  return new Fault('badRequest', { detail: `setting ${setting} ${problem}` });
}
