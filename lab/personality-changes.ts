/** Checks wishes for a BMC's behaviour, which come from outside, against what a personality knows. */
import { type Personality, soundPersonality } from './bmc/personality.ts';

/** Throws when a name is unknown or a value has the wrong type. */
export function parseChanges(changes: Readonly<Record<string, unknown>>): Partial<Personality> {
  for (const [name, value] of Object.entries(changes)) {
    const sound: unknown = (soundPersonality as Record<string, unknown>)[name];
    if (sound === undefined) throw new Error(`a BMC has no '${name}'; it has ${Object.keys(soundPersonality).join(', ')}`);
    const fits = Array.isArray(sound) ? Array.isArray(value) : typeof value === typeof sound;
    if (!fits) throw new Error(`'${name}' must be like ${JSON.stringify(sound)}, not ${JSON.stringify(value)}`);
  }
  return changes as Partial<Personality>;
}

/** `silent=true delayMs=200 cipherSuites=3,17` as words of a command line. */
export function readChanges(words: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(words.map(readChange));
}

function readChange(word: string): [string, unknown] {
  const [, name, text] = /^(\w+)=(.*)$/.exec(word) ?? [];
  if (name === undefined || text === undefined) throw new Error(`'${word}' must be NAME=VALUE`);
  if (Array.isArray((soundPersonality as Record<string, unknown>)[name]))
    return [name, text.split(',').filter(Boolean).map(Number)];
  return [name, readValue(text)];
}

function readValue(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}
