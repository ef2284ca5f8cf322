/** What is kept of a console's text when something has failed. */
import { classicParameters } from '#agent-protocol/classic.ts';
import { kernelParameters } from '#agent-protocol/routes.ts';
import { plainText } from '#domain/plain-text.ts';

const secretParameters = [kernelParameters.token, classicParameters.deploymentKey];
const secrets = new RegExp(`\\b(${secretParameters.map((name) => name.replace('.', '\\.')).join('|')})=\\S+`, 'g');

/** The kernel prints its command line. Its operation is over, but a secret stays out of what is stored all the same. */
export function withoutKernelSecrets(text: string): string {
  return text.replace(secrets, '$1=***');
}

/** Colours and movements of the cursor, which firmware and loaders write: ECMA-48 control sequences, and strings up to BEL or ST. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const escapes = /\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]P^_X][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])/g;

const tailLines = 20;
/** Per line, and of all of them (characters). */
const lineMax = 200;
const tailMax = 2000;

/** Its last lines with text on them, without control characters. */
export function consoleTail(text: string): string[] {
  const end = text.slice(-16 * tailMax).replace(escapes, '');
  const lines = plainText(end.replace(/\r+\n?|\u2028|\u2029/g, '\n'))
    .split('\n')
    .map((line) => line.trimEnd().slice(0, lineMax))
    .filter((line) => line.trim() !== '')
    .slice(-tailLines);
  return withinSize(lines, tailMax);
}

/** The last of them that have room. */
export function withinSize(lines: readonly string[], characters: number): string[] {
  let room = characters;
  const first = lines.findLastIndex((line) => {
    room -= line.length + 1;
    return room < 0;
  });
  return lines.slice(first + 1);
}
