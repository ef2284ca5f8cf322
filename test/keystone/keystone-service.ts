/** Debian's Keystone in its root folder, with SQLite. It exits with this process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { runCommand } from '#build/run-command.ts';

export const packages = ['keystone'];
export const adminPassword = 'of the first user';

/** In the root folder. */
const folder = '/srv/keystone';
const maxWaitMs = 600_000;
const environment = ['env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'LANG=C.UTF-8', 'HOME=/root'];

/** Without its cache, which holds a revoked token to be valid for a while. */
const settings = `[cache]
enabled = false
[credential]
key_repository = ${folder}/credential
[database]
connection = sqlite:///${folder}/keystone.sqlite
sqlite_synchronous = false
[identity]
password_hash_rounds = 4
[fernet_tokens]
key_repository = ${folder}/fernet
`;

export class KeystoneService {
  readonly url: string;
  readonly #root: string;
  readonly #port: number;
  #child: ChildProcess | undefined;

  /** @param root as created by `ensureDebianRoot` with `packages` */
  constructor(root: string, port: number) {
    this.#root = root;
    this.#port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** With an empty database, and the user, project and roles of `keystone-manage bootstrap`. */
  async install(): Promise<void> {
    const state = join(this.#root, folder);
    rmSync(state, { recursive: true, force: true });
    mkdirSync(state, { recursive: true });
    writeFileSync(join(state, 'keystone.conf'), settings);
    const owner = ['--keystone-user', 'root', '--keystone-group', 'root'];
    await this.#manage('fernet_setup', ...owner);
    await this.#manage('credential_setup', ...owner);
    await this.#manage('db_sync');
    // Keystone's connections that read would keep its own writes waiting until they fail.
    const database = new DatabaseSync(join(state, 'keystone.sqlite'));
    database.exec('PRAGMA journal_mode = WAL');
    database.close();
    const place = ['--bootstrap-public-url', `${this.url}/v3`, '--bootstrap-region-id', 'RegionOne'];
    await this.#manage('bootstrap', '--bootstrap-password', adminPassword, ...place);
  }

  async start(): Promise<void> {
    const program = ['keystone-wsgi-public', '--port', String(this.#port)];
    const variables = [`OS_KEYSTONE_CONFIG_FILES=${folder}/keystone.conf`];
    const words = ['--pdeathsig', 'KILL', '--', 'chroot', this.#root, ...environment, ...variables, ...program];
    const log = openSync(join(this.#root, folder, 'log'), 'a');
    const child = spawn('setpriv', words, { stdio: ['ignore', log, log] });
    closeSync(log);
    this.#child = child;
    const end = Date.now() + maxWaitMs;
    while (!(await fetch(`${this.url}/v3`).then(...succeeds))) {
      if (child.exitCode !== null || Date.now() > end) throw new Error(`Keystone does not respond; see ${folder}/log`);
      await pause(200);
    }
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  #manage(...words: readonly string[]): Promise<string> {
    const command = [...environment, 'keystone-manage', `--config-file=${folder}/keystone.conf`, ...words];
    return runCommand('chroot', [this.#root, ...command], { timeoutMs: maxWaitMs });
  }
}

const succeeds = [() => true, () => false] as const;
