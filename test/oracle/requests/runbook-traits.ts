/** What 1.112 brought to `/v1/runbooks`. Each row has a runbook of its own. */
import type { JsonObject } from '#domain/json.ts';
import { type Ask, get, type Options, post, put, type Row, remove } from '../row.ts';

const uuidOf = (index: number) => `cccccccc-0000-4000-8000-${String(index).padStart(12, '0')}`;
const step = { interface: 'bios', step: 'factory_reset', args: {}, order: 1 };
const fieldsOf = (index: number): JsonObject => ({ uuid: uuidOf(index), name: `CUSTOM_R${index}`, steps: [step] });
const made = (index: number): Ask => ({ method: 'POST', path: '/runbooks', body: fieldsOf(index) });
const none = { node: null };
const having = (index: number) => ({ given: { ...none, done: [made(index)] } });
const create = (name: string, body: JsonObject, options: Options = {}): Row =>
  post(`runbook: ${name}`, '/runbooks', body, { given: none, ...options });
const one = (index: number) => `/runbooks/${uuidOf(index)}`;
const change = (name: string, index: number, body: unknown): Row => ({
  ...{ name: `runbook patch: ${name}`, ask: { method: 'PATCH', path: one(index), body } },
  ...having(index),
});
const at = (path: string) => ({ method: 'GET', path }) as const;
const withTraits = (index: number) => {
  const set: Ask = { method: 'PUT', path: `${one(index)}/traits`, body: { traits: ['CUSTOM_A'] } };
  return { given: { ...none, done: [made(index), set] } };
};

export const runbookTraitRows: readonly Row[] = [
  create('a name that is no trait', { ...fieldsOf(60), name: 'fast.r-1_~' }),
  create('an odd name', { ...fieldsOf(61), name: 'a b' }),
  create('a description', { ...fieldsOf(62), description: 'x' }),
  create('a description at 1.111', { ...fieldsOf(63), description: 'x' }, { version: '1.111' }),
  create('too long a description', { ...fieldsOf(64), description: 'x'.repeat(256) }),
  create('traits', { ...fieldsOf(65), traits: ['CUSTOM_A'] }),
  change('description', 66, [{ op: 'replace', path: '/description', value: 'y' }]),
  change('traits', 67, [{ op: 'replace', path: '/traits', value: ['CUSTOM_A'] }]),
  get('runbook: description asked at 1.111', `${one(68)}?fields=description`, { ...having(68), version: '1.111' }),
  get('runbook traits: none', `${one(69)}/traits`, having(69)),
  get('runbook traits: at 1.111', `${one(70)}/traits`, { ...having(70), version: '1.111' }),
  get('runbook traits: unknown', `${one(999)}/traits`, { given: none }),
  put('runbook traits: set', `${one(71)}/traits`, { traits: ['CUSTOM_B', 'CUSTOM_A'] }, having(71)),
  put(
    'runbook traits: twice',
    `${one(72)}/traits`,
    { traits: ['CUSTOM_B', 'CUSTOM_B'] },
    {
      ...{ ...having(72), afterwards: at(`${one(72)}/traits`) },
    },
  ),
  put('runbook traits: no trait', `${one(73)}/traits`, { traits: ['fast'] }, having(73)),
  put('runbook traits: nothing', `${one(74)}/traits`, {}, having(74)),
  put('runbook traits: one', `${one(75)}/traits/CUSTOM_C`, undefined, {
    ...{ ...having(75), afterwards: at(`${one(75)}?fields=traits,name`) },
  }),
  put('runbook traits: one that is none', `${one(76)}/traits/fast`, undefined, having(76)),
  put('runbook traits: one with a body', `${one(77)}/traits/CUSTOM_C`, { traits: ['CUSTOM_D'] }, having(77)),
  remove('runbook traits: one away', `${one(78)}/traits/CUSTOM_A`, {
    ...{ ...withTraits(78), afterwards: at(`${one(78)}/traits`) },
  }),
  remove('runbook traits: one that is not there', `${one(79)}/traits/CUSTOM_B`, withTraits(79)),
  remove('runbook traits: all away', `${one(80)}/traits`, { ...withTraits(80), afterwards: at(`${one(80)}/traits`) }),
  get('runbook traits: shown', one(81), withTraits(81)),
];
