import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import { anAvailableNode, aServerRequest, aStep, testCloud, untilIdle } from '#test/a-cloud.ts';
import { aStore } from '#test/a-store.ts';
import { aTask } from '#test/a-task.ts';
import { keepConsoleStep } from './machine-steps.ts';

test('ignores console output from before the operation cleared the log', async (t) => {
  const store = await aStore();
  t.after(() => store.close());
  const log = async () => assert.fail('it was read');
  for (const keepsForOwner of [true, false])
    assert.deepEqual(await keepConsoleStep({ store, consoles: { log } }, { keepsForOwner }).run(aTask()), { next: true });
});

test('keeps the end of a long console log', async (t) => {
  const store = await aStore();
  t.after(() => store.close());
  const task = aTask({ operation: { kind: 'deploy', context: { console_cleared: true } } });
  await store.servers.insert(task.server);
  const text = `${'x'.repeat(100_000)}\0\ud83d the end\n`;
  await keepConsoleStep({ store, consoles: { log: async () => text } }, { keepsForOwner: true }).run(task);
  const kept = (await store.servers.find({ id: task.server.id }))?.console_log ?? '';
  assert.ok(kept.endsWith('x\ufffd the end\n') && kept.length <= 64 * 1024, kept.slice(-20));
});

test('a failed deployment leaves no console output for the next owner', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-steps-'));
  let printed = 'of a former owner\n';
  const cloud = await testCloud({
    settings: { state_dir: folder },
    console: {
      log: async (_node, { since = '0' } = {}) => printed.slice(Number(since)),
      position: async () => String(printed.length),
    },
    steps: [
      aStep('write image', async () => {
        printed += 'Kernel panic\n';
        throw new Fault('agentFailed', { command: 'write the image', detail: 'no disk' });
      }),
    ],
  });
  t.after(async () => {
    await cloud.engine.stop();
    await cloud.store.close();
    await rm(folder, { recursive: true });
  });
  const { uuid } = await anAvailableNode(cloud, 'n1');
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilIdle(cloud);

  assert.equal((await cloud.store.servers.find({ id: server!.id }))?.console_log, 'Kernel panic\n');
  assert.equal(await cloud.engine.consoleLog(uuid), '');
});
