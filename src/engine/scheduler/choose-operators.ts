/**
 * The operators of flavor extra specs, as Nova documents them for its capability filter ("s== x86_64", ">= 2",
 * "<or> a <or> b"). A requirement without an operator asks for the exact text.
 */
import { textOperators } from '#agent-protocol/root-device.ts';

type Compare = (actual: string, wanted: string) => boolean;

const asNumbers =
  (compare: (actual: number, wanted: number) => boolean): Compare =>
  (actual, wanted) => {
    const [left, right] = [Number(actual), Number(wanted)];
    return actual.trim() !== '' && !Number.isNaN(left) && !Number.isNaN(right) && compare(left, right);
  };

/** One operand each. `=` means "at least", as in Nova from the first release. */
const operatorTable: Readonly<Record<string, Compare>> = {
  '=': asNumbers((actual, wanted) => actual >= wanted),
  '==': asNumbers((actual, wanted) => actual === wanted),
  '!=': asNumbers((actual, wanted) => actual !== wanted),
  '>=': asNumbers((actual, wanted) => actual >= wanted),
  '<=': asNumbers((actual, wanted) => actual <= wanted),
  ...textOperators,
};

/** True if a node's value (undefined: not set) satisfies the extra spec. */
export function satisfies(actual: string | undefined, requirement: string): boolean {
  if (actual === undefined) return false;
  const words = requirement.trim().split(/\s+/);
  const operator = words[0] ?? '';
  if (operator === '<or>') return alternatives(words).includes(actual);
  if (operator === '<all-in>') return words.length > 1 && words.slice(1).every((word) => actual.includes(word));
  const compare = operatorTable[operator];
  if (!compare) return actual === requirement;
  return words[1] !== undefined && compare(actual, words[1]);
}

/** `<or> a <or> b` → a, b. */
function alternatives(words: readonly string[]): string[] {
  return words.filter((_, index) => index % 2 === 1);
}
