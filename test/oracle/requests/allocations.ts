/** `/v1/allocations`. No node fits those of the rows, so that both services find none; each row has one of its own. */
import type { JsonObject } from '#domain/json.ts';
import { type Ask, get, post, type Row } from '../row.ts';

const uuidOf = (index: number) => `aaaaaaaa-0000-4000-8000-${String(index).padStart(12, '0')}`;
const fieldsOf = (index: number): JsonObject => ({ uuid: uuidOf(index), resource_class: 'none', extra: { a: 1 } });
const made = (index: number, fields: JsonObject = {}): Ask => ({
  ...{ method: 'POST', path: '/allocations', body: { ...fieldsOf(index), ...fields } },
});
const having = (index: number, fields: JsonObject = {}) => ({ given: { node: null, done: [made(index, fields)] } });
/** Ironic changes the allocation before it has been processed. */
const sees = ['status', 'body.uuid', 'body.name', 'body.resource_class', 'body.traits', 'body.extra', 'body.owner'];
const create = (name: string, body: JsonObject, options: Partial<Row> & { version?: string } = {}): Row =>
  post(`allocation: ${name}`, '/allocations', body, { given: { node: null }, ...options });
const patch = (name: string, index: number, body: unknown): Row => ({
  name: `allocation patch: ${name}`,
  ask: { method: 'PATCH', path: `/allocations/${uuidOf(index)}`, body },
  ...having(index),
  sees,
});

export const allocationRows: readonly Row[] = [
  create('plain', fieldsOf(1)),
  create('with all fields', { ...fieldsOf(2), name: 'all', owner: 'someone', traits: ['CUSTOM_A'] }),
  create('with nulls', { ...fieldsOf(3), name: null, owner: null, candidate_nodes: null, extra: null }),
  create('without a class', { uuid: uuidOf(4) }),
  create('a UUID that is none', { resource_class: 'none', uuid: 'x' }),
  create('a UUID that is taken', fieldsOf(5), having(5)),
  create('a name that is taken', { ...fieldsOf(6), name: 'taken' }, having(7, { name: 'taken' })),
  create('an odd name', { ...fieldsOf(8), name: 'a b' }),
  create('a name like a UUID', { ...fieldsOf(9), name: uuidOf(9) }),
  create('a trait that is none', { ...fieldsOf(10), traits: ['fast'] }),
  create('an unknown candidate', { ...fieldsOf(11), candidate_nodes: ['gone'] }),
  create('an unknown node', { ...fieldsOf(12), node: 'gone' }),
  create('an unknown field', { ...fieldsOf(13), color: 'red' }),
  create('too long a class', { resource_class: 'x'.repeat(81) }),
  create('for a node, at 1.57', { ...fieldsOf(14), node: 'gone' }, { version: '1.57' }),
  create('at 1.51', fieldsOf(15), { version: '1.51' }),
  get('allocation: an unknown field asked', `/allocations/${uuidOf(16)}?fields=color`, having(16)),
  get('allocation: owner asked at 1.59', `/allocations/${uuidOf(17)}?fields=owner`, { ...having(17), version: '1.59' }),
  get('allocation: sorted by extra', '/allocations?sort_key=extra', { given: { node: null } }),
  get('allocation: of an unknown node', '/allocations?node=gone', { given: { node: null } }),
  patch('extra', 18, [{ op: 'add', path: '/extra/b', value: 2 }]),
  patch('name', 19, [{ op: 'add', path: '/name', value: 'given' }]),
  patch('an odd name', 20, [{ op: 'add', path: '/name', value: 'a b' }]),
  patch('the class', 21, [{ op: 'replace', path: '/resource_class', value: 'x' }]),
  { name: 'allocation: deleted', ask: { method: 'DELETE', path: `/allocations/${uuidOf(22)}` }, ...having(22) },
];
