import { decode, encode } from '../bytes/fields.ts';
import { Malformed } from '../bytes/malformed.ts';
import { SequenceCounter, SequenceWindow } from '../rmcp/sequence-window.ts';
import { decodeSessionPacket, encodeSessionPacket, peekSession } from '../rmcp/session-packet.ts';
import { closeSession } from './app-commands.ts';
import type { Command } from './command.ts';
import { completionCodes, describeCompletion } from './completion-codes.ts';
import type { Conversation } from './conversation.ts';
import type { SessionTerms } from './handshake.ts';
import { IpmiError } from './ipmi-error.ts';
import { decodeResponse, encodeRequest, type Response } from './message.ts';
import { Budget } from './timings.ts';

export type SessionLimits = { readonly budget: Budget; readonly sends?: number; readonly wait?: number };

/** An open session: commands go out signed and encrypted, and only what is signed by the BMC, fresh and asked for comes in. */
export class Session {
  readonly #conversation: Conversation;
  readonly #terms: SessionTerms;
  readonly #received = new SequenceWindow();
  readonly #sent = new SequenceCounter();
  #requests = 0;
  #heardAt = performance.now();

  constructor(conversation: Conversation, terms: SessionTerms) {
    this.#conversation = conversation;
    this.#terms = terms;
  }

  /** Milliseconds since the BMC last proved that it knows this session. */
  get silentFor(): number {
    return performance.now() - this.#heardAt;
  }

  /** @throws IpmiError `silent`, `completion`, or `unfit` for an answer with a wrong layout. */
  async request<Q, R>(row: Command<Q, R>, fields: Q, limits: SessionLimits): Promise<R> {
    const data = encode(row.request, fields);
    this.#requests = (this.#requests + 1) & 0x3f;
    const sequence = this.#requests;
    const message = encodeRequest({ netFn: row.netFn, command: row.command, sequence, data });
    const answer = await this.#conversation.ask({
      ...limits,
      command: row.name,
      packet: () => this.#wrap(message),
      accept: (packet) => this.#match(packet, { netFn: row.netFn, command: row.command, sequence }),
    });
    const context = { peer: this.#conversation.peer, command: row.name };
    if (answer.completion !== completionCodes.ok) {
      const detail = describeCompletion(answer.completion, row.completionCodes);
      throw new IpmiError('completion', { ...context, detail, completion: answer.completion });
    }
    try {
      return decode(row.response, answer.data, row.name);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      throw new IpmiError('unfit', { ...context, detail: `an answer with a wrong layout: ${error.message}` });
    }
  }

  /** Lets the BMC forget the session now; whether it answers does not matter. */
  async close(): Promise<void> {
    const { timings } = this.#conversation;
    const budget = new Budget(timings.firstWait);
    await this.request(closeSession, { session: this.#terms.bmcSession }, { budget, sends: 1 }).catch(() => {});
  }

  #wrap(message: Uint8Array): Buffer {
    const packet = { type: 'ipmi', session: this.#terms.bmcSession, sequence: this.#sent.next() } as const;
    return encodeSessionPacket({ ...packet, payload: Buffer.from(message) }, this.#terms);
  }

  #match(packet: Buffer, asked: { netFn: number; command: number; sequence: number }): Response | undefined {
    if (peekSession(packet) !== this.#terms.consoleSession) return undefined;
    const { type, sequence, payload } = decodeSessionPacket(packet, this.#terms);
    if (!this.#received.take(sequence) || type !== 'ipmi') return undefined;
    this.#heardAt = performance.now();
    const answer = decodeResponse(payload);
    const matches = answer.netFn === asked.netFn && answer.command === asked.command && answer.sequence === asked.sequence;
    return matches ? answer : undefined;
  }
}
