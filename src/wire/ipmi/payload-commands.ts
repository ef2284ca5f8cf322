/** Payloads other than IPMI messages in a session, mainly Serial over LAN: IPMI 2.0 rev 1.1 section 24. */
import { bits, bytes, nothing, struct, u8, u16, type ValueOf } from '../bytes/fields.ts';
import type { Command } from './command.ts';
import { netFns } from './message.ts';

/** Payload type of SOL, table 13-16, and the only instance that BMCs have. */
export const solPayload = { type: 1, instance: 1 } as const;

const payload = { type: bits({ number: [0, 6] }), instance: bits({ number: [0, 4] }) };

const activateRequest = struct({
  ...payload,
  /**
   * SOL options, table 24-2. `alerts`: 1 = deferred while SOL is active. `holdHandshake`: CTS, DCD and DSR stay
   * deasserted at first.
   */
  options: bits({ encrypted: [7], authenticated: [6], test: [5], alerts: [2, 2], keepHandshakeOn: [1] }),
  reserved: bytes(3),
});
const activateResponse = struct({
  auxiliary: bytes(4),
  /** Maximum payload size including its header, to the BMC and from it. */
  inboundSize: u16,
  outboundSize: u16,
  port: u16,
  vlan: u16,
});

/** Section 24.1. */
export const activatePayload: Command<ValueOf<typeof activateRequest>, ValueOf<typeof activateResponse>> = {
  name: 'Activate Payload',
  netFn: netFns.app,
  command: 0x48,
  privilege: 'user',
  request: activateRequest,
  response: activateResponse,
  completionCodes: {
    128: 'the serial line is in use by another session',
    129: 'the serial line is disabled in the BMC (SOL)',
    130: 'no further use of the serial line is possible',
    131: 'the serial line can not be encrypted',
    132: 'the serial line must be encrypted',
  },
};

const deactivateRequest = struct({ ...payload, reserved: bytes(4) });

/** Section 24.2. Also ends a payload that another session activated. */
export const deactivatePayload: Command<ValueOf<typeof deactivateRequest>, Record<never, never>> = {
  name: 'Deactivate Payload',
  netFn: netFns.app,
  command: 0x49,
  privilege: 'user',
  request: deactivateRequest,
  response: nothing,
  completionCodes: { 128: 'it is not active', 129: 'the payload type is disabled' },
};

const activationStatus = struct({ capacity: bits({ instances: [0, 4] }), active: u16 });

/** Section 24.4. `active`: bit 0 is instance 1. */
export const getPayloadActivationStatus: Command<{ type: { number: number } }, ValueOf<typeof activationStatus>> = {
  name: 'Get Payload Activation Status',
  netFn: netFns.app,
  command: 0x4a,
  privilege: 'user',
  request: struct({ type: payload.type }),
  response: activationStatus,
};

const channelQuery = { channel: bits({ number: [0, 4] }) };
const payloadSupport = struct({ standard: u16, session: u16, oem: u16, reserved: u16 });

/** Section 24.8. Bit n is payload type n, and n + 16 in `session`. */
export const getChannelPayloadSupport: Command<{ channel: { number: number } }, ValueOf<typeof payloadSupport>> = {
  name: 'Get Channel Payload Support',
  netFn: netFns.app,
  command: 0x4e,
  privilege: 'user',
  request: struct(channelQuery),
  response: payloadSupport,
};

/** Section 24.9. Major version in the high nibble. */
export const getChannelPayloadVersion: Command<{ channel: { number: number }; type: { number: number } }, { version: number }> = {
  name: 'Get Channel Payload Version',
  netFn: netFns.app,
  command: 0x4f,
  privilege: 'user',
  request: struct({ ...channelQuery, type: payload.type }),
  response: struct({ version: u8 }),
  completionCodes: { 128: 'the payload type is not available on this channel' },
};
