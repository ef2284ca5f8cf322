/** `/v1/runbooks`. Each row has a runbook of its own. */
import type { JsonObject } from '#domain/json.ts';
import { type Ask, get, type Options, post, type Row, remove } from '../row.ts';

const uuidOf = (index: number) => `cccccccc-0000-4000-8000-${String(index).padStart(12, '0')}`;
const step = { interface: 'bios', step: 'factory_reset', args: {}, order: 1 };
const fieldsOf = (index: number): JsonObject => ({ uuid: uuidOf(index), name: `CUSTOM_R${index}`, steps: [step] });
const made = (index: number, fields: JsonObject = {}): Ask => ({
  ...{ method: 'POST', path: '/runbooks', body: { ...fieldsOf(index), ...fields } },
});
const none = { node: null };
/** The two services write the URLs of further pages in their own order. */
const sees = ['body.runbooks'];
const having = (index: number, fields: JsonObject = {}) => ({ given: { ...none, done: [made(index, fields)] } });
const create = (name: string, body: JsonObject, options: Options = {}): Row =>
  post(`runbook: ${name}`, '/runbooks', body, { given: none, ...options });
const withStep = (index: number, fields: JsonObject) => ({ ...fieldsOf(index), steps: [{ ...step, ...fields }] });
const change = (name: string, index: number, body: unknown, fields: JsonObject = {}): Row => ({
  ...{ name: `runbook patch: ${name}`, ask: { method: 'PATCH', path: `/runbooks/${uuidOf(index)}`, body } },
  ...having(index, fields),
});
const one = (index: number) => `/runbooks/${uuidOf(index)}`;

export const runbookRows: readonly Row[] = [
  get('runbook: none', '/runbooks', { given: none }),
  create('plain', fieldsOf(1)),
  create('with all fields', { ...fieldsOf(2), extra: { a: 1 }, public: true, disable_ramdisk: true }),
  create('with nulls', { ...fieldsOf(3), extra: null, uuid: null, public: null, owner: null, disable_ramdisk: null }),
  create('without steps', { name: 'CUSTOM_R5' }),
  create('no step', { name: 'CUSTOM_R6', steps: [] }),
  create('without a name', { steps: [step] }),
  create('a name that is no trait, at 1.111', { ...fieldsOf(7), name: 'fast' }, { version: '1.109' }),
  create('a name that is taken', { ...fieldsOf(9), name: 'CUSTOM_R10' }, having(10)),
  create('a UUID that is taken', { ...fieldsOf(11), name: 'CUSTOM_R12' }, having(11)),
  create('a UUID that is none', { ...fieldsOf(13), uuid: 'x' }),
  create('an unknown field', { ...fieldsOf(14), color: 'red' }),
  create('an order as text', withStep(15, { order: '20' })),
  create('a negative order', withStep(16, { order: -1 })),
  create('an unknown interface', withStep(19, { interface: 'network' })),
  create('without arguments', { ...fieldsOf(22), steps: [{ interface: 'bios', step: 'a', order: 1 }] }),
  create('a priority', withStep(23, { priority: 1 })),
  create('a step twice', { ...fieldsOf(24), steps: [step, { ...step, order: 2 }] }),
  create('a password', withStep(25, { args: { password: 'geheim', user: 'a' } })),
  create('made at 1.91', fieldsOf(26), { version: '1.91' }),
  get('runbook: shown', one(27), having(27)),
  get('runbook: shown by name', '/runbooks/CUSTOM_R28', having(28)),
  get('runbook: some fields', `${one(29)}?fields=name,steps`, having(29)),
  get('runbook: an unknown field asked', `${one(30)}?fields=color`, having(30)),
  get('runbook: unknown', one(999), { given: none }),
  get('runbook: shown at 1.91', one(31), { ...having(31), version: '1.91' }),
  get('runbooks: brief', '/runbooks?limit=1', { given: none, sees }),
  get('runbooks: in detail', '/runbooks?detail=true&limit=2', { given: none, sees }),
  get('runbooks: fields and detail', '/runbooks?detail=true&fields=name', { given: none }),
  get('runbooks: by name', '/runbooks?sort_key=name&sort_dir=asc&limit=2&fields=name', { given: none, sees }),
  get('runbooks: by extra', '/runbooks?sort_key=extra', { given: none }),
  change('extra', 40, [{ op: 'add', path: '/extra/b', value: 2 }]),
  change('name', 41, [{ op: 'replace', path: '/name', value: 'CUSTOM_NEW' }]),
  change('steps', 43, [{ op: 'replace', path: '/steps', value: [{ ...step, step: 'other', args: {} }] }]),
  change('a step twice', 45, [{ op: 'add', path: '/steps/-', value: step }]),
  change('the only step away', 46, [{ op: 'remove', path: '/steps/0' }]),
  change('no name', 47, [{ op: 'remove', path: '/name' }]),
  change('the UUID', 49, [{ op: 'replace', path: '/uuid', value: uuidOf(50) }]),
  change('an unknown field', 51, [{ op: 'add', path: '/color', value: 'red' }]),
  change('public', 52, [{ op: 'replace', path: '/public', value: true }]),
  change('owner', 53, [{ op: 'replace', path: '/owner', value: 'someone' }]),
  change('the owner of a public one', 54, [{ op: 'replace', path: '/owner', value: 'someone' }], { public: true }),
  change('ramdisk', 55, [{ op: 'replace', path: '/disable_ramdisk', value: true }]),
  change('public as text', 56, [{ op: 'replace', path: '/public', value: 'yes' }]),
  change('nothing', 57, []),
  remove('runbook: deleted', one(58), having(58)),
  remove('runbook: not there', one(999), { given: none }),
  remove('runbook: all', '/runbooks', { given: none }),
];
