/** User data and files that a request gives a new or rebuilt server. */
import { Fault } from '#domain/faults.ts';

export function base64Of(field: string, text: string | null | undefined): string | undefined {
  if (text === undefined || text === null || text === '') return undefined;
  const compact = text.replace(/\s/g, '');
  if (compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(compact))
    throw new Fault('badRequest', { detail: `Invalid input for field/attribute ${field}: it must be base64.` });
  return compact;
}

const largestFile = 10240;

/** Files of a server's personality: how many, characters of a path, and bytes of one, which come in base64. */
export const mostPersonality = 5;
export const longestPersonalityPath = 255;
export const personalityCharacters = 65_535;
export const largestPersonality = Math.floor(personalityCharacters / 4) * 3;

export type PersonalityFile = { readonly path: string; readonly contents: string };

export function filesOf(files: readonly PersonalityFile[]): { path: string; contents: string }[] {
  return files.map(({ path, contents }) => {
    const encoded = base64Of(`personality ${path}`, contents) ?? '';
    if (Buffer.byteLength(encoded, 'base64') > largestFile)
      throw new Fault('forbidden', { detail: `Personality file ${path} is larger than ${largestFile} bytes.` });
    return { path, contents: encoded };
  });
}
