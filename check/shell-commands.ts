/** Finds the programs that a POSIX shell script calls: the first word of each command that is not a shell keyword. */

export type ShellCommand = { readonly name: string; readonly index: number };

/** A command follows these. `exec` and its like take the command as their arguments. */
const opening = new Set(['if', 'then', 'else', 'elif', 'do', 'while', 'until', '!', '{', '}', 'exec', 'command', 'eval']);
const shellWords = new Set(
  'fi done esac for case return exit cd set trap export readonly read shift test [ echo printf true false : . local wait kill umask unset type break continue source shopt declare'.split(
    ' ',
  ),
);

export function shellCommands(script: string): ShellCommand[] {
  const text = withoutHereDocuments(script);
  const own = new Set([...text.matchAll(/^\s*([\w-]+)\(\)/gm)].map((match) => match[1]));
  const found: ShellCommand[] = [];
  new Reader(text, (command) => found.push(command)).read(0);
  return found.filter(({ name }) => !shellWords.has(name) && !own.has(name) && /^(\/(usr\/)?s?bin\/)?[a-z][\w.-]*$/.test(name));
}

/** Their text is blanked, not removed, so that positions stay. */
function withoutHereDocuments(text: string): string {
  return text.replace(
    /(<<-?['"]?(\w+)['"]?[^\n]*\n)([\s\S]*?)(^\s*\2$)/gm,
    (_, start, _name, body: string, end: string) => start + body.replace(/[^\n]/g, ' ') + end.replace(/\S/g, ' '),
  );
}

class Reader {
  readonly #text: string;
  readonly #tell: (command: ShellCommand) => void;

  constructor(text: string, tell: (command: ShellCommand) => void) {
    this.#text = text;
    this.#tell = tell;
  }

  /** Up to the end, or to the bracket that closes `$(`. @returns the position */
  read(from: number): number {
    let expectsCommand = true;
    let index = from;
    while (index < this.#text.length) {
      const next = this.#text[index] as string;
      if (next === ')') return index;
      if (next === '#' && /^$|\s/.test(this.#text[index - 1] ?? '')) index = this.#endOfLine(index);
      else if (/[\n;&|]/.test(next)) [expectsCommand, index] = [true, index + 1];
      else if (next === '(') index = this.read(index + 1) + 1;
      else if (/\s/.test(next)) index++;
      else [expectsCommand, index] = this.#word(index, expectsCommand);
    }
    return index;
  }

  /** @returns whether a command follows, and where the word ends */
  #word(from: number, expectsCommand: boolean): [boolean, number] {
    const end = this.#endOfWord(from);
    const word = this.#text.slice(from, end);
    if (/^\d*[<>]/.test(word)) return [expectsCommand, /^\d*[<>]+&?$/.test(word) ? this.#endOfWord(this.#skipBlanks(end)) : end];
    if (!expectsCommand) return [word === 'in' && this.#isCase(from), end];
    if (this.#isPattern(from, end)) return [true, this.#text.indexOf(')', end) + 1];
    // An assignment, or an option of `exec` and `command`.
    if (/^\w+\+?=/.test(word) || opening.has(word) || /^-|\(\)$/.test(word)) return [true, end];
    this.#tell({ name: word, index: from });
    return [false, end];
  }

  /** `a)` and `a | b)` if no bracket was opened on the line. */
  #isPattern(from: number, end: number): boolean {
    if (!/^\s*(\|\s*[^\s|&;()]+\s*)*\)/.test(this.#text.slice(end, this.#endOfLine(end)))) return false;
    const before = this.#text.slice(this.#text.lastIndexOf('\n', from) + 1, from).replace(/[^()]*\)\s/g, '');
    return before.split('(').length <= before.split(')').length;
  }

  /** Whether this `in` belongs to `case`, not to `for`. */
  #isCase(index: number): boolean {
    return /\bcase\s+\S+\s+$/.test(this.#text.slice(Math.max(0, index - 200), index));
  }

  #endOfWord(from: number): number {
    let index = from;
    while (index < this.#text.length) {
      const next = this.#text[index] as string;
      if (next === '\\') index += 2;
      else if (next === "'") index = this.#text.indexOf("'", index + 1) + 1 || this.#text.length;
      else if (next === '"') index = this.#endOfQuoted(index + 1);
      else if (this.#text.startsWith('$((', index)) index = this.#text.indexOf('))', index) + 2;
      else if (this.#text.startsWith('$(', index)) index = this.read(index + 2) + 1;
      else if (this.#text.startsWith('()', index)) index += 2;
      else if (/[\s;&|()]/.test(next) && !(next === '&' && /[<>]/.test(this.#text[index - 1] ?? ''))) break;
      else index++;
    }
    return index;
  }

  #endOfQuoted(from: number): number {
    let index = from;
    while (index < this.#text.length && this.#text[index] !== '"') {
      if (this.#text.startsWith('$(', index) && this.#text[index + 2] !== '(') index = this.read(index + 2) + 1;
      else index += this.#text[index] === '\\' ? 2 : 1;
    }
    return index + 1;
  }

  #endOfLine(index: number): number {
    const end = this.#text.indexOf('\n', index);
    return end < 0 ? this.#text.length : end;
  }

  #skipBlanks(index: number): number {
    let end = index;
    while (this.#text[end] === ' ') end++;
    return end;
  }
}
