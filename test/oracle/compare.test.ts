import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Deviation, differencesFromDefault, judge, type Reply } from './compare.ts';
import { differenceTable } from './differences.ts';
import { requestTable } from './requests.ts';

const known = new Set(['11111111-2222-4333-8444-555555555555']);
const reply = (status: number, body: unknown, headers: Reply['headers'] = {}): Reply => ({
  status,
  headers,
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const fault = (inner: object) => ({ error_message: JSON.stringify(inner) });
const places = (one: Reply, other: Reply) => differencesFromDefault(one, other, known).map(({ at }) => at);

test('ignores base URLs, times and generated UUIDs', () => {
  const made = '99999999-2222-4333-8444-555555555555';
  const ironic = {
    uuid: made,
    created_at: 'now',
    links: [{ href: `http://a:1/v1/nodes/${made}` }],
    driver_internal_info: { a: 1 },
  };
  const other = made.replaceAll('9', '8');
  const ingot = {
    uuid: other,
    created_at: 'then',
    links: [{ href: `http://b/baremetal/v1/nodes/${other}` }],
    driver_internal_info: {},
  };

  assert.deepEqual(places(reply(200, ironic), reply(200, ingot)), []);
  assert.deepEqual(places(reply(200, { uuid: [...known][0] }), reply(200, { uuid: other })), ['body.uuid']);
});

test('finds a missing member, another value, another length and another header', () => {
  const version = { 'x-openstack-ironic-api-version': '1.30' };

  assert.deepEqual(places(reply(200, { a: null, b: [1, 2], c: '1' }), reply(200, { b: [1], c: 1 })), [
    'body.a',
    'body.b.1',
    'body.c',
  ]);
  assert.deepEqual(places(reply(200, {}, version), reply(200, {})), ['version']);
  assert.deepEqual(places(reply(201, {}, { location: 'x' }), reply(201, {})), ['hasLocation']);
});

test('reports only the status if it differs', () => {
  assert.deepEqual(places(reply(400, 'x'), reply(404, 'y')), ['status']);
});

test('compares errors by their structure, not by their text', () => {
  const ironic = reply(400, fault({ faultcode: 'Client', faultstring: 'No.', debuginfo: null }));
  const framework = reply(400, fault({ code: 400, title: 'Bad Request', description: 'No.' }));

  assert.deepEqual(places(ironic, reply(400, fault({ faultcode: 'Client', faultstring: 'Never.', debuginfo: null }))), []);
  assert.deepEqual(places(ironic, reply(400, fault({ faultcode: 'Client', faultstring: '', debuginfo: null }))), [
    'body.error_message.hasWords',
  ]);
  assert.deepEqual(places(ironic, reply(400, { error: 'No.' })), ['body']);
  assert.equal(places(framework, reply(400, 'No.')).length > 0, true);
});

test('a row is valid while the difference is as described, and outdated when it is gone', () => {
  const status: Deviation = { at: 'status', peer: 400, ingot: 501 };
  const place: Deviation = { at: 'body.a', peer: 1, ingot: 2 };
  const results = [
    judge([], undefined),
    judge([], { why: 'x', status: [400, 501] }),
    judge([status], undefined),
    judge([status], { why: 'x', status: [400, 501] }),
    judge([status], { why: 'x', status: [400, 200] }),
    judge([place], { why: 'x', at: ['body.a'] }),
    judge([place], { why: 'x', at: ['body.a', 'body.b'] }),
    judge([place], { why: 'x' }),
  ].map(({ result }) => result);

  assert.deepEqual(results, ['same', 'wrong', 'wrong', 'differs', 'wrong', 'differs', 'wrong', 'wrong']);
});

test('rows have unique names, and each difference belongs to one', () => {
  const names = requestTable.map(({ name }) => name);

  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(
    Object.keys(differenceTable).filter((name) => !names.includes(name)),
    [],
  );
});
