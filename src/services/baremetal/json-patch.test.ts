import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Value } from 'typebox/value';
import type { Fault } from '#domain/faults.ts';
import type { Json, JsonObject } from '#domain/json.ts';
import { applyPatch, JsonPatch } from './json-patch.ts';

/** The kinds of cases in RFC 6902 (appendix A) and in the public test suite of its implementations. */
type Case = [what: string, before: Json, patch: JsonPatch, after: Json];
const list = { list: [1, 2] };
const cases: Case[] = [
  ['nothing asked', { a: 1 }, [], { a: 1 }],
  ['adds a member', { a: 1 }, [{ op: 'add', path: '/b', value: { deep: true } }], { a: 1, b: { deep: true } }],
  ['add replaces what is there', { a: null }, [{ op: 'add', path: '/a', value: 1 }], { a: 1 }],
  ['adds null, false and 0', {}, ['/n:null', '/f:false', '/z:0'].map(addition), { n: null, f: false, z: 0 }],
  ['adds below a list', { l: [{}] }, [{ op: 'add', path: '/l/0/a', value: 1 }], { l: [{ a: 1 }] }],
  ['appends to lists', list, [{ op: 'add', path: '/list/-', value: 3 }], { list: [1, 2, 3] }],
  ['appends by index', list, [{ op: 'add', path: '/list/2', value: 3 }], { list: [1, 2, 3] }],
  ['inserts into lists', list, [{ op: 'add', path: '/list/1', value: 9 }], { list: [1, 9, 2] }],
  ['inserts a list as one item', list, [{ op: 'add', path: '/list/1', value: [8, 9] }], { list: [1, [8, 9], 2] }],
  [
    'appends twice',
    [],
    [
      { op: 'add', path: '/-', value: 1 },
      { op: 'add', path: '/-', value: 2 },
    ],
    [1, 2],
  ],
  ['appends deep in lists', [1, [2, [3]]], [{ op: 'add', path: '/1/1/-', value: 4 }], [1, [2, [3, 4]]]],
  ['a number is a name where there is no list', { a: 1 }, [{ op: 'add', path: '/0', value: 2 }], { a: 1, 0: 2 }],
  ['a dash is a name where there is no list', {}, [{ op: 'add', path: '/-', value: 2 }], { '-': 2 }],
  ['names in capitals are others', { a: 1 }, [{ op: 'add', path: '/A', value: 2 }], { a: 1, A: 2 }],
  ['the empty name', {}, [{ op: 'add', path: '/', value: 1 }], { '': 1 }],
  ['the empty name below another', { a: {} }, [{ op: 'add', path: '/a/', value: 1 }], { a: { '': 1 } }],
  ['replaces the whole', { a: 1 }, [{ op: 'replace', path: '', value: { b: 2 } }], { b: 2 }],
  ['adds the whole', { a: 1 }, [{ op: 'add', path: '', value: [] }], []],
  ['tests the whole', { a: 1 }, [{ op: 'test', path: '', value: { a: 1 } }], { a: 1 }],
  ['replaces a member', { a: { b: 1 } }, [{ op: 'replace', path: '/a/b', value: [2] }], { a: { b: [2] } }],
  ['replaces an item', list, [{ op: 'replace', path: '/list/1', value: [9] }], { list: [1, [9]] }],
  ['replaces null', { a: null }, [{ op: 'replace', path: '/a', value: 'b' }], { a: 'b' }],
  ['removes a member that is null', { a: null }, [{ op: 'remove', path: '/a' }], {}],
  ['removes an item', list, [{ op: 'remove', path: '/list/0' }], { list: [2] }],
  [
    'removes items as the list shrinks',
    [1, 2, 3, 4],
    [
      { op: 'remove', path: '/1' },
      { op: 'remove', path: '/2' },
    ],
    [1, 3],
  ],
  [
    'removes escaped names',
    { 'a/b': 1, 'm~n': 2 },
    [
      { op: 'remove', path: '/a~1b' },
      { op: 'remove', path: '/m~0n' },
    ],
    {},
  ],
  ['~01 is ~1', { '~1': 10, '/': 9 }, [{ op: 'test', path: '/~01', value: 10 }], { '~1': 10, '/': 9 }],
  ['names like numbers in words', { '1e0': 1 }, [{ op: 'test', path: '/1e0', value: 1 }], { '1e0': 1 }],
  ['moves a member', { a: null }, [{ op: 'move', from: '/a', path: '/b' }], { b: null }],
  ['moves to where it is', { a: 1 }, [{ op: 'move', from: '/a', path: '/a' }], { a: 1 }],
  ['moves an item', [1, 2, 3, 4], [{ op: 'move', from: '/1', path: '/3' }], [1, 3, 4, 2]],
  ['moves into a list', { l: [{ a: 1 }] }, [{ op: 'move', from: '/l/0/a', path: '/l/1' }], { l: [{}, 1] }],
  ['copies an item', list, [{ op: 'copy', from: '/list/0', path: '/list/-' }], { list: [1, 2, 1] }],
  ['copies below itself', { a: { b: 1 } }, [{ op: 'copy', from: '/a', path: '/a/c' }], { a: { b: 1, c: { b: 1 } } }],
  [
    'tests in any order of names',
    { a: { b: 1, c: 2 } },
    [{ op: 'test', path: '/a', value: { c: 2, b: 1 } }],
    { a: { b: 1, c: 2 } },
  ],
  ['tests numbers by value', { a: 0 }, [{ op: 'test', path: '/a', value: -0 }], { a: 0 }],
  ['leaves other members alone', {}, [{ op: 'add', path: '/a', value: 1, xyz: 2 } as JsonPatch[number]], { a: 1 }],
  [
    'a copy is changed alone',
    { a: { l: [1] } },
    [copyOf('/a', '/b'), { op: 'add', path: '/b/l/-', value: 2 }],
    { a: { l: [1] }, b: { l: [1, 2] } },
  ],
  [
    'what was copied is changed alone',
    { a: { l: [1] } },
    [copyOf('/a', '/b'), { op: 'add', path: '/a/l/-', value: 2 }],
    { a: { l: [1, 2] }, b: { l: [1] } },
  ],
  [
    'what was added is added to',
    {},
    [
      { op: 'add', path: '/l', value: [1] },
      { op: 'add', path: '/l/-', value: 2 },
    ],
    { l: [1, 2] },
  ],
];
for (const [what, before, patch, after] of cases) {
  test(what, () => {
    const [record, asked] = [structuredClone(before), structuredClone(patch)];

    assert.ok(Value.Check(JsonPatch, patch));
    assert.deepEqual(applyPatch(record, patch), after);
    // Applied again: the first time changed neither record nor patch.
    assert.deepEqual(applyPatch(record, patch), after);
    assert.deepEqual(record, before);
    assert.deepEqual(patch, asked);
  });
}

function copyOf(from: string, path: string): JsonPatch[number] {
  return { op: 'copy', from, path };
}

function addition(text: string): JsonPatch[number] {
  const [path = '', value = ''] = text.split(':');
  return { op: 'add', path, value: JSON.parse(value) as Json };
}

const refusals: [what: string, before: Json, patch: JsonPatch, reason: RegExp][] = [
  ['to add where nothing is', {}, [{ op: 'add', path: '/a/b', value: 1 }], /member 'a' not found/],
  ['to add into text', { a: 'b' }, [{ op: 'add', path: '/a/x', value: 1 }], /can have no member 'x'/],
  ['to add into null', { a: null }, [{ op: 'add', path: '/a/x', value: 1 }], /can have no member 'x'/],
  ['a place behind the list', [1, 2], [{ op: 'add', path: '/3', value: 1 }], /can't insert outside of list/],
  ...['-1', '01', '00', '1e0', '+1', '1.0', ' 1', '', 'length', '9007199254740993'].map(badIndex),
  ['to append by replacing', [1], [{ op: 'replace', path: '/-', value: 1 }], /'-' is not a valid sequence index/],
  ['to replace behind the list', [1], [{ op: 'replace', path: '/1', value: 1 }], /can't replace a non-existent object '1'/],
  ['to replace nothing', {}, [{ op: 'replace', path: '/a', value: 1 }], /can't replace a non-existent object 'a'/],
  ['to replace below nothing', {}, [{ op: 'replace', path: '/a/b', value: 1 }], /member 'a' not found/],
  ['to remove nothing', {}, [{ op: 'remove', path: '/a' }], /can't remove a non-existent object 'a'/],
  ['to remove what every object has', {}, [{ op: 'remove', path: '/toString' }], /can't remove a non-existent object 'toString'/],
  ['to remove below nothing', {}, [{ op: 'remove', path: '/a/b' }], /member 'a' not found/],
  ['to remove behind the list', [1], [{ op: 'remove', path: '/1' }], /can't remove a non-existent object '1'/],
  ['to remove by a leading zero', [1, 2], [{ op: 'remove', path: '/01' }], /'01' is not a valid sequence index/],
  ['to go through a list by a word', [{ a: 1 }], [{ op: 'remove', path: '/1e0/a' }], /'1e0' is not a valid sequence index/],
  ['to go through a leading zero', [[1]], [{ op: 'add', path: '/00/0', value: 1 }], /'00' is not a valid sequence index/],
  ['to remove the whole', {}, [{ op: 'remove', path: '' }], /whole document/],
  ['another value', { a: 'b' }, [{ op: 'test', path: '/a', value: 'c' }], /not equal to the tested value/],
  ['text for a number', { a: 10 }, [{ op: 'test', path: '/a', value: '10' }], /not equal/],
  ['a list for an object', { a: {} }, [{ op: 'test', path: '/a', value: [] }], /not equal/],
  ['null for nothing', {}, [{ op: 'test', path: '/a', value: null }], /member 'a' not found/],
  ['fewer members', { a: { b: 1, c: 2 } }, [{ op: 'test', path: '/a', value: { b: 1 } }], /not equal/],
  ['to copy nothing', { a: 1 }, [copyOf('/b', '/a')], /copy \/b to \/a'. Reason: member 'b' not found/],
  ['to copy by a word', [1], [copyOf('/1e0', '/0')], /'1e0' is not a valid sequence index/],
  ['to move nothing', { a: 1 }, [{ op: 'move', from: '/b', path: '/a' }], /member 'b' not found/],
  ['to move into itself', { a: { b: 1 } }, [{ op: 'move', from: '/a', path: '/a/b' }], /into their own children/],
  ['to move the whole into itself', { a: 1 }, [{ op: 'move', from: '', path: '/a' }], /into their own children/],
  [
    'all where one fails',
    { a: 1 },
    [
      { op: 'remove', path: '/a' },
      { op: 'remove', path: '/a' },
    ],
    /non-existent object 'a'/,
  ],
];
for (const [what, before, patch, reason] of refusals) {
  test(`refuses ${what}`, () => {
    const untouched = structuredClone(before);

    assert.ok(Value.Check(JsonPatch, patch));
    assert.throws(
      () => applyPatch(before, patch),
      (error: Fault) =>
        error.code === 'badRequest' && /^Couldn't apply patch '/.test(error.message) && reason.test(error.message),
    );
    assert.deepEqual(before, untouched);
  });
}

function badIndex(key: string): (typeof refusals)[number] {
  return [
    `index ${JSON.stringify(key)}`,
    [1, 2],
    [{ op: 'add', path: `/${key}`, value: 9 }],
    /not a valid sequence index|insert outside of list/,
  ];
}

const noPatches: [what: string, operation: unknown][] = [
  ['no path', { op: 'add', value: 1 }],
  ['null as path', { op: 'add', path: null, value: 1 }],
  ['a path without a slash', { op: 'add', path: 'a', value: 1 }],
  ['an escape that is none', { op: 'add', path: '/a~2', value: 1 }],
  ['half an escape', { op: 'remove', path: '/a~' }],
  ['add without a value', { op: 'add', path: '/a' }],
  ['replace without a value', { op: 'replace', path: '/a' }],
  ['test without a value', { op: 'test', path: '/a' }],
  ['copy without from', { op: 'copy', path: '/a' }],
  ['move without from', { op: 'move', path: '/a' }],
  ['another operation', { op: 'spam', path: '/a', value: 1 }],
  ['no operation', { path: '/a', value: 1 }],
];
for (const [what, operation] of noPatches) {
  test(`rejects as no patch: ${what}`, () => {
    assert.equal(Value.Check(JsonPatch, [operation]), false);
  });
}

test('treats __proto__ as an ordinary key', () => {
  const after = applyPatch({ extra: {} }, [
    { op: 'add', path: '/extra/__proto__', value: { polluted: true } },
    copyOf('/extra', '/copy'),
  ]);

  assert.equal(({} as { polluted?: boolean }).polluted, undefined);
  assert.equal(JSON.stringify(after), '{"extra":{"__proto__":{"polluted":true}},"copy":{"__proto__":{"polluted":true}}}');
});

test('limits the size of a record that copies itself', () => {
  const doubled = Array.from({ length: 60 }, (_, index) => copyOf('/a', `/a/${index}`));

  assert.throws(() => applyPatch({ a: { text: 'x'.repeat(100) } } as JsonObject, doubled), { code: 'tooLarge' });
});
