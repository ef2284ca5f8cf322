/** Accounts of the BMC: IPMI 2.0 rev 1.1 sections 22.26 to 22.30. app-commands.ts has the commands that read them. */
import { bits, bytes, nothing, optional, rest, struct, type ValueOf } from '../bytes/fields.ts';
import type { Command } from './command.ts';
import { netFns } from './message.ts';

const userAccess = struct({
  change: bits({ channel: [0, 4], messaging: [4], link: [5], callbackOnly: [6], changesFlags: [7] }),
  user: bits({ id: [0, 6] }),
  limit: bits({ level: [0, 4] }),
  sessions: optional(bits({ limit: [0, 4] })),
});

/** Section 22.26. */
export const setUserAccess: Command<ValueOf<typeof userAccess>, Record<never, never>> = {
  name: 'Set User Access',
  netFn: netFns.app,
  command: 0x43,
  privilege: 'administrator',
  request: userAccess,
  response: nothing,
};

/** Section 22.28. */
export const setUserName: Command<{ user: { id: number }; name: Buffer }, Record<never, never>> = {
  name: 'Set User Name',
  netFn: netFns.app,
  command: 0x45,
  privilege: 'administrator',
  request: struct({ user: bits({ id: [0, 6] }), name: bytes(16) }),
  response: nothing,
};

/** Operations of Set User Password. `test` compares. */
export const passwordOperations = { disable: 0, enable: 1, set: 2, test: 3 } as const;
/** Field sizes in bytes, padded with zeros. IPMI 1.5 and old firmware support only the short one. */
export const passwordSizes = { short: 16, long: 20 } as const;

const userPassword = struct({
  user: bits({ id: [0, 6], long: [7] }),
  operation: bits({ number: [0, 2] }),
  /** Absent for `disable` and `enable`. */
  password: rest,
});

/** Section 22.30. */
export const setUserPassword: Command<ValueOf<typeof userPassword>, Record<never, never>> = {
  name: 'Set User Password',
  netFn: netFns.app,
  command: 0x47,
  privilege: 'administrator',
  request: userPassword,
  response: nothing,
  completionCodes: { 128: 'the password is another', 129: 'the password is another: it was stored with the other size' },
};
