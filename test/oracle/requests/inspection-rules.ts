/** `/v1/inspection_rules`. Each row has a rule of its own. */
import type { JsonObject } from '#domain/json.ts';
import { type Ask, get, type Options, post, type Row, remove } from '../row.ts';

const uuidOf = (index: number) => `dddddddd-0000-4000-8000-${String(index).padStart(12, '0')}`;
const condition = { op: 'eq', args: { values: ['{inventory[cpu][count]}', '4'] } };
const action = { op: 'set-attribute', args: { path: '/properties/seen', value: 'yes' } };
const fieldsOf = (index: number): JsonObject => ({ uuid: uuidOf(index), conditions: [condition], actions: [action] });
const made = (index: number, fields: JsonObject = {}): Ask => ({
  ...{ method: 'POST', path: '/inspection_rules', body: { ...fieldsOf(index), ...fields } },
});
const none = { node: null };
/** Ironic's links name a resource `inspection`, which there is not: one row shows that. */
const names = ['uuid', 'description', 'priority', 'sensitive', 'phase', 'conditions', 'actions', 'created_at', 'updated_at'];
const seen = ['hasLocation', 'version', ...names.map((name) => `body.${name}`)];
const sees = names.map((name) => `body.inspection_rules.0.${name}`);
const having = (index: number, fields: JsonObject = {}) => ({ given: { ...none, done: [made(index, fields)] } });
const create = (name: string, body: JsonObject, options: Options = {}): Row =>
  post(`inspection rule: ${name}`, '/inspection_rules', body, { given: none, sees: seen, ...options });
const one = (index: number) => `/inspection_rules/${uuidOf(index)}`;
const change = (name: string, index: number, body: unknown, fields: JsonObject = {}): Row => ({
  ...{ name: `inspection rule patch: ${name}`, ask: { method: 'PATCH', path: one(index), body } },
  ...{ ...having(index, fields), sees: seen },
});
const withCondition = (index: number, fields: JsonObject) => ({ ...fieldsOf(index), conditions: [{ ...condition, ...fields }] });
const withAction = (index: number, fields: JsonObject) => ({ ...fieldsOf(index), actions: [{ ...action, ...fields }] });

export const inspectionRuleRows: readonly Row[] = [
  get('inspection rule: none', '/inspection_rules', { given: none }),
  create('plain', fieldsOf(1)),
  create('with all fields', { ...fieldsOf(2), description: 'x', priority: 5, phase: 'main' }),
  create('sensitive', { ...fieldsOf(3), sensitive: true }),
  create('with nulls', { ...fieldsOf(4), description: null, uuid: null }),
  create('without conditions', { uuid: uuidOf(5), actions: [action] }),
  create('without actions', { uuid: uuidOf(6), conditions: [condition] }),
  create('no action', { uuid: uuidOf(7), actions: [] }),
  create('a UUID that is taken', fieldsOf(8), having(8)),
  create('a UUID that is none', { ...fieldsOf(9), uuid: 'x' }),
  create('an unknown field', { ...fieldsOf(10), color: 'red' }),
  create('a negative priority', { ...fieldsOf(11), priority: -1 }),
  create('too high a priority', { ...fieldsOf(12), priority: 10000 }),
  create('an unknown phase', { ...fieldsOf(13), phase: 'early' }),
  create('no phase', { ...fieldsOf(14), phase: null }),
  create('an unknown operator', withCondition(15, { op: 'like' })),
  create('an inverted operator', withCondition(16, { op: '!eq' })),
  create('an operator that is inverted twice', withCondition(17, { op: '!!eq' })),
  create('an unknown action', withAction(18, { op: 'explode' })),
  create('missing arguments', withCondition(19, { args: {} })),
  create('unexpected arguments', withCondition(20, { args: { values: [], color: 'red' } })),
  create('arguments as a list', withCondition(21, { args: [['a', 'b']] })),
  create('too few arguments', withAction(22, { args: ['a'] })),
  create('arguments that are text', withCondition(23, { args: 'a' })),
  create('a loop', withCondition(24, { loop: ['a'], multiple: 'all' })),
  create('a loop without a word for its results', withCondition(25, { loop: { a: 1 } })),
  create('an unknown word for results', withCondition(26, { loop: ['a'], multiple: 'none' })),
  create('a loop of actions', withAction(27, { loop: [{ a: 1 }] })),
  create('an empty loop', withAction(28, { loop: [] })),
  create('a regular expression that is none', withCondition(29, { op: 'matches', args: { value: 'a', regex: '(' } })),
  create('other members', withCondition(30, { color: 'red' })),
  create('a request', withAction(31, { op: 'api-call', args: { url: 'http://localhost/' } })),
  create('plugin data', withAction(32, { op: 'set-plugin-data', args: { path: 'a.b', value: 1 } })),
  create('at 1.95', fieldsOf(33), { version: '1.95' }),
  get('inspection rule: shown', one(34), having(34)),
  get('inspection rule: a sensitive one', one(35), { ...having(35, { sensitive: true }), sees: seen }),
  get('inspection rule: some fields', `${one(36)}?fields=priority,actions`, { ...having(36), sees: seen }),
  get('inspection rule: an unknown field asked', `${one(37)}?fields=color`, having(37)),
  get('inspection rule: unknown', one(999), { given: none }),
  get('inspection rule: by what is no UUID', '/inspection_rules/name', { given: none }),
  get('inspection rule: shown at 1.95', one(38), { ...having(38), version: '1.95' }),
  get('inspection rules: brief', '/inspection_rules?limit=1', { given: none, sees }),
  get('inspection rules: in detail', '/inspection_rules?detail=true&limit=1', { given: none, sees }),
  get('inspection rules: fields and detail', '/inspection_rules?detail=true&fields=phase', { given: none }),
  get('inspection rules: by priority', '/inspection_rules?sort_key=priority&sort_dir=desc&limit=1', { given: none, sees }),
  get('inspection rules: by actions', '/inspection_rules?sort_key=actions', { given: none }),
  change('priority', 50, [{ op: 'replace', path: '/priority', value: 7 }]),
  change('actions', 51, [{ op: 'replace', path: '/actions', value: [{ op: 'fail', args: { msg: 'no' } }] }]),
  change('an argument', 52, [{ op: 'replace', path: '/actions/0/args/value', value: 'no' }]),
  change('no action', 53, [{ op: 'remove', path: '/actions/0' }]),
  change('no conditions', 54, [{ op: 'remove', path: '/conditions' }]),
  change('an unknown field', 55, [{ op: 'add', path: '/color', value: 'red' }]),
  change('sensitive', 56, [{ op: 'replace', path: '/sensitive', value: true }]),
  change('no longer sensitive', 57, [{ op: 'replace', path: '/sensitive', value: false }], { sensitive: true }),
  change('too high a priority', 58, [{ op: 'replace', path: '/priority', value: 10000 }]),
  change('an unknown operator', 59, [{ op: 'replace', path: '/conditions/0/op', value: 'like' }]),
  change('the UUID', 60, [{ op: 'replace', path: '/uuid', value: uuidOf(61) }]),
  remove('inspection rule: deleted', one(62), having(62)),
  remove('inspection rule: not there', one(999), { given: none }),
  remove('inspection rule: all', '/inspection_rules', { given: none }),
];
