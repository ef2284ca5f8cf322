import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reply } from '../oracle/compare.ts';
import { differencesOf } from './compare.ts';
import { differenceTable } from './differences.ts';
import { keyOf } from './run.ts';
import { get, type Step } from './scenario.ts';
import { scenarioTable } from './scenarios.ts';

const aSide = (port: number, values: Record<string, string> = {}) => {
  const places = { identity: `http://a:${port}/identity`, image: `http://a:${port}/image`, network: `http://a:${port}/network` };
  return { places, values: new Map(Object.entries(values)) };
};
const reply = (body: unknown, status = 200, headers: Reply['headers'] = {}): Reply => ({
  ...{ status, headers },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
function places(one: Reply, other: Reply, step: Partial<Step> = {}, sides = [aSide(1), aSide(2)] as const): string[] {
  const full = { ...get('x', '/x'), ...step };
  const found = differencesOf(full, { reply: one, side: sides[0] }, { reply: other, side: sides[1] });
  return found.map(({ at }) => at);
}
const [hex, otherHex] = ['0123456789abcdef0123456789abcdef', 'fedcba9876543210fedcba9876543210'] as const;

test('ignores base URLs, ids that nobody named and times', () => {
  const one = { id: hex, links: { self: `http://a:1/identity/v3/users/${hex}` }, at: '2026-12-01T00:00:00Z' };
  const other = { id: otherHex, links: { self: `http://a:2/identity/v3/users/${otherHex}` }, at: '2026-12-01T00:00:01Z' };

  assert.deepEqual(places(reply(one), reply(other)), []);
});

test('finds another form of an id or a time', () => {
  const dashed = '01234567-89ab-cdef-0123-456789abcdef';

  assert.deepEqual(places(reply({ id: hex }), reply({ id: dashed })), ['body.id']);
  assert.deepEqual(places(reply({ at: '2026-12-01T00:00:00Z' }), reply({ at: '2026-12-01T00:00:00.000000Z' })), ['body.at']);
});

test('finds the id of another resource in place of the right one', () => {
  const sides = [aSide(1, { alice: hex, bob: otherHex }), aSide(2, { alice: otherHex, bob: hex })] as const;

  assert.deepEqual(places(reply({ id: hex }), reply({ id: otherHex }), {}, sides), []);
  assert.deepEqual(places(reply({ id: hex }), reply({ id: hex }), {}, sides), ['body.id']);
});

test('compares lists as sets, and in their order where a step says so', () => {
  const [one, other] = [reply({ names: ['a', 'b'] }), reply({ names: ['b', 'a'] })];

  assert.deepEqual(places(one, other), []);
  assert.deepEqual(places(one, other, { isOrdered: true }), ['body.names.0', 'body.names.1']);
});

test('names items of a list by id or name, so that one more moves no other', () => {
  const users = (...names: string[]) => reply({ users: names.map((name) => ({ id: hex, name })) });

  assert.deepEqual(places(users('alice', 'bob'), users('alice', 'another', 'bob')), ['body.users.[another]']);
  assert.deepEqual(places(reply({ users: [] }), reply({ users: {} })), ['body.users.[]']);
});

test('compares of a list only what has a name, where a step says so', () => {
  const sides = [aSide(1, { alice: hex }), aSide(2, { alice: otherHex })] as const;
  const [one, other] = [reply({ users: [{ id: hex }, { id: 'x' }] }), reply({ users: [{ id: otherHex }, { id: 'y' }] })];

  assert.deepEqual(places(one, other, {}, sides).length > 0, true);
  assert.deepEqual(places(one, other, { onlyNamed: true }, sides), []);
});

test('compares errors by their form, not by their text', () => {
  const fault = (title: string, message: string) => reply({ error: { code: 404, title, message } }, 404);
  const page = (title: string, text: string) => reply(`<html><head><title>${title}</title></head>${text}</html>`, 404);

  assert.deepEqual(places(fault('Not Found', 'No.'), fault('Not Found', 'There is none.')), []);
  assert.deepEqual(places(fault('Not Found', 'No.'), fault('Not Found', '')), ['body.error.message']);
  assert.deepEqual(places(fault('Not Found', 'No.'), fault('Missing', 'No.')), ['body.error.title']);
  assert.deepEqual(places(page('404 Not Found', 'No.'), page('404 Not Found', 'There is none.')), []);
  assert.deepEqual(places(page('404 Not Found', 'No.'), page('404', 'No.')), ['body']);
});

test('finds another header, and reports only the status if that differs', () => {
  assert.deepEqual(
    places(reply('', 200, { location: 'http://a:1/image/v2' }), reply('', 200, { location: 'http://a:2/image/v2' })),
    [],
  );
  assert.deepEqual(places(reply('', 200, { location: '/v2' }), reply('')), ['headers.location']);
  assert.deepEqual(places(reply({ a: 1 }), reply({ b: 1 }, 201)), ['status']);
});

test('steps have unique names, and each difference belongs to one', () => {
  const keys = scenarioTable.flatMap((scenario) => scenario.steps.map((step) => keyOf(scenario, step)));

  assert.deepEqual(
    keys.filter((key, index) => keys.indexOf(key) !== index),
    [],
  );
  assert.deepEqual(
    Object.keys(differenceTable).filter((key) => !keys.includes(key)),
    [],
  );
});
