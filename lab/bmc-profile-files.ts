/** The named profiles of lab/bmc-profiles/: one JSON file each, checked when it is read. */
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
  /** A sentence for people, and where this behaviour is known from. */
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

/** All of them by name. @throws when a file is not what it should be: the message has its name and the field. */
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

/** @throws RangeError for a name that nobody has. */
export function findBmcProfile(name: string, known = loadBmcProfiles()): NamedBmcProfile {
  const found = known.get(name);
  if (found) return found;
  throw new RangeError(`there is no profile '${name}'; there are ${[...known.keys()].join(', ')}`);
}

/**
 * A wish from outside: `profile` names one to begin with, in place of the former; fields change what they name.
 * @throws as parseChanges and findBmcProfile do
 */
export function applyProfile(former: BmcProfile, { profile: name, ...fields }: Readonly<Record<string, unknown>>): BmcProfile {
  const begin = name === undefined ? former : changeBmcProfile(defaultBmcProfile, findBmcProfile(String(name)).behaviour);
  return changeBmcProfile(begin, parseChanges(fields));
}
