/** Words of a private dialect, and the field's instead: a name must be one that an operator would search for. */
import { tokensOf } from './source-tokens.ts';
import { type Finding, lineOf, type Source } from './sources.ts';

/** A part of an identifier → what the field says. */
const nameTable: Readonly<Record<string, string>> = {
  patience: 'timeout, grace period, limit',
  patient: 'what it waits for',
  impatient: 'aborting',
  told: 'reported',
  tell: 'report, notify, send',
  tells: 'reports',
  telling: 'reporting',
  look: 'poll, read, check',
  looks: 'polls',
  looked: 'polled, read',
  wish: 'request',
  wishes: 'requests',
  papers: 'documents',
  manner: 'quirk, workaround',
  courtesies: 'interoperability workarounds',
  seat: 'session, viewer',
  cardboard: 'simulated',
  stranger: 'unknown machine, unknown address, other …',
  strangers: 'unknown machines, unknown addresses, others',
  obey: 'execute, apply, honour',
  obeys: 'executes, applies, honours',
  obeyed: 'executed, applied, honoured',
  undoing: 'rolling back',
};

/** Whole identifiers. */
const wholeTable: Readonly<Record<string, string>> = {
  aCloud: 'testCloud',
  newRoom: 'what it creates',
  setStage: 'setUp',
  createSerialQueue: 'SerialQueue of src/async',
};

/** Words of the dialect's names that are another word: `lookUp`. */
const fine = /lookup/gi;

const commentTable: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/\b(?:im)?patien(?:ce|t(?:ly)?)\b/gi, 'timeout, grace period, limit'],
  [/\bthe way back\b/gi, 'rollback'],
  [/\bwish(?:es|ed)?\b/gi, 'request'],
  [/\bpapers\b/gi, 'documents'],
  [/\blooks? anew\b/gi, 'poll again'],
  [/\bgets? along\b/gi, 'BMC health'],
  [/\bstrangers?\b/gi, 'unknown machine, unknown address, other …'],
  [/\bobey(?:s|ed)?\b/gi, 'execute, apply, honour'],
  [/\bcomes? to an end\b/gi, 'ends, completes'],
];

const comment = /\/\*[\s\S]*?\*\/|(?<!:)\/\/.*/g;

export function plainWords(files: readonly Source[]): Finding[] {
  return files
    .filter(({ path }) => path.endsWith('.ts') && !path.startsWith('check/'))
    .flatMap((file) => [...names(file), ...comments(file)]);
}

function names({ path, text }: Source): Finding[] {
  const seen = new Map<string, number>();
  for (const { kind, text: word, index } of tokensOf(text)) if (kind === 'word' && !seen.has(word)) seen.set(word, index);
  return [...seen].flatMap(([word, index]) => {
    const instead = insteadOf(word);
    return instead === undefined ? [] : [{ path, line: lineOf(text, index), message: `'${word}': say ${instead}` }];
  });
}

function insteadOf(word: string): string | undefined {
  if (Object.hasOwn(wholeTable, word)) return wholeTable[word];
  const parts = word.replace(fine, '').match(/[A-Z]?[a-z]+/g) ?? [];
  const part = parts.map((each) => each.toLowerCase()).find((each) => Object.hasOwn(nameTable, each));
  return part === undefined ? undefined : nameTable[part];
}

function comments({ path, text }: Source): Finding[] {
  return [...text.matchAll(comment)].flatMap(({ 0: words, index: at }) =>
    commentTable.flatMap(([pattern, instead]) =>
      [...words.matchAll(pattern)].map((match) => ({
        path,
        line: lineOf(text, at + match.index),
        message: `'${match[0]}': say ${instead}`,
      })),
    ),
  );
}
