import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { LookPlaces } from './look-places.ts';

test('those that did not answer last time share half of the places, and take none of the others', () => {
  const places = new LookPlaces(4, () => {});
  for (const uuid of ['a', 'b']) places.take(uuid, 'suspect');
  assert.deepEqual([places.free('suspect'), places.free('sound')], [0, 4]);
  places.release('a');
  assert.deepEqual([places.free('suspect'), places.has('a'), places.has('b')], [1, false, true]);
});

test('who is slow gives its place on, twice for each place that there is', async () => {
  let freed = Promise.withResolvers<void>();
  const places = new LookPlaces(2, () => places.free('sound') === 2 && freed.resolve(), 1);
  for (const pair of ['ab', 'cd']) {
    for (const uuid of pair) places.take(uuid, 'sound');
    assert.equal(places.free('sound'), 0);
    await freed.promise;
    freed = Promise.withResolvers();
  }
  for (const uuid of ['e', 'f']) places.take(uuid, 'sound');
  await delay(5);
  assert.equal(places.free('sound'), 0, 'too many are slow already');
  places.release('a');
  assert.equal(places.free('sound'), 0, 'it had none any more');
  places.release('e');
  assert.equal(places.free('sound'), 1);
});
