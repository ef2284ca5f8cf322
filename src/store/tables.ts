/** The tables as Kysely sees them, and which of their columns hold JSON or booleans in databases without such types. */
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
  /** Tokens issued at a lower one are void. */
  token_revision: number;
  /** Default project; empty = none. */
  project_id: string;
  /** Administrator in every project (the user of the settings); others get roles by assignment. */
  is_admin: boolean;
  enabled: boolean;
  description: string;
  email: string;
};
export type RoleName = 'admin' | 'member' | 'reader';
export type RoleAssignment = { user_id: string; project_id: string; role: RoleName };
/** A secret that stands for a user in one project, with no more than the roles it names. */
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
/** One row at most: the key that the secrets in the database are sealed with. */
export type SecretsKey = {
  id: string;
  made_at: string;
  /** When the file was written anew without what stood there in plain text; null = that is still to be done. */
  rewritten_at: string | null;
};
/** Its id is nobody's again. */
export type DeletedImage = { id: string; deleted_at: string };
/** Tokens are signed, and only revoked ones are rows: this one and all that descend from it are void. */
export type RevokedToken = { audit_id: string; expires_at: string };
/** Tokens of the user for the project that were issued at a lower revision are void; no row = 0. */
export type ProjectTokenRevision = { user_id: string; project_id: string; revision: number };
/** A network from which the user logged in (`client-address.ts`), and when last. */
export type LoginAddress = { user_id: string; address: string; last_at: string };

/** An address that a network port has. */
export type IpAllocation = {
  ip_address: string;
  /** Sorts as the addresses do (`allocationKey`). */
  sort_key: string;
  subnet_id: string;
  port_id: string;
};

/** What the choice of a node is made by, in columns of their own: JSON has no index. */
type NodeSizes = {
  /** null = the node's properties do not say. */
  size_cpus: Generated<number | null>;
  size_memory_mb: Generated<number | null>;
  size_local_gb: Generated<number | null>;
  resource_name: Generated<string>;
};

/** What nodes are commanded by; see Endpoint of the drivers. */
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

/** A column that follows from another: written with it, and no part of the record. */
type DerivedColumn = { readonly from: string; derive(value: never): number | string | null };
type ColumnKinds = {
  /** Columns of `json` that stand in the database encrypted: nobody can search in them. */
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
