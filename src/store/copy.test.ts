import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, type TestContext, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import { type PostgresServer, startPostgres, whyNoPostgres } from '#test/a-postgres.ts';
import { aFlavor, aNode, anImage, aServer } from '#test/a-task.ts';
import { copyDatabase, type DatabasePlace } from './copy.ts';
import { databaseFile } from './database-address.ts';
import { openStore, type Store, syncSchema } from './store.ts';

const skip = (await whyNoPostgres()) ?? false;
const server: PostgresServer | undefined = skip ? undefined : await startPostgres();
after(() => server?.stop());

async function aFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-copy-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function aFile(t: TestContext): Promise<DatabasePlace> {
  const folder = await aFolder(t);
  return { address: databaseFile(folder), keyFile: join(folder, 'secrets-key') };
}

let count = 0;
async function aPostgresDatabase(t: TestContext): Promise<DatabasePlace> {
  const address = await (server as PostgresServer).create(`of_copy_${++count}`);
  return { address, keyFile: join(await aFolder(t), 'secrets-key') };
}

const open = ({ address, keyFile }: DatabasePlace) => openStore(address, keyFile);
const at = '2026-01-01T00:00:00.000Z';
const driver_info = { ipmi_address: '192.0.2.7', ipmi_password: 'geheim' };

/** Rows with secrets, booleans, NULL, JSON and text beyond ASCII, more than one batch, and gaps in the ids. */
async function fill(store: Store): Promise<void> {
  for (let id = 1; id <= 120; id++) {
    const name = id % 2 ? null : `Knoten ${id} „ä“`;
    await store.nodes.insert(aNode({ id, uuid: `node-${id}`, name, driver_info, maintenance: id % 3 === 0 }));
  }
  await store.nodes.remove({ id: [5, 119, 120] });
  await store.flavors.insert(aFlavor());
  await store.images.insert(anImage());
  await store.servers.insert(aServer({ user_data: 'x'.repeat(50_000) }));
  const port = { name: '', project_id: 'p', device_id: '', device_owner: '', admin_state_up: true, status: 'DOWN' };
  const more = { description: '', owned_by_server: false, created_at: at, updated_at: at, network_id: 'n' };
  const fixed_ips = [{ subnet_id: 's', ip_address: '10.0.0.9' }];
  await store.ports.insert({ ...port, ...more, id: 'port', mac_address: 'fa:16:3e:00:00:01', fixed_ips });
  const allocation = { ip_address: '10.0.0.9', sort_key: '4:0a000009', subnet_id: 's', port_id: 'port' };
  await store.ip_allocations.insert(allocation);
  await store.login_addresses.insert({ user_id: 'u', address: '192.0.2.1', last_at: at });
  for (let index = 0; index < 200; index++)
    store.events.append({ kind: 'note', subject: `s${index}`, message: 'm', data: { index } });
  await store.events.flush();
}

async function contentsOf(place: DatabasePlace): Promise<unknown> {
  const store = await open(place);
  try {
    return {
      nodes: await store.nodes.list({}, { orderBy: 'id' }),
      flavors: await store.flavors.list(),
      images: await store.images.list(),
      servers: await store.servers.list(),
      ports: await store.ports.list(),
      allocations: await store.ip_allocations.list(),
      logins: await store.login_addresses.list(),
      domains: await store.domains.list(),
      keys: await store.secrets_key.list(),
      events: await store.events.list({ limit: 1000 }),
    };
  } finally {
    await store.close();
  }
}

async function aFilledFile(t: TestContext): Promise<DatabasePlace> {
  const place = await aFile(t);
  const store = await open(place);
  await fill(store);
  await store.close();
  return place;
}

const isCopyFault = (words: RegExp) => (error: unknown) =>
  error instanceof Fault && error.code === 'databaseCopy' && words.test(error.message);

suite('a copy of a database', { skip }, () => {
  test('has all records and secrets, from a file to PostgreSQL and back, and never reuses an id', async (t) => {
    const file = await aFilledFile(t);
    const [postgres, again] = [await aPostgresDatabase(t), await aFile(t)];
    const before = await contentsOf(file);

    const counts = await copyDatabase(file, postgres);
    await copyDatabase(postgres, again);

    assert.deepEqual([counts.get('nodes'), counts.get('events'), counts.get('domains')], [117, 200, 1]);
    assert.deepEqual(await contentsOf(postgres), before);
    assert.deepEqual(await contentsOf(again), before);
    assert.equal(await readFile(again.keyFile, 'utf8'), await readFile(file.keyFile, 'utf8'));
    for (const place of [postgres, again]) {
      const store = await open(place);
      const { id: _, ...node } = aNode({ uuid: 'new', name: 'new' });
      assert.equal((await store.nodes.insert(node)).id, 121);
      await store.close();
    }
  });

  test('is rejected while either database is in use, which stays unchanged', async (t) => {
    const [file, postgres] = [await aFilledFile(t), await aPostgresDatabase(t)];
    const used = await open(postgres);
    await used.projects.list();
    await assert.rejects(copyDatabase(file, postgres), /another Ingot is using it/);
    assert.equal((await used.nodes.list()).length, 0);
    await used.close();

    const serving = await open(file);
    await assert.rejects(copyDatabase(file, postgres), /another Ingot is using it/);
    await serving.close();
  });

  test('is rejected if the target is not empty, or the source is missing or of another version', async (t) => {
    const [file, full, absent] = [await aFilledFile(t), await aFilledFile(t), await aFile(t)];
    await assert.rejects(copyDatabase(file, full), isCopyFault(/the second is not empty: it has 117 rows in nodes/));
    await assert.rejects(copyDatabase(absent, full), isCopyFault(/there is no file/));
    assert.equal(existsSync(absent.address), false);
    await writeFile(absent.address, '');
    await assert.rejects(copyDatabase(absent, await aFile(t)), isCopyFault(/not of this version of Ingot/));
    await assert.rejects(copyDatabase(file, file), isCopyFault(/they are the same/));
  });

  test('is rejected if the target folder has another key, or the given key is not that of the source', async (t) => {
    const [file, target] = [await aFilledFile(t), await aFile(t)];
    await syncSchema(target.address);
    await writeFile(target.keyFile, `${Buffer.alloc(32, 7).toString('base64')}\n`);
    await assert.rejects(copyDatabase(file, target), isCopyFault(/holds the key of other secrets/));
    await assert.rejects(copyDatabase({ ...file, keyFile: target.keyFile }, await aPostgresDatabase(t)), {
      code: 'secretsKey',
    });
  });
});
