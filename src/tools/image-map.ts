/** Reads what `qemu-img map --output=json` prints, piece by piece, into a list of runs that stays short. */
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { Fault } from '#domain/faults.ts';

/** Bytes of an image. */
export type DataRun = { start: number; length: number };

const Entry = Type.Object({ start: Type.Integer(), length: Type.Integer(), zero: Type.Boolean(), data: Type.Boolean() });
/** Compiled, as there may be millions. */
const entryShape = Compile(Entry);
/** Objects of the list; none of them holds another. */
const entryPattern = /\{[^{}]*\}/g;
const entryMax = 16 * 1024;
/** A hole that is read costs little, but each run in the list costs memory. */
const runsMax = 100_000;
const firstGap = 64 * 1024;

export class ImageMapReader {
  #rest = '';
  #runs: DataRun[] = [];
  /** Runs with at most so much between them are one. */
  #gap = 0;
  /** The text is not what it should be. The reader is called while the program runs, and has nobody to throw to. */
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

  /** To be called when the program has ended. Throws `toolFailed` where what it printed was no map. */
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

  /** To less than half, so that it is rarely done. */
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
