/** Migrates a database of the first microversions, with rows in it, to the current schema. */

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { Kysely, Migrator } from 'kysely';
import { aStore, databaseOf } from '#test/a-store.ts';
import { sqliteDialect } from './dialect/sqlite.ts';
import { migrate } from './migrate.ts';
import { migration0001 } from './migrations/0001-first-light.ts';
import { migration0002 } from './migrations/0002-identity.ts';
import { migration0003 } from './migrations/0003-must-clean.ts';
import { migration0004 } from './migrations/0004-every-bmc.ts';
import { openStore } from './store.ts';

// biome-ignore lint/suspicious/noExplicitAny: the tables of former versions
type Tables = Record<string, any>;

const former = {
  '0001-first-light': migration0001,
  '0002-identity': migration0002,
  '0003-must-clean': migration0003,
  '0004-every-bmc': migration0004,
};
const later = [
  '0005-large-fleets',
  '0006-later-ironic',
  '0007-boot-states',
  '0008-sealed-secrets',
  '0009-token-revisions',
  '0010-deleted-images',
  '0011-ip-allocations',
  '0014-node-endpoints',
  '0015-machine-identity',
  '0016-server-records',
  '0018-field-names',
  '0019-scopes',
  '0020-node-revision',
  '0022-timed-waits',
  '0023-chassis',
  '0025-list-indexes',
  '0030-port-groups',
  '0031-node-port-names',
  '0032-volumes',
  '0034-allocations',
  '0040-config-drives',
  '0041-console-tickets',
  '0042-node-reservations',
  '0043-failed-logins',
  '0044-event-subscriptions',
  '0045-api-steps',
  '0047-node-flags',
  '0050-records-of-steps',
  '0051-inspections',
  '0052-node-health',
  '0054-fetched-images',
  '0058-node-locks',
  '0059-lessees',
  '0060-server-locks',
  '0061-port-bindings',
  '0062-raid',
  '0063-automatic-lessees',
  '0064-held-addresses',
  '0065-inspection-by-bmc',
  '0066-firmware-updates',
  '0070-project-tree',
  '0071-groups-and-roles',
  '0072-catalogue',
  '0073-credentials',
  '0074-user-options',
  '0080-image-members',
  '0081-hidden-images',
  '0082-image-tasks',
  '0085-security-groups',
  '0086-network-revisions',
  '0087-rbac-policies',
  '0090-access-rules',
  '0091-limits',
  '0092-endpoint-filter',
  '0100-metadefs',
  '0101-equal-images',
  '0105-address-scopes',
  '0110-port-attributes',
  '0111-trunks',
  '0115-routers',
  '0120-fewer-event-indexes',
  '0130-trusts',
  '0131-unrestricted-credentials',
  '0132-password-rules',
  '0135-users-from-outside',
  '0136-federation',
  '0145-subnet-pools',
  '0146-qos',
  '0147-availability-zones',
  '0148-ipv6-modes',
  '0149-service-types',
  '0160-default-security-group-rules',
  '0161-dns-names',
  '0175-network-agents',
  '0176-network-segments',
  '0177-port-bindings',
  '0186-server-tags',
  '0187-flavor-access',
];
const at = '2026-11-22T14:20:08.000Z';

/** A text value for text columns, 0 for numbers: the columns required at that time. */
function insert(database: DatabaseSync, table: string, fields: Record<string, string | number | null>): void {
  const columns = database.prepare('SELECT name, type, "notnull" AS required, pk FROM pragma_table_info(?)').all(table);
  const empty = (type: unknown) => (/int|bool|num|real|double/i.test(String(type)) ? 0 : '');
  const required = columns.filter(({ required, pk, type }) => required === 1 && !(pk === 1 && type === 'INTEGER'));
  const row = { ...Object.fromEntries(required.map(({ name, type }) => [String(name), empty(type)])), ...fields };
  const names = Object.keys(row);
  const places = names.map(() => '?').join(', ');
  database.prepare(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${places})`).run(...Object.values(row));
}

/** The schema, and the migrations that created it. */
function schemaOf(file: string): unknown[] {
  const database = new DatabaseSync(file, { readOnly: true });
  const objects = database.prepare('SELECT name, sql FROM sqlite_master ORDER BY name').all();
  const ran = database.prepare('SELECT name FROM kysely_migration ORDER BY name').all();
  database.close();
  return [objects, ran];
}

const bags = { driver_info: '{}', extra: '{}', instance_info: '{}', traits: '[]', provision_state: 'available', driver: 'fake' };
const nodeRows: [properties: string, resourceClass: string | null, columns: unknown[]][] = [
  ['{"cpus":4,"memory_mb":8192,"local_gb":100}', null, [4, 8192, 100, 'CUSTOM_']],
  ['{"cpus":"8","memory_mb":"16384","local_gb":"200"}', 'baremetal.gold', [8, 16384, 200, 'CUSTOM_BAREMETAL_GOLD']],
  ['{}', 'CUSTOM_x', [null, null, null, 'CUSTOM_X']],
  ['{"cpus":"many","memory_mb":null,"local_gb":""}', null, [0, null, null, 'CUSTOM_']],
];

async function aFormerDatabase(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-former-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'ingot.sqlite');
  const db = new Kysely<Tables>({ dialect: sqliteDialect(file) });
  const { error } = await new Migrator({ db, provider: { getMigrations: async () => former } }).migrateToLatest();
  await db.destroy();
  assert.equal(error, undefined);
  const database = new DatabaseSync(file);
  for (const [index, [properties, resource_class]] of nodeRows.entries()) {
    const node = { ...bags, uuid: `node-${index}`, properties, resource_class, created_at: at, updated_at: at };
    insert(database, 'nodes', { ...node, driver_info: `{"ipmi_password":"s3cret${index}"}` });
    const port = { uuid: `port-${index}`, node_uuid: node.uuid, address: `aa:bb:cc:00:00:0${index}` };
    insert(database, 'node_ports', { ...port, extra: '{}', local_link_connection: '{}', created_at: at, updated_at: at });
  }
  const operation = { id: 'operation', node_uuid: 'node-0', state: 'done', request: '{"password":"s3cret"}', context: '{}' };
  insert(database, 'operations', { ...operation, created_at: at, updated_at: at, ended_at: at });
  const images = { public: 'another-project', community: 'another-project', private: 'admin-project' };
  for (const [visibility, owner] of Object.entries(images)) insert(database, 'images', { id: visibility, visibility, owner });
  insert(database, 'users', { id: 'admin', name: 'admin', is_admin: 1, project_id: 'admin-project' });
  for (const image_id of ['public', 'gone']) insert(database, 'servers', { id: `of ${image_id}`, image_id, updated_at: at });
  database.close();
  return file;
}

test('upgrades a former database once, with derived columns', async (t) => {
  const file = await aFormerDatabase(t);
  const db = new Kysely<Tables>({ dialect: sqliteDialect(file) });

  assert.deepEqual(await migrate(db), later);
  assert.deepEqual(await migrate(db), []);

  const rows = await db.selectFrom('nodes').selectAll().orderBy('id').execute();
  await db.destroy();
  const sizes = rows.map((row) => [row.size_cpus, row.size_memory_mb, row.size_local_gb, row.resource_name]);
  assert.deepEqual(
    sizes,
    nodeRows.map(([, , columns]) => columns),
  );
});

test('rolls back a failed upgrade, for the former version or a retry', async (t) => {
  const file = await aFormerDatabase(t);
  const before = schemaOf(file);
  const database = new DatabaseSync(file);
  database.exec('CREATE TABLE obstacle (id TEXT); CREATE INDEX nodes_machine_serial ON obstacle (id)');
  database.close();

  const refused = new Kysely<Tables>({ dialect: sqliteDialect(file) });
  await assert.rejects(migrate(refused), /nodes_machine_serial already exists/);
  await refused.destroy();

  const cleared = new DatabaseSync(file);
  cleared.exec('DROP TABLE obstacle');
  cleared.close();
  assert.deepEqual(schemaOf(file), before);
  const db = new Kysely<Tables>({ dialect: sqliteDialect(file) });
  t.after(() => db.destroy());
  assert.deepEqual(await migrate(db), later);
});

test('images of a former database: infers who uploaded the data, and reserves ids used by servers', async (t) => {
  const file = await aFormerDatabase(t);
  const db = new Kysely<Tables>({ dialect: sqliteDialect(file) });
  t.after(() => db.destroy());

  await migrate(db);

  const images = await db.selectFrom('images').select(['id', 'uploaded_by_admin']).orderBy('id').execute();
  assert.deepEqual(
    images.map(({ id, uploaded_by_admin }) => [id, Boolean(uploaded_by_admin)]),
    [
      ['community', false],
      ['private', true],
      ['public', true],
    ],
  );
  const deleted = await db.selectFrom('deleted_images').select('id').execute();
  assert.deepEqual(
    deleted.map(({ id }) => id),
    ['gone'],
  );
});

test('reads records of a former database like new ones, and encrypts their secrets', async (t) => {
  const file = await aFormerDatabase(t);

  const store = await aStore(file);
  t.after(() => store.close());

  const node = await store.nodes.find({ uuid: 'node-1' });
  assert.deepEqual(node?.driver_info, { ipmi_password: 's3cret1' });
  const unknown = { shard: null, parent_node: null, boot_mode: null, secure_boot: null };
  assert.deepEqual(unknown, Object.fromEntries(Object.keys(unknown).map((name) => [name, node?.[name as keyof typeof node]])));
  const port = await store.node_ports.find({ uuid: 'port-1' });
  assert.deepEqual([port?.name, port?.description, port?.vendor, port?.category], [null, null, null, null]);
  assert.deepEqual((await store.operations.find({ id: 'operation' }))?.request, { password: 's3cret' });
  const servers = await store.servers.pick(['launch_index', 'console_log']);
  assert.deepEqual(servers[0], { launch_index: 0, console_log: null });
  const raw = await databaseOf(store).selectFrom('nodes').select('driver_info').execute();
  assert.ok(raw.every(({ driver_info }) => String(driver_info).startsWith('sealed:')));
});

test('assigns users, projects and roles of a former database to the default domain', async (t) => {
  const file = await aFormerDatabase(t);
  const database = new DatabaseSync(file);
  insert(database, 'projects', { id: 'p1', name: 'team' });
  insert(database, 'role_assignments', { user_id: 'admin', project_id: 'p1', role: 'member' });
  database.close();

  const store = await openStore(file);
  t.after(() => store.close());

  const [user] = await store.users.list();
  assert.deepEqual([user?.domain_id, user?.name, user?.is_admin], ['default', 'admin', true]);
  const shared = { enabled: true, tags: [], options: {} };
  const project = { id: 'p1', domain_id: 'default', parent_id: 'default', name: 'team', description: '' };
  assert.deepEqual(await store.projects.list(), [{ ...project, ...shared }]);
  assert.deepEqual(await store.domains.list(), [
    { id: 'default', name: 'Default', description: 'The default domain', ...shared },
  ]);
  assert.deepEqual(await store.role_assignments.list(), [
    { user_id: 'admin', group_id: '', scope_type: 'project', scope_id: 'p1', role_id: 'member', inherited: false },
  ]);
  await assert.rejects(store.users.insert({ ...user!, id: 'twin' }), { code: 'conflict' });
  await store.users.insert({ ...user!, id: 'namesake', domain_id: 'other' });
});

const port = { network_id: 'n', project_id: 'p', status: 'DOWN', created_at: at, updated_at: at };
const fixedIps = (...addresses: string[]) => JSON.stringify(addresses.map((ip_address) => ({ subnet_id: 's', ip_address })));

test('ports of a former database keep their addresses exclusively', async (t) => {
  const file = await aFormerDatabase(t);
  const database = new DatabaseSync(file);
  const rows: [id: string, addresses: string[]][] = [
    ['a', ['10.0.0.9', '2001:db8::9']],
    ['b', ['10.0.0.10']],
    ['c', []],
  ];
  for (const [id, addresses] of rows)
    insert(database, 'ports', { ...port, id, mac_address: `fa:16:3e:00:00:0${id}`, fixed_ips: fixedIps(...addresses) });
  database.close();

  const store = await openStore(file);
  t.after(() => store.close());

  const allocations = await store.ip_allocations.list({}, { orderBy: 'sort_key' });
  assert.deepEqual(
    allocations.map(({ ip_address, port_id }) => [ip_address, port_id]),
    [
      ['10.0.0.9', 'a'],
      ['10.0.0.10', 'b'],
      ['2001:db8::9', 'a'],
    ],
  );
  await store.ports.remove({ id: 'a' });
  assert.deepEqual((await store.ip_allocations.list()).length, 1);
});

test('networks of a former database have the segment that they were', async (t) => {
  const file = await aFormerDatabase(t);
  const database = new DatabaseSync(file);
  const network = { project_id: 'p', created_at: at, updated_at: at, shared: 0, external: 0 };
  const vlan = JSON.stringify({ network_type: 'vlan', physical_network: 'physnet1', segmentation_id: 101 });
  insert(database, 'networks', { ...network, id: 'a', provider: vlan });
  insert(database, 'networks', { ...network, id: 'b', provider: '{}' });
  database.close();

  const store = await openStore(file);
  t.after(() => store.close());

  const segments = await store.network_segments.list({}, { orderBy: 'network_id' });
  assert.deepEqual(
    segments.map((each) => [each.network_id, each.network_type, each.physical_network, each.segmentation_id, each.segment_index]),
    [
      ['a', 'vlan', 'physnet1', 101, 0],
      ['b', 'flat', null, null, 0],
    ],
  );
});

test('ports of a former database are in a default security group, and shared networks have policies', async (t) => {
  const file = await aFormerDatabase(t);
  const database = new DatabaseSync(file);
  const dhcp = { ...port, device_owner: 'network:dhcp', project_id: 'q' };
  insert(database, 'ports', { ...port, id: 'a', mac_address: 'fa:16:3e:00:00:0a', fixed_ips: '[]' });
  insert(database, 'ports', { ...dhcp, id: 'b', mac_address: 'fa:16:3e:00:00:0b', fixed_ips: '[]' });
  const network = { project_id: 'p', provider: '{}', created_at: at, updated_at: at, shared: 0, external: 0 };
  for (const [id, flags] of [
    ['all', { shared: 1 }],
    ['outside', { external: 1 }],
    ['own', {}],
  ] as const)
    insert(database, 'networks', { ...network, ...flags, id });
  database.close();

  const store = await openStore(file);
  t.after(() => store.close());

  const group = await store.security_groups.find({ default_of: 'p' });
  const rules = await store.security_group_rules.list({ security_group_id: group?.id ?? '' });
  assert.deepEqual(
    rules.map(({ direction, ethertype, remote_group_id }) => `${direction} ${ethertype} ${remote_group_id === group?.id}`).sort(),
    ['egress IPv4 false', 'egress IPv6 false', 'ingress IPv4 true', 'ingress IPv6 true'],
  );
  const [own, trusted] = [await store.ports.find({ id: 'a' }), await store.ports.find({ id: 'b' })];
  assert.deepEqual([own?.security_groups, own?.port_security_enabled, own?.revision_number], [[group?.id], true, 1]);
  assert.deepEqual([trusted?.security_groups, trusted?.tags], [[], []]);
  const policies = await store.rbac_policies.list();
  assert.deepEqual(policies.map(({ object_id, action, target_project }) => `${object_id} ${action} ${target_project}`).sort(), [
    'all access_as_shared *',
    'outside access_as_external *',
  ]);
});

const twins = {
  'IP address 10.0.0.9': [
    ['fa:16:3e:00:00:0a', fixedIps('10.0.0.9')],
    ['fa:16:3e:00:00:0b', fixedIps('10.0.0.9')],
  ],
  'MAC address fa:16:3e:00:00:0a': [
    ['fa:16:3e:00:00:0a', fixedIps('10.0.0.9')],
    ['fa:16:3e:00:00:0a', fixedIps('10.0.0.10')],
  ],
} as const;

for (const [what, ports] of Object.entries(twins)) {
  test(`does not upgrade a former database in which two ports have the same ${what}`, async (t) => {
    const file = await aFormerDatabase(t);
    const database = new DatabaseSync(file);
    for (const [index, [mac_address, fixed_ips]] of ports.entries())
      insert(database, 'ports', { ...port, id: `port-${index}`, network_id: `net-${index}`, mac_address, fixed_ips });
    database.close();
    const before = schemaOf(file);

    await assert.rejects(openStore(file), {
      message: new RegExp(`^${what} belongs to the network ports port-0 and port-1, .*delete one`),
    });

    assert.deepEqual(schemaOf(file), before);
  });
}
