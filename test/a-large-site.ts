/** An API and an engine on a database with ten thousand nodes, for measurements and tests of lists. */
import { once } from 'node:events';
import { sql } from 'kysely';
import { perField, rowOf } from '#domain/interface-kinds.ts';
import { flagsOf, textsOf } from '#domain/node-fields.ts';
import { type Pruned, pruneRecords, type RetentionRules } from '#store/retention.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Server } from '#store/tables/servers.ts';
import { aFlavor, anImage, aServerRequest, aStep, type Cloud, testCloud } from './a-cloud.ts';
import { type Database, databaseOf } from './a-store.ts';
import { type ApiFixture, openApiFixture } from './api-fixture.ts';

export type SiteSize = {
  nodes: number;
  /** On the first of the nodes. */
  servers: number;
  /** Of all nodes together. */
  nics: number;
  /** Network ports. */
  ports: number;
  events: number;
  operations: number;
};

export type LargeSite = {
  fixture: ApiFixture;
  /** A node with a server, which has more events and operations than others. */
  busyNode: string;
  server: string;
  /** Requests a server on a free node; resolves when the node is claimed, or the server is in ERROR. */
  createServer(flavor?: Partial<typeof aFlavor>): Promise<Server>;
  prune(rules: RetentionRules, rest: (ms: number) => Promise<unknown>): Promise<Pruned>;
  close(): Promise<void>;
};

export async function openLargeSite(size: SiteSize, { onDisk = false } = {}): Promise<LargeSite> {
  let cloud: Cloud | undefined;
  const work = aStep('work', (task) => once(task.signal, 'abort').then(() => Promise.reject(task.signal.reason)), 3600);
  const fixture = await openApiFixture({
    onDisk,
    engine: async (store) => {
      cloud = await testCloud({ store, steps: [work] });
      return cloud.engine;
    },
  });
  const { store } = fixture;
  await store.transaction((trx) => fill(trx, size));
  await databaseOf(store)
    .transaction()
    .execute(async (db) => {
      await fillPorts(db, size);
      await fillRecord(db, size);
    });
  return {
    fixture,
    busyNode: nodeUuid(1),
    server: serverId(1),
    async createServer(flavor = {}) {
      const [server] = await (cloud as Cloud).engine.createServers({ ...aServerRequest, flavor: { ...aFlavor, ...flavor } });
      return server as Server;
    },
    prune: (rules, rest) => pruneRecords(store, rules, { rest }),
    async close() {
      await cloud?.engine.stop();
      await fixture.close();
    },
  };
}

const nodeUuid = (index: number) => `10000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
const serverId = (index: number) => `20000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
const uuidOf = (kind: number, row: string) => sql.raw(`printf('${kind}0000000-0000-4000-8000-%012d', ${row})`);
/** Rows 1 to n, as SQL. */
const rows = (n: number) =>
  sql`WITH RECURSIVE row(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM row WHERE i < ${n}) SELECT i FROM row`;
/** One every ten minutes until today. */
const timeOf = (row: string, n: number) => sql.raw(`strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ((${row} - ${n}) * 10) || ' minutes')`);

async function fill(trx: Store, size: SiteSize): Promise<void> {
  for (let index = 1; index <= size.nodes; index++) await trx.nodes.insert(nodeRow(index, size));
  await trx.networks.insert(network);
  for (let index = 1; index <= size.servers; index++) await trx.servers.insert(await serverRow(trx, index));
}

const at = '2026-01-01T00:00:00.000Z';

function nodeRow(index: number, { servers }: SiteSize): Omit<Node, 'id'> {
  const isUsed = index <= servers;
  const gib = [16, 64, 256][index % 3] ?? 16;
  return {
    ...textsOf({ name: `node-${index}`, resource_class: `baremetal.${gib}` }),
    ...flagsOf({}),
    ...{ uuid: nodeUuid(index), driver: 'room' },
    ...{ ...perField((kind) => rowOf(kind).none ?? 'room'), console_interface: 'room' },
    driver_info: { ipmi_address: `10.0.${index >> 8}.${index & 255}`, ipmi_username: 'admin', ipmi_password: 'secret' },
    properties: { cpus: gib / 4, memory_mb: gib * 1024, local_gb: 480, cpu_arch: 'x86_64', capabilities: 'boot_mode:uefi' },
    ...{ extra: { rack: `r${index % 400}` }, instance_info: {}, traits: ['CUSTOM_A'] },
    ...{ raid_config: {}, target_raid_config: {} },
    ...{ provision_state: isUsed ? 'active' : 'available', target_provision_state: null },
    ...{ power_state: 'power on', target_power_state: null, maintenance: index % 50 === 0, maintenance_reason: null },
    ...{ revision: 0, fault: null, last_error: null, instance_uuid: isUsed ? serverId(index) : null },
    ...{ allocation_uuid: null, operation_id: null },
    ...{
      failures: index % 20 === 0 ? 1 : 0,
      must_clean: isUsed,
      console_enabled: false,
      boot_mode: 'uefi',
      secure_boot: null,
      system_uuid: null,
      machine_uuid: null,
      machine_serial: null,
      known_disks: null,
      automatic_lessee: null,
      inventory,
      health: null,
      found_hardware: null,
      plugin_data: null,
      inspection_started_at: null,
      inspection_finished_at: null,
    },
    ...{ created_at: at, updated_at: at, provision_updated_at: at },
  };
}

/** Agent inventory, which makes rows long. */
const inventory = {
  cpu: { model: 'AMD EPYC 7543P 32-Core Processor', count: 64, architecture: 'x86_64', flags: 'fpu vme de pse tsc msr pae mce' },
  memory: { total_mb: 262_144 },
  disks: Array.from({ length: 8 }, (_, disk) => ({
    name: `/dev/nvme${disk}n1`,
    size: 480e9,
    model: 'MZ7LH480',
    serial: `S${disk}`,
  })),
  interfaces: Array.from({ length: 4 }, (_, nic) => ({ name: `eno${nic}`, mac: `52:54:00:00:00:0${nic}`, has_carrier: true })),
};

const network = {
  ...{ id: '30000000-0000-4000-8000-000000000001', name: 'fabric', project_id: 'p', admin_state_up: true, shared: true },
  ...{
    external: false,
    mtu: 1500,
    port_security_enabled: true,
    tags: [],
    revision_number: 1,

    description: '',
    created_at: at,
    updated_at: at,
  },
};

async function serverRow(trx: Store, index: number): Promise<Server> {
  projectId ??= (await trx.projects.find({ name: 'admin' }))?.id;
  return {
    ...{ id: serverId(index), name: `server-${index}`, hostname: `server-${index}`, project_id: projectId ?? 'p', user_id: 'u' },
    ...{ flavor: aFlavor, image_id: anImage.id, key_name: null, public_key: null, user_data: 'I'.repeat(2000), metadata: {} },
    ...{
      personality: [],
      tags: [],
      port_ids: [],
      requested_networks: [],
      security_groups: [],
      availability_zone: null,
      description: null,
      locked: false,
    },
    ...{ locked_by: null, locked_reason: null },
    ...{ vm_state: 'active', task_state: null, preserve_ephemeral: false, launch_index: 0, node_uuid: nodeUuid(index) },
    ...{ fault: null, console_log: null },
    ...{ created_at: new Date(Date.parse(at) + index).toISOString(), updated_at: at, launched_at: at, terminated_at: null },
  };
}
let projectId: string | undefined;

async function fillPorts(db: Database, { nics, ports, nodes, servers }: SiteSize): Promise<void> {
  const mac = sql.raw(`printf('52:54:%02x:%02x:%02x:%02x', (i >> 24) & 255, (i >> 16) & 255, (i >> 8) & 255, i & 255)`);
  await sql`INSERT INTO node_ports (uuid, node_uuid, address, pxe_enabled, local_link_connection, extra, created_at, updated_at)
    SELECT ${uuidOf(4, 'i')}, ${uuidOf(1, `1 + i % ${nodes}`)}, ${mac}, 1, '{"switch_id":"00:1c:73:00:00:01","port_id":"Ethernet1"}',
      '{}', ${at}, ${at} FROM (${rows(nics)})`.execute(db);
  await sql`INSERT INTO ports (id, name, network_id, project_id, mac_address, fixed_ips, device_id, device_owner, admin_state_up,
      status, description, owned_by_server, created_at, updated_at)
    SELECT ${uuidOf(5, 'i')}, '', ${network.id}, 'p', ${mac},
      printf('[{"subnet_id":"s","ip_address":"10.%d.%d.%d"}]', (i >> 16) & 255, (i >> 8) & 255, i & 255),
      ${uuidOf(2, `1 + i % ${servers}`)}, 'compute:nova', 1, 'ACTIVE', '', 1, ${timeOf('i', ports)}, ${at}
    FROM (${rows(ports)})`.execute(db);
}

/** A tenth of the rows belongs to the first node and its server. */
async function fillRecord(db: Database, { events, operations, nodes }: SiteSize): Promise<void> {
  const node = uuidOf(1, `CASE WHEN i % 10 = 0 THEN 1 ELSE 1 + i % ${nodes} END`);
  const server = sql`CASE WHEN i % 10 = 0 THEN ${serverId(1)} END`;
  await sql`INSERT INTO operations (id, kind, purpose, node_uuid, server_id, request, context, state, step, step_started_at, created_at,
      updated_at, ended_at)
    SELECT ${uuidOf(6, 'i')}, 'power', 'reboot', ${node}, ${server}, '{"target":"reset"}', '{}', 'done', 'power', ${at},
      ${timeOf('i', operations)}, ${timeOf('i', operations)}, ${timeOf('i', operations)} FROM (${rows(operations)})`.execute(db);
  await sql`INSERT INTO events (at, kind, node_uuid, server_id, operation_id, subject, message, data)
    SELECT ${timeOf('i', events)}, CASE WHEN i % 20 = 0 THEN 'operation' ELSE 'bmc' END, ${node}, ${server},
      CASE WHEN i % 3 = 0 THEN ${uuidOf(6, `1 + i % ${operations}`)} END, 'power status', 'power status: power on',
      CASE WHEN i % 40 = 0 THEN '{"status":"failed","fault":{"code":"bmcError","message":"m"}}' ELSE '{"status":"ok"}' END
    FROM (${rows(events)})`.execute(db);
}
