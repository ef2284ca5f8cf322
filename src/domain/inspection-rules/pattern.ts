/**
 * Matches regular expressions in time that grows with pattern times text: all ways through the pattern are followed at
 * once (Thompson), so that no pattern and no text can make it slow.
 */
import type { Budget } from './budget.ts';
import { type CharacterSet, has, isWord } from './character-sets.ts';
import { type Assertion, PatternError, parsePattern, type Tree } from './pattern-syntax.ts';

type State =
  | { readonly kind: 'set'; readonly set: CharacterSet; next: number }
  | { readonly kind: 'assert'; readonly assertion: Assertion; next: number }
  | { readonly kind: 'split'; next: number; other: number }
  | { readonly kind: 'match' };

/** Repetitions are copies, which is why a short pattern may have many states, or many parts without any. */
const mostStates = 5000;
const mostParts = 20_000;

type Place = { readonly codes: readonly number[]; readonly at: number };

export class Pattern {
  readonly #states: State[] = [{ kind: 'match' }];
  readonly #start: number;
  readonly #ignoresCase: boolean;
  #parts = 0;

  /** Throws `PatternError`. */
  constructor(source: string) {
    const { tree, ignoresCase } = parsePattern(source);
    this.#ignoresCase = ignoresCase;
    this.#start = this.#compile(tree, 0);
  }

  /** `re.match`: at the start of the text; with `isWhole`, up to its end. */
  matches(text: string, budget: Budget, { isWhole = false } = {}): boolean {
    return this.#run(text, budget, { isAnchored: true, isWhole });
  }

  /** `re.search`: anywhere. */
  isIn(text: string, budget: Budget): boolean {
    return this.#run(text, budget, { isAnchored: false, isWhole: false });
  }

  /** @returns the first state of the part, which leads to `next` */
  #compile(tree: Tree, next: number): number {
    if (++this.#parts > mostParts) throw new PatternError('it has too many repetitions');
    if (tree.kind === 'set') return this.#add({ kind: 'set', set: tree.set, next });
    if (tree.kind === 'assert') return this.#add({ kind: 'assert', assertion: tree.assertion, next });
    if (tree.kind === 'sequence') return tree.parts.reduceRight((after, part) => this.#compile(part, after), next);
    if (tree.kind === 'choice') {
      const starts = tree.parts.map((part) => this.#compile(part, next));
      return starts.reduceRight((other, start) => this.#add({ kind: 'split', next: start, other }));
    }
    return this.#repeat(tree, next);
  }

  #repeat({ part, least, most }: Extract<Tree, { kind: 'repeat' }>, next: number): number {
    let start = next;
    if (Number.isFinite(most)) {
      for (let count = least; count < most; count++) {
        const inner = this.#compile(part, start);
        start = this.#add({ kind: 'split', next: inner, other: next });
      }
    } else {
      start = this.#add({ kind: 'split', next, other: next });
      (this.#states[start] as { next: number }).next = this.#compile(part, start);
    }
    for (let count = 0; count < least; count++) start = this.#compile(part, start);
    return start;
  }

  #add(state: State): number {
    if (this.#states.length >= mostStates) throw new PatternError('it has too many repetitions');
    return this.#states.push(state) - 1;
  }

  #run(text: string, budget: Budget, { isAnchored, isWhole }: { isAnchored: boolean; isWhole: boolean }): boolean {
    const codes = [...text].map((character) => character.codePointAt(0) as number);
    let now = new Set<number>();
    for (let at = 0; at <= codes.length; at++) {
      if (at === 0 || !isAnchored) this.#follow(this.#start, { codes, at, reached: now });
      budget.spend(now.size + 1);
      if (now.has(0) && (!isWhole || isLineEnd(codes, at))) return true;
      if (now.size === 0 && isAnchored) return false;
      const code = codes[at];
      if (code !== undefined) now = this.#step(now, code, { codes, at: at + 1, budget });
    }
    return false;
  }

  #step(now: ReadonlySet<number>, code: number, { budget, ...place }: Place & { budget: Budget }): Set<number> {
    const reached = new Set<number>();
    const variants = this.#ignoresCase ? variantsOf(code) : [code];
    for (const index of now) {
      const state = this.#states[index] as State;
      if (state.kind !== 'set') continue;
      budget.spend(state.set.ranges.length);
      if (variants.some((each) => has(state.set, each))) this.#follow(state.next, { ...place, reached });
    }
    return reached;
  }

  /** Adds all states that are reached without a character. */
  #follow(from: number, { codes, at, reached }: Place & { reached: Set<number> }): void {
    const open = [from];
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      if (reached.has(index)) continue;
      reached.add(index);
      const state = this.#states[index] as State;
      if (state.kind === 'split') open.push(state.other, state.next);
      if (state.kind === 'assert' && holds(state.assertion, codes, at)) open.push(state.next);
    }
  }
}

/** At the end, or before a newline that ends the text. */
function isLineEnd(codes: readonly number[], at: number): boolean {
  return at === codes.length || (at === codes.length - 1 && codes[at] === 10);
}

function holds(assertion: Assertion, codes: readonly number[], at: number): boolean {
  if (assertion === 'start') return at === 0;
  if (assertion === 'end') return at === codes.length;
  if (assertion === 'line end') return isLineEnd(codes, at);
  const isBoundary = isWord(codes[at - 1]) !== isWord(codes[at]);
  return isBoundary === (assertion === 'boundary');
}

function variantsOf(code: number): number[] {
  const character = String.fromCodePoint(code);
  return [character, character.toLowerCase(), character.toUpperCase()].map((each) => each.codePointAt(0) as number);
}
