/**
 * Commands for controllers behind the BMC on the intelligent platform management bus (IPMB): Send Message, IPMI 2.0
 * rev 1.1 sections 6.13 and 22.7. The BMC tracks the request, so it returns the response to the session that sent it.
 */
import { rest, struct, u8, type ValueOf } from '../bytes/fields.ts';
import type { Command } from './command.ts';
import { bmcAddress, consoleAddress, decodeResponse, encodeRequest, netFns, type Request, type Response } from './message.ts';

/** A controller on a bus of another controller. */
export type Hop = { readonly channel: number; readonly address: number };

export type Bridge = {
  readonly target: Hop;
  /** The controller that owns the target's bus, if that is not one of the BMC's own buses: "dual" bridging. */
  readonly transit?: Hop;
  /** The requester address that the target sees behind a transit controller; default: the BMC's. */
  readonly localAddress?: number;
};

const sending = struct({ channel: u8, message: rest });

/** Section 22.7. Bits 7 and 6 of the channel byte: 01b = track the request. */
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

/** The complete message for the BMC, which encapsulates the message for the target. */
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
 * What a session message means for a bridged request: nothing yet (a controller on the way accepted it), the
 * response, or a refusal by a controller on the way. BMCs send the target's response separately or inside the
 * response to Send Message.
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
