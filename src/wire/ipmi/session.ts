import { encode } from '../bytes/fields.ts';
import { Malformed } from '../bytes/malformed.ts';
import { ByteReader } from '../bytes/reader.ts';
import { closeSession } from './app-commands.ts';
import { type Bridge, encodeBridged, readBridged, sendMessage } from './bridge.ts';
import type { Command } from './command.ts';
import { completionCodes, describeCompletion } from './completion-codes.ts';
import type { Conversation } from './conversation.ts';
import { IpmiError } from './ipmi-error.ts';
import { decodeResponse, encodeRequest, type Response } from './message.ts';
import type { SessionLink } from './session-link.ts';
import { Budget } from './timings.ts';

export type SessionLimits = {
  readonly budget: Budget;
  readonly sends?: number;
  readonly wait?: number;
  /** Route to the controller behind the BMC that the command is for. */
  readonly bridge?: Bridge;
};

/** The fields that match a response to its request. */
type Asked = {
  readonly netFn: number;
  readonly command: number;
  readonly sequence: number;
  readonly bridge: Bridge | undefined;
};

/**
 * An open session: signs outgoing commands, and accepts only packets that the BMC signed, that are no replays, and
 * that match a request.
 */
export class Session {
  readonly #conversation: Conversation;
  readonly #link: SessionLink;
  #requests = 0;
  #heardAt = performance.now();
  #line: ((payload: Buffer) => void) | undefined;

  constructor(conversation: Conversation, link: SessionLink) {
    this.#conversation = conversation;
    this.#link = link;
  }

  /** Milliseconds since the last packet with the BMC's valid signature for this session. */
  get silentFor(): number {
    return performance.now() - this.#heardAt;
  }

  /** @throws IpmiError `silent`, `completion`, or `unfit` for a response with an invalid layout. */
  async request<Q, R>(row: Command<Q, R>, fields: Q, { bridge, ...limits }: SessionLimits): Promise<R> {
    this.#requests = (this.#requests + 1) & 0x3f;
    const { netFn, command, name, lun = 0 } = row;
    const sequence = this.#requests;
    const request = { netFn, command, lun, sequence, data: encode(row.request, fields) };
    const message = bridge ? encodeBridged(request, bridge) : encodeRequest(request);
    const asked = { netFn, command, sequence, bridge };
    const answer = await this.#conversation.ask({
      ...limits,
      command: name,
      packet: () => this.#link.wrap('ipmi', message),
      accept: (packet) => this.#match(packet, asked),
    });
    return this.#read(row, answer);
  }

  /** Starts to receive SOL payloads: `hear` gets them in order of arrival. */
  openLine(hear: (payload: Buffer) => void): void {
    this.#line = hear;
    this.#conversation.otherwise = (packet) => void this.#match(packet);
  }

  sendLine(payload: Uint8Array): void {
    this.#conversation.sendOnly(() => this.#link.wrap('sol', payload));
  }

  /** Sends Close Session; a missing response does not matter. */
  async close(): Promise<void> {
    const { timings } = this.#conversation;
    const wait = timings.firstWait;
    const limits = { budget: new Budget(wait), sends: 1, wait };
    await this.request(closeSession, { session: this.#link.bmcSession }, limits).catch(() => {});
  }

  #match(packet: Buffer, asked?: Asked): Response | undefined {
    const received = this.#link.unwrap(packet);
    if (!received) return undefined;
    this.#heardAt = performance.now();
    if (received.type === 'sol') this.#line?.(received.payload);
    if (received.type !== 'ipmi' || !asked) return undefined;
    if (asked.bridge) return this.#matchBridged(received.payload, asked);
    const answer = decodeResponse(received.payload, 'signature');
    const matches = answer.netFn === asked.netFn && answer.command === asked.command && answer.sequence === asked.sequence;
    return matches ? answer : undefined;
  }

  /** @throws IpmiError if a controller on the way refuses */
  #matchBridged(payload: Buffer, asked: Asked): Response | undefined {
    const outcome = readBridged(payload, asked);
    if (!outcome || 'answer' in outcome) return outcome?.answer;
    const detail = describeCompletion(outcome.refusal, sendMessage.completionCodes);
    throw new IpmiError('completion', { peer: this.#conversation.peer, command: sendMessage.name, detail });
  }

  #read<Q, R>(row: Command<Q, R>, { completion, data }: Response): R {
    const context = { peer: this.#conversation.peer, command: row.name };
    if (completion !== completionCodes.ok) {
      const detail = describeCompletion(completion, row.completionCodes);
      throw new IpmiError('completion', { ...context, detail, completion });
    }
    try {
      // Extra bytes after the known fields are of a later specification or the vendor (HP DL380 G5: boot flags).
      return row.response.read(new ByteReader(data));
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      throw new IpmiError('unfit', { ...context, detail: `an answer with a wrong layout: ${error.message}` });
    }
  }
}
