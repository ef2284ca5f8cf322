import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatheredWith, PollSchedule } from './poll-schedule.ts';

test('returns keys in the order of their due times', () => {
  const schedule = new PollSchedule();
  const times = Array.from({ length: 500 }, (_, index) => (index * 7919) % 500);
  for (const at of times) schedule.put(`n${at}`, at);
  const taken = schedule.take(499, 1000);
  assert.deepEqual(
    taken,
    Array.from({ length: 500 }, (_, at) => `n${at}`),
  );
  assert.equal(schedule.next(), undefined);
});

test('returns no more keys than requested, and none before they are due', () => {
  const schedule = new PollSchedule();
  for (const at of [1, 2, 3, 40]) schedule.put(`n${at}`, at);
  assert.deepEqual(schedule.take(10, 2), ['n1', 'n2']);
  assert.deepEqual(schedule.take(10, 2), ['n3']);
  assert.equal(schedule.next(), 40);
});

test('put replaces an entry, and putSooner only moves it forward', () => {
  const schedule = new PollSchedule();
  schedule.put('a', 10);
  schedule.put('a', 30);
  schedule.putSooner('a', 50);
  assert.deepEqual(schedule.take(29, 9), []);
  schedule.putSooner('a', 20);
  assert.deepEqual(schedule.take(29, 9), ['a']);
  assert.deepEqual(schedule.take(99, 9), []);
});

test('does not return a removed key', () => {
  const schedule = new PollSchedule();
  schedule.put('a', 1);
  schedule.put('b', 2);
  schedule.remove('a');
  assert.equal(schedule.next(), 2);
  assert.deepEqual(schedule.take(9, 9), ['b']);
  assert.equal(schedule.size, 0);
});

test('after a suspension, spreads overdue keys as before and leaves the others unchanged', () => {
  const schedule = new PollSchedule();
  for (const [key, at] of Object.entries({ before: 90, first: 110, second: 130, later: 900 })) schedule.put(key, at);
  schedule.makeUp(100, 400);
  assert.deepEqual(
    ['before', 'first', 'second', 'later'].map((key) => schedule.dueOf(key)),
    [400, 410, 430, 900],
  );
  assert.deepEqual(schedule.take(410, 9), ['before', 'first']);
  assert.equal(schedule.next(), 430);
});

test('the polls of a small fleet share their wake-ups; those of a large one stay spread', () => {
  const wakeUps = (nodes: number) => {
    const interval = 30_000;
    const due = Array.from({ length: nodes }, (_, index) => interval + (index * interval) / nodes);
    return new Set(due.map((at) => gatheredWith({ at, nodes, interval }))).size;
  };

  assert.deepEqual([1, 10, 100, 200].map(wakeUps), [1, 10, 10, 10]);
  assert.equal(wakeUps(1000), 80);
  assert.equal(wakeUps(10_000), 10_000);
});

test('a poll is gathered with earlier ones, at most a tenth of the interval before it is due', () => {
  for (const at of [0, 1, 1999.5, 2000, 29_999, 123_456.7]) {
    const gathered = gatheredWith({ at, nodes: 200, interval: 30_000 });
    assert.ok(gathered <= at && gathered > at - 3000, `${at}: ${gathered}`);
  }
});
