/** Selects the console text that is kept after a failure. */
import { classicParameters } from '#agent-protocol/classic.ts';
import { ipaParameters } from '#agent-protocol/ipa.ts';
import { kernelParameters } from '#agent-protocol/routes.ts';
import { plainText } from '#domain/plain-text.ts';

const secretParameters = [kernelParameters.token, classicParameters.deploymentKey, ipaParameters.url];
const secrets = new RegExp(`\\b(${secretParameters.map((name) => name.replace('.', '\\.')).join('|')})=\\S+`, 'g');

/** The kernel prints its command line. Its operation has ended, but its secrets must not be stored. */
export function withoutKernelSecrets(text: string): string {
  return text.replace(secrets, '$1=***');
}

/**
 * ECMA-48 control sequences, and strings up to BEL or ST: firmware and boot loaders write colours and cursor movements.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const escapes = /\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]P^_X][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])/g;

const tailLines = 20;
/** Maximum per line, and in total (characters). */
const lineMax = 200;
const tailMax = 2000;

/** The last non-empty lines, without control characters. */
export function consoleTail(text: string): string[] {
  const end = text.slice(-16 * tailMax).replace(escapes, '');
  const lines = plainText(end.replace(/\r+\n?|\u2028|\u2029/g, '\n'))
    .split('\n')
    .map((line) => line.trimEnd().slice(0, lineMax))
    .filter((line) => line.trim() !== '')
    .slice(-tailLines);
  return withinSize(lines, tailMax);
}

/** The last lines that fit. */
export function withinSize(lines: readonly string[], characters: number): string[] {
  let room = characters;
  const first = lines.findLastIndex((line) => {
    room -= line.length + 1;
    return room < 0;
  });
  return lines.slice(first + 1);
}
