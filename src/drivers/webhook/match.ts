import { createContext, Script } from 'node:vm';

const test = new Script('pattern.test(text)');

const mostTries = 10;

/**
 * Whether `text` matches `pattern`, within `timeout` milliseconds: some patterns backtrack exponentially, and the
 * process has one thread. Retried if other processes used the CPU for most of that time.
 * @returns undefined if it timed out
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
