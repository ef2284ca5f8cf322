import { Malformed } from '../bytes/malformed.ts';
import type { DatagramSocket, Datagrams, Peer } from '../udp/datagrams.ts';
import type { PacketBudget } from '../udp/packet-budget.ts';
import { IpmiError } from './ipmi-error.ts';
import { Latency } from './latency.ts';
import { type Budget, jittered, type Timings } from './timings.ts';

export type Question<T> = {
  /** For the error text. */
  readonly command: string;
  /** Builds the packet anew for each send, as a repeat needs a new session sequence number. */
  packet(): Uint8Array;
  /** The answer in a packet; undefined or `Malformed` for a packet that is not the answer: the wait goes on. */
  accept(packet: Buffer): T | undefined;
  /** Most sends; then it is `silent`. */
  readonly sends?: number;
  /** Until the first repeat, instead of what is known of this BMC; the answer then teaches nothing either. */
  readonly wait?: number;
  readonly budget: Budget;
};

export type ConversationOptions = { readonly datagrams: Datagrams; readonly timings: Timings; readonly latency?: Latency };

/** A way to one BMC, one question at a time: sends, waits, repeats. Packets that answer nothing go to `otherwise`. */
export class Conversation {
  readonly peer: Peer;
  readonly timings: Timings;
  readonly #latency: Latency;
  readonly #pace: PacketBudget | undefined;
  #socket: DatagramSocket | undefined;
  #take: ((packet: Buffer) => void) | undefined;
  /** For what comes unasked, e.g. of a serial line. May throw `Malformed`. */
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

  /** For a word that needs no answer. */
  tell(packet: () => Uint8Array): void {
    this.leave(packet);
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  /** @throws IpmiError `silent`, the reason of an end, or what `accept` throws. */
  ask<T>(question: Question<T>): Promise<T> {
    question.budget.throwIfEnded();
    return new Promise<T>((resolve, reject) => new CallOptions(this, question, { resolve, reject }).send());
  }

  /** The packet is built and leaves when the budget of packets allows. @returns how to withdraw it, where it has to wait */
  leave(packet: () => Uint8Array, sent?: () => void): (() => void) | undefined {
    const go = () => {
      this.#socket?.send(packet());
      sent?.();
    };
    if (this.#pace) return this.#pace.enter(go);
    go();
    return undefined;
  }

  /** For `CallOptions` alone. */
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

/** One question on its way. */
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
    // A question that is asked once has no repeats to spread.
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
