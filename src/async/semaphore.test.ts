import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { suite, test } from 'node:test';
import { KeyedMutex } from './keyed-mutex.ts';
import { Semaphore } from './semaphore.ts';
import { SerialQueue } from './serial-queue.ts';

/** Tasks that end when they are told to. */
function tasks() {
  const begun: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const task = (name: string) => () => {
    begun.push(name);
    return new Promise<string>((resolve, reject) => {
      ends.set(name, (error) => (error ? reject(error) : resolve(name)));
    });
  };
  return { begun, task, end: (name: string, error?: Error) => ends.get(name)?.(error) };
}

const settle = () => new Promise(setImmediate);

test('runs as many tasks as it has slots, in order; an aborted one leaves the queue', async () => {
  const gate = new Semaphore(2);
  const { signal } = new AbortController();
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const work = (name: string, requested = signal) =>
    gate.run(() => {
      begun.push(name);
      return new Promise<void>((resolve) => ends.set(name, resolve));
    }, requested);
  const aborting = new AbortController();
  const runs = [work('a'), work('b')];
  const gone = work('c', aborting.signal);
  runs.push(work('d'));
  aborting.abort(new Error('no more'));
  await assert.rejects(gone, /no more/);
  assert.deepEqual(begun, ['a', 'b']);
  ends.get('a')?.();
  await runs[0];
  await new Promise(setImmediate);
  assert.deepEqual(begun, ['a', 'b', 'd']);
  ends.get('b')?.();
  ends.get('d')?.();
  await Promise.all(runs);
  const last = work('e');
  await new Promise(setImmediate);
  ends.get('e')?.();
  await last;
});

suite('a semaphore', () => {
  test('starts a task at once if a slot is free', () => {
    const { begun, task } = tasks();
    void new Semaphore(1).run(task('a'));
    assert.deepEqual(begun, ['a']);
  });

  test('gives a freed slot to the first in the queue, not to a newcomer', async () => {
    const semaphore = new Semaphore(1);
    const { begun, task, end } = tasks();
    const first = semaphore.run(task('a'));
    const second = semaphore.run(task('b'));
    const third = first.then(() => semaphore.run(task('c')));
    end('a');
    await first;
    await settle();

    assert.deepEqual(begun, ['a', 'b']);
    end('b');
    await second;
    await settle();
    assert.deepEqual(begun, ['a', 'b', 'c']);
    end('c');
    assert.equal(await third, 'c');
  });

  test('gets its slot back from a task that fails, also if it throws before it returns a promise', async () => {
    const semaphore = new Semaphore(1);
    await assert.rejects(
      semaphore.run(() => Promise.reject(new Error('later'))),
      /later/,
    );
    await assert.rejects(
      semaphore.run(() => {
        throw new Error('at once');
      }),
      /at once/,
    );
    assert.equal(semaphore.isIdle, true);
    assert.equal(await semaphore.run(() => 7), 7);
  });

  test('does not run a task whose signal was aborted before, and takes no slot for it', async () => {
    const semaphore = new Semaphore(1);
    const { begun, task } = tasks();
    await assert.rejects(semaphore.run(task('a'), AbortSignal.abort(new Error('gone'))), /gone/);
    assert.deepEqual(begun, []);
    assert.equal(semaphore.isIdle, true);
  });

  test('does not run a task that is aborted after its slot was granted, and passes the slot on', async () => {
    const semaphore = new Semaphore(1);
    const { begun, task, end } = tasks();
    const controller = new AbortController();
    // Runs in the same turn as the grant of the slot, before the next task could start.
    const first = semaphore.run(() => Promise.resolve().then(() => queueMicrotask(() => controller.abort(new Error('gone')))));
    const second = semaphore.run(task('b'), controller.signal);
    const third = semaphore.run(task('c'));
    await first;
    await assert.rejects(second, /gone/);
    await settle();

    assert.deepEqual(begun, ['c']);
    end('c');
    await third;
    assert.equal(semaphore.isIdle, true);
  });

  test('leaves no listener on the signal of a task that waited, ran or left', async () => {
    const semaphore = new Semaphore(1);
    const { task, end } = tasks();
    const { signal } = new AbortController();
    const leaving = new AbortController();
    const runs = [semaphore.run(task('a'), signal), semaphore.run(task('b'), signal)];
    const left = semaphore.run(task('c'), leaving.signal);
    assert.equal(getEventListeners(signal, 'abort').length, 1);
    leaving.abort(new Error('gone'));
    await assert.rejects(left, /gone/);
    assert.equal(getEventListeners(leaving.signal, 'abort').length, 0);

    end('a');
    await settle();
    assert.equal(getEventListeners(signal, 'abort').length, 0);
    end('b');
    await Promise.all(runs);
    assert.equal(semaphore.isIdle, true);
  });
});

test('a serial queue runs one task at a time in order, past a task that fails and one that leaves', async () => {
  const queue = new SerialQueue();
  const { begun, task, end } = tasks();
  const leaving = new AbortController();
  const first = queue.run(task('a'));
  const left = queue.run(task('b'), leaving.signal);
  const last = queue.run(task('c'));
  leaving.abort(new Error('gone'));
  await assert.rejects(left, /gone/);
  assert.deepEqual(begun, ['a']);
  end('a', new Error('failed'));
  await assert.rejects(first, /failed/);
  await settle();

  assert.deepEqual(begun, ['a', 'c']);
  end('c');
  assert.equal(await last, 'c');
});

suite('a keyed mutex', () => {
  test('runs the tasks of one key in order, and those of another key meanwhile', async () => {
    const mutex = new KeyedMutex();
    const { begun, task, end } = tasks();
    const runs = [mutex.run('x', task('x1')), mutex.run('x', task('x2')), mutex.run('y', task('y1'))];
    assert.deepEqual(begun, ['x1', 'y1']);
    end('x1');
    await runs[0];
    await settle();

    assert.deepEqual(begun, ['x1', 'y1', 'x2']);
    end('x2');
    end('y1');
    await Promise.all(runs);
  });

  test('keeps nothing of a key after its last task, whether it ended, failed or left', async () => {
    const mutex = new KeyedMutex();
    const { task, end } = tasks();
    const leaving = new AbortController();
    const first = mutex.run('x', task('a'));
    const left = mutex.run('x', task('b'), leaving.signal);
    leaving.abort(new Error('gone'));
    await assert.rejects(left, /gone/);
    assert.equal(mutex.size, 1);
    end('a', new Error('failed'));
    await assert.rejects(first, /failed/);
    await assert.rejects(mutex.run('y', task('c'), leaving.signal), /gone/);

    assert.equal(mutex.size, 0);
  });
});
