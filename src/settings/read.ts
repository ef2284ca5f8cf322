/**
 * Reads settings from a JSON file, the environment and flags, each overriding the previous. A setting's environment
 * variable is `INGOT_` and its name in capitals, dots as underscores.
 */
import { readFileSync } from 'node:fs';
import type { Setting, SettingRows } from './setting.ts';

/** One invalid setting: its name, what was expected, and its source. */
export class SettingsError extends Error {
  override name = 'SettingsError';
}

export type SettingsSources = { file?: string; env?: NodeJS.ProcessEnv; flags?: Readonly<Record<string, string>> };

export type SettingNames = {
  readonly rows: SettingRows;
  /** Former name → present name. */
  readonly former: Readonly<Record<string, string>>;
  /** Short flag → name. */
  readonly shortcuts: Readonly<Record<string, string>>;
};

/** Throws SettingsError on the first setting that is unknown or invalid. */
export function readValues({ rows, former, shortcuts }: SettingNames, sources: SettingsSources): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, row] of Object.entries(rows))
    values[name] = readValue({ name, row, given: row.default, origin: 'its default' });
  const assign = (known: string, given: unknown, origin: string) => {
    const name = former[known] ?? known;
    const row = Object.hasOwn(rows, name) ? rows[name] : undefined;
    if (!row) throw new SettingsError(`unknown setting '${name}' (from ${origin}); \`ingot serve --help\` lists all`);
    values[name] = readValue({ name, row, given, origin });
  };
  if (sources.file) for (const [name, given] of readFile(sources.file)) assign(name, given, `file ${sources.file}`);
  const byVariable = new Map([...Object.keys(rows), ...Object.keys(former)].map((name) => [variableOf(name), name]));
  for (const [variable, given] of Object.entries(sources.env ?? {})) {
    if (!variable.startsWith('INGOT_') || given === undefined) continue;
    assign(byVariable.get(variable) ?? variable, given, `environment variable ${variable}`);
  }
  for (const [name, given] of Object.entries(sources.flags ?? {})) assign(shortcuts[name] ?? name, given, `flag --${name}`);
  return values;
}

export function variableOf(name: string): string {
  return `INGOT_${name.toUpperCase().replaceAll('.', '_')}`;
}

type Given = { name: string; row: Setting; given: unknown; origin: string };

function readValue({ name, row, given, origin }: Given): unknown {
  const value = row.read(given);
  if (value !== undefined) return value;
  const shown = row.secret ? 'a secret value' : JSON.stringify(given);
  throw new SettingsError(`setting '${name}' must be ${row.expected}, not ${shown} (from ${origin})`);
}

/** The parser's message without the text around the mistake, which may be a password: `Unexpected token 'h', …"url": h"`. */
function withoutQuote({ message }: SyntaxError): string {
  return message.replace(/, (?:\.\.\.)?".*$/s, '');
}

/** Flattens nested objects to dotted names: `{"api": {"listen": …}}` is `api.listen`. */
function readFile(file: string): [string, unknown][] {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) throw new SettingsError(`settings file ${file} is no JSON: ${withoutQuote(error)}`);
    throw new SettingsError(`settings file ${file} cannot be read: ${(error as Error).message}`);
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new SettingsError(`settings file ${file} must hold one JSON object`);
  }
  return flatten(content as Record<string, unknown>, '');
}

function flatten(object: Record<string, unknown>, prefix: string): [string, unknown][] {
  return Object.entries(object).flatMap(([key, value]): [string, unknown][] => {
    const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isGroup ? flatten(value as Record<string, unknown>, `${prefix}${key}.`) : [[`${prefix}${key}`, value]];
  });
}
