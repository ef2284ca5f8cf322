import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from './json.ts';
import { sizeOf } from './placement.ts';

const sizes: readonly [reported: Json | undefined, size: number | null][] = [
  [4, 4],
  ['16384', 16384],
  [undefined, null],
  [null, null],
  ['', null],
  ['many', 0],
  ['1e999', 0],
  [{ toString: 1, valueOf: 1 }, 0],
  [[{ toString: null }], 0],
  [true, 0],
];
for (const [reported, size] of sizes) {
  test(`reads size ${JSON.stringify(reported)} as ${size}`, () => assert.equal(sizeOf(reported), size));
}
