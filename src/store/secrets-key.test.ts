import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { sql } from 'kysely';
import { Fault } from '#domain/faults.ts';
import { aStore, databaseOf } from '#test/a-store.ts';
import { aNode } from '#test/a-task.ts';
import { databaseFile } from './database-address.ts';
import { Sealer } from './sealing.ts';
import { openDatabase, openStore, Store } from './store.ts';

const secret = 'geheim-4711';
const driver_info = { ipmi_address: '192.0.2.7', ipmi_password: secret };

function aFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-secrets-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** True if any file of the database contains the secret in plain text; the key file is not checked. */
function isReadable(folder: string): boolean {
  const files = readdirSync(folder).filter((name) => name.startsWith('ingot.sqlite'));
  assert.ok(files.length > 0);
  return files.some((name) => readFileSync(join(folder, name)).includes(secret));
}

async function writeNode(file: string, keyFile?: string): Promise<void> {
  const store = await openStore(file, keyFile);
  await store.nodes.insert(aNode({ driver_info }));
  await store.close();
}

async function readNode(file: string, keyFile?: string) {
  const store = await openStore(file, keyFile);
  try {
    return (await store.nodes.find({}))?.driver_info;
  } finally {
    await store.close();
  }
}

const isKeyFault = (words: RegExp) => (error: unknown) =>
  error instanceof Fault && error.code === 'secretsKey' && words.test(error.message) && !error.message.includes(secret);

suite('secrets in the database', () => {
  test('are encrypted, and read with a generated key that only its owner can read', async (t) => {
    const state = aFolder(t);
    const file = databaseFile(state);
    await writeNode(file);
    assert.equal(isReadable(state), false);
    assert.equal(statSync(join(state, 'secrets-key')).mode & 0o777, 0o600);
    assert.deepEqual(await readNode(file), driver_info);
  });

  test('are encrypted inside a transaction, and when they change', async (t) => {
    const state = aFolder(t);
    const store = await openStore(databaseFile(state));
    const { uuid } = await store.transaction((trx) => trx.nodes.insert(aNode()));
    await store.transaction((trx) => trx.nodes.update({ uuid }, { driver_info }));
    assert.deepEqual(await store.nodes.pick(['driver_info'], { uuid }), [{ driver_info }]);
    await store.close();
    assert.equal(isReadable(state), false);
  });

  test('of a former version are encrypted at the next start, and no plain text remains in the file', async (t) => {
    const state = aFolder(t);
    const file = databaseFile(state);
    await (await openStore(file)).close();
    const former = openDatabase(file);
    await sql`DELETE FROM secrets_key`.execute(former);
    const plain = new Store({ db: former });
    await plain.transaction(async ({ nodes }) => {
      for (let id = 1; id <= 600; id += 1)
        await nodes.insert(aNode({ id, uuid: `node-${id}`, name: null, driver_info: { ...driver_info, id } }));
    });
    await plain.close();
    assert.equal(isReadable(state), true);

    const store = await openStore(file);
    assert.deepEqual((await store.nodes.find({ uuid: 'node-600' }))?.driver_info, { ...driver_info, id: 600 });
    await store.close();
    assert.equal(isReadable(state), false);
  });
});

test('completes the rewrite of the file at the start after a crash', async (t) => {
  const state = aFolder(t);
  const file = databaseFile(state);
  await writeNode(file);
  const former = openDatabase(file);
  await sql`CREATE TABLE leftover (text TEXT)`.execute(former);
  await sql`INSERT INTO leftover VALUES (${secret})`.execute(former);
  await sql`DROP TABLE leftover`.execute(former);
  await sql`UPDATE secrets_key SET rewritten_at = NULL`.execute(former);
  await former.destroy();
  assert.equal(isReadable(state), true);

  assert.deepEqual(await readNode(file), driver_info);
  assert.equal(isReadable(state), false);
});

suite('a key', () => {
  const cases: [string, (keyFile: string) => void, RegExp][] = [
    ['that is missing', (keyFile) => rmSync(keyFile), /it is missing; the database was sealed with the key made at 20/],
    [
      'of another database',
      (keyFile) => writeFileSync(keyFile, randomBytes(32).toString('base64')),
      /the database was sealed with another key/,
    ],
    ['that is cut short', (keyFile) => writeFileSync(keyFile, 'AAAA'), /must hold 32 bytes in base64, not 3/],
  ];
  for (const [title, spoil, words] of cases) {
    test(`${title} is reported at the start, and nothing is lost`, async (t) => {
      const state = aFolder(t);
      const [file, keyFile] = [databaseFile(state), join(state, 'secrets-key')];
      await writeNode(file);
      const key = readFileSync(keyFile);
      spoil(keyFile);
      await assert.rejects(openStore(file), isKeyFault(words));
      writeFileSync(keyFile, key);
      assert.deepEqual(await readNode(file), driver_info);
    });
  }

  test('can be stored elsewhere and provided by the site', async (t) => {
    const [state, elsewhere] = [aFolder(t), aFolder(t)];
    const keyFile = join(elsewhere, 'key');
    writeFileSync(keyFile, `${randomBytes(32).toString('base64url')}\n`);
    await writeNode(databaseFile(state), keyFile);
    await assert.rejects(openStore(databaseFile(state)), isKeyFault(/missing/));
    assert.deepEqual(await readNode(databaseFile(state), keyFile), driver_info);
    assert.deepEqual(readdirSync(state).includes('secrets-key'), false);
    renameSync(keyFile, join(state, 'secrets-key'));
    assert.deepEqual(await readNode(databaseFile(state)), driver_info);
  });
});

suite('a sealed value', () => {
  const sealer = new Sealer(Buffer.alloc(32, 1));
  const value = sealer.seal(secret, 'nodes.driver_info');

  test('differs each time, and opens only in its own column and row', () => {
    assert.notEqual(sealer.seal(secret, 'nodes.driver_info'), value);
    assert.equal(sealer.open(value, 'nodes.driver_info'), secret);
    assert.throws(() => sealer.open(value, 'operations.request'));
    assert.throws(() => new Sealer(Buffer.alloc(32, 2)).open(value, 'nodes.driver_info'));
  });

  test('that was altered or truncated does not open', () => {
    const bytes = Buffer.from(value.slice('sealed:1:'.length), 'base64');
    for (let at = 0; at < bytes.length; at += 1) {
      const other = Buffer.from(bytes);
      other[at]! ^= 1;
      assert.throws(() => sealer.open(`sealed:1:${other.toString('base64')}`, 'nodes.driver_info'));
    }
    assert.throws(() => sealer.open('sealed:1:AAAA', 'nodes.driver_info'), /truncated/);
  });

  test('that was damaged in the database is reported by its column', async (t) => {
    const file = databaseFile(aFolder(t));
    const store = await aStore(file);
    t.after(() => store.close());
    await store.nodes.insert(aNode({ driver_info }));
    await sql`UPDATE nodes SET driver_info = 'sealed:1:' || driver_info`.execute(databaseOf(store));
    await assert.rejects(store.nodes.find({}), isKeyFault(/a value of nodes\.driver_info is damaged or of another key/));
  });
});
