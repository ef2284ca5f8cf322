import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gate } from './gate.ts';

test('no more than the places run at once, in the order of their coming; who gives up leaves the line', async () => {
  const gate = new Gate(2);
  const { signal } = new AbortController();
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const work = (name: string, wish = signal) =>
    gate.run(() => {
      begun.push(name);
      return new Promise<void>((resolve) => ends.set(name, resolve));
    }, wish);
  const impatient = new AbortController();
  const runs = [work('a'), work('b')];
  const gone = work('c', impatient.signal);
  runs.push(work('d'));
  impatient.abort(new Error('no more'));
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
