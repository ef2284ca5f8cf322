import { createContext, Script } from 'node:vm';

const test = new Script('pattern.test(text)');

/**
 * Whether `text` holds `pattern`, within `timeout` milliseconds: some patterns take for ever on some answers, and the process has
 * one thread.
 * @returns undefined where it took too long
 */
export function matches(pattern: RegExp, text: string, timeout: number): boolean | undefined {
  try {
    return test.runInContext(createContext({ pattern, text }), { timeout }) as boolean;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return undefined;
    throw error;
  }
}
