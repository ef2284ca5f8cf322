/** Detects kernel panics in console output. */
import { stripVTControlCharacters } from 'node:util';

export type Panic = {
  /** The line, without timestamp and control characters. */
  readonly quote: string;
  /** The most likely cause, and the remedy. */
  readonly cause: string;
};

type Row = { readonly pattern: RegExp; readonly cause: string };

/** First match wins; each stops a kernel or its boot (Linux: init/do_mounts.c, mm/oom_kill.c, kernel/panic.c). */
const panicTable: readonly Row[] = [
  {
    pattern: /VFS: Unable to mount root fs/,
    cause:
      'The kernel found no usable ramdisk: the ramdisk file is damaged, is not one, or does not fit into memory. Build it anew with `bin/ingot ramdisk build`, or name another one (deploy.ramdisk, or the flavor).',
  },
  {
    pattern: /Out of memory and no killable processes|System is deadlocked on memory/,
    cause: 'The machine has too little memory for the ramdisk: use a machine with more, or a smaller ramdisk.',
  },
  {
    pattern: /Attempted to kill init!|No working init found|Requested init .* failed/,
    cause:
      'The init program of the ramdisk exited or could not be started: the ramdisk is damaged or for another architecture. Build it anew with `bin/ingot ramdisk build`, or name another one (deploy.ramdisk, or the flavor).',
  },
  {
    pattern: /Kernel panic - not syncing|end Kernel panic/,
    cause:
      'The kernel stopped: its message and the console log before it state the cause, usually faulty memory or unsuitable drivers.',
  },
  {
    pattern: /^\s*-- System halted|This kernel requires .* CPU|Invalid or corrupt kernel image/,
    cause:
      'The kernel could not be started: the kernel file is damaged, or for another kind of machine (deploy.kernel, or the flavor).',
  },
];

/** Earlier messages that explain the cause better than the panic itself (init/initramfs.c). */
const reasonTable: readonly Row[] = [
  {
    pattern: /Initramfs unpacking failed: write error/,
    cause: 'The machine has too little memory to unpack the ramdisk: use a machine with more, or a smaller ramdisk.',
  },
  {
    pattern: /Initramfs unpacking failed/,
    cause:
      'The ramdisk file is damaged, or is none: build it anew with `bin/ingot ramdisk build`, or name another one (deploy.ramdisk, or the flavor).',
  },
];

/** Limit of an unterminated line, as a full-screen terminal program prints. */
const lineMax = 4096;
const quoteMax = 300;

/** Follows the output of one console. */
export class PanicScanner {
  #rest = '';
  #reason: Panic | undefined;

  /** @returns the first panic that was completed by `text` */
  feed(text: string): Panic | undefined {
    const lines = `${this.#rest}${text}`.split(/[\r\n]+/);
    this.#rest = (lines.pop() ?? '').slice(-lineMax);
    for (const line of lines) {
      this.#reason = match(line, reasonTable) ?? this.#reason;
      const panic = match(line, panicTable);
      if (panic) return this.#withReason(panic);
    }
    return undefined;
  }

  #withReason(panic: Panic): Panic {
    if (!this.#reason) return panic;
    const { quote, cause } = this.#reason;
    return { quote: `${quote} … ${panic.quote}`, cause };
  }
}

function match(line: string, table: readonly Row[]): Panic | undefined {
  const row = table.find(({ pattern }) => pattern.test(line));
  if (!row) return undefined;
  const plain = stripVTControlCharacters(line).replaceAll(/\p{Cc}/gu, '');
  const quote = plain.replace(/^(?:\[\s*\d+\.\d+\]\s*|<\d>)+/, '').trim();
  return { quote: quote.slice(0, quoteMax), cause: row.cause };
}
