/** Reads the import lines of a TypeScript file. No parser is needed: Biome has normalized them. */
import { posix } from 'node:path';
import { lineOf, type Source } from './sources.ts';

/** `target` is a path in this project without a leading slash, or undefined for packages and `node:` modules. */
export type ImportLine = { line: number; specifier: string; target: string | undefined; isTypeOnly: boolean };

const staticImport = /^(?:import|export)\b(?:[^'";]*?\bfrom)?\s*'([^']+)'/gm;
const dynamicImport = /\bimport\('([^']+)'\)/g;

export type Aliases = Readonly<Record<string, string>>;

export function importsOf({ path, text }: Source, aliases: Aliases): ImportLine[] {
  return [...text.matchAll(staticImport), ...text.matchAll(dynamicImport)].map((match) => {
    const specifier = match[1] ?? '';
    const isTypeOnly = /^(?:import|export) type\b/.test(match[0]);
    return { line: lineOf(text, match.index), specifier, target: resolveImport(path, specifier, aliases), isTypeOnly };
  });
}

function resolveImport(importer: string, specifier: string, aliases: Aliases): string | undefined {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(importer), specifier);
  if (!specifier.startsWith('#')) return undefined;
  // The longest alias wins, as in Node: `#lab/*` before `#*`.
  const prefixes = Object.keys(aliases).map((key) => key.replace(/\*$/, ''));
  const prefix = prefixes.filter((candidate) => specifier.startsWith(candidate)).sort((a, b) => b.length - a.length)[0];
  if (prefix === undefined) return undefined;
  return posix.normalize(aliases[`${prefix}*`]?.replace('*', specifier.slice(prefix.length)) ?? '');
}
