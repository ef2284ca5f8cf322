import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RateLimiter } from '#async/rate-limiter.ts';
import { anAvailableNode, testCloud } from '#test/a-cloud.ts';
import { RecordBudgets } from './record-budgets.ts';

test('accepts sixty records in a minute, then none until the next', () => {
  let now = 0;
  const unknownMachines = new RateLimiter(60, 60, () => now);
  const admitted = Array.from({ length: 100 }, () => unknownMachines.take(1)).filter(Boolean).length;
  now = 60_000;

  assert.equal(admitted, 60);
  assert.equal(unknownMachines.take(1), true);
});

test('a flood from unknown machines does not fill the record or hide requests of known ones', async () => {
  const cloud = await testCloud();
  const node = await anAvailableNode(cloud, 'n1');
  const [nic] = await cloud.store.node_ports.list({ node_uuid: node.uuid });
  const request = { kind: 'http', subject: '/boot/x', message: 'asked for nonsense' } as const;
  for (let index = 0; index < 500; index++) cloud.engine.machineRequest(request);
  cloud.engine.machineRequest({ ...request, mac: nic!.address, message: 'a known machine' });
  let known: unknown[] = [];
  while (known.length === 0) known = await cloud.store.events.list({ node_uuid: node.uuid });

  const all = await cloud.store.events.list({});
  assert.equal(all.filter((event) => event.message === 'asked for nonsense').length, 60);
  await cloud.store.close();
});

test('a machine that floods the record leaves capacity for the others', () => {
  const budgets = new RecordBudgets();
  let admitted = 0;
  for (let count = 0; count < 10_000; count++) if (budgets.admit('loud', 100) === 'admitted') admitted++;
  assert.equal(admitted, 3000);
  assert.equal(budgets.admit('quiet', 100), 'admitted');
});
