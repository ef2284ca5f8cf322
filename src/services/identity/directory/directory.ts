/**
 * An LDAP directory as the users and groups of a domain, read-only as in Keystone. Passwords are checked by the directory
 * itself; all else is asked of a copy (`copy.ts`), which is refused once it is older than `ldap.cache_time`: then neither
 * the users nor their tokens are taken, while those of other domains are.
 */
import { raceAbort } from '#async/abort.ts';
import { LongTimer } from '#async/timers.ts';
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import { foldName } from '#wire/ldap/distinguished-name.ts';
import { LdapError, LdapResultError } from '#wire/ldap/ldap-error.ts';
import type { LdapSettings } from '../settings.ts';
import type { DirectoryOfDomain } from './contract.ts';
import { copyDirectory, copyUser, membershipsMost, userIdIn } from './copy.ts';
import { memberKeyOf } from './entries.ts';
import { type Contents, LdapReader } from './ldap-reader.ts';

export type DirectoryLog = {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
};

type Options = {
  readonly store: Store;
  readonly settings: LdapSettings;
  readonly log: DirectoryLog;
  readonly domain_id: string;
};

/** How long logins are refused at once after the directory could not be reached, so that none waits for its deadline. */
const awayMs = 5_000;
const retryMs = 15_000;

export class Directory implements DirectoryOfDomain {
  readonly domain_id: string;
  readonly #options: Options;
  readonly #reader: LdapReader;
  readonly #cacheMs: number;
  readonly #timer = new LongTimer();
  readonly #stopped = new AbortController();
  readonly #recentLogins = new Set<string>();
  /** By their names, as `foldName` writes them: logins of names that do not exist would otherwise read all rows. */
  #ids = new Map<string, string>();
  #reading: Promise<void> = Promise.resolve();
  /** Monotonic, of when reading began. */
  #readAt = Number.NEGATIVE_INFINITY;
  #awayUntil = 0;
  #problem = 'it has not been read yet';
  #isAway = false;

  /** @throws Fault `badRequest` that names a setting */
  constructor(options: Options) {
    this.domain_id = options.domain_id;
    this.#options = options;
    this.#reader = new LdapReader(options.settings);
    this.#cacheMs = Math.max(options.settings['ldap.cache_time'], 1) * 1000;
  }

  /** Reads the directory now, and again and again. */
  start(): void {
    this.#reading = this.#read().then((isRead) => {
      if (this.#stopped.signal.aborted) return;
      this.#timer.set(isRead ? this.#cacheMs / 2 : Math.min(this.#cacheMs / 4, retryMs), () => this.start());
    });
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#timer.clear();
    await this.#reading;
  }

  owns({ domain_id }: { readonly domain_id: string }): boolean {
    return domain_id === this.domain_id;
  }

  idOf(name: string): string | undefined {
    return this.#ids.get(foldName(name));
  }

  async refuseOutdated(user: { readonly domain_id: string }): Promise<void> {
    if (!this.owns(user) || this.#isCurrent()) return;
    const signal = AbortSignal.timeout(this.#options.settings['ldap.connection_timeout'] * 1000);
    await raceAbort(this.#reading, signal).catch(() => {});
    if (!this.#isCurrent()) throw this.#unavailable(this.#problem);
  }

  async logIn(name: string, password: string): Promise<string | undefined> {
    if (performance.now() < this.#awayUntil) throw this.#unavailable(this.#problem);
    try {
      const found = await this.#reader.logIn(name, password, this.#stopped.signal);
      this.#noteReached();
      if (!found) return undefined;
      const id = await copyUser(this.#options.store, this.domain_id, found);
      this.#recentLogins.add(id);
      this.#ids.set(foldName(found.user.name), id);
      return id;
    } catch (error) {
      if (!(error instanceof LdapError)) throw error;
      // A result is about this one request: the next one may succeed.
      if (!(error instanceof LdapResultError)) this.#awayUntil = performance.now() + awayMs;
      this.#noteAway(error);
      throw this.#unavailable(error.message, error);
    }
  }

  #isCurrent(): boolean {
    return performance.now() - this.#readAt < this.#cacheMs;
  }

  async #read(): Promise<boolean> {
    const began = performance.now();
    this.#recentLogins.clear();
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(this.#cacheMs)]);
    try {
      const contents = await this.#reader.readAll(signal);
      const written = await this.#copy(contents);
      const { users, groups, unusable } = contents;
      this.#ids = new Map(users.map((user) => [foldName(user.name), userIdIn(this.domain_id, user)]));
      const counts = { users: users.length, groups: groups.length, unusable, written };
      if (this.#readAt === Number.NEGATIVE_INFINITY) this.#options.log.info(counts, 'read the LDAP directory');
      if (unusable > 0)
        this.#options.log.warn(
          { unusable },
          'entries of the LDAP directory are left out: no id or name of their own, or a wrong one',
        );
      this.#readAt = began;
      this.#noteReached();
      return true;
    } catch (error) {
      if (!this.#stopped.signal.aborted) this.#noteAway(error as Error);
      return false;
    }
  }

  #copy({ users, groups }: Contents): Promise<number> {
    const members = groups.reduce((sum, group) => sum + group.members.size, 0);
    if (members > membershipsMost) throw new LdapError(`its groups have more than ${membershipsMost} members`);
    const { store, settings } = this.#options;
    const keyOf = (user: (typeof users)[number]) => memberKeyOf(user, settings);
    return copyDirectory(store, this.domain_id, { users, groups, memberKeyOf: keyOf, except: this.#recentLogins });
  }

  #noteReached(): void {
    this.#awayUntil = 0;
    if (this.#isAway) this.#options.log.info({ domain_id: this.domain_id }, 'the LDAP directory can be asked again');
    this.#isAway = false;
  }

  #noteAway(error: Error): void {
    this.#problem = error instanceof LdapError ? error.message : 'its users could not be written';
    const fields = { domain_id: this.domain_id, detail: this.#problem, ...(!(error instanceof LdapError) && { err: error }) };
    if (!this.#isAway)
      this.#options.log.error(
        fields,
        'the LDAP directory cannot be asked: after ldap.cache_time its users are refused with status 503',
      );
    this.#isAway = true;
  }

  #unavailable(detail: string, cause?: Error): Fault {
    return new Fault('directoryUnavailable', { detail }, cause);
  }
}
