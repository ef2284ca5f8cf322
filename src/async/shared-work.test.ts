import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SharedWork } from './shared-work.ts';

/** Work that ends when it is told to. */
function heldWork() {
  const runs: { signal: AbortSignal; end: (value: string) => void }[] = [];
  const work = (signal: AbortSignal) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    signal.addEventListener('abort', () => reject(signal.reason));
    runs.push({ signal, end: resolve });
    return promise;
  };
  return { runs, work };
}

test('callers with one key share a run, the next one after it gets another', async () => {
  const { runs, work } = heldWork();
  const shared = new SharedWork();
  const { signal } = new AbortController();
  const both = Promise.all([shared.run('a', signal, work), shared.run('a', signal, work)]);

  runs[0]?.end('first');

  assert.deepEqual(await both, ['first', 'first']);
  const next = shared.run('a', signal, work);
  runs[1]?.end('second');
  assert.equal(await next, 'second');
});

test('a run is aborted when its last caller has left, and not before', async () => {
  const { runs, work } = heldWork();
  const shared = new SharedWork();
  const [first, second] = [new AbortController(), new AbortController()];
  const [one, two] = [shared.run('a', first.signal, work), shared.run('a', second.signal, work)];

  first.abort(new Error('first left'));
  await assert.rejects(one, /first left/);
  assert.equal(runs[0]?.signal.aborted, false);
  second.abort(new Error('second left'));
  await assert.rejects(two, /second left/);
  assert.equal(runs[0]?.signal.aborted, true);

  const third = shared.run('a', new AbortController().signal, work);
  runs[1]?.end('anew');
  assert.equal(await third, 'anew');
});
