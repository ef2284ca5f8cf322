/**
 * Filters of searches, encoded (RFC 4511, section 4.5.1.7). A value that a request brings becomes an element of its own, so
 * that no character of it can be taken for syntax; only the operator's filters are read from text (RFC 4515).
 */
import { boolean, element, octets } from './ber.ts';

export type Filter = Buffer;

const kinds = { and: 0xa0, or: 0xa1, not: 0xa2, equal: 0xa3, substrings: 0xa4, present: 0x87, extensible: 0xa9 } as const;

export const isEqualTo = (attribute: string, value: string): Filter => element(kinds.equal, octets(attribute), octets(value));
export const allOf = (...filters: readonly Filter[]): Filter => element(kinds.and, ...filters);

/** Operators other than `=`, each with its tag. */
const comparisons = [
  ['>=', 0xa5],
  ['<=', 0xa6],
  ['~=', 0xa8],
] as const;

const deepest = 32;

/** @throws SyntaxError */
export function parseFilter(text: string): Filter {
  const parser = new FilterParser(text);
  const filter = parser.filter(0);
  if (!parser.isAtEnd) throw new SyntaxError('something follows the filter');
  return filter;
}

class FilterParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  filter(depth: number): Filter {
    if (depth > deepest) throw new SyntaxError(`it has more than ${deepest} parentheses inside each other`);
    this.#expect('(');
    const filter = this.#content(depth);
    this.#expect(')');
    return filter;
  }

  #content(depth: number): Filter {
    if (this.#take('&')) return element(kinds.and, ...this.#several(depth));
    if (this.#take('|')) return element(kinds.or, ...this.#several(depth));
    if (this.#take('!')) return element(kinds.not, this.filter(depth + 1));
    const start = this.#at;
    while (!this.isAtEnd && this.#text[this.#at] !== ')') this.#at += 1;
    return readItem(this.#text.slice(start, this.#at));
  }

  #several(depth: number): Filter[] {
    const filters: Filter[] = [];
    while (this.#text[this.#at] === '(') filters.push(this.filter(depth + 1));
    return filters;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #expect(character: string): void {
    if (!this.#take(character)) throw new SyntaxError(`'${character}' is missing at character ${this.#at + 1}`);
  }
}

const attributeName = /^[A-Za-z0-9.;-]+$/;

function readItem(text: string): Filter {
  const at = text.indexOf('=');
  if (at < 1) throw new SyntaxError(`'${text}' is no comparison`);
  const value = text.slice(at + 1);
  if (text[at - 1] === ':') return extensible(text.slice(0, at - 1), value);
  const comparison = comparisons.find(([sign]) => text.startsWith(sign, at - 1));
  const attribute = checkName(text.slice(0, comparison ? at - 1 : at));
  if (comparison) return element(comparison[1], octets(attribute), octets(unescaped(value)));
  if (value === '*') return octets(attribute, kinds.present);
  if (value.includes('*')) return substrings(attribute, value.split('*'));
  return element(kinds.equal, octets(attribute), octets(unescaped(value)));
}

function checkName(text: string): string {
  if (!attributeName.test(text)) throw new SyntaxError(`'${text}' is no name of an attribute`);
  return text;
}

function substrings(attribute: string, parts: readonly string[]): Filter {
  const pieces = parts.flatMap((part, index) => {
    if (part === '') return [];
    const tag = index === 0 ? 0x80 : index === parts.length - 1 ? 0x82 : 0x81;
    return [octets(unescaped(part), tag)];
  });
  if (pieces.length === 0) throw new SyntaxError(`the value of '${attribute}' has only asterisks`);
  return element(kinds.substrings, octets(attribute), element(0x30, ...pieces));
}

/** `attribute:dn:rule:=value`, of which attribute or rule may be absent. */
function extensible(text: string, value: string): Filter {
  const [attribute = '', ...more] = text.split(':');
  const isDn = more[0] === 'dn';
  const [rule, ...others] = isDn ? more.slice(1) : more;
  if (others.length > 0 || (attribute === '' && rule === undefined)) throw new SyntaxError(`'${text}:=' is no matching rule`);
  return element(
    kinds.extensible,
    ...(rule === undefined ? [] : [octets(checkName(rule), 0x81)]),
    ...(attribute === '' ? [] : [octets(checkName(attribute), 0x82)]),
    octets(unescaped(value), 0x83),
    ...(isDn ? [boolean(true, 0x84)] : []),
  );
}

/** Of `\2a` and its like. */
function unescaped(text: string): Buffer {
  if (/[*(]|\\(?![0-9A-Fa-f]{2})/.test(text)) throw new SyntaxError(`'${text}' has a character that must be written as \\xx`);
  const parts = text.split(/\\([0-9A-Fa-f]{2})/);
  return Buffer.concat(parts.map((part, index) => Buffer.from(part, index % 2 === 0 ? 'utf8' : 'hex')));
}
