/**
 * One end of Serial over LAN: one outstanding packet in each direction, acknowledged and retried, IPMI 2.0 rev 1.1
 * sections 15.9 to 15.11. Both ends differ only in the meaning of their flags.
 */
import { decodeSolPacket, encodeSolPacket, type SolPacket, solLastSequence } from '../rmcp/sol-packet.ts';

export type SolEnd = {
  send(payload: Buffer): void;
  /** @returns false to postpone: the packet is not acknowledged, so it is sent again */
  hear(data: Buffer): boolean;
  /** Flags of a new packet. */
  flagged(flags: number): void;
  /** All retries of a packet remained unacknowledged. */
  lost(): void;
  /** Milliseconds before the next retry. */
  wait(repeats: number): number;
};

export type SolTransferOptions = {
  /** Maximum number of characters in an outgoing packet. */
  readonly room: number;
  readonly repeats: number;
};

type Item = { readonly data: Buffer; readonly flags: number; readonly done: () => void };
type Sent = { readonly item: Item; readonly sequence: number; readonly data: Buffer; repeats: number };

export class SolTransfer {
  readonly #end: SolEnd;
  readonly #options: SolTransferOptions;
  readonly #items: Item[] = [];
  #sent: Sent | undefined;
  #sequence = 0;
  #timer: NodeJS.Timeout | undefined;
  /** The other end accepts no more data for now. */
  #paused = false;
  #heard = { sequence: 0, length: 0 };

  constructor(end: SolEnd, options: SolTransferOptions) {
    this.#end = end;
    this.#options = options;
  }

  /** Calls `done` when all data has been accepted. */
  write(data: Buffer, done: () => void): void {
    this.#put({ data, flags: 0, done });
  }

  /** Sends a packet with flags only. */
  signal(flags: number): void {
    this.#put({ data: Buffer.alloc(0), flags, done: () => {} });
  }

  /** @throws Malformed */
  receive(payload: Buffer): void {
    const packet = decodeSolPacket(payload);
    this.#takeAcknowledgement(packet);
    // The flags of a retry have already been handled.
    const isFresh = packet.sequence === 0 || packet.sequence !== this.#heard.sequence;
    this.#takeData(packet);
    if (packet.flags !== 0 && isFresh) this.#end.flagged(packet.flags);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#items.length = 0;
    this.#sent = undefined;
  }

  #put(item: Item): void {
    this.#items.push(item);
    this.#sendNext();
  }

  #takeAcknowledgement({ acknowledged, accepted, nack }: SolPacket): void {
    this.#paused = nack;
    const sent = this.#sent;
    if (!sent || acknowledged !== sent.sequence) {
      if (!nack) this.#sendNext();
      else if (!sent) this.#tryLater();
      return;
    }
    clearTimeout(this.#timer);
    this.#sent = undefined;
    const { item, data } = sent;
    const rest = data.subarray(Math.min(accepted, data.length));
    if (rest.length > 0) this.#items.unshift({ ...item, data: Buffer.concat([rest, item.data]) });
    else if (item.data.length > 0) this.#items.unshift(item);
    else item.done();
    if (nack) this.#tryLater();
    else this.#sendNext();
  }

  #takeData({ sequence, data }: SolPacket): void {
    if (sequence === 0) return;
    // A retry may carry more than the first packet: BMCs append new output of the machine.
    const known = sequence === this.#heard.sequence ? this.#heard.length : 0;
    const fresh = Buffer.from(data.subarray(Math.min(known, data.length)));
    if (fresh.length > 0 && !this.#end.hear(fresh)) return;
    this.#heard = { sequence, length: Math.max(known, data.length) };
    this.#end.send(encodeSolPacket({ ...nothingMore, acknowledged: sequence, accepted: data.length }));
  }

  #sendNext(): void {
    if (this.#sent || this.#paused) return;
    const item = this.#items.shift();
    if (!item) return;
    clearTimeout(this.#timer);
    this.#sequence = (this.#sequence % solLastSequence) + 1;
    const data = item.data.subarray(0, this.#options.room);
    const left = { ...item, data: item.data.subarray(data.length) };
    this.#sent = { item: left, sequence: this.#sequence, data, repeats: 0 };
    this.#send(this.#sent, item.flags);
  }

  #send(sent: Sent, flags: number): void {
    this.#end.send(encodeSolPacket({ ...nothingMore, sequence: sent.sequence, flags, data: sent.data }));
    this.#timer = setTimeout(() => this.#repeat(sent, flags), this.#end.wait(sent.repeats));
  }

  #repeat(sent: Sent, flags: number): void {
    sent.repeats += 1;
    if (sent.repeats > this.#options.repeats) this.#end.lost();
    else this.#send(sent, flags);
  }

  /** The packet that resumes the transfer can get lost, so try again without it. */
  #tryLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#paused = false;
      this.#sendNext();
    }, this.#end.wait(this.#options.repeats));
  }
}

const nothingMore: SolPacket = { sequence: 0, acknowledged: 0, accepted: 0, nack: false, flags: 0, data: Buffer.alloc(0) };
