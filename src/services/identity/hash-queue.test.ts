import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import { HashQueue } from './hash-queue.ts';

/** Jobs that run until the test ends them, and the order in which they were started. */
function aQueue() {
  const queue = new HashQueue();
  const started: string[] = [];
  const ends: (() => void)[] = [];
  const add = (address: string, more: { isKnown?: boolean; isAborted?: () => boolean; admit?: () => boolean } = {}) =>
    queue
      .run({
        ...{ address, isKnown: false, ...more },
        work: () => {
          started.push(address);
          return new Promise<void>((resolve) => ends.push(resolve));
        },
      })
      .then(
        () => 'done',
        (error: unknown) => (error instanceof Fault ? error.code : Promise.reject(error)),
      );
  /** Ends the oldest running job, until all have run. */
  const drain = async () => {
    while (ends.length > 0) {
      ends.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { add, started, drain };
}

test('a frequent caller waits while others pass', async () => {
  const { add, started, drain } = aQueue();
  const flood = Array.from({ length: 200 }, () => add('unknown'));
  const other = add('other');
  const known = add('user', { isKnown: true });

  await drain();

  assert.deepEqual([await known, await other], ['done', 'done']);
  assert.deepEqual(new Set(started.slice(2, 5)), new Set(['user', 'unknown', 'other']));
  assert.deepEqual(new Set(await Promise.all(flood)), new Set(['done']));
});

test('unknown addresses cannot fill the queue for known ones', async () => {
  const { add, started, drain } = aQueue();
  const flood = Array.from({ length: 3000 }, (_, index) => add(`unknown-${index}`));
  const known = Array.from({ length: 20 }, () => add('user', { isKnown: true }));

  await drain();

  assert.deepEqual(new Set(await Promise.all(known)), new Set(['done']));
  assert.equal(started.slice(0, 42).filter((address) => address === 'user').length, 20, 'each second turn');
  const refused = (await Promise.all(flood)).filter((answer) => answer === 'tooManyRequests').length;
  assert.equal(refused, 3000 - 1002 + 20);
});

test('limits the queue per address, and evicts from the longest one', async () => {
  const { add, drain } = aQueue();
  const greedy = Array.from({ length: 300 }, () => add('a'));
  const others = ['b', 'c', 'd', 'e'].flatMap((address) => Array.from({ length: 200 }, () => add(address)));
  const newcomer = add('f');

  await drain();

  assert.equal((await Promise.all(greedy)).filter((answer) => answer === 'done').length, 201);
  assert.equal((await Promise.all(others)).filter((answer) => answer === 'done').length, 800);
  assert.equal(await newcomer, 'done');
});

test('does not hash for clients that disconnected or were rejected meanwhile', async () => {
  const { add, started, drain } = aQueue();
  const first = [add('a'), add('a')];
  let isOpen = true;
  const hungUp = add('b', { isAborted: () => true });
  const refused = add('c', {
    admit: () => {
      if (!isOpen) throw new Fault('tooManyRequests', { what: 'failed logins', seconds: 1 });
      return false;
    },
  });
  isOpen = false;

  await drain();

  assert.deepEqual(await Promise.all([...first, hungUp, refused]), ['done', 'done', 'clientDisconnected', 'tooManyRequests']);
  assert.deepEqual(started, ['a', 'a']);
});
