/**
 * The serial connection to one machine: kept open, reopened when it ends, recorded, and shared by all viewers. BMCs
 * have one serial session, so there is one connection for any number of viewers.
 */
import { Duplex } from 'node:stream';
import { raceAbort } from '#async/abort.ts';
import { pause } from '#async/timers.ts';
import { asFault } from '#domain/faults.ts';
import type { ConsoleStream } from '#drivers/interfaces.ts';
import type { ConsoleRecord } from './console-record.ts';

/** Retry delays (milliseconds); the last repeats. */
const pauses = [1000, 5000, 15_000, 60_000];
/** A viewer whose backlog exceeds this is detached, because the machine does not wait (bytes). */
const backlogMax = 1024 * 1024;
/** Input beyond this backlog is lost, as on any serial line (bytes). */
const typedMax = 64 * 1024;
/** A connection that lasts this long is stable: the retry delays start over (milliseconds). */
const soundMs = 60_000;
/** An unstable connection is reported this many times, then only after it has been stable. */
const reportedConnections = 3;

export type LineParts = {
  open(signal: AbortSignal): Promise<ConsoleStream>;
  record: ConsoleRecord;
  heard?(data: Buffer): void;
  /** Called when the connection opens, and with the reason when it is lost; not for each failed retry after that. */
  report(message: string): void;
};

export class ConsoleLine {
  readonly #parts: LineParts;
  readonly #ended = new AbortController();
  readonly #viewers = new Set<Duplex>();
  readonly #running: Promise<void>;
  #stream: ConsoleStream | undefined;
  #trouble: string | undefined = 'it is being opened';
  #shortLives = 0;
  /** The kind of loss last reported; undefined: reported as open. */
  #reportedLoss: string | undefined;

  constructor(parts: LineParts) {
    this.#parts = parts;
    this.#running = this.#keepOpen();
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  /** Why there is no output; undefined: the connection is open. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /**
   * Attaches a viewer, which receives all output from now on and can type. It survives reconnects. `tellsTrouble`: show
   * the reason for interruptions, which names the BMC, to this viewer.
   */
  attach({ reportsTrouble = true } = {}): Duplex {
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
    const reason = reportsTrouble ? `: ${this.#trouble}` : '';
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
        // The message of this fault contains the time waited, which differs on each attempt.
        this.#lost(message, code === 'bmcUnreachable' ? code : message);
      }
      await pause(pauses[Math.min(Math.max(failures, 0), pauses.length - 1)]!, signal).catch(() => {});
    }
  }

  /** Closing does not wait for a BMC; a stream that opens too late is closed. */
  async #open(signal: AbortSignal): Promise<ConsoleStream> {
    const opening = this.#parts.open(signal);
    opening.then(
      (late) => {
        // The stream has no other listener, and an unhandled error would end the process.
        late.on('error', () => {});
        if (signal.aborted) late.destroy();
      },
      () => {},
    );
    const stream = await raceAbort(opening, signal);
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
    this.#reportedLoss = undefined;
    this.#parts.report('the serial console is open');
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
    if (this.#reportedLoss === kind) return;
    this.#reportedLoss = kind;
    this.#parts.report(`the serial console is closed: ${reason}`);
  }
}
