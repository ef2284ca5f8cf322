/**
 * Finds the names of programs that TypeScript starts: through `node:child_process` and our own functions that pass a
 * name on to it; behind programs that start another (`setpriv … prog`, `ip netns exec … prog`); and in the scripts of
 * `sh -c`.
 */
import { basename } from 'node:path';
import { shellCommands } from './shell-commands.ts';
import { type Token, tokensOf } from './source-tokens.ts';

/** `name` is undefined if the argument is neither a literal nor a constant of the file. */
export type ProgramCall = { readonly name: string | undefined; readonly written: string; readonly index: number };

/** Functions that start the program named in an argument, a string or the first item of an array; and its index. */
const starters: Readonly<Record<string, number>> = {
  spawn: 0,
  spawnSync: 0,
  execFile: 0,
  execFileSync: 0,
  runTool: 0,
  runConfined: 0,
  runCommand: 0,
  runProgram: 0,
  withParentDeathSignal: 0,
  isInstalled: 0,
  endingWithUs: 0,
  inMachine: 0,
  insideNamespace: 1,
  freeipmi: 1,
  firstLine: 0,
};

/** Functions whose list begins with a program that they, or their callers, name. */
const listMakers = new Set(['insideNamespace', 'withParentDeathSignal', 'endingWithUs', 'ingotCommand']);

/** They take a shell line, in which only a shell could find the programs. */
const shellStarters = ['exec', 'execSync'];

/** The prefix of a string that names a program started by another program. */
const handedOn: readonly (readonly (string | RegExp)[])[] = [
  ['--pdeathsig', /^(KILL|TERM)$/],
  ['--pdeathsig', /^(KILL|TERM)$/, '--'],
  ['--fork', /^--kill-child/],
  ['netns', 'exec', /^/],
  ['--mount', '--'],
];
const shells = new Set(['sh', 'bash']);

export function programCalls(text: string): ProgramCall[] {
  if (!/child_process|runTool|runConfined|runCommand|runProgram|isInstalled|\.spawn\(|insideNamespace/.test(text)) return [];
  const tokens = tokensOf(text);
  const names = startersIn(tokens);
  return tokens.flatMap((token, at) => {
    if (token.kind === 'string') return handedOnAt(tokens, at);
    const argument = token.kind === 'word' ? names.get(token.text) : undefined;
    const isCall = argument !== undefined && tokens[at - 1]?.text !== 'function' && !isMethodOf(tokens, at);
    const open = isCall ? openingOf(tokens, at) : undefined;
    return open === undefined ? [] : readCall(tokens, argumentAt(tokens, open, argument as number));
  });
}

/** Also the file's aliases for them: `const run = promisify(execFile)`. */
function startersIn(tokens: readonly Token[]): Map<string, number> {
  const names = new Map(Object.entries(starters));
  const imports = tokens.some(({ kind, text }) => kind === 'string' && text === 'node:child_process');
  if (imports) for (const name of shellStarters) names.set(name, 0);
  tokens.forEach(({ text }, at) => {
    const [name, equals, promisify, , starter] = tokens.slice(at + 1, at + 6);
    if (text === 'const' && equals?.text === '=' && promisify?.text === 'promisify' && starter?.text && name) {
      names.set(name.text, starters[starter.text] ?? 0);
    }
  });
  return names;
}

/**
 * A method of the same name is different, except a rack's `spawn` and a network's `inMachine`; every RegExp has `exec`.
 */
function isMethodOf(tokens: readonly Token[], at: number): boolean {
  return tokens[at - 1]?.text === '.' && !['spawn', 'inMachine', 'runProgram'].includes(tokens[at]?.text ?? '');
}

/** The bracket of the call, also for a wrapped function: `promisify(execFile)('…')`. A declaration has none. */
function openingOf(tokens: readonly Token[], at: number): number | undefined {
  const wrapped = tokens[at - 2]?.text === 'promisify' && tokens[at - 1]?.text === '(' && tokens[at + 1]?.text === ')';
  const open = wrapped ? at + 2 : at + 1;
  return tokens[open]?.kind === 'mark' && tokens[open]?.text === '(' ? open : undefined;
}

const closing: Readonly<Record<string, number>> = { '(': 1, '[': 1, '{': 1, ')': -1, ']': -1, '}': -1 };

/** The tokens of one argument of the call whose bracket is at `open`. */
function argumentAt(tokens: readonly Token[], open: number, wanted: number): Token[] {
  const found: Token[] = [];
  let depth = 0;
  let argument = 0;
  for (let at = open + 1; at < tokens.length; at++) {
    const token = tokens[at] as Token;
    const step = token.kind === 'mark' ? (closing[token.text] ?? 0) : 0;
    if (depth + step < 0) break;
    if (depth === 0 && token.kind === 'mark' && token.text === ',') argument++;
    else if (argument === wanted) found.push(token);
    depth += step;
  }
  return found;
}

/** Empty for Node.js itself, for the declaration of a function, and for a list that is checked where it is created. */
function readCall(tokens: readonly Token[], argument: readonly Token[]): ProgramCall[] {
  const written = argument.map(({ kind, text }) => (kind === 'string' ? `'${text}'` : text)).join('');
  if (argument.length === 0 || argument[1]?.text === ':') return [];
  const [first] = argument.filter(({ text }) => !'[.'.includes(text));
  if (!first || first.text === 'process' || listMakers.has(first.text)) return [];
  const { index } = first;
  // A file of this project.
  if (first.kind === 'string' && /^[\w.]+\//.test(first.text)) return [];
  if (first.kind === 'string') return [{ name: nameIn(first.text), written, index }];
  const values = valuesOf(tokens, first.text);
  if (values.length === 0) return [{ name: undefined, written, index }];
  return values.flatMap(({ kind, text }) => (kind === 'string' ? [{ name: nameIn(text), written, index }] : []));
}

/** A value that begins with an interpolation (`${root}/…`) is not an external program. */
function nameIn(text: string): string | undefined {
  return /^\s|^$/.test(text) ? undefined : basename(text.split(' ')[0] as string);
}

/** The first word of the constant's value: a string, `process.execPath`, or a list that begins with one. */
function valuesOf(tokens: readonly Token[], name: string): Token[] {
  return tokens.flatMap((_, at) => {
    const words = tokens.slice(at, at + 12).filter(({ text }) => !'[.'.includes(text));
    const [constant, found] = words;
    if (constant?.text !== 'const' || found?.text !== name) return [];
    const value = tokens.slice(at).findIndex(({ kind, text }) => kind === 'mark' && text === '=');
    const first = tokens.slice(at + value + 1, at + value + 6).find(({ text }) => !'[.'.includes(text));
    return first && (first.kind === 'string' || first.text === 'process' || listMakers.has(first.text)) ? [first] : [];
  });
}

/** The programs that the preceding strings show to be started by another, and those of a script. */
function handedOnAt(tokens: readonly Token[], at: number): ProgramCall[] {
  const { text, index } = tokens[at] as Token;
  const before = wordsBefore(tokens, at);
  if (before.at(-1)?.endsWith('c') && before.at(-1)?.startsWith('-') && before.slice(-3, -1).some((word) => shells.has(word))) {
    return shellCommands(text).map((command) => ({ name: basename(command.name), written: text, index }));
  }
  const isHandedOn =
    /^\/(usr\/)?s?bin\/[\w.-]+$/.test(text) ||
    handedOn.some((words) => {
      const last = before.slice(-words.length);
      return last.length === words.length && words.every((word, each) => matches(last[each] as string, word));
    });
  return isHandedOn && /^[a-z/]/.test(text) ? [{ name: basename(text), written: text, index }] : [];
}

function matches(text: string, word: string | RegExp): boolean {
  return typeof word === 'string' ? text === word : word.test(text);
}

/** The preceding items of the list, at most four; a variable counts as its name. */
function wordsBefore(tokens: readonly Token[], at: number): string[] {
  const words: string[] = [];
  for (let each = at - 1; each >= 0 && words.length < 4; each--) {
    const token = tokens[each] as Token;
    if (token.kind === 'mark' && !/[,[.(\]]/.test(token.text)) break;
    if (token.kind === 'string' || (token.kind === 'word' && tokens[each + 1]?.text === ',')) words.unshift(token.text);
  }
  return words;
}
