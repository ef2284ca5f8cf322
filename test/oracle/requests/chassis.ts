/** `/v1/chassis`. Each row has a chassis of its own. */
import type { JsonObject } from '#domain/json.ts';
import { type Ask, get, post, type Row } from '../row.ts';

const uuidOf = (index: number) => `cccccccc-0000-4000-8000-${String(index).padStart(12, '0')}`;
const made = (index: number, fields: JsonObject = {}): Ask => ({
  ...{ method: 'POST', path: '/chassis', body: { uuid: uuidOf(index), description: 'one', extra: { a: 1 }, ...fields } },
});
const having = (index: number, node: JsonObject | null = null) => ({ given: { node, done: [made(index)] } });
const patch = (name: string, index: number, body: unknown): Row => ({
  name: `chassis patch: ${name}`,
  ask: { method: 'PATCH', path: `/chassis/${uuidOf(index)}`, body },
  ...having(index),
});

export const chassisRows: readonly Row[] = [
  post(
    'chassis: with all fields',
    '/chassis',
    { uuid: uuidOf(1), description: 'one', extra: { a: [1] } },
    { given: { node: null } },
  ),
  post('chassis: with nulls', '/chassis', { uuid: uuidOf(2), description: null, extra: null }, { given: { node: null } }),
  post('chassis: a UUID that is none', '/chassis', { uuid: 'x' }, { given: { node: null } }),
  post('chassis: a UUID that is taken', '/chassis', { uuid: uuidOf(3) }, having(3)),
  post('chassis: an unknown field', '/chassis', { color: 'red' }, { given: { node: null } }),
  post('chassis: too long a description', '/chassis', { description: 'x'.repeat(256) }, { given: { node: null } }),
  get('chassis: shown', `/chassis/${uuidOf(4)}`, having(4)),
  get('chassis: some fields', `/chassis/${uuidOf(5)}?fields=extra`, having(5)),
  get('chassis: an unknown field asked', `/chassis/${uuidOf(6)}?fields=color`, having(6)),
  get('chassis: its nodes', `/chassis/${uuidOf(7)}/nodes`, having(7)),
  patch('description', 8, [{ op: 'replace', path: '/description', value: 'two' }]),
  patch('extra', 9, [{ op: 'add', path: '/extra/b', value: 2 }]),
  patch('no description', 10, [{ op: 'remove', path: '/description' }]),
  patch('a number', 11, [{ op: 'replace', path: '/description', value: 7 }]),
  patch('the UUID', 12, [{ op: 'replace', path: '/uuid', value: uuidOf(13) }]),
  { name: 'chassis: deleted', ask: { method: 'DELETE', path: `/chassis/${uuidOf(14)}` }, ...having(14) },
];
