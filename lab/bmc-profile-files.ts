/** The named profiles of lab/bmc-profiles/: one JSON file each, validated when it is read. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { type BmcProfile, type BmcProfileChanges, changeBmcProfile, defaultBmcProfile } from './bmc/bmc-profile.ts';
import { parseChanges } from './bmc-profile-changes.ts';

const profileFolder = fileURLToPath(new URL('bmc-profiles', import.meta.url));

export type NamedBmcProfile = {
  readonly name: string;
  /** One sentence for readers, and the source of this behaviour. */
  readonly description: string;
  readonly source: string;
  readonly behaviour: BmcProfileChanges;
};

const File = Type.Object(
  {
    description: Type.String({ minLength: 1 }),
    source: Type.String({ minLength: 1 }),
    behaviour: Type.Record(Type.String(), Type.Unknown()),
  },
  { additionalProperties: false },
);

/** All profiles by name. @throws when a file is invalid; the message names the file and the field. */
export function loadBmcProfiles(folder = profileFolder): ReadonlyMap<string, NamedBmcProfile> {
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  return new Map(files.map((file) => [basename(file, '.json'), loadFile(join(folder, file))]));
}

function loadFile(file: string): NamedBmcProfile {
  try {
    const content: unknown = JSON.parse(readFileSync(file, 'utf8'));
    const [wrong] = Value.Errors(File, content);
    if (wrong) throw new Error(`${wrong.instancePath || 'it'} ${wrong.message}`);
    const { description, source, behaviour } = Value.Parse(File, content);
    return { name: basename(file, '.json'), description, source, behaviour: parseChanges(behaviour) };
  } catch (error) {
    throw new Error(`${file} is no profile: ${(error as Error).message}`);
  }
}

/** @throws RangeError for an unknown name. */
export function findBmcProfile(name: string, known = loadBmcProfiles()): NamedBmcProfile {
  const found = known.get(name);
  if (found) return found;
  throw new RangeError(`there is no profile '${name}'; there are ${[...known.keys()].join(', ')}`);
}

/**
 * Applies an external request: `profile` names a new base profile that replaces the former; fields override single
 * values.
 * @throws as parseChanges and findBmcProfile do
 */
export function applyProfile(former: BmcProfile, { profile: name, ...fields }: Readonly<Record<string, unknown>>): BmcProfile {
  const begin = name === undefined ? former : changeBmcProfile(defaultBmcProfile, findBmcProfile(String(name)).behaviour);
  return changeBmcProfile(begin, parseChanges(fields));
}
