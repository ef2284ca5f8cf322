/**
 * The embedded database: one collection per kind of record. Any part may read; only the engine changes nodes and
 * servers.
 */
import { dirname, join, resolve } from 'node:path';
import { Kysely } from 'kysely';
import { Fault } from '#domain/faults.ts';
import { Collection } from './collection.ts';
import { EventLog } from './events.ts';
import { migrate } from './migrate.ts';
import type { Sealer } from './sealing.ts';
import { openSealer } from './secrets-key.ts';
import { sqliteDialect } from './sqlite.ts';
import { stateFiles } from './state-files.ts';
import { keepPrivate } from './state-folder.ts';
import type { ApplicationCredential } from './tables/application-credentials.ts';
import type { BmcHealthRecord } from './tables/bmc-health.ts';
import type { DeletedImage } from './tables/deleted-images.ts';
import type { Flavor } from './tables/flavors.ts';
import type { Image } from './tables/images.ts';
import type { IpAllocation } from './tables/ip-allocations.ts';
import type { Keypair } from './tables/keypairs.ts';
import type { LoginAddress } from './tables/login-addresses.ts';
import type { Network } from './tables/networks.ts';
import type { NodeEndpoint } from './tables/node-endpoints.ts';
import type { NodePort } from './tables/node-ports.ts';
import type { Node } from './tables/nodes.ts';
import type { Operation } from './tables/operations.ts';
import type { Port } from './tables/ports.ts';
import type { ProjectTokenRevision } from './tables/project-token-revisions.ts';
import type { Project } from './tables/projects.ts';
import type { RevokedToken } from './tables/revoked-tokens.ts';
import type { RoleAssignment } from './tables/role-assignments.ts';
import type { Server } from './tables/servers.ts';
import type { Subnet } from './tables/subnets.ts';
import type { User } from './tables/users.ts';
import type { Tables } from './tables.ts';

export class Store {
  readonly db: Kysely<Tables>;
  readonly nodes: Collection<Node>;
  readonly node_ports: Collection<NodePort>;
  readonly bmc_health: Collection<BmcHealthRecord>;
  readonly node_endpoints: Collection<NodeEndpoint>;
  readonly flavors: Collection<Flavor>;
  readonly keypairs: Collection<Keypair>;
  readonly images: Collection<Image>;
  readonly deleted_images: Collection<DeletedImage>;
  readonly networks: Collection<Network>;
  readonly subnets: Collection<Subnet>;
  readonly ports: Collection<Port>;
  /** Written only by `engine/servers/addresses.ts`, together with `fixed_ips` of the port. */
  readonly ip_allocations: Collection<IpAllocation>;
  readonly servers: Collection<Server>;
  readonly operations: Collection<Operation>;
  readonly users: Collection<User>;
  readonly projects: Collection<Project>;
  readonly revoked_tokens: Collection<RevokedToken>;
  readonly project_token_revisions: Collection<ProjectTokenRevision>;
  readonly login_addresses: Collection<LoginAddress>;
  readonly role_assignments: Collection<RoleAssignment>;
  readonly application_credentials: Collection<ApplicationCredential>;
  readonly events: EventLog;

  readonly #sealer: Sealer | undefined;

  /** @param sealer absent: secrets are stored in plain text, for in-memory tests */
  constructor(db: Kysely<Tables>, events?: EventLog, sealer?: Sealer) {
    this.db = db;
    this.#sealer = sealer;
    this.nodes = new Collection(db, 'nodes', sealer);
    this.node_ports = new Collection(db, 'node_ports');
    this.node_endpoints = new Collection(db, 'node_endpoints');
    this.bmc_health = new Collection(db, 'bmc_health');
    this.flavors = new Collection(db, 'flavors');
    this.keypairs = new Collection(db, 'keypairs');
    this.images = new Collection(db, 'images');
    this.deleted_images = new Collection(db, 'deleted_images');
    this.networks = new Collection(db, 'networks');
    this.subnets = new Collection(db, 'subnets');
    this.ports = new Collection(db, 'ports');
    this.ip_allocations = new Collection(db, 'ip_allocations');
    this.servers = new Collection(db, 'servers');
    this.operations = new Collection(db, 'operations', sealer);
    this.users = new Collection(db, 'users');
    this.projects = new Collection(db, 'projects');
    this.revoked_tokens = new Collection(db, 'revoked_tokens');
    this.project_token_revisions = new Collection(db, 'project_token_revisions');
    this.login_addresses = new Collection(db, 'login_addresses');
    this.role_assignments = new Collection(db, 'role_assignments');
    this.application_credentials = new Collection(db, 'application_credentials');
    this.events = events ?? new EventLog(db);
  }

  /**
   * Runs `work` in one transaction. It must use the given store and await only the database: SQLite has one writer, so
   * a slow transaction blocks all others.
   */
  transaction<R>(work: (trx: Store) => Promise<R>): Promise<R> {
    return this.db.transaction().execute((trx) => work(new Store(trx, this.events, this.#sealer)));
  }

  async close(): Promise<void> {
    await this.events.close();
    await this.db.destroy();
  }
}

export function databaseFile(stateDir: string): string {
  return `${stateDir}/ingot.sqlite`;
}

/** @param file path, or `:memory:` for tests. One process at a time: a second one gets `stateFolder` */
export function openDatabase(file: string): Kysely<Tables> {
  try {
    if (file !== ':memory:') keepPrivate(file);
    return new Kysely<Tables>({ dialect: sqliteDialect(file) });
  } catch (error) {
    throw databaseFault(file, error as Error);
  }
}

/** SQLite's result codes (sqlite.org/rescode.html): 5 busy, 6 locked. */
function databaseFault(file: string, error: Error & { errcode?: number }): Fault {
  const isTaken = error.errcode === 5 || error.errcode === 6;
  const detail = isTaken ? 'another Ingot is using it' : `its database does not open: ${error.message}`;
  return new Fault('stateFolder', { path: dirname(file), detail }, error);
}

/**
 * Opens and migrates the database.
 * @param keyFile file of the encryption key. Throws `secretsKey` if it is missing or wrong
 */
export async function openStore(file: string, keyFile = secretsKeyFile('', dirname(file))): Promise<Store> {
  const db = openDatabase(file);
  try {
    await migrate(db);
    return new Store(db, undefined, file === ':memory:' ? undefined : await openSealer(db, keyFile));
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

/** @param setting `secrets.key_file` */
export function secretsKeyFile(setting: string, stateDir: string): string {
  return setting === '' ? join(stateDir, stateFiles.secretsKey) : resolve(setting);
}
