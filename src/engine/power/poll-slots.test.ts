import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { PollSlots } from './poll-slots.ts';

test('BMCs that did not respond last time get half of the slots at most', () => {
  const places = new PollSlots(4, () => {});
  for (const uuid of ['a', 'b']) places.take(uuid, 'degraded');
  assert.deepEqual([places.free('degraded'), places.free('healthy')], [0, 4]);
  places.release('a');
  assert.deepEqual([places.free('degraded'), places.has('a'), places.has('b')], [1, false, true]);
});

test('a slow poll gives up its slot, at most twice per slot', async () => {
  let freed = Promise.withResolvers<void>();
  const places = new PollSlots(2, () => places.free('healthy') === 2 && freed.resolve(), 1);
  for (const pair of ['ab', 'cd']) {
    for (const uuid of pair) places.take(uuid, 'healthy');
    assert.equal(places.free('healthy'), 0);
    await freed.promise;
    freed = Promise.withResolvers();
  }
  for (const uuid of ['e', 'f']) places.take(uuid, 'healthy');
  await delay(5);
  assert.equal(places.free('healthy'), 0, 'too many are slow already');
  places.release('a');
  assert.equal(places.free('healthy'), 0, 'it had none any more');
  places.release('e');
  assert.equal(places.free('healthy'), 1);
});
