import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#domain/records.ts';
import { applyPatch, type JsonPatch } from './json-patch.ts';

const before: JsonObject = { name: 'a', extra: { 'a/b': 1, list: [1, 2] } };

const cases: [what: string, patch: JsonPatch, after: JsonObject][] = [
  [
    'adds',
    [{ op: 'add', path: '/extra/new', value: { deep: true } }],
    { name: 'a', extra: { 'a/b': 1, list: [1, 2], new: { deep: true } } },
  ],
  ['replaces', [{ op: 'replace', path: '/name', value: 'b' }], { name: 'b', extra: { 'a/b': 1, list: [1, 2] } }],
  ['removes escaped keys', [{ op: 'remove', path: '/extra/a~1b' }], { name: 'a', extra: { list: [1, 2] } }],
  ['appends to lists', [{ op: 'add', path: '/extra/list/-', value: 3 }], { name: 'a', extra: { 'a/b': 1, list: [1, 2, 3] } }],
  ['inserts into lists', [{ op: 'add', path: '/extra/list/0', value: 0 }], { name: 'a', extra: { 'a/b': 1, list: [0, 1, 2] } }],
  ['removes from lists', [{ op: 'remove', path: '/extra/list/1' }], { name: 'a', extra: { 'a/b': 1, list: [1] } }],
  ['tests', [{ op: 'test', path: '/extra/list', value: [1, 2] }], before],
];
for (const [what, patch, after] of cases) {
  test(what, () => {
    const untouched = structuredClone(before);

    assert.deepEqual(applyPatch(before, patch), after);
    assert.deepEqual(before, untouched);
  });
}

const refusals: [what: string, patch: JsonPatch][] = [
  ['a parent that is missing', [{ op: 'add', path: '/none/key', value: 1 }]],
  ['to replace nothing', [{ op: 'replace', path: '/extra/none', value: 1 }]],
  ['to remove nothing', [{ op: 'remove', path: '/extra/none' }]],
  ['a failed test', [{ op: 'test', path: '/name', value: 'b' }]],
  ['no value', [{ op: 'add', path: '/name' }]],
  ['a place behind the list', [{ op: 'add', path: '/extra/list/9', value: 1 }]],
  ['a path through text', [{ op: 'add', path: '/name/x', value: 1 }]],
];
for (const [what, patch] of refusals) {
  test(`refuses ${what}`, () => {
    assert.throws(() => applyPatch(before, patch), { code: 'badRequest' });
  });
}

test('a key named __proto__ is a key', () => {
  const after = applyPatch({ extra: {} }, [{ op: 'add', path: '/extra/__proto__', value: { polluted: true } }]);

  assert.equal(({} as { polluted?: boolean }).polluted, undefined);
  assert.equal(JSON.stringify(after), '{"extra":{"__proto__":{"polluted":true}}}');
});
