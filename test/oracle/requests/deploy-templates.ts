/** `/v1/deploy_templates`. Each row has a template of its own. */
import type { JsonObject } from '#domain/json.ts';
import { type Ask, get, type Options, patch, post, type Row, remove } from '../row.ts';

const uuidOf = (index: number) => `bbbbbbbb-0000-4000-8000-${String(index).padStart(12, '0')}`;
const step = { interface: 'bios', step: 'apply_configuration', args: { settings: [] }, priority: 110 };
const fieldsOf = (index: number): JsonObject => ({ uuid: uuidOf(index), name: `CUSTOM_T${index}`, steps: [step] });
const made = (index: number, fields: JsonObject = {}): Ask => ({
  ...{ method: 'POST', path: '/deploy_templates', body: { ...fieldsOf(index), ...fields } },
});
const none = { node: null };
/** The two services write the URLs of further pages in their own order. */
const sees = ['body.deploy_templates'];
const having = (index: number, fields: JsonObject = {}) => ({ given: { ...none, done: [made(index, fields)] } });
const create = (name: string, body: JsonObject, options: Options = {}): Row =>
  post(`deploy template: ${name}`, '/deploy_templates', body, { given: none, ...options });
const withStep = (index: number, fields: JsonObject) => ({ ...fieldsOf(index), steps: [{ ...step, ...fields }] });
const change = (name: string, index: number, body: unknown): Row => ({
  ...patch(`deploy template patch: ${name}`, body, having(index)),
  ask: { method: 'PATCH', path: `/deploy_templates/${uuidOf(index)}`, body },
});
const one = (index: number) => `/deploy_templates/${uuidOf(index)}`;

export const deployTemplateRows: readonly Row[] = [
  get('deploy template: none', '/deploy_templates', { given: none }),
  create('plain', fieldsOf(1)),
  create('with extra', { ...fieldsOf(2), extra: { a: 1 } }),
  create('with nulls', { ...fieldsOf(3), extra: null, uuid: null }),
  create('a description', { ...fieldsOf(4), description: 'x' }),
  create('without steps', { name: 'CUSTOM_T5' }),
  create('no step', { name: 'CUSTOM_T6', steps: [] }),
  create('without a name', { steps: [step] }),
  create('a name that is no trait', { ...fieldsOf(7), name: 'fast' }),
  create('a standard trait', { ...fieldsOf(8), name: 'HW_CPU_X86_VMX' }),
  create('a name that is taken', { ...fieldsOf(9), name: 'CUSTOM_T10' }, having(10)),
  create('a UUID that is taken', { ...fieldsOf(11), name: 'CUSTOM_T12' }, having(11)),
  create('a UUID that is none', { ...fieldsOf(13), uuid: 'x' }),
  create('an unknown field', { ...fieldsOf(14), color: 'red' }),
  create('a priority as text', withStep(15, { priority: '20' })),
  create('a negative priority', withStep(16, { priority: -1 })),
  create('a priority that is no number', withStep(17, { priority: 'high' })),
  create('a fraction', withStep(18, { priority: 1.5 })),
  create('an unknown interface', withStep(19, { interface: 'network' })),
  create('a step without a name', withStep(20, { step: '' })),
  create('arguments that are none', withStep(21, { args: [] })),
  create('arguments that are missing', { ...fieldsOf(22), steps: [{ interface: 'bios', step: 'a', priority: 1 }] }),
  create('an unknown member of a step', withStep(23, { color: 'red' })),
  create('a step twice', { ...fieldsOf(24), steps: [step, { ...step, priority: 1 }] }),
  create('a password', withStep(25, { args: { password: 'geheim', user: 'a' } })),
  create('at 1.54', fieldsOf(26), { version: '1.54' }),
  get('deploy template: shown', one(27), having(27)),
  get('deploy template: shown by name', '/deploy_templates/CUSTOM_T28', having(28)),
  get('deploy template: some fields', `${one(29)}?fields=name,steps`, having(29)),
  get('deploy template: an unknown field asked', `${one(30)}?fields=color`, having(30)),
  get('deploy template: unknown', one(999), { given: none }),
  get('deploy template: no name', '/deploy_templates/a%20b', { given: none }),
  get('deploy template: shown at 1.54', one(31), { ...having(31), version: '1.54' }),
  get('deploy templates: brief', '/deploy_templates?limit=1', { given: none, sees }),
  get('deploy templates: in detail', '/deploy_templates?detail=true&limit=2', { given: none, sees }),
  get('deploy templates: fields and detail', '/deploy_templates?detail=true&fields=name', { given: none }),
  get('deploy templates: by name', '/deploy_templates?sort_key=name&sort_dir=desc&limit=1&fields=name', { given: none, sees }),
  get('deploy templates: by steps', '/deploy_templates?sort_key=steps', { given: none }),
  get('deploy templates: an unknown marker', `/deploy_templates?marker=${uuidOf(999)}`, { given: none }),
  change('extra', 40, [{ op: 'add', path: '/extra/b', value: 2 }]),
  change('name', 41, [{ op: 'replace', path: '/name', value: 'CUSTOM_NEW' }]),
  change('a name that is no trait', 42, [{ op: 'replace', path: '/name', value: 'new' }]),
  change('steps', 43, [{ op: 'replace', path: '/steps', value: [{ ...step, step: 'factory_reset', args: {} }] }]),
  change('a priority', 44, [{ op: 'replace', path: '/steps/0/priority', value: 5 }]),
  change('a step twice', 45, [{ op: 'add', path: '/steps/-', value: step }]),
  change('the only step away', 46, [{ op: 'remove', path: '/steps/0' }]),
  change('no name', 47, [{ op: 'remove', path: '/name' }]),
  change('no extra', 48, [{ op: 'remove', path: '/extra' }]),
  change('the UUID', 49, [{ op: 'replace', path: '/uuid', value: uuidOf(50) }]),
  change('an unknown field', 51, [{ op: 'add', path: '/color', value: 'red' }]),
  change('a description', 53, [{ op: 'add', path: '/description', value: 'x' }]),
  change('nothing', 54, []),
  change('a place that is not there', 55, [{ op: 'replace', path: '/steps/7/step', value: 'x' }]),
  remove('deploy template: deleted', one(56), having(56)),
  remove('deploy template: deleted by name', '/deploy_templates/CUSTOM_T57', having(57)),
  remove('deploy template: not there', one(999), { given: none }),
  remove('deploy template: all', '/deploy_templates', { given: none }),
];
