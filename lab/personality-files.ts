/** The named personalities of lab/personalities/: one JSON file each, checked when it is read. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { changePersonality, type Personality, type PersonalityChanges, soundPersonality } from './bmc/personality.ts';
import { parseChanges } from './personality-changes.ts';

const personalityFolder = fileURLToPath(new URL('personalities', import.meta.url));

export type NamedPersonality = {
  readonly name: string;
  /** A sentence for people, and where this behaviour is known from. */
  readonly description: string;
  readonly source: string;
  readonly behaviour: PersonalityChanges;
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
export function loadPersonalities(folder = personalityFolder): ReadonlyMap<string, NamedPersonality> {
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  return new Map(files.map((file) => [basename(file, '.json'), loadFile(join(folder, file))]));
}

function loadFile(file: string): NamedPersonality {
  try {
    const content: unknown = JSON.parse(readFileSync(file, 'utf8'));
    const [wrong] = Value.Errors(File, content);
    if (wrong) throw new Error(`${wrong.instancePath || 'it'} ${wrong.message}`);
    const { description, source, behaviour } = Value.Parse(File, content);
    return { name: basename(file, '.json'), description, source, behaviour: parseChanges(behaviour) };
  } catch (error) {
    throw new Error(`${file} is no personality: ${(error as Error).message}`);
  }
}

/** @throws RangeError for a name that nobody has. */
export function findPersonality(name: string, known = loadPersonalities()): NamedPersonality {
  const found = known.get(name);
  if (found) return found;
  throw new RangeError(`there is no personality '${name}'; there are ${[...known.keys()].join(', ')}`);
}

/**
 * A wish from outside: `personality` names one to begin with, in place of the former; fields change what they name.
 * @throws as parseChanges and findPersonality do
 */
export function applyWish(former: Personality, { personality: name, ...fields }: Readonly<Record<string, unknown>>): Personality {
  const begin = name === undefined ? former : changePersonality(soundPersonality, findPersonality(String(name)).behaviour);
  return changePersonality(begin, parseChanges(fields));
}
