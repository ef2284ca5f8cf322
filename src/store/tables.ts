/** The tables for Kysely, and their columns with JSON or booleans, for which SQLite has no types. */
import type { Generated } from 'kysely';
import { resourceName, sizeOf } from '#domain/placement.ts';
import type {
  BmcHealthRecord,
  Event,
  Flavor,
  Image,
  JsonObject,
  Keypair,
  Network,
  Node,
  NodePort,
  Operation,
  Port,
  Server,
  Subnet,
} from '#domain/records.ts';

type WithGeneratedId<T extends { id: number }> = Omit<T, 'id'> & { id: Generated<number> };

export type User = {
  id: string;
  name: string;
  password_hash: string;
  /** Tokens with a lower revision are revoked. */
  token_revision: number;
  /** Default project; empty: none. */
  project_id: string;
  /** Administrator in every project (the user from the settings); others get roles by assignment. */
  is_admin: boolean;
  enabled: boolean;
  description: string;
  email: string;
};
export type RoleName = 'admin' | 'member' | 'reader';
export type RoleAssignment = { user_id: string; project_id: string; role: RoleName };
/** A secret that authenticates a user in one project, limited to the listed roles. */
export type ApplicationCredential = {
  id: string;
  name: string;
  user_id: string;
  project_id: string;
  roles: RoleName[];
  secret_hash: string;
  description: string;
  expires_at: string | null;
};
export type Project = { id: string; name: string; description: string };
/** At most one row: the key that encrypts the secrets in the database. */
export type SecretsKey = {
  id: string;
  made_at: string;
  /** When the file was rewritten to remove earlier plain text; null: still to be done. */
  rewritten_at: string | null;
};
/** Its id must not be reused. */
export type DeletedImage = { id: string; deleted_at: string };
/** Tokens are signed, and only revocations are stored: this token and all derived from it are revoked. */
export type RevokedToken = { audit_id: string; expires_at: string };
/** The user's tokens for the project with a lower revision are revoked; no row: 0. */
export type ProjectTokenRevision = { user_id: string; project_id: string; revision: number };
/** A network from which the user logged in (`client-address.ts`), and the time of the last login. */
export type LoginAddress = { user_id: string; address: string; last_at: string };

/** The address of a network port. */
export type IpAllocation = {
  ip_address: string;
  /** Sorts in address order (`allocationKey`). */
  sort_key: string;
  subnet_id: string;
  port_id: string;
};

/** Sizes for choosing a node, in separate columns, because JSON has no index. */
type NodeSizes = {
  /** null: not in the node's properties. */
  size_cpus: Generated<number | null>;
  size_memory_mb: Generated<number | null>;
  size_local_gb: Generated<number | null>;
  resource_name: Generated<string>;
};

/** Endpoints by which nodes are controlled; see Endpoint in the drivers. */
export type NodeEndpoint = { node_uuid: string; address: string; part: string | null };

export type Tables = {
  nodes: WithGeneratedId<Node> & NodeSizes;
  node_ports: WithGeneratedId<NodePort>;
  bmc_health: BmcHealthRecord;
  node_endpoints: NodeEndpoint;
  flavors: Flavor;
  keypairs: Keypair;
  images: Image;
  deleted_images: DeletedImage;
  networks: Network;
  subnets: Subnet;
  ports: Port;
  ip_allocations: IpAllocation;
  servers: Server;
  operations: Operation;
  events: WithGeneratedId<Event>;
  users: User;
  projects: Project;
  revoked_tokens: RevokedToken;
  project_token_revisions: ProjectTokenRevision;
  login_addresses: LoginAddress;
  role_assignments: RoleAssignment;
  application_credentials: ApplicationCredential;
  secrets_key: SecretsKey;
};

export type TableName = keyof Tables;

/** A column derived from another: written with it, and not part of the record. */
type DerivedColumn = { readonly from: string; derive(value: never): number | string | null };
type ColumnKinds = {
  /** JSON columns stored encrypted, which therefore cannot be searched. */
  readonly sealed?: readonly string[];
  readonly json: readonly string[];
  readonly boolean: readonly string[];
  readonly derived?: Readonly<Record<string, DerivedColumn>>;
};

export const columnKindsTable: Record<TableName, ColumnKinds> = {
  nodes: {
    json: ['driver_info', 'properties', 'extra', 'instance_info', 'traits', 'inventory', 'known_disks'],
    sealed: ['driver_info'],
    boolean: ['maintenance', 'must_clean', 'console_enabled', 'secure_boot'],
    derived: {
      size_cpus: { from: 'properties', derive: ({ cpus }: JsonObject) => sizeOf(cpus) },
      size_memory_mb: { from: 'properties', derive: ({ memory_mb }: JsonObject) => sizeOf(memory_mb) },
      size_local_gb: { from: 'properties', derive: ({ local_gb }: JsonObject) => sizeOf(local_gb) },
      resource_name: { from: 'resource_class', derive: resourceName },
    },
  },
  node_ports: { json: ['local_link_connection', 'extra'], boolean: ['pxe_enabled'] },
  bmc_health: { json: [], boolean: [] },
  node_endpoints: { json: [], boolean: [] },
  flavors: { json: ['extra_specs'], boolean: ['is_public'] },
  keypairs: { json: [], boolean: [] },
  images: { json: ['tags', 'properties'], boolean: ['protected', 'uploaded_by_admin'] },
  deleted_images: { json: [], boolean: [] },
  networks: { json: ['provider'], boolean: ['admin_state_up', 'shared', 'external'] },
  subnets: { json: ['dns_nameservers', 'allocation_pools', 'host_routes'], boolean: ['enable_dhcp'] },
  ports: { json: ['fixed_ips'], boolean: ['admin_state_up', 'owned_by_server'] },
  ip_allocations: { json: [], boolean: [] },
  servers: {
    json: ['flavor', 'metadata', 'personality', 'port_ids', 'requested_networks', 'fault'],
    boolean: ['locked', 'preserve_ephemeral'],
  },
  operations: { json: ['request', 'context', 'fault'], sealed: ['request', 'context'], boolean: [] },
  events: { json: ['data'], boolean: [] },
  users: { json: [], boolean: ['is_admin', 'enabled'] },
  projects: { json: [], boolean: [] },
  revoked_tokens: { json: [], boolean: [] },
  project_token_revisions: { json: [], boolean: [] },
  login_addresses: { json: [], boolean: [] },
  role_assignments: { json: [], boolean: [] },
  application_credentials: { json: ['roles'], boolean: [] },
  secrets_key: { json: [], boolean: [] },
};
