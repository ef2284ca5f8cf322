/** MariaDB and Debian's Keystone, Glance and Neutron, behind uWSGI as their packages start them. They exit with this process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pause } from '#async/timers.ts';
import { runCommand } from '#build/run-command.ts';
import { descendantsOf } from './descendants.ts';
import { configFiles, databases, folder, type MoreConfig, type PeerName, password, ports, urlOf } from './peer-config.ts';

export const packages = [
  ...['keystone', 'glance-api', 'neutron-server', 'neutron-plugin-ml2', 'uwsgi-core', 'uwsgi-plugin-python3'],
  ...['mariadb-server', 'python3-pymysql', 'python3-openstackclient'],
];

const maxWaitMs = 900_000;
const environment = ['env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'LANG=C.UTF-8', 'HOME=/root'];
const socket = `--socket=${folder}/mysql.sock`;
const neutronFiles = ['/etc/neutron/neutron.conf', '/etc/neutron/plugins/ml2/ml2_conf.ini'];

/**
 * What the init scripts of the packages add to the files of uWSGI. With the threads of their files, a worker that gets 16
 * connections at once stops for ever (keystone 22.0, neutron 21.0): its threads wait for locks of each other.
 */
const wordsFor: Readonly<Record<PeerName, readonly string[]>> = {
  keystone: ['--threads', '1'],
  glance: ['--threads', '1'],
  neutron: ['--threads', '1', '--pyargv', neutronFiles.map((file) => `--config-file=${file}`).join(' ')],
};
const iniOf: Readonly<Record<PeerName, string>> = {
  keystone: '/etc/keystone/keystone-uwsgi.ini',
  glance: '/etc/glance/glance-api-uwsgi.ini',
  neutron: '/etc/neutron/neutron-api-uwsgi.ini',
};

/** `words`: more for uWSGI, in place of what the files of the packages say. */
export type PeerOptions = { readonly config?: MoreConfig; readonly words?: Readonly<Record<PeerName, readonly string[]>> };

export class PeerServices {
  readonly #root: string;
  readonly #logs: string;
  readonly #more: MoreConfig;
  readonly #words: PeerOptions['words'];
  readonly #children: { name: string; child: ChildProcess }[] = [];

  /** @param root of Debian with `packages` @param logs folder for the output of each service */
  constructor(root: string, logs: string, { config = {}, words }: PeerOptions = {}) {
    this.#root = root;
    this.#logs = logs;
    this.#more = config;
    this.#words = words;
  }

  /** With empty databases. */
  async start(): Promise<void> {
    const state = join(this.#root, folder);
    rmSync(state, { recursive: true, force: true });
    for (const name of ['mysql', 'lock']) mkdirSync(join(state, name), { recursive: true });
    mkdirSync(this.#logs, { recursive: true });
    for (const [file, text] of Object.entries(configFiles(this.#more))) writeFileSync(join(this.#root, file), text);
    writeFileSync(join(this.#root, 'etc/hosts'), '127.0.0.1 localhost\n');
    await this.#startDatabase();
    await this.#createSchemas();
    for (const name of databases) this.#startApi(name);
    for (const name of databases) await this.#until(`${name} responds`, () => isAnswering(urlOf(name)));
  }

  /** Statements of SQL in a database. @returns what they print */
  query(database: PeerName, text: string): Promise<string> {
    return this.#run(['mariadb', '-uroot', socket, '--skip-column-names', database, '-e', text]);
  }

  /** Of all services and the database. */
  pids(): number[] {
    return this.#children.flatMap(({ child }) => descendantsOf(child.pid as number));
  }

  async stop(): Promise<void> {
    const ends = this.#children.map(({ child }) => new Promise((resolve) => child.once('close', resolve)));
    const all = this.pids();
    for (const { child } of this.#children) child.kill('SIGKILL');
    // The workers of uWSGI outlive a master that is killed.
    for (const pid of all) end(pid);
    await Promise.all(ends);
  }

  async #startDatabase(): Promise<void> {
    const place = ['--user=root', `--datadir=${folder}/mysql`];
    await this.#run(['mariadb-install-db', ...place, '--auth-root-authentication-method=normal', '--skip-test-db']);
    const limits = ['--skip-networking', '--innodb-flush-log-at-trx-commit=0', '--max-connections=2000'];
    this.#spawn('mariadb', ['mariadbd', '--no-defaults', ...place, socket, ...limits]);
    const query = (text: string) => this.#run(['mariadb', '-uroot', socket, '-e', text]);
    await this.#until('MariaDB responds', () => query('SELECT 1').then(...succeeds));
    for (const name of databases) await query(`CREATE DATABASE ${name} CHARACTER SET utf8`);
  }

  async #createSchemas(): Promise<void> {
    const owner = ['--keystone-user', 'keystone', '--keystone-group', 'keystone'];
    const url = `${urlOf('keystone')}/v3`;
    const site = ['--bootstrap-password', password, '--bootstrap-region-id', 'RegionOne', '--bootstrap-public-url', url];
    const inside = ['--bootstrap-internal-url', url, '--bootstrap-admin-url', url];
    for (const name of ['fernet-keys', 'credential-keys'])
      rmSync(join(this.#root, 'etc/keystone', name), { recursive: true, force: true });
    await this.#run(['keystone-manage', 'db_sync']);
    await this.#run(['keystone-manage', 'fernet_setup', ...owner]);
    await this.#run(['keystone-manage', 'credential_setup', ...owner]);
    await this.#run(['keystone-manage', 'bootstrap', ...site, ...inside]);
    await this.#run(['glance-manage', 'db_sync']);
    await this.#run(['neutron-db-manage', ...neutronFiles.flatMap((file) => ['--config-file', file]), 'upgrade', 'heads']);
  }

  #startApi(name: PeerName): void {
    // The profile that Keystone's file names is loaded by the host's AppArmor.
    const ini = `${folder}/${name}.ini`;
    const file = join(this.#root, iniOf[name]);
    writeFileSync(join(this.#root, ini), withoutAppArmor(file));
    const words = ['--http-socket', `127.0.0.1:${ports[name]}`, '--ini', ini, ...wordsFor[name]];
    this.#spawn(name, ['uwsgi_python3', ...words, ...(this.#words?.[name] ?? [])]);
  }

  #run(words: readonly string[]): Promise<string> {
    return runCommand('chroot', [this.#root, ...environment, ...words], { timeoutMs: maxWaitMs });
  }

  #spawn(name: string, words: readonly string[]): void {
    const command = ['--pdeathsig', 'KILL', '--', 'chroot', this.#root, ...environment, ...words];
    const log = openSync(join(this.#logs, `${name}.log`), 'w');
    this.#children.push({ name, child: spawn('setpriv', command, { stdio: ['ignore', log, log] }) });
    closeSync(log);
  }

  /** A service that has ended ends the wait. */
  async #until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + maxWaitMs;
    while (!(await holds())) {
      const gone = this.#children.find(({ child }) => child.exitCode !== null || child.signalCode !== null);
      if (gone) throw new Error(`${gone.name} has ended; see ${join(this.#logs, `${gone.name}.log`)}`);
      if (Date.now() > deadline) throw new Error(`not in time: ${what}; see ${this.#logs}`);
      await pause(300);
    }
  }
}

const succeeds = [() => true, () => false] as const;

function isAnswering(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(60_000) }).then(
    ({ status }) => status < 500,
    () => false,
  );
}

function withoutAppArmor(file: string): string {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines
    .filter((line) => !line.startsWith('apparmor'))
    .join('\n')
    .replace('python3,apparmor', 'python3');
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended with its master.
  }
}
