/** The project's own lint rules, for which no tool exists: one row each. docs/engineering.md gives the reasons. */
import { basename, dirname } from 'node:path';
import { plainWords } from './dialect-rule.ts';
import { changeNotes, deadReferences } from './document-rules.ts';
import { sharedPrimitives } from './primitive-rules.ts';
import { knownPrograms } from './program-rule.ts';
import { type Finding, lineOf, type Source } from './sources.ts';

type Rule = { readonly name: string; readonly check: (files: readonly Source[]) => Finding[] };

const maxLines = 500;
/** Files that consist of one table may be longer. */
const longTables: readonly string[] = [];

/** Names that do not describe the content. */
const emptyNames = /^(utils?|helpers?|common|misc)$/;

/** Markers of unfinished work and of disabled tests. A test may skip itself with a reason: `t.skip('needs root')`. */
const forbiddenInCode: readonly (readonly [pattern: RegExp, message: string])[] = [
  [/\b(?:TO[D]O|FIX[M]E|X[X]X)\b/g, 'unfinished work belongs in docs/limits.md, not in a comment'],
  [
    /\b(?:it|test|describe|suite)\.(?:skip|todo)\(/g,
    'a skipped test must state its reason: `{ skip: reason }` or `t.skip(reason)`',
  ],
  [/\bskip: true\b/g, 'a skipped test must state its reason: `{ skip: reason }`'],
  [/\b(?:it|test|describe|suite)\.only\(/g, 'runs one test and hides all others'],
];

/** Folders of a personal machine, and package hosts other than the public ones. */
const foreignPlaces: readonly (readonly [pattern: RegExp, message: string])[] = [
  [/(?<![\w.}$*-])\/(?:work|Users)\/\w+/g, "a path of one person's machine"],
  [/^\s+"resolved": "(?!https:\/\/registry\.npmjs\.org\/)[^"]*/gm, 'a package host that is not the public registry'],
  [/^registry\s*=.*/gm, 'a package host belongs in the settings of a machine'],
];

export const ruleTable: readonly Rule[] = [
  { name: 'file-length', check: (files) => code(files).flatMap(fileLength) },
  { name: 'telling-names', check: (files) => files.flatMap(tellingName) },
  { name: 'finished-code', check: (files) => code(files).flatMap((file) => matches(file, forbiddenInCode)) },
  { name: 'no-foreign-places', check: (files) => files.flatMap((file) => matches(file, foreignPlaces)) },
  { name: 'driver-folders', check: driverFolders },
  { name: 'living-references', check: deadReferences },
  { name: 'change-notes', check: changeNotes },
  { name: 'known-programs', check: knownPrograms },
  { name: 'shared-primitives', check: sharedPrimitives },
  { name: 'plain-words', check: plainWords },
];

export function checkRules(files: readonly Source[]): Finding[] {
  return ruleTable.flatMap(({ name, check }) =>
    check(files).map((finding) => ({ ...finding, message: `${finding.message} [${name}]` })),
  );
}

function code(files: readonly Source[]): Source[] {
  return files.filter(({ path }) => path.endsWith('.ts'));
}

function fileLength({ path, text }: Source): Finding[] {
  const lines = text.split('\n').length - 1;
  if (lines <= maxLines || longTables.includes(path)) return [];
  return [{ path, message: `${lines} lines; at most ${maxLines}` }];
}

function tellingName({ path }: Source): Finding[] {
  const names = [...dirname(path).split('/'), basename(path).replace(/\..*$/, '')];
  const empty = names.find((name) => emptyNames.test(name));
  return empty ? [{ path, message: `'${empty}' does not tell what is inside` }] : [];
}

function matches({ path, text }: Source, patterns: typeof forbiddenInCode): Finding[] {
  return patterns.flatMap(([pattern, message]) =>
    [...text.matchAll(pattern)].map((match) => ({
      path,
      line: lineOf(text, match.index),
      message: `'${match[0].trim()}': ${message}`,
    })),
  );
}

/** A driver is a folder with a door and a readme. */
function driverFolders(files: readonly Source[]): Finding[] {
  const paths = new Set(files.map(({ path }) => path));
  const folders = new Set([...paths].flatMap((path) => path.match(/^src\/drivers\/[^/]+(?=\/)/) ?? []));
  return [...folders].flatMap((folder) =>
    ['index.ts', 'readme.md']
      .filter((name) => !paths.has(`${folder}/${name}`))
      .map((name) => ({ path: folder, message: `a driver folder needs ${name}` })),
  );
}
