import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openStore } from '#store/store.ts';
import { aTask } from '#test/a-task.ts';
import { keepConsoleStep } from './machine-steps.ts';

test('what the machine printed before this operation had cleared the record is not read', async (t) => {
  const store = await openStore(':memory:');
  t.after(() => store.close());
  const log = async () => assert.fail('it was read');
  for (const kind of ['deploy', 'clean'] as const)
    assert.deepEqual(await keepConsoleStep({ store, consoles: { log } }).run(aTask({ operation: { kind } })), { next: true });
});

test('the end of a long record is kept', async (t) => {
  const store = await openStore(':memory:');
  t.after(() => store.close());
  const task = aTask({ operation: { kind: 'deploy', context: { console_cleared: true } } });
  await store.servers.insert(task.server!);
  const text = `${'x'.repeat(100_000)}\0\ud83d the end\n`;
  await keepConsoleStep({ store, consoles: { log: async () => text } }).run(task);
  const kept = (await store.servers.find({ id: task.server!.id }))?.console_log ?? '';
  assert.ok(kept.endsWith('x\ufffd the end\n') && kept.length <= 64 * 1024, kept.slice(-20));
});
