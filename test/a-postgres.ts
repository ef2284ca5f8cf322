/** A PostgreSQL server of its own, on a socket in a temporary folder, for tests; it keeps nothing. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, readdir, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';

const run = promisify(execFile);
const programs = '/usr/lib/postgresql';
const startMs = 30_000;

/** Most tests copy a database of nine hundred files: in memory that costs a fraction of what it costs on a disk. */
const memory = { folder: '/dev/shm', leastBytes: 2 * 1024 ** 3 };

export type PostgresServer = {
  /** URL of a database of this server. */
  urlOf(database: string): string;
  /** Creates a database, as a copy of another if there is a template. */
  create(database: string, template?: string): Promise<string>;
  drop(database: string): Promise<void>;
  /** Ends all sessions, as a failover or a restart of the server does. */
  cutSessions(): Promise<void>;
  stop(): Promise<void>;
};

/** Why there can be none here; undefined: there can. */
export async function whyNoPostgres(): Promise<string | undefined> {
  return (await findPrograms()) ? undefined : 'needs PostgreSQL (Debian package postgresql-15)';
}

async function findPrograms(): Promise<string | undefined> {
  const versions = await readdir(programs).catch(() => []);
  const newest = versions
    .map(Number)
    .filter(Number.isInteger)
    .sort((a, b) => b - a)[0];
  return newest === undefined ? undefined : join(programs, String(newest), 'bin');
}

/** Nothing of it needs to survive, not even this process. The locale sorts text otherwise than SQLite does. */
const initOptions = [
  '-N',
  '-A',
  'trust',
  '-E',
  'UTF8',
  '--locale=C',
  '--locale-provider=icu',
  '--icu-locale=en-US',
  '-U',
  'ingot',
];
const serverSettings = {
  ...{ listen_addresses: '', fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', wal_level: 'minimal' },
  ...{
    max_wal_senders: '0',
    max_wal_size: '256MB',
    autovacuum: 'off',
    max_connections: '300',
    shared_buffers: '64MB',
    log_min_messages: 'fatal',
  },
};

export async function startPostgres(): Promise<PostgresServer> {
  const bin = await findPrograms();
  if (!bin) throw new Error('PostgreSQL is not installed');
  const folder = await mkdtemp(join(await roomyFolder(), 'ingot-postgres-'));
  const user = await serverUser();
  await chown(folder, user.uid ?? process.getuid?.() ?? 0, user.gid ?? process.getgid?.() ?? 0);
  const data = join(folder, 'data');
  await run(join(bin, 'initdb'), ['-D', data, ...initOptions], { ...user, cwd: folder });
  const settings = Object.entries({ ...serverSettings, unix_socket_directories: folder });
  const server = spawn(join(bin, 'postgres'), ['-D', data, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])], {
    ...user,
    cwd: folder,
    stdio: 'ignore',
  });
  const ended = once(server, 'exit');
  // A test that fails to start must not leave it behind.
  const endWithUs = () => server.kill('SIGQUIT');
  process.once('exit', endWithUs);
  const close = async () => {
    process.off('exit', endWithUs);
    server.ref();
    // SIGINT: fast shutdown, which ends the sessions.
    server.kill('SIGINT');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  const fixture = fixtureOf(folder, close);
  await untilReady(fixture, ended).catch(async (error) => {
    await close();
    throw error;
  });
  server.unref();
  return fixture;
}

async function roomyFolder(): Promise<string> {
  const room = await statfs(memory.folder).catch(() => undefined);
  return room && room.bavail * room.bsize >= memory.leastBytes ? memory.folder : tmpdir();
}

/** The server refuses to run as root. */
async function serverUser(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {};
  const [uid, gid] = await Promise.all(['-u', '-g'].map(async (flag) => Number((await run('id', [flag, 'postgres'])).stdout)));
  return { uid: uid ?? 0, gid: gid ?? 0 };
}

function fixtureOf(folder: string, stop: () => Promise<void>): PostgresServer {
  const urlOf = (database: string) => `postgresql://ingot@localhost/${database}?host=${folder}&query_timeout=${longestMs}`;
  return { ...databasesAt(urlOf), stop };
}

/** The longest of a timer: tests that put the clock forward let no query time out. */
const longestMs = 2 ** 31 - 1;

/** The databases of a server, by the URL of one of them. */
export function databasesAt(urlOf: (database: string) => string): Omit<PostgresServer, 'stop'> {
  const command = async (text: string) => {
    const client = new Client({ connectionString: urlOf('postgres') });
    try {
      await client.connect();
      await client.query(text);
    } finally {
      await client.end();
    }
  };
  return {
    urlOf,
    async create(database, template) {
      // FILE_COPY: half the time of the default, which writes each page to the log.
      const copied = template === undefined ? '' : ` TEMPLATE "${template}" STRATEGY FILE_COPY`;
      await command(`CREATE DATABASE "${database}"${copied}`);
      return urlOf(database);
    },
    drop: (database) => command(`DROP DATABASE IF EXISTS "${database}" WITH (FORCE)`),
    cutSessions: () => command(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ingot'`),
  };
}

async function untilReady(fixture: PostgresServer, ended: Promise<unknown>): Promise<void> {
  const deadline = performance.now() + startMs;
  let isEnded = false;
  void ended.then(() => {
    isEnded = true;
  });
  for (;;) {
    try {
      return await fixture.drop('none');
    } catch (error) {
      if (isEnded || performance.now() > deadline) throw new Error('PostgreSQL did not start', { cause: error });
      await pause(50);
    }
  }
}
