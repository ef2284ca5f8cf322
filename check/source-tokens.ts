/**
 * Splits TypeScript into tokens for the rules: words, strings and punctuation. Omits comments and regular expressions.
 */

export type Token = {
  readonly kind: 'word' | 'string' | 'mark';
  /** For a string: the text between its quotes, with `${…}` as a blank. */
  readonly text: string;
  readonly index: number;
};

/** `inner`: the text between `${` and `}` of a template. */
type Piece = { readonly token?: Token; readonly end: number; readonly inner?: readonly string[] };

/** After these a slash starts a regular expression; elsewhere it is a division. */
const beforeExpression = /^(?:[([{,;:=!&|?+\-*<>~^%]|return|typeof|case|in|of|=>)$/;

export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  for (let index = 0; index < text.length; ) {
    const { token, end } = readPiece(text, index, tokens.at(-1));
    if (token) tokens.push(token);
    index = end;
  }
  return tokens;
}

/** The strings and templates of a source, including nested templates, with `{…}` for interpolated values. */
export function stringsOf(text: string): string[] {
  const strings: string[] = [];
  let before: Token | undefined;
  for (let index = 0; index < text.length; ) {
    const { token, end, inner = [] } = readPiece(text, index, before);
    if (token?.kind === 'string') strings.push(inner.length > 0 ? withHoles(text.slice(index + 1, end - 1), inner) : token.text);
    strings.push(...inner.flatMap(stringsOf));
    before = token ?? before;
    index = end;
  }
  return strings;
}

function withHoles(template: string, inner: readonly string[]): string {
  return inner.reduce((text, source) => text.replace(`\${${source}}`, () => '{…}'), template);
}

function readPiece(text: string, index: number, before: Token | undefined): Piece {
  const first = text[index] as string;
  if (/\s/.test(first)) return { end: index + 1 };
  if (text.startsWith('//', index)) return { end: endOf(text, '\n', index) };
  if (text.startsWith('/*', index)) return { end: endOf(text, '*/', index + 2) };
  if (first === "'" || first === '"') return readString(text, index);
  if (first === '`') return readTemplate(text, index);
  if (first === '/' && (!before || (before.kind !== 'string' && beforeExpression.test(before.text)))) {
    return { end: endOfExpression(text, index) };
  }
  const [word] = /^[\w$#]+/.exec(text.slice(index, index + 200)) ?? [];
  if (word) return { token: { kind: 'word', text: word, index }, end: index + word.length };
  return { token: { kind: 'mark', text: first, index }, end: index + 1 };
}

function endOf(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from);
  return found < 0 ? text.length : found + mark.length;
}

function readString(text: string, index: number): Piece {
  let end = index + 1;
  while (end < text.length && text[end] !== text[index]) end += text[end] === '\\' ? 2 : 1;
  return { token: { kind: 'string', text: text.slice(index + 1, end), index }, end: end + 1 };
}

function readTemplate(text: string, index: number): Piece {
  let content = '';
  const inner: string[] = [];
  let end = index + 1;
  while (end < text.length && text[end] !== '`') {
    if (text.startsWith('${', end)) {
      const from = end + 2;
      end = endOfSubstitution(text, from);
      inner.push(text.slice(from, end - 1));
      content += ' ';
    } else {
      const length = text[end] === '\\' ? 2 : 1;
      content += text.slice(end, end + length);
      end += length;
    }
  }
  return { token: { kind: 'string', text: content, index }, end: end + 1, inner };
}

function endOfSubstitution(text: string, from: number): number {
  let depth = 1;
  let end = from;
  for (let before: Token | undefined; end < text.length; ) {
    const piece = readPiece(text, end, before);
    end = piece.end;
    before = piece.token ?? before;
    if (piece.token?.text === '{' && piece.token.kind === 'mark') depth++;
    if (piece.token?.text === '}' && piece.token.kind === 'mark') depth--;
    if (depth === 0) break;
  }
  return end;
}

function endOfExpression(text: string, index: number): number {
  let inClass = false;
  let end = index + 1;
  for (; end < text.length && (inClass || text[end] !== '/') && text[end] !== '\n'; end++) {
    if (text[end] === '\\') end++;
    else if (text[end] === '[') inClass = true;
    else if (text[end] === ']') inClass = false;
  }
  return end + 1;
}
