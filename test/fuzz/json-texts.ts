/** Well-formed JSON with numbers of all sizes and texts that look like numbers, and its expected value. */
import { pick, type Roll } from './dice.ts';

export type MadeJson = {
  readonly json: string;
  /** Whether all numbers are exact as doubles: no integer beyond 2^53, none beyond the range of doubles. */
  readonly isExact: boolean;
  /** The expected value, with the digits of such integers as text, and null for such numbers. */
  readonly kept: unknown;
};

const integers = [
  '0',
  '-0',
  '7',
  '9007199254740991',
  '9007199254740992',
  '-9007199254740993',
  '12345678901234567890',
  `1${'0'.repeat(30)}`,
  '9007199254740993.5',
  '9.007199254740993e15',
];
const others = ['0.1', '1e400', '-1E+400', '1e308', '1e-400', '1E22', '1.7976931348623157e309', '0.5000000000000000001', '12e3'];
const words = ['9007199254740993', '1e400', '\\', '"', '\\"', '-', '{[', 'text', '\u0007', '\n', '\\u0031', '日'];
const blanks = ['', '', ' ', '\n', '\t '];
const deepest = 4;

/** @param rawControls unescaped control characters in texts, which JSON does not allow */
export function someJsonText(roll: Roll, rawControls = false): MadeJson {
  return someValue(roll, { depth: 0, rawControls });
}

type Place = { readonly depth: number; readonly rawControls: boolean };

function someValue(roll: Roll, place: Place): MadeJson {
  const kind = roll(place.depth < deepest ? 6 : 3);
  const made = kind < 2 ? someNumber(roll) : kind === 2 ? someText(roll, place) : someStructure(roll, place);
  return { ...made, json: pick(blanks, roll) + made.json + pick(blanks, roll) };
}

function someNumber(roll: Roll): MadeJson {
  if (roll(2) === 0) {
    const json = pick(integers, roll);
    const isExact = Number.isSafeInteger(Number(json));
    return { json, isExact, kept: isExact ? Number(json) : json };
  }
  const json = pick(others, roll);
  const isExact = Number.isFinite(Number(json));
  return { json, isExact, kept: isExact ? Number(json) : null };
}

function someText(roll: Roll, { rawControls }: Place): MadeJson {
  const parts = Array.from({ length: roll(4) }, () => pick(words, roll));
  const isRaw = (part: string) => rawControls && part < ' ';
  const written = parts.map((part) => (isRaw(part) ? part : JSON.stringify(part).slice(1, -1)));
  return { json: `"${written.join('')}"`, isExact: true, kept: parts.join('') };
}

/** Member names are unique: of duplicates a parser returns only the last. */
function someStructure(roll: Roll, place: Place): MadeJson {
  const made = Array.from({ length: roll(4) }, () => someValue(roll, { ...place, depth: place.depth + 1 }));
  const isExact = made.every((each) => each.isExact);
  if (roll(2) === 0) return { json: `[${made.map(({ json }) => json).join(',')}]`, isExact, kept: made.map(({ kept }) => kept) };
  const members = made.map((each, at) => ({ ...each, name: `${pick(words, roll)}${at}` }));
  const json = `{${members.map((each) => `${JSON.stringify(each.name)}:${each.json}`).join(',')}}`;
  return { json, isExact, kept: Object.fromEntries(members.map(({ name, kept }) => [name, kept])) };
}
