/** Sets of characters of a regular expression, by code points. */

export type Range = { readonly first: number; readonly last: number };
export type CharacterSet = { readonly ranges: readonly Range[]; readonly isNegated: boolean };

export const anything: CharacterSet = { ranges: [], isNegated: true };
export const ranges = (list: readonly Range[]): CharacterSet => ({ ranges: list, isNegated: false });
export const negated = (list: readonly Range[]): CharacterSet => ({ ranges: list, isNegated: true });

export function oneOf(character: string): Range {
  const code = character.codePointAt(0) ?? 0;
  return { first: code, last: code };
}

const span = (from: string, to: string): Range => ({ first: oneOf(from).first, last: oneOf(to).last });
const digits = [span('0', '9')];
const words = [...digits, span('A', 'Z'), oneOf('_'), span('a', 'z')];
const spaces = [span('\t', '\r'), oneOf(' ')];
const classTable: Readonly<Record<string, Range[]>> = {
  ...{ d: digits, w: words, s: spaces },
  ...{ D: complement(digits), W: complement(words), S: complement(spaces) },
};

/** The ranges of `\d`, `\W` and so on; undefined for other letters. ASCII, as with Python's flag `a`. */
export function classOf(letter: string): Range[] | undefined {
  return Object.hasOwn(classTable, letter) ? classTable[letter] : undefined;
}

export const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v', a: '\x07', '0': '\0' };

/** @param list in ascending order */
function complement(list: readonly Range[]): Range[] {
  const edges = [-1, ...list.flatMap(({ first, last }) => [first, last]), 0x110000];
  const found: Range[] = [];
  for (let index = 0; index < edges.length; index += 2)
    found.push({ first: (edges[index] as number) + 1, last: (edges[index + 1] as number) - 1 });
  return found.filter(({ first, last }) => first <= last);
}

export function has({ ranges: list, isNegated }: CharacterSet, code: number): boolean {
  return list.some(({ first, last }) => first <= code && code <= last) !== isNegated;
}

export const isWord = (code: number | undefined): boolean => code !== undefined && has(ranges(words), code);
