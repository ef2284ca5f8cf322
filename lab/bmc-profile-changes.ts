/** Validates requested changes to a BMC's behaviour, which are external input, against the fields of a profile. */
import { Value } from 'typebox/value';
import { type BmcProfileChanges, bmcProfileSchema, changeBmcProfile, defaultBmcProfile } from './bmc/bmc-profile.ts';

const nestedPrefix = 'redfish.';

/**
 * @param changes fields by name; those of the Redfish front end as `redfish.NAME` or nested below `redfish`
 * @throws when a name is unknown or a value has the wrong type
 */
export function parseChanges(changes: Readonly<Record<string, unknown>>): BmcProfileChanges {
  if (!isRecord(changes)) throw new Error(`changes must be an object, not ${show(changes)}`);
  const { redfish = {}, ...others } = changes;
  if (!isRecord(redfish)) throw new Error(`'redfish' must be an object, not ${show(redfish)}`);
  const flat = { ...others, ...Object.fromEntries(Object.entries(redfish).map(([name, value]) => [nestedPrefix + name, value])) };
  for (const [name, value] of Object.entries(flat)) checkChange(name, value);
  return nest(flat);
}

/** Checks one field: all others keep their defaults, so any error is due to this one. */
function checkChange(name: string, value: unknown): void {
  const standard = defaultValue(name);
  if (standard === undefined) throw new Error(`a BMC has no '${name.slice(0, longestShown)}'; it has ${fieldNames.join(', ')}`);
  const whole = changeBmcProfile(defaultBmcProfile, nest({ [name]: value }));
  const wrong = Value.Errors(bmcProfileSchema, whole)[0];
  if (!wrong) return;
  throw new Error(`'${name}' must be like ${JSON.stringify(standard)}, not ${show(value)}: ${wrong.message}`);
}

/** The beginning of it. */
function show(value: unknown): string {
  return String(JSON.stringify(value)).slice(0, longestShown);
}

const longestShown = 200;

const fieldNames = [
  ...Object.keys(defaultBmcProfile).filter((name) => name !== 'redfish'),
  ...Object.keys(defaultBmcProfile.redfish).map((name) => nestedPrefix + name),
];

function defaultValue(name: string): unknown {
  if (!fieldNames.includes(name)) return undefined;
  const [table, field]: [object, string] = name.startsWith(nestedPrefix)
    ? [defaultBmcProfile.redfish, name.slice(nestedPrefix.length)]
    : [defaultBmcProfile, name];
  return (table as Record<string, unknown>)[field];
}

function nest(flat: Readonly<Record<string, unknown>>): BmcProfileChanges {
  const entries = Object.entries(flat);
  const isNested = ([name]: [string, unknown]) => name.startsWith(nestedPrefix);
  const redfish = entries.filter(isNested).map(([name, value]) => [name.slice(nestedPrefix.length), value]);
  const changes = Object.fromEntries(entries.filter((entry) => !isNested(entry)));
  return redfish.length > 0 ? { ...changes, redfish: Object.fromEntries(redfish) } : changes;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Parses `silent=true delayMs=200 cipherSuites=3,17 redfish.etags=none`, given as words of a command line. */
export function readChanges(words: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(words.map(readChange));
}

function readChange(word: string): [string, unknown] {
  const [, name, text] = /^([\w.]+)=(.*)$/.exec(word) ?? [];
  if (name === undefined || text === undefined) throw new Error(`'${word}' must be NAME=VALUE`);
  const standard = defaultValue(name);
  if (Array.isArray(standard)) return [name, readList(text, typeof standard[0] === 'number')];
  // A name that consists of digits is still a name.
  if (typeof standard === 'string') return [name, text];
  return [name, readValue(text)];
}

function readList(text: string, isOfNumbers: boolean): unknown[] {
  const words = text.split(',').filter(Boolean);
  return isOfNumbers ? words.map(Number) : words;
}

function readValue(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  if (text.startsWith('{')) return JSON.parse(text);
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}
