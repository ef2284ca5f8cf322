import { logLineMax, logLinesMax } from '../agent-protocol/routes.ts';

/** The agent's log: to the machine's console, and to the server once it is reachable. */
export class Log {
  #waiting: string[] = [];
  #print: (line: string) => void;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  info(line: string): void {
    this.#print(line);
    this.#waiting.push(line.slice(0, logLineMax));
    // The server may be unreachable for hours: keep the newest lines only.
    if (this.#waiting.length > 5 * logLinesMax) this.#waiting.splice(0, logLinesMax);
  }

  /** The next unsent lines, up to the limit of one message. */
  take(): string[] {
    return this.#waiting.splice(0, logLinesMax);
  }

  putBack(lines: readonly string[]): void {
    this.#waiting.unshift(...lines);
  }
}
