/** Replays a real BMC's responses: message by message, and data that is read in portions as a whole. */
import { readFile } from 'node:fs/promises';
import type { Answering } from '#lab/bmc/bmc.ts';
import { completionCodes } from '#wire/ipmi/completion-codes.ts';
import { decodeRequest, decodeResponse, netFns, type Request, type Response } from '#wire/ipmi/message.ts';
import { readPcap } from './pcap-file.ts';

const rmcpPort = 623;
const rmcpPlus = 0x06;
const ipmiClass = 0x07;
const lengthAt = { legacy: 13, rmcpPlus: 14 };

/** Requests and their responses, in order. Only unencrypted ones that do not open a session. */
export async function readExchanges(path: string): Promise<{ request: Request; response: Response; messages: Buffer[] }[]> {
  const exchanges: { request: Request; response: Response; messages: Buffer[] }[] = [];
  let asked: Buffer | undefined;
  for (const { direction, payload } of await readPcap(path, rmcpPort)) {
    const message = plainMessage(payload);
    if (!message) continue;
    if (direction === 'to-port') asked = message;
    else if (asked)
      exchanges.push({ request: decodeRequest(asked), response: decodeResponse(message), messages: [asked, message] });
  }
  return exchanges;
}

function plainMessage(packet: Buffer): Buffer | undefined {
  if (packet[3] !== ipmiClass) return undefined;
  if (packet[4] !== rmcpPlus)
    return packet.subarray(lengthAt.legacy + 1, lengthAt.legacy + 1 + packet.readUInt8(lengthAt.legacy));
  return packet[5] === 0 ? packet.subarray(lengthAt.rmcpPlus + 2).subarray(0, packet.readUInt16LE(lengthAt.rmcpPlus)) : undefined;
}

type Outcome = { readonly completion: number; readonly data: Buffer };
type SdrEntry = { next: number; bytes: Buffer };

const getSdr = 0x23;
const readFru = 0x11;
const fruInfo = 0x10;
/** The BMC that replays the recording opens and closes sessions itself. */
const ownCommands: readonly number[] = [0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x54];

export class Recording {
  readonly #answers = new Map<string, Outcome>();
  /** By record id; 0 means the first one. */
  readonly #sdrs = new Map<number, SdrEntry>();
  readonly #frus = new Map<number, Buffer>();

  static async ofCapture(path: string): Promise<Recording> {
    const recording = new Recording();
    for (const { request, response } of await readExchanges(path)) recording.#add(request, response);
    return recording;
  }

  static async ofFruImage(path: string): Promise<Recording> {
    const recording = new Recording();
    recording.addFru(0, await readFile(path));
    return recording;
  }

  addFru(device: number, image: Buffer): void {
    const size = Buffer.alloc(3);
    size.writeUInt16LE(image.length);
    this.#frus.set(device, image);
    this.#answers.set(spell({ netFn: netFns.storage, command: fruInfo, data: Buffer.of(device) }), { completion: 0, data: size });
  }

  /** For `BmcOptions.answering`. */
  answering: Answering = ({ netFn, command, data, lun = 0 }) => {
    if (netFn === netFns.app && ownCommands.includes(command)) return undefined;
    const asked = Buffer.from(data);
    const whole = this.#answers.get(spell({ netFn, command, lun, data: asked }));
    const part = netFn === netFns.storage && whole === undefined ? this.#readPart(command, asked) : undefined;
    return part ?? whole ?? { completion: completionCodes.invalidCommand, data: Buffer.alloc(0) };
  };

  #add({ netFn, command, lun, data }: Request, { completion, data: answer }: Response): void {
    const asked = Buffer.from(data);
    const outcome = { completion, data: Buffer.from(answer) };
    const isPart = netFn === netFns.storage && completion === 0;
    if (isPart && command === getSdr) this.#addSdr(asked, outcome.data);
    else if (isPart && command === readFru) this.#addFruPart(asked, outcome.data);
    else this.#answers.set(spell({ netFn, command, lun: lun ?? 0, data: asked }), outcome);
  }

  #addSdr(asked: Buffer, answer: Buffer): void {
    const id = asked.readUInt16LE(2);
    const offset = asked.readUInt8(4);
    const part = answer.subarray(2);
    const entry = this.#sdrs.get(offset === 0 ? part.readUInt16LE(0) : id) ?? { next: 0, bytes: Buffer.alloc(0) };
    entry.next = answer.readUInt16LE(0);
    entry.bytes = overlay(entry.bytes, offset, part);
    if (offset === 0) this.#sdrs.set(part.readUInt16LE(0), entry);
    if (offset === 0) this.#sdrs.set(id, entry);
  }

  #addFruPart(asked: Buffer, answer: Buffer): void {
    const device = asked.readUInt8(0);
    const image = this.#frus.get(device) ?? Buffer.alloc(0);
    this.#frus.set(device, overlay(image, asked.readUInt16LE(1), answer.subarray(1)));
  }

  #readPart(command: number, asked: Buffer): Outcome | undefined {
    if (command === getSdr) return this.#readSdr(asked);
    const image = command === readFru ? this.#frus.get(asked.readUInt8(0)) : undefined;
    if (!image) return undefined;
    const offset = asked.readUInt16LE(1);
    const data = image.subarray(offset, offset + asked.readUInt8(3));
    return { completion: 0, data: Buffer.concat([Buffer.of(data.length), data]) };
  }

  #readSdr(asked: Buffer): Outcome {
    const entry = this.#sdrs.get(asked.readUInt16LE(2));
    if (!entry) return { completion: completionCodes.notPresent, data: Buffer.alloc(0) };
    const next = Buffer.alloc(2);
    next.writeUInt16LE(entry.next);
    const offset = asked.readUInt8(4);
    return { completion: 0, data: Buffer.concat([next, entry.bytes.subarray(offset, offset + asked.readUInt8(5))]) };
  }
}

function overlay(bytes: Buffer, offset: number, part: Buffer): Buffer {
  const whole = Buffer.alloc(Math.max(bytes.length, offset + part.length));
  whole.set(bytes);
  whole.set(part, offset);
  return whole;
}

function spell({ netFn, command, lun = 0, data }: { netFn: number; command: number; lun?: number; data: Buffer }): string {
  return `${netFn}/${lun}/${command}/${data.toString('hex')}`;
}
