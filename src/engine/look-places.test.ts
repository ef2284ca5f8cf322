import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LookPlaces } from './look-places.ts';

test('those that did not answer last time share half of the places, and take none of the others', () => {
  const places = new LookPlaces(4, () => {});
  for (const uuid of ['a', 'b']) places.take(uuid, 'suspect');
  assert.deepEqual([places.free('suspect'), places.free('sound')], [0, 4]);
  places.release('a');
  assert.deepEqual([places.free('suspect'), places.has('a'), places.has('b')], [1, false, true]);
});

test('who is slow gives its place on, once for each place that there is', async () => {
  const freed = Promise.withResolvers<void>();
  const places = new LookPlaces(2, () => places.free('sound') === 2 && freed.resolve(), 1);
  for (const uuid of ['a', 'b']) places.take(uuid, 'sound');
  assert.equal(places.free('sound'), 0);
  await freed.promise;
  for (const uuid of ['c', 'd']) places.take(uuid, 'sound');
  assert.equal(places.free('sound'), 0);
  places.release('a');
  assert.equal(places.free('sound'), 0, 'it had none any more');
  places.release('c');
  assert.equal(places.free('sound'), 1);
});
