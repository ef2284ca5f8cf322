/**
 * Kernel command lines as boot files carry them. A line is words between single spaces, so a value with a space, a
 * line break or a character that pxelinux or iPXE gives a meaning to would add parameters of its own: it is refused.
 */
import { classicParameters } from '#agent-protocol/classic.ts';
import { Fault } from '#domain/faults.ts';

/** COMMAND_LINE_SIZE of x86 kernels, without the closing NUL; pxelinux cuts at the same length. */
const longestLine = 2047;

/** No space, quote, backslash, `$`, `&`, `|`, `#`, `;` or `<>`: what iPXE and pxelinux take literally. */
const plainWord = /^[A-Za-z0-9_.,:=+/@%!*[\]~^-]+$/;
const plainName = /^[A-Za-z0-9_.-]+$/;

/** The order in which people know them from the classic template; others follow by name. */
const classicOrder: readonly string[] = [
  'selinux',
  classicParameters.disk,
  classicParameters.iqn,
  classicParameters.deploymentId,
  classicParameters.deploymentKey,
  classicParameters.troubleshoot,
];

/** The console a deployment reports to: serial last, so that it is the one the ramdisk writes to. */
const deployConsoles = ['console=tty0', 'console=ttyS0,115200n8'] as const;

/** `name=value` words in a stable order. Throws `badRequest` on a name or value that is not plain. */
export function parameterWords(parameters: Readonly<Record<string, string>>): string[] {
  return Object.keys(parameters)
    .sort((a, b) => rankOf(a) - rankOf(b) || (a < b ? -1 : 1))
    .map((name) => {
      if (!plainName.test(name)) throw unusable(name);
      return plain(`${name}=${parameters[name]}`, name);
    });
}

/** A setting that holds several parameters, as words. */
export function appendWords(append: string): string[] {
  return append.split(' ').flatMap((word) => (word === '' ? [] : [plain(word, word)]));
}

/** Serial and screen, unless the append setting names the consoles. */
export function consoleWords(append: string): readonly string[] {
  return /(^| )console=/.test(append) ? [] : deployConsoles;
}

/** One value of foreign origin, such as a root device. */
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

/** The value is not told: it may be a key. */
function unusable(name: string): Fault {
  return new Fault('badRequest', {
    detail: `kernel parameter ${JSON.stringify(name)} holds a character that is not allowed there`,
  });
}
