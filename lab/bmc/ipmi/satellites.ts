/** Controllers behind the virtual BMC, on their own buses: IPMI 2.0 rev 1.1 section 6.13. */
import { channelMask, sendMessage, tracked } from '#wire/ipmi/bridge.ts';
import { completionCodes } from '#wire/ipmi/completion-codes.ts';
import { bmcAddress, decodeForwarded, encodeResponse, type Request } from '#wire/ipmi/message.ts';
import type { BmcModel } from '../bmc-model.ts';
import { BmcMemory } from './bmc-memory.ts';

export type Satellite = {
  /** Bus of the controller in front of it. */
  readonly channel: number;
  readonly address: number;
  readonly bmcModel: BmcModel;
  readonly satellites?: readonly Satellite[];
};

/** How this satellite responds. */
type CarryOut = (request: Request, satellite: Satellite) => { completion: number; data: Buffer };

export type Forwarding = {
  readonly satellites: readonly Satellite[];
  readonly carryOut: CarryOut;
  /** Whether responses are embedded in those of Send Message or sent separately. */
  readonly embeds: boolean;
  /** The forwarding controller; default the BMC. */
  readonly from?: number;
};

/** Table 22-12. */
const noController = 0x83;

export function isSendMessage({ netFn, command }: Request): boolean {
  return netFn === sendMessage.netFn && command === sendMessage.command;
}

/** @returns the messages for the console, in order. @throws Malformed for an invalid embedded message */
export function forward(request: Request, forwarding: Forwarding): Buffer[] {
  const { satellites, carryOut, embeds, from = bmcAddress } = forwarding;
  const [channel = 0, ...bytes] = request.data;
  const finish = (completion: number, data: Uint8Array = Buffer.alloc(0)) =>
    encodeResponse({ ...request, completion, data, from });
  if ((channel & ~channelMask) !== tracked) return [finish(completionCodes.invalidField)];
  const { to, ...inner } = decodeForwarded(Buffer.from(bytes));
  const satellite = satellites.find((one) => one.address === to && one.channel === (channel & channelMask));
  if (!satellite) return [finish(noController)];
  const answers = isSendMessage(inner)
    ? forward(inner, { ...forwarding, satellites: satellite.satellites ?? [], from: to })
    : [encodeResponse({ ...inner, ...carryOut(inner, satellite), from: to })];
  return embeds ? [finish(completionCodes.ok, answers[0])] : [finish(completionCodes.ok), ...answers];
}

/** State of each satellite, kept until it restarts. */
export class SatelliteMemories {
  readonly #memories = new Map<Satellite, BmcMemory>();

  of(satellite: Satellite): BmcMemory {
    const known = this.#memories.get(satellite);
    if (known) return known;
    const memory = new BmcMemory();
    this.#memories.set(satellite, memory);
    return memory;
  }

  end(): void {
    for (const memory of this.#memories.values()) memory.end();
    this.#memories.clear();
  }
}
