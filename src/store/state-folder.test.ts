import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { databaseFile } from './database-address.ts';
import { openStateFolder } from './state-folder.ts';
import { openStore } from './store.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-state-'));
after(() => rmSync(folder, { recursive: true }));

test('the database is readable only by its owner, whatever the mode of the folder', async () => {
  const state = join(folder, 'private');
  openStateFolder(state);
  assert.equal(statSync(state).mode & 0o777, 0o700);
  writeFileSync(databaseFile(state), '', { mode: 0o644 });
  const store = await openStore(databaseFile(state));
  for (const name of ['ingot.sqlite', 'ingot.sqlite-wal']) assert.equal(statSync(join(state, name)).mode & 0o777, 0o600, name);
  await store.close();
});

test('rejects a second process on one state folder', async () => {
  const state = join(folder, 'taken');
  openStateFolder(state);
  const store = await openStore(databaseFile(state));
  const script = `(await import('#store/store.ts')).openDatabase(${JSON.stringify(databaseFile(state))})`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.notEqual(status, 0);
  assert.match(stderr, /The state folder .*taken cannot be used: another Ingot is using it/);
  await store.close();
});

test('rejects a path that is no folder by name', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  assert.throws(() => openStateFolder(file), { code: 'stateFolder', message: /file cannot be used: it is not a folder/ });
  assert.throws(() => openStateFolder(join(file, 'inner')), { message: /a part of its path is not a folder/ });
});
