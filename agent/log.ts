import { logLineMax, logLinesMax } from '../agent-protocol/routes.ts';

/** Where the agent says what it does: the machine's console, and the server once it is reached. */
export class Log {
  #waiting: string[] = [];
  #print: (line: string) => void;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  info(line: string): void {
    this.#print(line);
    this.#waiting.push(line.slice(0, logLineMax));
    // The server may be away for hours: keep the newest lines only.
    if (this.#waiting.length > 5 * logLinesMax) this.#waiting.splice(0, logLinesMax);
  }

  /** Lines not handed out before, as many as one message may have. */
  take(): string[] {
    return this.#waiting.splice(0, logLinesMax);
  }

  putBack(lines: readonly string[]): void {
    this.#waiting.unshift(...lines);
  }
}
