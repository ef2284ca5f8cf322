/** Parses the output of `qemu-img map --output=json` incrementally into a bounded list of runs. */
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { Fault } from '#domain/faults.ts';

/** A byte range of an image. */
export type DataRun = { start: number; length: number };

const Entry = Type.Object({ start: Type.Integer(), length: Type.Integer(), zero: Type.Boolean(), data: Type.Boolean() });
/** Compiled, since there may be millions of entries. */
const entryShape = Compile(Entry);
/** Objects of the list; they are not nested. */
const entryPattern = /\{[^{}]*\}/g;
const entryMax = 16 * 1024;
/** Reading a hole costs little, but each run in the list costs memory. */
const runsMax = 100_000;
const firstGap = 64 * 1024;

export class ImageMapReader {
  #rest = '';
  #runs: DataRun[] = [];
  /** Runs with a gap of at most this size are merged. */
  #gap = 0;
  /** The output is malformed. The parser runs in a callback of the program's output, so it cannot throw. */
  #isOdd = false;

  read(text: string): void {
    if (this.#isOdd) return;
    const all = this.#rest + text;
    let end = 0;
    for (const match of all.matchAll(entryPattern)) {
      end = match.index + match[0].length;
      this.#take(match[0]);
    }
    this.#rest = all.slice(end);
    if (this.#rest.length > entryMax) this.#isOdd = true;
  }

  /** Call after the program has ended. Throws `toolFailed` if its output was not a map. */
  finish(): DataRun[] {
    if (this.#isOdd || this.#rest.trim().at(-1) !== ']')
      throw new Fault('toolFailed', { tool: 'qemu-img', detail: 'its map of the image has an unknown shape' });
    return this.#runs;
  }

  #take(json: string): void {
    const entry = parseEntry(json);
    if (!entry) this.#isOdd = true;
    else if (entry.data && !entry.zero) this.#add(entry);
    if (this.#runs.length > runsMax) this.#shorten();
  }

  #add({ start, length }: DataRun): void {
    const last = this.#runs.at(-1);
    if (last && start - (last.start + last.length) <= this.#gap) last.length = start + length - last.start;
    else this.#runs.push({ start, length });
  }

  /** Shortens the list to less than half, so that this is rare. */
  #shorten(): void {
    while (this.#runs.length > runsMax / 2) {
      this.#gap = Math.max(firstGap, this.#gap * 2);
      const runs = this.#runs;
      this.#runs = [];
      for (const run of runs) this.#add(run);
    }
  }
}

function parseEntry(json: string): Static<typeof Entry> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return entryShape.Check(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
