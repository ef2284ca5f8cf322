/** Raw request bodies: media types, numbers, depth, and invalid JSON. */
import type { Ask, Given, Row } from '../row.ts';

const json = 'application/json';
const none: { given: Given } = { given: { node: null } };
const fakeNode = (members: string) => `{"driver": "fake-hardware"${members && `, ${members}`}}`;

/** A new node with this literal body. */
const create = (name: string, raw: string, { type = json, ...more }: Partial<Row> & { type?: string } = {}): Row => ({
  name: `body: ${name}`,
  ask: { method: 'POST', path: '/nodes', raw, headers: { 'content-type': type } },
  ...none,
  ...more,
});
const send = (name: string, ask: Ask, more: Partial<Row> = {}): Row => ({ name: `body: ${name}`, ask, ...more });
const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

export const bodyRows: readonly Row[] = [
  create('empty', ''),
  create('a blank', ' '),
  create('no JSON', 'x'),
  create('cut off', '{"driver": "fake-hardware"'),
  create('two values', '{"driver": "fake-hardware"} {}'),
  create('a trailing comma', '{"driver": "fake-hardware",}'),
  create('single quotes', "{'driver': 'fake-hardware'}"),
  create('a comment', '{"driver": "fake-hardware" /* x */}'),
  create('null', 'null'),
  create('a list', '[]'),
  create('text', '"x"'),
  create('a number', '5'),
  create('an empty object', '{}'),
  create('a byte order mark', `\ufeff${fakeNode('')}`),
  create('duplicate names', fakeNode('"name": "a", "name": "b"')),
  create('an integer of 2^53 + 1', fakeNode('"extra": {"serial": 9007199254740993}'), { sees: ['status'] }),
  create('an integer of 30 digits', fakeNode('"extra": {"serial": 123456789012345678901234567890}'), { sees: ['status'] }),
  create('a fraction', fakeNode('"extra": {"a": 0.1, "b": 1.50, "c": 1e3}')),
  create('minus zero', fakeNode('"extra": {"a": -0.0}')),
  create('1e400', fakeNode('"extra": {"a": 1e400}'), { sees: ['status'] }),
  create('NaN', fakeNode('"extra": {"a": NaN}'), { sees: ['status'] }),
  create('Infinity', fakeNode('"extra": {"a": -Infinity}'), { sees: ['status'] }),
  create('a leading zero', fakeNode('"extra": {"a": 01}')),
  create('a plus sign', fakeNode('"extra": {"a": +1}')),
  create('a lone surrogate', fakeNode('"extra": {"a": "\\ud800"}'), { sees: ['status'] }),
  create('a zero byte', fakeNode('"extra": {"a": "x\\u0000y"}'), { sees: ['status'] }),
  create('a raw line end in text', fakeNode('"extra": {"a": "x\ny"}')),
  create('an escape character', fakeNode('"description": "\\u001b[31mred"'), { sees: ['status'] }),
  create('12 levels', fakeNode(`"extra": ${nested(12)}`)),
  create('200 levels', fakeNode(`"extra": ${nested(200)}`), { sees: ['status'] }),
  create('5000 levels', fakeNode(`"extra": ${nested(5000)}`), { sees: ['status'] }),
  create('__proto__', fakeNode('"extra": {"__proto__": {"a": 1}}')),
  create('__proto__ at the top', fakeNode('"__proto__": {"a": 1}')),
  create('100 kB', fakeNode(`"extra": {"a": "${'x'.repeat(100_000)}"}`), { sees: ['status'] }),
  create('type with a charset', fakeNode(''), { type: 'application/json; charset=utf-8' }),
  create('type in capitals', fakeNode(''), { type: 'Application/JSON' }),
  create('type text/plain', fakeNode(''), { type: 'text/plain' }),
  create('type of a form', 'driver=fake-hardware', { type: 'application/x-www-form-urlencoded' }),
  create('type of JSON patch', fakeNode(''), { type: 'application/json-patch+json' }),
  create('type of XML', '<node/>', { type: 'application/xml' }),
  create('type of bytes', fakeNode(''), { type: 'application/octet-stream' }),
  create('type that is nonsense', fakeNode(''), { type: 'x' }),
  send('a patch of type JSON patch', {
    method: 'PATCH',
    path: '/nodes/$NODE',
    raw: '[{"op": "add", "path": "/extra/a", "value": 1}]',
    headers: { 'content-type': 'application/json-patch+json' },
  }),
  send('a patch that is empty', { method: 'PATCH', path: '/nodes/$NODE', raw: '' }),
  send(
    'a patch with an integer of 2^53 + 1',
    { method: 'PATCH', path: '/nodes/$NODE', raw: '[{"op": "add", "path": "/extra/a", "value": 9007199254740993}]' },
    { sees: ['status'] },
  ),
  send('a PUT that is empty', { method: 'PUT', path: '/nodes/$NODE/states/power', raw: '' }),
  send('a PUT of maintenance without body', { method: 'PUT', path: '/nodes/$NODE/maintenance' }),
  send('a PUT of maintenance with an empty one', { method: 'PUT', path: '/nodes/$NODE/maintenance', raw: '' }),
  send('a DELETE with one', { method: 'DELETE', path: '/nodes/$NODE', raw: '{}' }),
  send('a DELETE of type bytes', {
    method: 'DELETE',
    path: '/nodes/$NODE',
    headers: { 'content-type': 'application/octet-stream' },
  }),
  send('a GET that accepts XML', { method: 'GET', path: '/nodes/$NODE', headers: { accept: 'application/xml' } }),
  send('a GET that accepts all', { method: 'GET', path: '/nodes/$NODE', headers: { accept: '*/*' } }),
  send('a GET that accepts text', { method: 'GET', path: '/nodes/$NODE', headers: { accept: 'text/html' } }),
  send('a method that is not there', { method: 'PUT', path: '/nodes/$NODE', body: {} }),
  send('POST on one node', { method: 'POST', path: '/nodes/$NODE', body: {} }),
  send('DELETE of all nodes', { method: 'DELETE', path: '/nodes' }),
];
