/** Many images, networks and ports in the database of an Ingot that does not run: for benchmarks. */
import { sql } from 'kysely';
import type { Database } from '#store/collection.ts';
import { databaseFile } from '#store/database-address.ts';
import { aStore, databaseOf } from './a-store.ts';

/** Rows 1 to n, as SQL. */
const rows = (n: number) =>
  sql`WITH RECURSIVE row(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM row WHERE i < ${n}) SELECT i FROM row`;
const uuidOf = (kind: string) => sql.raw(`printf('${kind}0000000-0000-4000-8000-%012x', i)`);
const at = sql.raw(`strftime('%Y-%m-%dT%H:%M:%fZ', 'now', (-i) || ' seconds')`);

/** @param stateDir of Ingot @param count of images, networks and ports each, instead of those that are there */
export async function fillCloud(stateDir: string, count: number): Promise<void> {
  const store = await aStore(databaseFile(stateDir));
  try {
    const [project] = await store.projects.list({ name: 'admin' });
    const owner = project?.id ?? '';
    await databaseOf(store)
      .transaction()
      .execute(async (db) => {
        await fillImages(db, owner, count);
        await fillNetworks(db, owner, count);
      });
  } finally {
    await store.close();
  }
}

async function fillImages(db: Database, owner: string, count: number): Promise<void> {
  await sql`DELETE FROM images`.execute(db);
  await sql`INSERT INTO images (id, name, status, visibility, owner, disk_format, container_format, min_disk, min_ram, size,
      virtual_size, checksum, os_hash_algo, os_hash_value, protected, tags, properties, created_at, updated_at)
    SELECT ${uuidOf('d')}, printf('image-%d', i), 'active', 'shared', ${owner}, 'qcow2', 'bare', 0, 0, 1048576, 1048576,
      printf('%032x', i), 'sha512', printf('%0128x', i), 0, '[]', '{}', ${at}, ${at} FROM (${rows(count)})`.execute(db);
}

async function fillNetworks(db: Database, owner: string, count: number): Promise<void> {
  for (const table of ['ip_allocations', 'ports', 'subnets', 'networks']) await sql`DELETE FROM ${sql.table(table)}`.execute(db);
  const columns = sql.raw('id, name, project_id, description, created_at, updated_at, admin_state_up');
  await sql`INSERT INTO networks (${columns}, shared, external, mtu, provider)
    SELECT ${uuidOf('a')}, printf('network-%d', i), ${owner}, '', ${at}, ${at}, 1, 0, 0, 1500, '{}' FROM (${rows(count)})`.execute(
    db,
  );
  const network = 'a0000000-0000-4000-8000-000000000001';
  const fixedIps = sql.raw(`printf('[{"subnet_id":"s","ip_address":"10.100.%d.%d"}]', i / 256 % 256, i % 256)`);
  const mac = sql.raw(`printf('52:54:00:%02x:%02x:%02x', (i >> 16) & 255, (i >> 8) & 255, i & 255)`);
  await sql`INSERT INTO ports (${columns}, network_id, mac_address, fixed_ips, device_id, device_owner, status, owned_by_server,
      security_groups)
    SELECT ${uuidOf('b')}, '', ${owner}, '', ${at}, ${at}, 1, ${network}, ${mac}, ${fixedIps}, ${uuidOf('c')}, 'compute:nova',
      'ACTIVE', 1, '["e0000000-0000-4000-8000-000000000001"]' FROM (${rows(count)})`.execute(db);
}
