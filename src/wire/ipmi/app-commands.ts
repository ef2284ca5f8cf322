/** Commands about the BMC itself, its channel and the session: IPMI 2.0 rev 1.1 sections 20 and 22. */
import { bits, bytes, nothing, optional, rest, struct, u8, u16, u24, u32, type ValueOf } from '../bytes/fields.ts';
import type { Command } from './command.ts';
import { netFns } from './message.ts';

/** "The channel this request came in by", section 6.3. */
export const presentChannel = 0x0e;

const deviceId = struct({
  device: u8,
  revision: bits({ number: [0, 4], providesSdrs: [7] }),
  firmware: bits({ major: [0, 7], updating: [7] }),
  /** BCD, e.g. 25h for .25 */
  firmwareMinor: u8,
  /** BCD with the nibbles swapped: 02h is 2.0. */
  ipmiVersion: bits({ major: [0, 4], minor: [4, 4] }),
  support: u8,
  manufacturer: u24,
  product: u16,
  auxiliary: optional(bytes(4)),
});

/** Section 20.1. */
export const getDeviceId: Command<Record<never, never>, ValueOf<typeof deviceId>> = {
  name: 'Get Device ID',
  netFn: netFns.app,
  command: 0x01,
  privilege: 'user',
  request: nothing,
  response: deviceId,
};

/** Section 22.14: the GUID of RAKP 2. */
export const getSystemGuid: Command<Record<never, never>, { guid: Buffer }> = {
  name: 'Get System GUID',
  netFn: netFns.app,
  command: 0x37,
  privilege: 'none',
  request: nothing,
  response: struct({ guid: bytes(16) }),
};

const capabilitiesQuery = struct({
  channel: bits({ number: [0, 4], extended: [7] }),
  privilege: bits({ level: [0, 4] }),
});
const capabilities = struct({
  channel: bits({ number: [0, 4] }),
  types: bits({ none: [0], md2: [1], md5: [2], password: [4], oem: [5], extended: [7] }),
  login: bits({ anonymous: [0], nullUsers: [1], namedUsers: [2], userLevelUnsigned: [3], messagesUnsigned: [4], bmcKey: [5] }),
  versions: bits({ ipmi15: [0], ipmi20: [1] }),
  oem: u24,
  oemData: u8,
});
export type ChannelCapabilities = ValueOf<typeof capabilities>;

/** Section 22.13. */
export const getChannelAuthenticationCapabilities: Command<ValueOf<typeof capabilitiesQuery>, ValueOf<typeof capabilities>> = {
  name: 'Get Channel Authentication Capabilities',
  netFn: netFns.app,
  command: 0x38,
  privilege: 'none',
  request: capabilitiesQuery,
  response: capabilities,
};

const cipherSuitesQuery = struct({
  channel: bits({ number: [0, 4] }),
  payloadType: bits({ number: [0, 6] }),
  list: bits({ index: [0, 6], bySuite: [7] }),
});

/** Section 22.15. A response holds at most 16 bytes of records; a shorter one is the last. */
export const getChannelCipherSuites: Command<ValueOf<typeof cipherSuitesQuery>, { channel: number; records: Buffer }> = {
  name: 'Get Channel Cipher Suites',
  netFn: netFns.app,
  command: 0x54,
  privilege: 'none',
  request: cipherSuitesQuery,
  response: struct({ channel: u8, records: rest }),
};

const privilegeLevel = struct({ privilege: bits({ level: [0, 4] }) });

/** Section 22.18. */
export const setSessionPrivilege: Command<ValueOf<typeof privilegeLevel>, ValueOf<typeof privilegeLevel>> = {
  name: 'Set Session Privilege Level',
  netFn: netFns.app,
  command: 0x3b,
  privilege: 'user',
  request: privilegeLevel,
  response: privilegeLevel,
  completionCodes: {
    128: 'the user may not have this privilege level',
    129: 'this privilege level is beyond the limit of the user or the channel',
    130: 'user level authentication cannot be disabled',
  },
};

/** Section 22.19. */
export const closeSession: Command<{ session: number }, Record<never, never>> = {
  name: 'Close Session',
  netFn: netFns.app,
  command: 0x3c,
  privilege: 'callback',
  request: struct({ session: u32 }),
  response: nothing,
  completionCodes: { 135: 'there is no such session', 136: 'there is no such session handle' },
};

const sessionChallengeQuery = struct({ type: bits({ number: [0, 4] }), user: bytes(16) });

/** Section 22.16: IPMI 1.5 only. */
export const getSessionChallenge: Command<ValueOf<typeof sessionChallengeQuery>, { session: number; challenge: Buffer }> = {
  name: 'Get Session Challenge',
  netFn: netFns.app,
  command: 0x39,
  privilege: 'none',
  request: sessionChallengeQuery,
  response: struct({ session: u32, challenge: bytes(16) }),
  completionCodes: { 129: 'unauthorized name', 130: 'the anonymous user is not enabled' },
};

const activateSessionRequest = struct({
  type: bits({ number: [0, 4] }),
  privilege: bits({ level: [0, 4] }),
  challenge: bytes(16),
  /** Initial sequence number of packets from the BMC. */
  outboundSequence: u32,
});
const activateSessionResponse = struct({
  type: bits({ number: [0, 4] }),
  session: u32,
  /** Initial sequence number of packets from the console. */
  inboundSequence: u32,
  privilege: bits({ level: [0, 4] }),
});

/** Section 22.17: IPMI 1.5 only. Sent in the session that the challenge named, with sequence number 0. */
export const activateSession: Command<ValueOf<typeof activateSessionRequest>, ValueOf<typeof activateSessionResponse>> = {
  name: 'Activate Session',
  netFn: netFns.app,
  command: 0x3a,
  privilege: 'none',
  request: activateSessionRequest,
  response: activateSessionResponse,
  completionCodes: {
    129: 'no session slot is free',
    130: 'no session slot is free for this user',
    131: 'no session slot is free for this user at this privilege level',
    132: 'session sequence number out of range',
    133: 'invalid session id',
    134: 'the privilege level is beyond the limit of the user or the channel',
  },
};

const channelQuery = struct({ channel: bits({ number: [0, 4] }) });
const channelInfo = struct({
  channel: u8,
  medium: u8,
  protocol: u8,
  sessions: bits({ active: [0, 6], kind: [6, 2] }),
  vendor: u24,
  auxiliary: u16,
});

/** Section 22.24. */
export const getChannelInfo: Command<ValueOf<typeof channelQuery>, ValueOf<typeof channelInfo>> = {
  name: 'Get Channel Info',
  netFn: netFns.app,
  command: 0x42,
  privilege: 'user',
  request: channelQuery,
  response: channelInfo,
};

const channelAccessQuery = struct({ channel: bits({ number: [0, 4] }), which: bits({ kind: [6, 2] }) });
const channelAccess = struct({
  access: bits({ mode: [0, 3], userLevelUnsigned: [3], messagesUnsigned: [4], alertsOff: [5] }),
  limit: bits({ level: [0, 4] }),
});

/** Section 22.23. */
export const getChannelAccess: Command<ValueOf<typeof channelAccessQuery>, ValueOf<typeof channelAccess>> = {
  name: 'Get Channel Access',
  netFn: netFns.app,
  command: 0x41,
  privilege: 'user',
  request: channelAccessQuery,
  response: channelAccess,
};

const userAccessQuery = struct({ channel: bits({ number: [0, 4] }), user: bits({ id: [0, 6] }) });
const userAccess = struct({
  limit: bits({ users: [0, 6] }),
  enabled: bits({ users: [0, 6], state: [6, 2] }),
  fixed: bits({ users: [0, 6] }),
  access: bits({ level: [0, 4], messaging: [4], link: [5], callbackOnly: [6] }),
});

/** Section 22.27. */
export const getUserAccess: Command<ValueOf<typeof userAccessQuery>, ValueOf<typeof userAccess>> = {
  name: 'Get User Access',
  netFn: netFns.app,
  command: 0x44,
  privilege: 'operator',
  request: userAccessQuery,
  response: userAccess,
};

/** Section 22.29. */
export const getUserName: Command<{ user: { id: number } }, { name: Buffer }> = {
  name: 'Get User Name',
  netFn: netFns.app,
  command: 0x46,
  privilege: 'operator',
  request: struct({ user: bits({ id: [0, 6] }) }),
  response: struct({ name: bytes(16) }),
};
