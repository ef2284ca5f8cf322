import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json, JsonObject } from '#domain/json.ts';
import { restoreSecrets } from './restore-secrets.ts';
import { withoutSecrets } from './secrets.ts';

const declared = new Set(['odd_field']);
const stars = '******';
const restored = (wanted: JsonObject, before: JsonObject) => restoreSecrets(wanted, before, declared);
const shown = (value: JsonObject) => structuredClone(withoutSecrets(value, declared));

const bag: JsonObject = {
  address: '10.0.0.1',
  password: 'one',
  url: 'https://user:two@host/x',
  pdus: [
    { address: 'a', password: 'three', odd_field: 'four' },
    { address: 'b', password: 'five', deep: [[{ token: 'six' }], 'https://u:seven@h'] },
  ],
  settings: [
    { name: 'AdminPassword', value: 'eight' },
    { name: 'UserPassword', value: 'nine' },
    { name: 'Boot', value: 'Uefi' },
  ],
  urls: ['https://u:ten@h/', 'https://h/plain'],
};

test('what is sent back as shown stays what it was, at any depth', () => {
  const sent = shown(bag);

  assert.deepEqual(JSON.stringify(sent).match(/one|two|three|four|five|six|seven|eight|nine|ten/g), null);
  assert.deepEqual(restored(sent, bag), bag);
});

test('items of a list may be removed, added, moved and changed', () => {
  const [pduA, pduB] = shown(bag)['pdus'] as [JsonObject, JsonObject];
  const [keptA, keptB] = bag['pdus'] as [JsonObject, JsonObject];
  const pdus = (list: JsonObject[]) => restored({ pdus: list }, bag)['pdus'];

  assert.deepEqual(pdus([pduB]), [keptB]);
  assert.deepEqual(pdus([pduB, pduA]), [keptB, keptA]);
  assert.deepEqual(pdus([{ address: 'c' }, pduA]), [{ address: 'c' }, keptA]);
  assert.deepEqual(pdus([{ ...pduA, address: 'new' }, pduB]), [{ ...keptA, address: 'new' }, keptB]);
  assert.deepEqual(pdus([{ ...pduA, password: 'new' }, pduB]), [{ ...keptA, password: 'new' }, keptB]);

  const [admin, user, boot] = shown(bag)['settings'] as [JsonObject, JsonObject, JsonObject];
  const changed = { settings: [boot, { ...user, comment: 'kept' }, { name: 'Other', value: 1 }, admin] };
  assert.deepEqual(restored(changed, bag)['settings'], [
    { name: 'Boot', value: 'Uefi' },
    { name: 'UserPassword', value: 'nine', comment: 'kept' },
    { name: 'Other', value: 1 },
    { name: 'AdminPassword', value: 'eight' },
  ]);
});

test('asterisks of which it is not certain what they stand for are refused, and never kept', () => {
  const twins = { list: [{ password: 'one' }, { password: 'two' }] };
  const one = { password: stars };
  const refused = { code: 'badRequest', message: /stand for no known secret/ };

  for (const list of [[one], [one, one, one], [{ ...one, new: true }], ['https://u:******@other/']])
    assert.throws(() => restored({ list }, twins), refused, JSON.stringify(list));
  for (const list of [[one], [[one]], [{ deep: [one] }], [`https://u:${stars}@h`]]) {
    assert.throws(() => restored({ list }, {}), refused, JSON.stringify(list));
    assert.throws(() => restored({ list }, { list: 'text' }), refused, JSON.stringify(list));
  }
  assert.throws(() => restored({ url: 'https://user:******@elsewhere/x' }, bag), refused);
  assert.deepEqual(restored({ list: [one, one] }, twins), twins);
  assert.deepEqual(restored({ list: [one, { password: 'two' }] }, twins), twins);
  assert.deepEqual(restored({ list: [one, { password: 'new' }] }, twins), { list: [{ password: 'one' }, { password: 'new' }] });
  assert.deepEqual(restored({ deep: { password: stars, a: 1 }, note: 'rated ****** by all' }, {}), {
    deep: { a: 1 },
    note: 'rated ****** by all',
  });
});

test('a value that its name masks is not restored beside a name that would show it', () => {
  const named = { name: 'AdminPassword', value: 'eight' };
  const refused = { code: 'badRequest', message: /stand for no known secret/ };

  for (const name of ['Boot', null, 7, { toString: 1 }] as Json[]) {
    const renamed = { name, value: stars };
    assert.throws(() => restored({ settings: [renamed] }, { settings: [named] }), refused, JSON.stringify(name));
    assert.throws(() => restored({ setting: renamed }, { setting: named }), refused, JSON.stringify(name));
    assert.throws(() => restored(renamed, named), refused, JSON.stringify(name));
  }
  assert.throws(() => restored({ value: stars }, named), refused);
  const deep = { name: 'AdminPassword', value: { a: 'eight', list: [{ b: 'nine' }] } };
  assert.deepEqual(restored({ name: 'Boot', value: { a: stars } }, deep), { name: 'Boot', value: {} });
  assert.throws(() => restored({ name: 'Boot', value: { list: [{ b: stars }] } }, deep), refused);
  assert.deepEqual(restored({ ...named, name: 'UserPassword', value: stars }, named), { name: 'UserPassword', value: 'eight' });
});

test('a name that has no text masks nothing, and is shown', () => {
  const odd = { setting: { name: { toString: 1, valueOf: 1 }, value: 'v' } };

  assert.deepEqual(shown(odd), odd);
});

test('a member called __proto__ stays one', () => {
  const odd = JSON.parse('{"a": 1, "__proto__": {"b": 2}}') as JsonObject;

  assert.equal(JSON.stringify(restored(odd, {})), JSON.stringify(odd));
});

test('the reply does not depend on whether a guess of a secret is right', () => {
  const before = {
    list: [
      { a: 1, password: 'right' },
      { a: 1, password: 'other' },
    ],
  };
  const outcomes = ['right', 'wrong'].map((guess) => {
    const lists = [
      [
        { a: 1, password: guess },
        { a: 1, password: stars },
      ],
      [
        { a: 1, password: guess },
        { a: 1, password: stars },
        { a: 1, password: stars },
      ],
      [{ a: 1, password: guess, token: stars }],
    ];
    return lists.map((list) => {
      try {
        return JSON.stringify(restored({ list }, before)).replaceAll(guess, 'guess');
      } catch (error) {
        return (error as Error).message.replaceAll(guess, 'guess');
      }
    });
  });

  assert.deepEqual(outcomes[0], outcomes[1]);
});

test('long lists take no long time', () => {
  const list = Array.from({ length: 20_000 }, (_, index) => ({ name: `n${index}`, password: `p${index}` }));
  const sent = (shown({ list })['list'] as JsonObject[]).map((item, index) => (index % 2 ? { ...item, new: 1 } : item)).reverse();

  const after = restored({ list: sent }, { list })['list'] as JsonObject[];

  assert.deepEqual(after[0], { name: 'n19999', password: 'p19999', new: 1 });
  assert.deepEqual(after.at(-1), { name: 'n0', password: 'p0' });
});

test('secrets in lists of many levels have to be sent again, and the refusal shows none', () => {
  const nested = (levels: number, secret: string): Json =>
    levels === 0 ? { password: secret } : [nested(levels - 1, secret), { password: 'other' }];
  const of = (levels: number, secret: string) => ({ list: nested(levels, secret) });

  assert.deepEqual(restored(of(8, stars), of(8, 'right')), of(8, 'right'));
  assert.throws(
    () => restored(of(9, stars), of(9, 'right')),
    (error: Error) => {
      assert.match(error.message, /stand for no known secret/);
      assert.doesNotMatch(error.message, /right|other/);
      return true;
    },
  );
});
