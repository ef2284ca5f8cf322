/** MariaDB, RabbitMQ, Placement and Nova in their root folder. They exit with this process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { runCommand } from '#build/run-command.ts';
import { type Cloud, configText, databases, databaseUrl, folder, novaPort, placementPort } from './nova-config.ts';

export const packages = [
  ...['nova-api', 'nova-conductor', 'nova-scheduler', 'nova-compute', 'nova-compute-ironic', 'genisoimage'],
  ...['placement-api', 'mariadb-server', 'rabbitmq-server', 'python3-pymysql', 'python3-ironicclient'],
];

/** Long enough for emulated machines: a deployment, or a start of the services. */
const maxWaitMs = 1_800_000;
const configFile = `${folder}/placement.conf`;
const environment = ['env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'LANG=C.UTF-8', 'HOME=/root'];
/** One scheduler thread: the broker carries a handful of messages. */
const rabbit = {
  ...{ RABBITMQ_MNESIA_BASE: `${folder}/rabbit`, RABBITMQ_LOG_BASE: `${folder}/rabbit`, HOME: `${folder}/rabbit` },
  ...{ RABBITMQ_NODENAME: 'rabbit@localhost', RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1' },
  RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 1:1',
};

export class NovaServices {
  readonly #root: string;
  readonly #logs: string;
  readonly #children: { name: string; child: ChildProcess }[] = [];

  /** @param root as created by `ensureDebianRoot` with `packages` @param logs folder for the output of each service */
  constructor(root: string, logs: string) {
    this.#root = root;
    this.#logs = logs;
  }

  async start(cloud: Cloud): Promise<void> {
    const state = join(this.#root, folder);
    rmSync(state, { recursive: true, force: true });
    for (const name of ['mysql', 'rabbit', 'instances', 'lock']) mkdirSync(join(state, name), { recursive: true });
    mkdirSync(this.#logs, { recursive: true });
    // Placement reads the file of this name in its folder.
    writeFileSync(join(this.#root, configFile), configText(cloud), { mode: 0o600 });
    writeFileSync(join(this.#root, 'etc/hosts'), '127.0.0.1 localhost\n');
    await runCommand('mount', ['-t', 'proc', 'proc', join(this.#root, 'proc')]);
    await this.#startDatabase();
    this.#spawn(
      'rabbitmq',
      Object.entries(rabbit).map((pair) => pair.join('=')),
      ['/usr/lib/rabbitmq/bin/rabbitmq-server'],
    );
    await this.#createSchemas();
    const listen = ['--host', '127.0.0.1', '--port', String(placementPort)];
    this.#spawn('placement', [`OS_PLACEMENT_CONFIG_DIR=${folder}`], ['placement-api', ...listen]);
    await this.until('Placement responds', () => isAnswering(`http://127.0.0.1:${placementPort}/`));
    for (const program of ['nova-conductor', 'nova-scheduler', 'nova-compute', 'nova-api'])
      this.#spawn(program, [], [program, `--config-file=${configFile}`]);
    await this.until('Nova responds', () => isAnswering(`http://127.0.0.1:${novaPort}/`));
  }

  stop(): void {
    for (const { child } of this.#children) child.kill('SIGKILL');
  }

  /** Waits for a condition; a service that has ended ends the wait. */
  async until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + maxWaitMs;
    while (!(await holds())) {
      const gone = this.#children.find(({ child }) => child.exitCode !== null || child.signalCode !== null);
      if (gone) throw new Error(`${gone.name} has ended; see ${join(this.#logs, `${gone.name}.log`)}`);
      if (Date.now() > end) throw new Error(`not in time: ${what}; see ${this.#logs}`);
      await pause(300);
    }
  }

  async #startDatabase(): Promise<void> {
    const place = ['--user=root', `--datadir=${folder}/mysql`];
    await this.#run(['mariadb-install-db', ...place, '--auth-root-authentication-method=normal', '--skip-test-db']);
    const socket = `--socket=${folder}/mysql.sock`;
    const options = ['--no-defaults', ...place, socket, '--skip-networking', '--innodb-flush-log-at-trx-commit=0'];
    this.#spawn('mariadb', [], ['mariadbd', ...options]);
    const query = (text: string) => this.#run(['mariadb', '-uroot', socket, '-e', text]);
    await this.until('MariaDB responds', () => query('SELECT 1').then(...succeeds));
    for (const name of databases) await query(`CREATE DATABASE ${name} CHARACTER SET utf8`);
  }

  async #createSchemas(): Promise<void> {
    const manage = (...words: string[]) => this.#run(['nova-manage', `--config-file=${configFile}`, ...words]);
    await manage('api_db', 'sync');
    await manage('cell_v2', 'map_cell0', '--database_connection', databaseUrl('nova_cell0'));
    await manage('db', 'sync');
    await manage('cell_v2', 'create_cell', '--name=cell1');
    await this.#run(['placement-manage', `--config-file=${configFile}`, 'db', 'sync']);
  }

  #run(words: readonly string[]): Promise<string> {
    return runCommand('chroot', [this.#root, ...environment, ...words], { timeoutMs: maxWaitMs });
  }

  #spawn(name: string, variables: readonly string[], words: readonly string[]): void {
    const command = ['--pdeathsig', 'KILL', '--', 'chroot', this.#root, ...environment, ...variables, ...words];
    // A file rather than a pipe, which processes that RabbitMQ leaves behind would keep open.
    const log = openSync(join(this.#logs, `${name}.log`), 'w');
    this.#children.push({ name, child: spawn('setpriv', command, { stdio: ['ignore', log, log] }) });
    closeSync(log);
  }
}

const succeeds = [() => true, () => false] as const;

function isAnswering(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(10_000) }).then(...succeeds);
}
