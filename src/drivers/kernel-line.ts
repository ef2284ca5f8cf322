/**
 * Kernel command lines in boot files: words separated by single spaces. A value with a space, a line break or a special
 * character of pxelinux or iPXE could inject parameters, so it is rejected.
 */
import { classicParameters } from '#agent-protocol/classic.ts';
import { Fault } from '#domain/faults.ts';

/** COMMAND_LINE_SIZE of x86 kernels, without the closing NUL; pxelinux cuts at the same length. */
const longestLine = 2047;

/** No space, quote, backslash, `$`, `&`, `|`, `#`, `;` or `<>`: what iPXE and pxelinux take literally. */
const plainWord = /^[A-Za-z0-9_.,:=+/@%!*[\]~^-]+$/;
const plainName = /^[A-Za-z0-9_.-]+$/;

/** Parameter order of the classic template; others follow by name. */
const classicOrder: readonly string[] = [
  'selinux',
  classicParameters.disk,
  classicParameters.iqn,
  classicParameters.deploymentId,
  classicParameters.deploymentKey,
  classicParameters.troubleshoot,
];

/** Consoles of a deployment: serial last, so that the ramdisk writes to it. */
const deployConsoles = ['console=tty0', 'console=ttyS0,115200n8'] as const;

/** `name=value` words in a stable order. Throws `badRequest` for invalid characters in a name or value. */
export function parameterWords(parameters: Readonly<Record<string, string>>): string[] {
  return Object.keys(parameters)
    .sort((a, b) => rankOf(a) - rankOf(b) || (a < b ? -1 : 1))
    .map((name) => {
      if (!plainName.test(name)) throw unusable(name);
      return plain(`${name}=${parameters[name]}`, name);
    });
}

/** Splits a setting with several parameters into words. */
export function appendWords(append: string): string[] {
  return append.split(' ').flatMap((word) => (word === '' ? [] : [plain(word, word)]));
}

/** Serial and screen, unless the append setting sets consoles. */
export function consoleWords(append: string): readonly string[] {
  return /(^| )console=/.test(append) ? [] : deployConsoles;
}

/** One untrusted value, such as a root device. */
export function plain(word: string, name: string): string {
  if (!plainWord.test(word)) throw unusable(name);
  return word;
}

export function kernelLine(words: readonly string[]): string {
  const line = words.filter((word) => word !== '').join(' ');
  if (line.length > longestLine) {
    throw new Fault('badRequest', { detail: `the kernel line has ${line.length} characters, more than ${longestLine}` });
  }
  return line;
}

function rankOf(name: string): number {
  const index = classicOrder.indexOf(name);
  return index < 0 ? classicOrder.length : index;
}

/** The message omits the value: it may be a key. */
function unusable(name: string): Fault {
  return new Fault('badRequest', {
    detail: `kernel parameter ${JSON.stringify(name)} holds a character that is not allowed there`,
  });
}
