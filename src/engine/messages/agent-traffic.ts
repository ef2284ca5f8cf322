/** What this process knows of the agent of one operation: when it was last heard, its progress, its rate of messages. */
import { EventEmitter } from 'node:events';
import type { Progress } from '#agent-protocol/messages.ts';
import { RateLimiter } from '#async/rate-limiter.ts';
import { pause } from '#async/timers.ts';
import { now } from '../worker/step-deadlines.ts';

/** Minimum interval of recorded progress (milliseconds); it grows with the run time of the command. */
const recordEveryMs = 2000;
const recordShare = 1 / 150;

export class AgentTraffic {
  /** On the clock of step-deadlines.ts. Reset by a restart: the agent may not have reached us yet. */
  #heardAt = now();
  /** Of the running command: its start, when progress was last recorded, whether its end was, and the latest message. */
  #progress: { command: string; since: number; recordedAt: number; isEnded: boolean; message?: string } | undefined;
  /** About two messages a second during work, and some retries. */
  readonly #requests = new RateLimiter(300, 300);
  #isThrottled = false;
  readonly #commands = new EventEmitter();

  heard(): void {
    this.#heardAt = now();
  }

  get silentMs(): number {
    return now() - this.#heardAt;
  }

  /** When it will have been silent for this long, on the clock of step-deadlines.ts. */
  silentAt(timeoutMs: number): number {
    return this.#heardAt + timeoutMs;
  }

  /** `begins`: the first message that is too many. */
  admit(): 'ok' | 'throttling begins' | 'throttled' {
    if (this.#requests.take(1)) return 'ok';
    const isFirst = !this.#isThrottled;
    this.#isThrottled = true;
    return isFirst ? 'throttling begins' : 'throttled';
  }

  /** A long command is recorded in few lines, and its end in one. @returns whether to record this progress */
  takeProgress({ command_id, done_bytes, total_bytes, message }: Progress): boolean {
    if (this.#progress?.command !== command_id)
      this.#progress = { command: command_id, since: now(), recordedAt: Number.NEGATIVE_INFINITY, isEnded: false };
    const { since, recordedAt, isEnded } = this.#progress;
    const isEnd = total_bytes > 0 && done_bytes >= total_bytes && !isEnded;
    const interval = Math.max(recordEveryMs, (now() - since) * recordShare);
    if (!isEnd && now() - recordedAt < interval) return false;
    this.#progress.recordedAt = now();
    this.#progress.isEnded ||= isEnd;
    this.#progress.message = message;
    return true;
  }

  /** The latest message about this command. */
  progressOf(commandId: string | undefined): string | undefined {
    return this.#progress?.command === commandId ? this.#progress?.message : undefined;
  }

  /** A command for the agent is queued. */
  queued(): void {
    this.#commands.emit('queued');
  }

  /** Resolves when a command is queued, or after `ms`. */
  async untilQueued(ms: number, signal: AbortSignal): Promise<void> {
    const ended = new AbortController();
    const queued = new Promise<void>((resolve) => {
      this.#commands.once('queued', resolve);
      ended.signal.addEventListener('abort', () => this.#commands.off('queued', resolve));
    });
    try {
      await Promise.race([queued, pause(ms, AbortSignal.any([signal, ended.signal])).catch(() => {})]);
    } finally {
      ended.abort();
    }
  }
}
