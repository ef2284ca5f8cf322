import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pageOf } from './pagination.ts';

const all = ['a', 'b', 'c', 'd', 'e'];
const idOf = (item: string) => item;

test('pages follow each other by marker until the end', () => {
  const seen: string[][] = [];
  let marker: string | undefined;
  do {
    const page = pageOf(all, { limit: 2, marker, idOf });
    seen.push(page.items);
    marker = page.next;
  } while (marker);

  assert.deepEqual(seen, [['a', 'b'], ['c', 'd'], ['e']]);
});

test('returns all without a limit, and caps a limit at the maximum', () => {
  assert.deepEqual(pageOf(all, { idOf }), { items: all, next: undefined });
  assert.deepEqual(pageOf(all, { idOf, limit: 9, maximum: 3 }), { items: ['a', 'b', 'c'], next: 'c' });
  assert.deepEqual(pageOf(all, { idOf, maximum: 3 }).next, 'c');
  assert.deepEqual(pageOf(all, { idOf, limit: 5 }).next, undefined);
});

test('rejects an unknown marker', () => {
  assert.throws(() => pageOf(all, { idOf, marker: 'x' }), { code: 'badRequest' });
});
