import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { databaseFile } from '#store/database-address.ts';
import { openStore } from '#store/store.ts';
import { aStore, databaseOf } from '#test/a-store.ts';

const run = promisify(execFile);
const ingot = (...args: string[]) => run(process.execPath, ['--disable-warning=ExperimentalWarning', 'src/main.ts', ...args]);

test('db prune removes old records, and returns the space on request', async () => {
  const state = await mkdtemp(join(tmpdir(), 'ingot-db-'));
  const file = databaseFile(state);
  const store = await aStore(file);
  const event = { kind: 'note', subject: 's', message: 'm'.repeat(2000), node_uuid: 'gone' } as const;
  for (let index = 0; index < 2000; index++) store.events.append(event);
  await store.events.flush();
  await databaseOf(store).updateTable('events').set({ at: '2020-01-01T00:00:00.000Z' }).where('id', '<=', 1990).execute();
  await store.close();
  const { size: before } = await stat(file);

  const pruned = await ingot('db', 'prune', '--state', state, '--days', '30');
  const { size: pages } = await stat(file);
  const shrunk = await ingot('db', 'prune', '--state', state, '--shrink');
  const { size: after } = await stat(file);

  assert.equal(pruned.stdout, 'Removed: operations 0, events 1990\n');
  assert.equal(pages, before);
  assert.equal(shrunk.stdout, 'Removed: operations 0, events 0\n');
  assert.ok(after < before / 4, `${after} of ${before} bytes`);
  const left = await openStore(file);
  assert.equal((await left.events.list({})).length, 10);
  await left.close();
  await assert.rejects(ingot('db', 'prune', '--state', state, '--days', '0'), /name an age with --days/);
  await assert.rejects(ingot('db', 'sync', '--state', state, '--shrink'), /Usage: ingot db sync/);
  await rm(state, { recursive: true });
});
