/** Regular expressions in the syntax of Python, parsed to a tree. What needs backtracking is refused. */
import { anything, type CharacterSet, classOf, escapes, negated, oneOf, type Range, ranges } from './character-sets.ts';

export type Assertion = 'start' | 'end' | 'boundary' | 'no boundary' | 'line end';
export type Tree =
  | { readonly kind: 'set'; readonly set: CharacterSet }
  | { readonly kind: 'assert'; readonly assertion: Assertion }
  | { readonly kind: 'sequence'; readonly parts: readonly Tree[] }
  | { readonly kind: 'choice'; readonly parts: readonly Tree[] }
  | { readonly kind: 'repeat'; readonly part: Tree; readonly least: number; readonly most: number };

/** A pattern that is not valid, or that this matcher does not have. */
export class PatternError extends Error {}

/** Longer ones have no use in rules. */
const longestPattern = 1000;
const deepestGroup = 50;
const mostRepeats = 1000;

type Flags = { readonly ignoresCase: boolean; readonly dotsMatchLines: boolean; readonly multiline: boolean };

/** Throws `PatternError`. */
export function parsePattern(pattern: string): { tree: Tree; ignoresCase: boolean } {
  if (pattern.length > longestPattern) throw new PatternError(`it has more than ${longestPattern} characters`);
  const [, letters = ''] = /^\(\?([aimsu]+)\)/.exec(pattern) ?? [];
  const flags = { ignoresCase: letters.includes('i'), dotsMatchLines: letters.includes('s'), multiline: letters.includes('m') };
  if (flags.multiline) throw new PatternError('the flag m is not supported');
  const parser = new Parser(letters ? pattern.slice(letters.length + 3) : pattern, flags);
  return { tree: parser.parse(), ignoresCase: flags.ignoresCase };
}

class Parser {
  readonly #characters: readonly string[];
  readonly #flags: Flags;
  #at = 0;

  constructor(pattern: string, flags: Flags) {
    this.#characters = [...pattern];
    this.#flags = flags;
  }

  parse(): Tree {
    const tree = this.#choice(0);
    if (this.#at < this.#characters.length) throw new PatternError('there is a ) without its (');
    return tree;
  }

  #choice(depth: number): Tree {
    if (depth > deepestGroup) throw new PatternError(`it has more than ${deepestGroup} groups in each other`);
    const parts = [this.#sequence(depth)];
    while (this.#skip('|')) parts.push(this.#sequence(depth));
    return parts.length === 1 ? (parts[0] as Tree) : { kind: 'choice', parts };
  }

  #sequence(depth: number): Tree {
    const parts: Tree[] = [];
    for (let next = this.#next(); next !== undefined && next !== '|' && next !== ')'; next = this.#next())
      parts.push(this.#repeated(this.#atom(depth)));
    return { kind: 'sequence', parts };
  }

  #repeated(part: Tree): Tree {
    const counts = this.#counts();
    if (!counts) return part;
    if (part.kind === 'assert') throw new PatternError('there is nothing to repeat');
    // Whether a repetition is lazy does not matter for whether there is a match.
    this.#skip('?');
    if (this.#next() !== undefined && '*+'.includes(this.#next() as string)) throw new PatternError('multiple repeat');
    return { kind: 'repeat', part, ...counts };
  }

  #counts(): { least: number; most: number } | undefined {
    if (this.#skip('*')) return { least: 0, most: Number.POSITIVE_INFINITY };
    if (this.#skip('+')) return { least: 1, most: Number.POSITIVE_INFINITY };
    if (this.#skip('?')) return { least: 0, most: 1 };
    const found = /^\{(\d{0,4})(?:(,)(\d{0,4}))?\}/.exec(this.#characters.slice(this.#at, this.#at + 12).join(''));
    if (!found || found[0] === '{}' || found[0] === '{,}') return undefined;
    this.#at += found[0].length;
    const least = Number(found[1]);
    const most = found[2] === undefined ? least : found[3] ? Number(found[3]) : Number.POSITIVE_INFINITY;
    if (least > mostRepeats || (Number.isFinite(most) && most > mostRepeats))
      throw new PatternError(`it repeats more than ${mostRepeats} times`);
    if (most < least) throw new PatternError('min repeat greater than max repeat');
    return { least, most };
  }

  #atom(depth: number): Tree {
    const character = this.#take();
    if (character === '(') return this.#group(depth);
    if (character === '[') return { kind: 'set', set: this.#class() };
    if (character === '.') return { kind: 'set', set: this.#flags.dotsMatchLines ? anything : negated([oneOf('\n')]) };
    if (character === '^') return { kind: 'assert', assertion: 'start' };
    if (character === '$') return { kind: 'assert', assertion: 'line end' };
    if (character === '\\') return this.#escaped();
    if ('*+?'.includes(character)) throw new PatternError('there is nothing to repeat');
    return { kind: 'set', set: ranges([oneOf(character)]) };
  }

  #group(depth: number): Tree {
    if (this.#skip('?')) this.#skipGroupName();
    const tree = this.#choice(depth + 1);
    if (!this.#skip(')')) throw new PatternError('missing ), unterminated subpattern');
    return tree;
  }

  #skipGroupName(): void {
    if (this.#skip(':')) return;
    const name = /^P<[A-Za-z_]\w*>/.exec(this.#characters.slice(this.#at, this.#at + 40).join(''));
    if (!name) throw new PatternError('look-around, references and flags within are not supported');
    this.#at += name[0].length;
  }

  #escaped(): Tree {
    const character = this.#take();
    const assertions: Record<string, Assertion> = { A: 'start', Z: 'end', b: 'boundary', B: 'no boundary' };
    const assertion = Object.hasOwn(assertions, character) ? assertions[character] : undefined;
    if (assertion) return { kind: 'assert', assertion };
    if (/[1-9]/.test(character)) throw new PatternError('references to groups are not supported');
    return { kind: 'set', set: ranges(this.#escape(character)) };
  }

  /** The characters that an escape means, also within a class. */
  #escape(character: string): Range[] {
    const known = classOf(character);
    if (known) return known;
    const digits = { x: 2, u: 4 }[character];
    if (digits !== undefined) {
      const code = this.#characters.slice(this.#at, this.#at + digits).join('');
      if (!new RegExp(`^[0-9a-fA-F]{${digits}}$`).test(code)) throw new PatternError(`incomplete escape \\${character}`);
      this.#at += digits;
      return [oneOf(String.fromCodePoint(Number.parseInt(code, 16)))];
    }
    const named = Object.hasOwn(escapes, character) ? escapes[character] : undefined;
    if (named !== undefined) return [oneOf(named)];
    if (/[A-Za-z0-9]/.test(character)) throw new PatternError(`bad escape \\${character}`);
    return [oneOf(character)];
  }

  #class(): CharacterSet {
    const isNegated = this.#skip('^');
    const found: Range[] = [];
    for (let isFirst = true; isFirst || this.#next() !== ']'; isFirst = false) found.push(...this.#classItem());
    this.#take();
    return isNegated ? negated(found) : ranges(found);
  }

  #classItem(): Range[] {
    const first = this.#classAtom();
    const [from] = first;
    const isRange = this.#next() === '-' && ![']', undefined].includes(this.#characters[this.#at + 1]);
    if (!isRange) return first;
    this.#take();
    const [to] = this.#classAtom();
    if (!from || !to || first.length > 1 || from.first !== from.last || to.first !== to.last || to.first < from.first)
      throw new PatternError('bad character range');
    return [{ first: from.first, last: to.last }];
  }

  #classAtom(): Range[] {
    const character = this.#take();
    if (character !== '\\') return [oneOf(character)];
    const letter = this.#take();
    return letter === 'b' ? [oneOf('\b')] : this.#escape(letter);
  }

  #next(): string | undefined {
    return this.#characters[this.#at];
  }

  #take(): string {
    const character = this.#characters[this.#at];
    if (character === undefined) throw new PatternError('it ends too early');
    this.#at++;
    return character;
  }

  #skip(character: string): boolean {
    if (this.#characters[this.#at] !== character) return false;
    this.#at++;
    return true;
  }
}
