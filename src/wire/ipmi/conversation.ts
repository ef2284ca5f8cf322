import { Malformed } from '../bytes/malformed.ts';
import type { DatagramSocket, Datagrams, Peer } from '../udp/datagrams.ts';
import type { PacketBudget } from '../udp/packet-budget.ts';
import { IpmiError } from './ipmi-error.ts';
import { Latency } from './latency.ts';
import { type Budget, jittered, type Timings } from './timings.ts';

export type Question<T> = {
  /** For the error text. */
  readonly command: string;
  /** Builds a new packet for each send, because a retry needs a new session sequence number. */
  packet(): Uint8Array;
  /** Extracts the response from a packet; undefined or `Malformed` = another packet, so the wait continues. */
  accept(packet: Buffer): T | undefined;
  /** Maximum number of sends before it fails as `silent`. */
  readonly sends?: number;
  /** Wait before the first retry, in place of the learned latency, which the response then does not update. */
  readonly wait?: number;
  readonly budget: Budget;
};

export type ConversationOptions = { readonly datagrams: Datagrams; readonly timings: Timings; readonly latency?: Latency };

/** A channel to one BMC with one outstanding request: sends, waits, retries. Unmatched packets go to `otherwise`. */
export class Conversation {
  readonly peer: Peer;
  readonly timings: Timings;
  readonly #latency: Latency;
  readonly #pace: PacketBudget | undefined;
  #socket: DatagramSocket | undefined;
  #take: ((packet: Buffer) => void) | undefined;
  /** Handler of unsolicited packets, e.g. of a SOL session. May throw `Malformed`. */
  otherwise: ((packet: Buffer) => void) | undefined;

  private constructor(peer: Peer, { timings, datagrams, latency = new Latency() }: ConversationOptions) {
    this.peer = peer;
    this.timings = timings;
    this.#latency = latency;
    this.#pace = datagrams.budget;
  }

  static async open(peer: Peer, options: ConversationOptions): Promise<Conversation> {
    const conversation = new Conversation(peer, options);
    conversation.#socket = await options.datagrams.connect(peer, (packet) => conversation.#receive(packet));
    return conversation;
  }

  /** Sends a packet that needs no response. */
  sendOnly(packet: () => Uint8Array): void {
    this.leave(packet);
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  /** @throws IpmiError `silent`, the reason of an abort, or what `accept` throws. */
  ask<T>(question: Question<T>): Promise<T> {
    question.budget.throwIfEnded();
    return new Promise<T>((resolve, reject) => new CallOptions(this, question, { resolve, reject }).send());
  }

  /** Builds and sends the packet when the packet budget allows. @returns a function that withdraws a queued packet */
  leave(packet: () => Uint8Array, sent?: () => void): (() => void) | undefined {
    const go = () => {
      this.#socket?.send(packet());
      sent?.();
    };
    if (this.#pace) return this.#pace.enter(go);
    go();
    return undefined;
  }

  /** For `CallOptions` only. */
  set take(take: ((packet: Buffer) => void) | undefined) {
    this.#take = take;
  }

  get latency(): Latency {
    return this.#latency;
  }

  #receive(packet: Buffer): void {
    try {
      if (this.#take) this.#take(packet);
      else this.otherwise?.(packet);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
    }
  }
}

type Settlers<T> = { readonly resolve: (answer: T) => void; readonly reject: (reason: unknown) => void };

/** One outstanding request. */
class CallOptions<T> {
  readonly #conversation: Conversation;
  readonly #question: Question<T>;
  readonly #settlers: Settlers<T>;
  #wait: number;
  #sends = 0;
  #sentAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #withdraw: (() => void) | undefined;

  constructor(conversation: Conversation, question: Question<T>, settlers: Settlers<T>) {
    this.#conversation = conversation;
    this.#question = question;
    this.#settlers = settlers;
    this.#wait = question.wait ?? conversation.latency.firstWait(conversation.timings);
    conversation.take = (packet) => this.#receive(packet);
    question.budget.onEnd = () => this.#settle(() => settlers.reject(question.budget.reason));
  }

  send(): void {
    const { sends = Number.POSITIVE_INFINITY, budget } = this.#question;
    if (this.#sends >= sends || budget.left === 0) {
      this.#settle(() => this.#settlers.reject(this.#silence()));
      return;
    }
    this.#sends += 1;
    budget.attempts += 1;
    this.#withdraw = this.#conversation.leave(
      () => this.#question.packet(),
      () => this.#sent(),
    );
  }

  #sent(): void {
    const { budget } = this.#question;
    const { growth, longestWait } = this.#conversation.timings;
    this.#sentAt = performance.now();
    // A request that is sent once has no retries to spread.
    const wait = this.#question.wait === undefined ? jittered(this.#wait) : this.#wait;
    this.#timer = setTimeout(() => this.send(), Math.min(wait, budget.left));
    this.#wait = Math.min(this.#wait * growth, longestWait);
  }

  #receive(packet: Buffer): void {
    try {
      const answer = this.#question.accept(packet);
      if (answer === undefined) return;
      this.#learn();
      this.#question.budget.answered();
      this.#settle(() => this.#settlers.resolve(answer));
    } catch (error) {
      if (!(error instanceof Malformed)) this.#settle(() => this.#settlers.reject(error));
    }
  }

  #learn(): void {
    if (this.#question.wait !== undefined) return;
    const { latency } = this.#conversation;
    if (this.#sends === 1) latency.answered(performance.now() - this.#sentAt);
    else latency.repeated(this.#wait);
  }

  #settle(outcome: () => void): void {
    clearTimeout(this.#timer);
    this.#withdraw?.();
    this.#question.budget.onEnd = undefined;
    this.#conversation.take = undefined;
    outcome();
  }

  #silence(): IpmiError {
    const { command, budget } = this.#question;
    const { attempts } = budget;
    const seconds = Math.round(budget.spent / 100) / 10;
    return new IpmiError('silent', {
      peer: this.#conversation.peer,
      command,
      attempts,
      seconds,
      detail: 'nothing valid came back',
    });
  }
}
