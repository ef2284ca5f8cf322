/** JSON that is well-formed but invalid for its purpose. */
import { pick, type Roll } from './dice.ts';

export type AnyJson = unknown;

const strangeTable: readonly AnyJson[] = [
  null,
  true,
  false,
  '',
  ' ',
  0,
  -1,
  1.5,
  1e308,
  Number.MAX_SAFE_INTEGER,
  -(2 ** 63),
  [],
  {},
  [null],
  [[]],
  { a: { b: [] } },
  "'; DROP TABLE nodes; --",
  '../../../etc/passwd',
  '\u0000',
  '\ud800',
  '日本語 🖥',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '%s%n%00',
  '2024-99-99T99:99:99Z',
  '999.999.999.999/99',
  '::/0',
  '0.0.0.0/0',
  'nan',
  '//evil.example/redfish/v1',
  'https://evil.example/redfish/v1/Systems/1',
  'javascript:1',
  '/redfish/v1/Systems/1',
  { '@odata.id': '/redfish/v1/Systems' },
  { '@odata.id': 7 },
  [{ '@odata.id': null }],
  // Values that must not be converted to text.
  { toString: 1, valueOf: 1 },
  [{ toString: null, toJSON: 1 }],
];

const longText = 'x'.repeat(5_000);
const deepest = 2_000;

function strange(roll: Roll): AnyJson {
  const kind = roll(40);
  if (kind === 0) return longText;
  if (kind === 1) return nest(roll(deepest));
  return pick(strangeTable, roll);
}

function nest(depth: number): AnyJson {
  let value: AnyJson = {};
  for (let at = 0; at < depth; at += 1) value = at & 1 ? [value] : { a: value };
  return value;
}

const addedNames = ['name', 'id', 'extra', '', 'Members', 'Links', '@odata.id', 'toString', 'x'.repeat(300)];

/** The value with one element replaced, removed or added. The original is not changed. */
export function mutateJson(value: AnyJson, roll: Roll): AnyJson {
  if (typeof value !== 'object' || value === null || roll(100) < 12) return strange(roll);
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, AnyJson>;
  const key = pick(Object.keys(copy), roll);
  if (key === undefined || roll(10) === 0) {
    if (Array.isArray(copy)) copy.push(strange(roll));
    else copy[pick(addedNames, roll)] = strange(roll);
    return copy;
  }
  if (roll(10) === 0) delete copy[key];
  else copy[key] = mutateJson(copy[key], roll);
  return copy;
}

const brokenTexts = [
  '',
  '{',
  '[',
  '{"a":',
  '"',
  '\ufffe',
  'NaN',
  'null',
  '7',
  '{"__proto__":{"x":1}}',
  '{"constructor":{"prototype":{"x":1}}}',
  '{"a":1e999}',
  `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`,
];

/** One to three mutations; sometimes the result is not JSON. */
export function mutateJsonText(value: AnyJson, roll: Roll): Buffer {
  if (roll(40) === 0) return Buffer.from(pick(brokenTexts, roll));
  let changed = value;
  for (let times = 1 + roll(3); times > 0; times -= 1) changed = mutateJson(changed, roll);
  const bytes = Buffer.from(JSON.stringify(changed) ?? 'null');
  if (roll(30) > 0 || bytes.length === 0) return bytes;
  bytes[roll(bytes.length)] = roll(256);
  return bytes;
}
