import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SingleFlight } from './single-flight.ts';

const settle = () => new Promise(setImmediate);

test('callers with one key share one run and its result; the next call runs again', async () => {
  const flight = new SingleFlight();
  let runs = 0;
  const work = async () => {
    await settle();
    return ++runs;
  };

  assert.deepEqual(await Promise.all([flight.run('k', work), flight.run('k', work), flight.run('other', work)]), [1, 1, 2]);
  assert.equal(await flight.run('k', work), 3);
});

test('callers share an error too, and it is not remembered', async () => {
  const flight = new SingleFlight();
  const fails = async () => {
    await settle();
    throw new Error('failed');
  };
  const both = await Promise.allSettled([flight.run('k', fails), flight.run('k', async () => 'not run')]);

  assert.deepEqual(
    both.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  assert.equal(await flight.run('k', async () => 'run'), 'run');
});

test('no more than the given number of keys run at once; a failed run frees its slot', async () => {
  const flight = new SingleFlight(1);
  const begun: string[] = [];
  const failing = Promise.withResolvers<string>();
  const first = flight.run('a', () => {
    begun.push('a');
    return failing.promise;
  });
  const second = flight.run('b', async () => {
    begun.push('b');
    return 'b';
  });
  await settle();
  assert.deepEqual(begun, ['a']);
  failing.reject(new Error('failed'));
  await assert.rejects(first, /failed/);

  assert.equal(await second, 'b');
});
