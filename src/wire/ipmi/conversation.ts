import { Malformed } from '../bytes/malformed.ts';
import type { DatagramSocket, Datagrams, Peer } from '../udp/datagrams.ts';
import { IpmiError } from './ipmi-error.ts';
import type { Budget, Timings } from './timings.ts';

export type Question<T> = {
  /** For the error text. */
  readonly command: string;
  /** Builds the packet anew for each send, as a repeat needs a new session sequence number. */
  packet(): Uint8Array;
  /** The answer in a packet; undefined or `Malformed` for a packet that is not the answer: the wait goes on. */
  accept(packet: Buffer): T | undefined;
  /** Most sends; then it is `silent`. */
  readonly sends?: number;
  /** Instead of `timings.firstWait`. */
  readonly wait?: number;
  readonly budget: Budget;
};

/** One socket to one BMC, one question at a time: sends, waits, repeats. Packets that answer nothing are dropped. */
export class Conversation {
  readonly peer: Peer;
  readonly timings: Timings;
  #socket: DatagramSocket | undefined;
  #take: ((packet: Buffer) => void) | undefined;

  private constructor(peer: Peer, timings: Timings) {
    this.peer = peer;
    this.timings = timings;
  }

  static async open(peer: Peer, datagrams: Datagrams, timings: Timings): Promise<Conversation> {
    const conversation = new Conversation(peer, timings);
    conversation.#socket = await datagrams.connect(peer, (packet) => conversation.#take?.(packet));
    return conversation;
  }

  /** For a word that needs no answer. */
  tell(packet: Uint8Array): void {
    this.#socket?.send(packet);
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  /** @throws IpmiError `silent`, the reason of an abort, or what `accept` throws. */
  ask<T>(question: Question<T>): Promise<T> {
    const { budget } = question;
    budget.signal?.throwIfAborted();
    return new Promise<T>((resolve, reject) => {
      let sends = 0;
      let wait = question.wait ?? this.timings.firstWait;
      let timer: NodeJS.Timeout | undefined;
      const settle = (outcome: () => void) => {
        clearTimeout(timer);
        budget.signal?.removeEventListener('abort', abort);
        this.#take = undefined;
        outcome();
      };
      const abort = () => settle(() => reject(budget.signal?.reason));
      const send = () => {
        const left = budget.left;
        if (sends >= (question.sends ?? Number.POSITIVE_INFINITY) || left === 0) {
          return settle(() => reject(this.#silence(question)));
        }
        sends += 1;
        budget.attempts += 1;
        this.tell(question.packet());
        timer = setTimeout(send, Math.min(wait, left));
        wait = Math.min(wait * this.timings.growth, this.timings.longestWait);
      };
      this.#take = (packet) => {
        try {
          const answer = question.accept(packet);
          if (answer !== undefined) settle(() => resolve(answer));
        } catch (error) {
          if (!(error instanceof Malformed)) settle(() => reject(error));
        }
      };
      budget.signal?.addEventListener('abort', abort, { once: true });
      send();
    });
  }

  #silence({ command, budget }: Question<unknown>): IpmiError {
    const { attempts } = budget;
    const seconds = Math.round(budget.spent / 100) / 10;
    return new IpmiError('silent', { peer: this.peer, command, attempts, seconds, detail: 'no answer' });
  }
}
