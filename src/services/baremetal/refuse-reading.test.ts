import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonPatch } from './json-patch.ts';
import { refuseReading } from './refuse-reading.ts';

const rows: readonly [what: string, patch: JsonPatch, isRefused: boolean][] = [
  ['a copy of a secret', [{ op: 'copy', from: '/steps/0/args/password', path: '/extra/shown' }], true],
  ['a copy of all that holds it', [{ op: 'copy', from: '/steps', path: '/extra/shown' }], true],
  ['a move within, to a name that is shown', [{ op: 'move', from: '/steps/0/args/password', path: '/steps/0/args/name' }], true],
  ['a guess', [{ op: 'test', path: '/steps/0/args/password', value: 'geheim' }], true],
  ['an escaped pointer', [{ op: 'copy', from: '/~1steps', path: '/extra/shown' }], false],
  ['a change', [{ op: 'replace', path: '/steps/0/args/password', value: 'new' }], false],
  ['a removal', [{ op: 'remove', path: '/steps/0' }], false],
  ['a copy of something else', [{ op: 'copy', from: '/extra/a', path: '/extra/b' }], false],
];

for (const [what, patch, isRefused] of rows)
  test(`${isRefused ? 'refuses' : 'accepts'} ${what}`, () => {
    const call = () => refuseReading(patch, ['steps']);
    if (isRefused) assert.throws(call, /what may hold secrets can only be added, replaced or removed/);
    else assert.doesNotThrow(call);
  });
