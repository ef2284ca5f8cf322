/**
 * Commands for controllers behind the BMC, which reach them on the intelligent platform management bus: Send Message, IPMI 2.0
 * rev 1.1 sections 6.13 and 22.7. The BMC is asked to track, so it hands the answer to the session that asked.
 */
import { rest, struct, u8, type ValueOf } from '../bytes/fields.ts';
import type { Command } from './command.ts';
import { bmcAddress, consoleAddress, decodeResponse, encodeRequest, netFns, type Request, type Response } from './message.ts';

/** One controller on one of the buses of another. */
export type Hop = { readonly channel: number; readonly address: number };

export type Bridge = {
  readonly target: Hop;
  /** The controller on whose bus the target is, where it is not on one of the BMC's own: "dual" bridging. */
  readonly transit?: Hop;
  /** Whom the target is told that the request is from, behind a transit controller; default the BMC. */
  readonly localAddress?: number;
};

const sending = struct({ channel: u8, message: rest });

/** Section 22.7. Bits 7 and 6 of the channel byte: 01b = the answer is tracked. */
export const sendMessage: Command<ValueOf<typeof sending>, Buffer> = {
  name: 'Send Message',
  netFn: netFns.app,
  command: 0x34,
  privilege: 'user',
  request: sending,
  response: rest,
  completionCodes: {
    128: 'the session of the channel is none',
    129: 'lost arbitration on the bus',
    130: 'an error on the bus',
    131: 'no controller answers at that address',
  },
};

export const tracked = 0x40;
export const channelMask = 0x0f;

/** The whole message for the BMC, with the one for the target inside. */
export function encodeBridged(request: Request, { target, transit, localAddress = bmcAddress }: Bridge): Buffer {
  const from = transit ? localAddress : consoleAddress;
  const inner = encodeRequest({ ...request, to: target.address, from });
  const onward = transit ? wrap(inner, { sequence: request.sequence, to: transit.address, channel: target.channel }) : inner;
  return wrap(onward, { sequence: request.sequence, to: bmcAddress, channel: (transit ?? target).channel });
}

function wrap(message: Buffer, { sequence, to, channel }: { sequence: number; to: number; channel: number }): Buffer {
  const { netFn, command } = sendMessage;
  return encodeRequest({ netFn, command, sequence, to, data: Buffer.concat([Buffer.of(tracked | channel), message]) });
}

/**
 * What a message of the session says about a bridged request: nothing yet (a controller on the way took it), its answer, or that
 * a controller on the way refused it. BMCs send the target's answer by itself, or inside of the answer to Send Message.
 * @throws Malformed
 */
export function readBridged(
  message: Buffer,
  asked: Pick<Request, 'netFn' | 'command' | 'sequence'>,
): { answer: Response } | { refusal: number } | undefined {
  const response = decodeResponse(message, 'signature');
  if (response.sequence !== asked.sequence) return undefined;
  if (response.netFn === asked.netFn && response.command === asked.command) return { answer: response };
  if (response.netFn !== sendMessage.netFn || response.command !== sendMessage.command) return undefined;
  if (response.completion !== 0) return { refusal: response.completion };
  return response.data.length > 0 ? readBridged(Buffer.from(response.data), asked) : undefined;
}
