/**
 * Root device hints (`properties.root_device` of a node), interpreted as Ironic and its agent do: by the server before
 * a machine is powered on, and again by the agent before it writes. Ambiguous hints are rejected, since the wrong disk
 * may hold data. Source: ironic-python-agent `device_hints`, oslo.utils `specs_matcher`.
 */

const hintTypes = {
  name: 'text',
  model: 'text',
  vendor: 'text',
  serial: 'text',
  wwn: 'text',
  wwn_with_extension: 'text',
  wwn_vendor_extension: 'text',
  hctl: 'text',
  by_path: 'text',
  tran: 'text',
  /** GiB. */
  size: 'number',
  rotational: 'boolean',
} as const;
export type HintName = keyof typeof hintTypes;

/**
 * A disk's values for the hints; absent or empty = unknown, which matches no hint. `size` in GiB, with its fraction.
 */
export type DiskFacts = { readonly [N in HintName]?: string | number | boolean };

export type Hint = {
  readonly name: HintName;
  /** The original text. */
  readonly expression: string;
  fits(actual: string | number | boolean): boolean;
};

/** Operators shared by Nova's extra specs and Ironic's hints (oslo.utils' `specs_matcher`). */
export const textOperators: Readonly<Record<string, (actual: string, wanted: string) => boolean>> = {
  's==': (actual, wanted) => actual === wanted,
  's!=': (actual, wanted) => actual !== wanted,
  's<': (actual, wanted) => actual < wanted,
  's<=': (actual, wanted) => actual <= wanted,
  's>': (actual, wanted) => actual > wanted,
  's>=': (actual, wanted) => actual >= wanted,
  '<in>': (actual, wanted) => actual.includes(wanted),
};

/**
 * `=` means "at least", as oslo.utils keeps it for old flavors. Ironic's agent compares sizes with their fraction, so a
 * disk of 447.13 GiB is not "447"; here it matches both, since 447 is the size that people see.
 */
const numberOperators: Readonly<Record<string, (actual: number, wanted: number) => boolean>> = {
  '==': (actual, wanted) => actual === wanted || Math.floor(actual) === wanted,
  '!=': (actual, wanted) => actual !== wanted && Math.floor(actual) !== wanted,
  '=': (actual, wanted) => actual >= wanted,
  '>=': (actual, wanted) => actual >= wanted,
  '<=': (actual, wanted) => actual <= wanted,
  '>': (actual, wanted) => actual > wanted,
  '<': (actual, wanted) => actual < wanted,
};

const operator = /^(?:<or>|<in>|<all-in>|<range-in>|s==|s!=|s<=|s<|s>=|s>|==|!=|>=|<=|=|>|<)/;
/** oslo.utils stops parsing there, so the meaning of the rest is undefined. */
const furtherOperator = new RegExp(`(?<!\\S)${operator.source.slice(1)}`);
const longestExpression = 1024;

/**
 * @param value `properties.root_device`; null and `{}` are no hints
 * @throws TypeError with the defect, for the user who set it
 */
export function parseRootDevice(value: unknown): readonly Hint[] {
  if (value === undefined || value === null) return [];
  if (typeof value !== 'object' || Array.isArray(value)) throw new TypeError('root_device must be an object of hints');
  return Object.entries(value).map(([name, expression]) => parseHint(name, expression));
}

function parseHint(name: string, given: unknown): Hint {
  const wrong = (detail: string) => new TypeError(`root device hint '${name.slice(0, 40)}' ${detail}`);
  if (!Object.hasOwn(hintTypes, name)) throw wrong(`is not known (known: ${Object.keys(hintTypes).join(', ')})`);
  const hint = name as HintName;
  const type = hintTypes[hint];
  if (type === 'text' && typeof given !== 'string') throw wrong('must be text');
  if (typeof given === 'object') throw wrong('must be a single value');
  const expression = String(given).trim();
  if (expression === '') throw wrong('is empty');
  if (expression.length > longestExpression) throw wrong(`has more than ${longestExpression} characters`);
  return { name: hint, expression, fits: matcherTable[type](expression.toLowerCase(), wrong) };
}

type Matcher = (expression: string, wrong: (detail: string) => TypeError) => Hint['fits'];

const matcherTable: Readonly<Record<(typeof hintTypes)[HintName], Matcher>> = {
  text: textMatcher,
  number: numberMatcher,
  boolean: booleanMatcher,
};

function textMatcher(expression: string, wrong: (detail: string) => TypeError): Hint['fits'] {
  const alternatives = alternativesOf(expression, wrong);
  if (alternatives) return (actual) => alternatives.includes(plainText(actual));
  const { sign = 's==', value } = split(expression, wrong);
  const compare = textOperators[sign];
  if (!compare) throw wrong(`takes no operator '${sign}' (texts take ${Object.keys(textOperators).join(' ')} <or>)`);
  return (actual) => compare(plainText(actual), value);
}

function numberMatcher(expression: string, wrong: (detail: string) => TypeError): Hint['fits'] {
  const toNumber = (text: string) => {
    const number = /^\+?\d{1,15}$/.test(text) ? Number(text) : 0;
    if (number <= 0) throw wrong(`must be a positive integer, not '${text.slice(0, 40)}'`);
    return number;
  };
  const range = rangeOf(expression, wrong);
  if (range) return (actual) => range(Number(actual));
  const alternatives = alternativesOf(expression, wrong)?.map(toNumber);
  if (alternatives) return (actual) => alternatives.some((wanted) => numberOperators['==']!(Number(actual), wanted));
  const { sign = '==', value } = split(expression, wrong);
  const compare = numberOperators[sign];
  if (!compare)
    throw wrong(`takes no operator '${sign}' (numbers take ${Object.keys(numberOperators).join(' ')} <or> <range-in>)`);
  const wanted = toNumber(value);
  return (actual) => compare(Number(actual), wanted);
}

/** `<range-in> [ 100 500 ]`: inclusive at both ends; a round bracket excludes that end. */
function rangeOf(expression: string, wrong: (detail: string) => TypeError): ((actual: number) => boolean) | undefined {
  if (!expression.startsWith('<range-in>')) return undefined;
  const shape = /^<range-in>\s*([[(])\s+(\d{1,15}(?:\.\d{1,15})?)\s+(\d{1,15}(?:\.\d{1,15})?)\s+([\])])$/;
  const [, opening, from, to, closing] = shape.exec(expression) ?? [];
  if (from === undefined || to === undefined)
    throw wrong(`must be like '<range-in> [ 100 500 ]', not '${expression.slice(0, 40)}'`);
  const [least, most] = [Number(from), Number(to)];
  if (least > most) throw wrong(`begins with ${least}, beyond its end at ${most}`);
  return (actual) => (opening === '[' ? actual >= least : actual > least) && (closing === ']' ? actual <= most : actual < most);
}

/** The values that oslo.utils' `bool_from_string` accepts. */
const booleanWords: readonly (readonly [boolean, readonly string[]])[] = [
  [true, ['1', 't', 'true', 'on', 'y', 'yes']],
  [false, ['0', 'f', 'false', 'off', 'n', 'no']],
];

function booleanMatcher(expression: string, wrong: (detail: string) => TypeError): Hint['fits'] {
  const [wanted] = booleanWords.find(([, words]) => words.includes(expression)) ?? [];
  if (wanted === undefined) throw wrong(`must be a Boolean, not '${expression.slice(0, 40)}'`);
  return (actual) => actual === wanted;
}

/** `<or> a <or> b` → a, b. */
function alternativesOf(expression: string, wrong: (detail: string) => TypeError): string[] | undefined {
  if (!expression.startsWith('<or>')) return undefined;
  const values = expression
    .slice('<or>'.length)
    .split('<or>')
    .map((value) => value.trim());
  if (values.some((value) => value === '' || furtherOperator.test(value)))
    throw wrong('has an <or> without a plain value behind it');
  return values;
}

function split(expression: string, wrong: (detail: string) => TypeError): { sign?: string; value: string } {
  const [sign] = operator.exec(expression) ?? [];
  const value = expression.slice(sign?.length ?? 0).trim();
  if (value === '') throw wrong(`has nothing behind '${sign}'`);
  if (furtherOperator.test(value)) throw wrong('has two operators, or one behind its value');
  return sign === undefined ? { value } : { sign, value };
}

function plainText(actual: string | number | boolean): string {
  return String(actual).trim().toLowerCase();
}

/** @returns why the disk does not match, or undefined */
export function mismatch(disk: DiskFacts, hints: readonly Hint[]): string | undefined {
  for (const { name, expression, fits } of hints) {
    const actual = disk[name];
    if (actual === undefined || actual === '') return `has no ${name}, wanted '${expression}'`;
    if (!fits(actual)) return `has ${name} '${actual}', wanted '${expression}'`;
  }
  return undefined;
}
