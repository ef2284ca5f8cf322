import { createContext, Script } from 'node:vm';

const test = new Script('pattern.test(text)');

const mostTries = 10;

/**
 * Whether `text` holds `pattern`, within `timeout` milliseconds: some patterns take for ever on some answers, and the process has
 * one thread. Where other programs had the processor for most of that time, it is tried again.
 * @returns undefined where it took too long
 */
export function matches(pattern: RegExp, text: string, timeout: number): boolean | undefined {
  const context = createContext({ pattern, text });
  for (let left = mostTries; left > 0; left -= 1) {
    const before = process.threadCpuUsage();
    try {
      return test.runInContext(context, { timeout }) as boolean;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    }
    const { user, system } = process.threadCpuUsage(before);
    if ((user + system) / 1000 > timeout / 2) return undefined;
  }
  return undefined;
}
