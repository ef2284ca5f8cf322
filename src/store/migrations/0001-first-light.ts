/** The schema of the first release. Types are the common ground of SQLite and PostgreSQL; JSON is text. */
import type { CreateTableBuilder, Kysely, Migration } from 'kysely';
import { dialectOf } from '../dialect/dialect.ts';

type Column = readonly [
  name: string,
  type: 'text' | 'integer' | 'bigint' | 'boolean',
  mark?: 'null' | 'unique' | 'unique null' | 'primary',
];

const tables: Record<string, readonly Column[]> = {
  nodes: [
    ['uuid', 'text', 'unique'],
    ['name', 'text', 'null'],
    ['driver', 'text'],
    ['power_interface', 'text'],
    ['management_interface', 'text'],
    ['boot_interface', 'text'],
    ['deploy_interface', 'text'],
    ['console_interface', 'text'],
    ['driver_info', 'text'],
    ['properties', 'text'],
    ['extra', 'text'],
    ['instance_info', 'text'],
    ['resource_class', 'text', 'null'],
    ['traits', 'text'],
    ['description', 'text', 'null'],
    ['owner', 'text', 'null'],
    ['provision_state', 'text'],
    ['target_provision_state', 'text', 'null'],
    ['power_state', 'text', 'null'],
    ['target_power_state', 'text', 'null'],
    ['maintenance', 'boolean'],
    ['maintenance_reason', 'text', 'null'],
    ['fault', 'text', 'null'],
    ['last_error', 'text', 'null'],
    ['instance_uuid', 'text', 'null'],
    ['operation_id', 'text', 'null'],
    ['failures', 'integer'],
    ['inventory', 'text', 'null'],
    ['created_at', 'text'],
    ['updated_at', 'text'],
    ['provision_updated_at', 'text', 'null'],
  ],
  node_ports: [
    ['uuid', 'text', 'unique'],
    ['node_uuid', 'text'],
    ['address', 'text', 'unique'],
    ['pxe_enabled', 'boolean'],
    ['local_link_connection', 'text'],
    ['extra', 'text'],
    ['vif_port_id', 'text', 'unique null'],
    ['created_at', 'text'],
    ['updated_at', 'text'],
  ],
  flavors: [
    ['id', 'text', 'primary'],
    ['name', 'text', 'unique'],
    ['vcpus', 'integer'],
    ['ram', 'integer'],
    ['disk', 'integer'],
    ['ephemeral', 'integer'],
    ['swap', 'integer'],
    ['is_public', 'boolean'],
    ['description', 'text', 'null'],
    ['extra_specs', 'text'],
    ['created_at', 'text'],
  ],
  keypairs: [
    ['name', 'text'],
    ['user_id', 'text'],
    ['type', 'text'],
    ['public_key', 'text'],
    ['fingerprint', 'text'],
    ['created_at', 'text'],
  ],
  images: [
    ['id', 'text', 'primary'],
    ['name', 'text', 'null'],
    ['status', 'text'],
    ['visibility', 'text'],
    ['owner', 'text'],
    ['disk_format', 'text', 'null'],
    ['container_format', 'text', 'null'],
    ['min_disk', 'integer'],
    ['min_ram', 'integer'],
    ['size', 'bigint', 'null'],
    ['virtual_size', 'bigint', 'null'],
    ['checksum', 'text', 'null'],
    ['os_hash_algo', 'text', 'null'],
    ['os_hash_value', 'text', 'null'],
    ['protected', 'boolean'],
    ['tags', 'text'],
    ['properties', 'text'],
    ['created_at', 'text'],
    ['updated_at', 'text'],
  ],
  networks: [
    ['id', 'text', 'primary'],
    ['name', 'text'],
    ['project_id', 'text'],
    ['admin_state_up', 'boolean'],
    ['shared', 'boolean'],
    ['external', 'boolean'],
    ['mtu', 'integer'],
    ['provider', 'text'],
    ['description', 'text'],
    ['created_at', 'text'],
    ['updated_at', 'text'],
  ],
  subnets: [
    ['id', 'text', 'primary'],
    ['name', 'text'],
    ['network_id', 'text'],
    ['project_id', 'text'],
    ['ip_version', 'integer'],
    ['cidr', 'text'],
    ['gateway_ip', 'text', 'null'],
    ['enable_dhcp', 'boolean'],
    ['dns_nameservers', 'text'],
    ['allocation_pools', 'text'],
    ['host_routes', 'text'],
    ['description', 'text'],
    ['created_at', 'text'],
    ['updated_at', 'text'],
  ],
  ports: [
    ['id', 'text', 'primary'],
    ['name', 'text'],
    ['network_id', 'text'],
    ['project_id', 'text'],
    ['mac_address', 'text'],
    ['fixed_ips', 'text'],
    ['device_id', 'text'],
    ['device_owner', 'text'],
    ['admin_state_up', 'boolean'],
    ['status', 'text'],
    ['description', 'text'],
    ['owned_by_server', 'boolean'],
    ['created_at', 'text'],
    ['updated_at', 'text'],
  ],
  servers: [
    ['id', 'text', 'primary'],
    ['name', 'text'],
    ['hostname', 'text'],
    ['project_id', 'text'],
    ['user_id', 'text'],
    ['flavor', 'text'],
    ['image_id', 'text', 'null'],
    ['key_name', 'text', 'null'],
    ['public_key', 'text', 'null'],
    ['user_data', 'text', 'null'],
    ['metadata', 'text'],
    ['personality', 'text'],
    ['port_ids', 'text'],
    ['requested_networks', 'text', 'null'],
    ['availability_zone', 'text', 'null'],
    ['description', 'text', 'null'],
    ['locked', 'boolean'],
    ['vm_state', 'text'],
    ['task_state', 'text', 'null'],
    ['preserve_ephemeral', 'boolean'],
    ['node_uuid', 'text', 'null'],
    ['fault', 'text', 'null'],
    ['created_at', 'text'],
    ['updated_at', 'text'],
    ['launched_at', 'text', 'null'],
    ['terminated_at', 'text', 'null'],
  ],
  operations: [
    ['id', 'text', 'primary'],
    ['kind', 'text'],
    ['purpose', 'text'],
    ['node_uuid', 'text'],
    ['server_id', 'text', 'null'],
    ['request', 'text'],
    ['context', 'text'],
    ['state', 'text'],
    ['step', 'text'],
    ['step_started_at', 'text'],
    ['waiting_for', 'text', 'null'],
    ['deadline_at', 'text', 'null'],
    ['fault', 'text', 'null'],
    ['created_at', 'text'],
    ['updated_at', 'text'],
    ['ended_at', 'text', 'null'],
  ],
  events: [
    ['at', 'text'],
    ['kind', 'text'],
    ['node_uuid', 'text', 'null'],
    ['server_id', 'text', 'null'],
    ['operation_id', 'text', 'null'],
    ['subject', 'text'],
    ['message', 'text'],
    ['duration_ms', 'bigint', 'null'],
    ['data', 'text'],
  ],
  users: [
    ['id', 'text', 'primary'],
    ['name', 'text', 'unique'],
    ['password_hash', 'text'],
    ['project_id', 'text'],
    ['is_admin', 'boolean'],
  ],
  projects: [
    ['id', 'text', 'primary'],
    ['name', 'text', 'unique'],
    ['description', 'text'],
  ],
  revoked_tokens: [
    ['token_hash', 'text', 'primary'],
    ['expires_at', 'text'],
  ],
};

/** Tables whose `id` the database counts up. */
const counted = new Set(['nodes', 'node_ports', 'events']);

const indexes: readonly (readonly [table: string, columns: readonly string[]])[] = [
  ['nodes', ['provision_state']],
  ['nodes', ['instance_uuid']],
  ['node_ports', ['node_uuid']],
  ['subnets', ['network_id']],
  ['ports', ['network_id']],
  ['ports', ['device_id']],
  ['servers', ['vm_state']],
  ['operations', ['state']],
  ['operations', ['node_uuid']],
  ['events', ['node_uuid', 'id']],
  ['events', ['server_id', 'id']],
];

export const migration0001: Migration = {
  async up(db: Kysely<unknown>) {
    for (const [table, columns] of Object.entries(tables)) await addTable(db, table, columns);
    await db.schema.createIndex('nodes_name').on('nodes').column('name').unique().execute();
    await db.schema.createIndex('keypairs_owner').on('keypairs').columns(['user_id', 'name']).unique().execute();
    for (const [table, columns] of indexes) {
      await db.schema
        .createIndex(`${table}_by_${columns.join('_')}`)
        .on(table)
        .columns([...columns])
        .execute();
    }
  },
};

async function addTable(db: Kysely<unknown>, table: string, columns: readonly Column[]): Promise<void> {
  let builder: CreateTableBuilder<string, string> = db.schema.createTable(table);
  if (counted.has(table)) builder = addCountedId(db, builder);
  for (const [name, type, mark] of columns) {
    builder = builder.addColumn(name, type, (column) => {
      if (mark === 'primary') return column.primaryKey();
      const checked = mark?.includes('null') ? column : column.notNull();
      return mark?.includes('unique') ? checked.unique() : checked;
    });
  }
  await builder.execute();
}

function addCountedId(db: Kysely<unknown>, builder: CreateTableBuilder<string, string>): CreateTableBuilder<string, string> {
  if (dialectOf(db).name === 'postgres') return builder.addColumn('id', 'serial', (column) => column.primaryKey());
  return builder.addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement());
}
