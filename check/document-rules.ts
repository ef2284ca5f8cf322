/** Rules for documents: their references must exist. */
import { posix } from 'node:path';
import { type Finding, lineOf, type Source } from './sources.ts';

/** `](target)` of a relative link, without its fragment. */
const link = /\]\((?![a-z]+:|#)([^)#\s]+)[^)]*\)/g;
/** A path in backticks that begins with one of the project's top-level folders. */
const quotedPath = /`((?:src|agent|agent-protocol|build|lab|demo|bench|check|test|docs|bin|\.ci)\/[\w./-]*)`/g;

const changeKinds = /^(Added|Changed|Fixed|Removed|Security): \S/;

/** Relative links and quoted paths must refer to existing files or folders. Decisions may name former ones. */
export function deadReferences(files: readonly Source[]): Finding[] {
  const places = allPlaces(files);
  return files
    .filter(({ path }) => path.endsWith('.md'))
    .flatMap(({ path, text }) => {
      const links = [...text.matchAll(link)].map((match) => ({ match, place: posix.join(posix.dirname(path), match[1] ?? '') }));
      const quoted = path.startsWith('docs/decisions/') ? [] : [...text.matchAll(quotedPath)];
      return [...links, ...quoted.map((match) => ({ match, place: match[1] ?? '' }))]
        .filter(({ place }) => !places.has(place.replace(/\/$/, '')))
        .map(({ match, place }) => ({ path, line: lineOf(text, match.index), message: `'${place}' does not exist` }));
    });
}

/** Every file, and every folder that contains one. */
function allPlaces(files: readonly Source[]): Set<string> {
  const places = new Set<string>();
  for (const { path } of files) {
    for (let place = path; place !== '.'; place = posix.dirname(place)) places.add(place);
  }
  return places;
}

/** A change note begins with its kind, so that a release can group it. */
export function changeNotes(files: readonly Source[]): Finding[] {
  return files
    .filter(({ path }) => /^docs\/changes\/(?!readme)[^/]+$/.test(path))
    .filter(({ text }) => !changeKinds.test(text))
    .map(({ path }) => ({ path, line: 1, message: 'a note begins with Added:, Changed:, Fixed:, Removed: or Security:' }));
}
