/**
 * The serial line of one machine, kept open: opened again whenever it ends, recorded, and shared by all who look on or
 * type. BMCs have one serial session, so there is one line however many look on.
 */
import { Duplex } from 'node:stream';
import { asFault } from '#domain/faults.ts';
import type { ConsoleStream } from '#drivers/interfaces.ts';
import type { ConsoleRecord } from './console-record.ts';
import { pause } from './power.ts';
import { orAborted } from './step-deadlines.ts';

/** Pauses between attempts (milliseconds); the last repeats. */
const pauses = [1000, 5000, 15_000, 60_000];
/** Whoever reads so slowly is let go: the machine does not wait (bytes). */
const backlogMax = 1024 * 1024;
/** What is typed faster than the machine takes it is lost, as on any serial line (bytes). */
const typedMax = 64 * 1024;
/** A line that holds for so long is sound: the pauses begin anew (milliseconds). */
const soundMs = 60_000;
/** A line that ends again and again is told of so many times, and then when it has held for a while. */
const reportedConnections = 3;

export type LineParts = {
  open(signal: AbortSignal): Promise<ConsoleStream>;
  record: ConsoleRecord;
  heard?(data: Buffer): void;
  /** Told when the line opens and when it is lost, with the reason; not for each failed attempt after that. */
  tell(message: string): void;
};

export class ConsoleLine {
  readonly #parts: LineParts;
  readonly #ended = new AbortController();
  readonly #viewers = new Set<Duplex>();
  readonly #running: Promise<void>;
  #stream: ConsoleStream | undefined;
  #trouble: string | undefined = 'it is being opened';
  #shortLives = 0;
  /** The kind of loss that was told last; undefined = that it is open. */
  #toldLoss: string | undefined;

  constructor(parts: LineParts) {
    this.#parts = parts;
    this.#running = this.#keepOpen();
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  /** Why nothing comes; undefined = it is open. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /**
   * One more end: hears all that is printed from now on, and types. It outlives interruptions of the line.
   * `tellsTrouble`: why nothing comes names the BMC, which is not everybody's business.
   */
  attach({ tellsTrouble = true } = {}): Duplex {
    const viewer = new Duplex({
      read() {},
      write: (chunk: Buffer, _, done) => {
        if ((this.#stream?.writableLength ?? 0) < typedMax) this.#stream?.write(chunk);
        done();
      },
    });
    this.#viewers.add(viewer);
    viewer.on('error', () => {});
    viewer.once('close', () => this.#viewers.delete(viewer));
    const reason = tellsTrouble ? `: ${this.#trouble}` : '';
    if (this.#trouble) viewer.push(`\r\n[the serial line is not open${reason}]\r\n`);
    return viewer;
  }

  async close(): Promise<void> {
    this.#ended.abort();
    for (const viewer of this.#viewers) viewer.destroy();
    this.#stream?.destroy();
    await this.#running;
  }

  async #keepOpen(): Promise<void> {
    const { signal } = this.#ended;
    for (let failures = 0; !signal.aborted; failures += 1) {
      try {
        const stream = await this.#open(signal);
        const openedAt = performance.now();
        await this.#follow(stream);
        const isSound = performance.now() - openedAt > soundMs;
        if (isSound) failures = -1;
        this.#shortLives = isSound ? 0 : this.#shortLives + 1;
        this.#lost('the BMC ended it');
      } catch (error) {
        if (signal.aborted) return;
        const { code, message } = asFault(error);
        // Its text tells how long it was silent, which is another time at each attempt.
        this.#lost(message, code === 'bmcUnreachable' ? code : message);
      }
      await pause(pauses[Math.min(Math.max(failures, 0), pauses.length - 1)]!, signal).catch(() => {});
    }
  }

  /** Whoever closes the line does not wait for a BMC; a stream that comes too late is hung up. */
  async #open(signal: AbortSignal): Promise<ConsoleStream> {
    const opening = this.#parts.open(signal);
    opening.then(
      (late) => {
        // Nobody listens to it any more, and an error that nobody hears would end the process.
        late.on('error', () => {});
        if (signal.aborted) late.destroy();
      },
      () => {},
    );
    const stream = await orAborted(opening, signal);
    signal.throwIfAborted();
    return stream;
  }

  async #follow(stream: ConsoleStream): Promise<void> {
    this.#stream = stream;
    this.#trouble = undefined;
    const timer =
      this.#shortLives < reportedConnections ? this.#reportOpen() : setTimeout(() => this.#reportOpen(), soundMs).unref();
    try {
      for await (const chunk of stream) this.#spread(chunk);
    } finally {
      clearTimeout(timer);
      this.#stream = undefined;
      stream.destroy();
    }
  }

  #reportOpen(): undefined {
    this.#toldLoss = undefined;
    this.#parts.tell('the serial console is open');
  }

  #spread(chunk: Buffer): void {
    this.#parts.record.append(chunk);
    this.#parts.heard?.(chunk);
    for (const viewer of this.#viewers) {
      if (viewer.readableLength > backlogMax) viewer.destroy();
      else viewer.push(chunk);
    }
  }

  #lost(reason: string, kind = reason): void {
    this.#trouble = reason;
    if (this.#toldLoss === kind) return;
    this.#toldLoss = kind;
    this.#parts.tell(`the serial console is closed: ${reason}`);
  }
}
