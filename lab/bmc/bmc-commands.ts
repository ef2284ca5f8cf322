/** What the virtual BMC does on each command: rows of the shared command table, answered. */

import { decode, encode } from '#wire/bytes/fields.ts';
import * as app from '#wire/ipmi/app-commands.ts';
import * as chassisRows from '#wire/ipmi/chassis-commands.ts';
import type { AnyCommand, Command } from '#wire/ipmi/command.ts';
import { privilegeLevels } from '#wire/ipmi/command.ts';
import { completionCodes } from '#wire/ipmi/completion-codes.ts';
import * as transport from '#wire/ipmi/transport-commands.ts';
import { encodeCipherSuiteRecords, findCipherSuite } from '#wire/rmcp/cipher-suites.ts';
import type { BmcSession, BmcUser } from './bmc-sessions.ts';
import type { Chassis } from './chassis.ts';
import type { Personality } from './personality.ts';

/** Thrown by a handler to answer with a completion code other than 00h. */
export class Refusal extends Error {
  override name = 'Refusal';
  readonly completion: number;

  constructor(completion: number) {
    super(`completion code ${completion}`);
    this.completion = completion;
  }
}

/** What a handler can see and do. */
export type BmcContext = {
  readonly chassis: Chassis;
  readonly users: readonly BmcUser[];
  readonly guid: Buffer;
  readonly address: string;
  readonly personality: Personality;
  readonly bootOptions: BootOptions;
  readonly sessionCount: number;
  /** Undefined outside of a session. */
  readonly session: BmcSession | undefined;
  closeSession(id: number): boolean;
  /** Starts a chassis action; its failure is the lab's to report. */
  begin(action: () => void | Promise<void>): void;
};

type Handler<Q, R> = (request: Q, context: BmcContext) => R;
type AnyHandler = Handler<unknown, unknown>;

/** Channel number of the LAN in this BMC. */
const lanChannel = 1;
const mediumLan = 4;
const protocolIpmb = 1;
/** IANA number of the IPMI forum: the vendor of the channel protocol (section 22.24), and of a BMC that nobody sells. */
const ipmiForum = 7154;

const handlers = new Map<AnyCommand, AnyHandler>();

function answer<Q, R>(row: Command<Q, R>, handler: Handler<Q, R>): void {
  handlers.set(row as unknown as AnyCommand, handler as AnyHandler);
}

/** Decodes, acts, encodes. @returns the data after completion code 00h. @throws Refusal, Malformed. */
export function carryOut(row: AnyCommand, data: Buffer, context: BmcContext): Buffer {
  const handler = handlers.get(row);
  if (!handler) throw new Refusal(completionCodes.invalidCommand);
  return encode(row.response, handler(decode(row.request, data, row.name), context));
}

answer(chassisRows.getChassisStatus, (_, { chassis }) => ({
  power: { on: chassis.power() === 'on', overload: false, interlock: false, fault: false, controlFault: false, restorePolicy: 0 },
  lastPowerEvent: { acFailed: false, overload: false, interlock: false, fault: false, turnedOnByCommand: false },
  misc: { intrusion: false, frontPanelLockout: false, driveFault: false, coolingFault: false },
  frontPanelButtons: undefined,
}));

const actionTable: Record<chassisRows.ChassisAction, ((chassis: Chassis) => void | Promise<void>) | undefined> = {
  'power down': (chassis) => chassis.powerOff(),
  'power up': (chassis) => chassis.powerOn(),
  'power cycle': (chassis) => chassis.powerCycle(),
  'hard reset': (chassis) => chassis.reset(),
  'soft shutdown': (chassis) => chassis.softOff(),
  'diagnostic interrupt': undefined,
};
/** IPMI 2.0 rev 1.1 table 28-4: these need a machine that is on. */
const needsPower: readonly chassisRows.ChassisAction[] = ['power cycle', 'hard reset', 'soft shutdown'];

answer(chassisRows.chassisControl, ({ action }, context) => {
  const act = actionTable[action];
  if (!act) throw new Refusal(completionCodes.invalidField);
  context.chassis.bootOverride.restartCountdown();
  if (context.personality.acceptsWithoutEffect) return {};
  if (needsPower.includes(action) && context.chassis.power() === 'off') throw new Refusal(0xd5);
  context.begin(() => act(context.chassis));
  return {};
});

/** Boot option parameters that are only kept, and the one bit of parameter 3 that has a meaning here. */
export class BootOptions {
  readonly kept = new Map<number, Buffer>([
    [0, Buffer.of(0)],
    [1, Buffer.of(0)],
    [2, Buffer.of(0)],
    [3, Buffer.of(0)],
    [4, Buffer.of(0, 0)],
  ]);

  /** Table 28-14, parameter 3, bit 3: keep boot flags although no chassis command follows within 60 s. */
  get keepFlags(): boolean {
    return ((this.kept.get(chassisRows.bootParameters.validBitClearing)?.[0] ?? 0) & 0x08) !== 0;
  }
}

const deviceNames = new Map<number, keyof typeof chassisRows.bootDevices>(
  Object.entries(chassisRows.bootDevices).map(([name, number]) => [number, name as keyof typeof chassisRows.bootDevices]),
);

answer(chassisRows.setBootOptions, ({ parameter, data }, { chassis, bootOptions }) => {
  if (parameter.number !== chassisRows.bootParameters.bootFlags) {
    const kept = bootOptions.kept.get(parameter.number);
    if (!kept) throw new Refusal(completionCodes.parameterNotSupported);
    // "Commit write" (2) is optional and has no meaning where writes take effect at once.
    if (parameter.number === chassisRows.bootParameters.setInProgress && data[0] === 2) return {};
    if (data.length > 0 && data.length !== kept.length) throw new Refusal(completionCodes.wrongLength);
    if (data.length > 0) bootOptions.kept.set(parameter.number, Buffer.from(data));
    return {};
  }
  const flags = decode(chassisRows.bootFlags, data, 'boot flags');
  const device = deviceNames.get(flags.selection.device);
  if (!device) throw new Refusal(completionCodes.invalidField);
  const { persistent, uefi, valid } = flags.validity;
  if (valid) chassis.bootOverride.set({ device, persistent, uefi }, { expires: !bootOptions.keepFlags });
  else chassis.bootOverride.clear();
  return {};
});

answer(chassisRows.getBootOptions, ({ parameter: { number } }, { chassis, bootOptions }) => {
  const data = number === chassisRows.bootParameters.bootFlags ? currentBootFlags(chassis) : bootOptions.kept.get(number);
  if (!data) throw new Refusal(completionCodes.parameterNotSupported);
  return { version: { number: 1 }, parameter: { number, invalid: false }, data };
});

function currentBootFlags(chassis: Chassis): Buffer {
  const request = chassis.bootOverride.get();
  return encode(chassisRows.bootFlags, {
    validity: { valid: request !== undefined, persistent: request?.persistent ?? false, uefi: request?.uefi ?? false },
    selection: {
      device: chassisRows.bootDevices[request?.device ?? 'none'],
      clearCmos: false,
      lockKeyboard: false,
      blankScreen: false,
      lockReset: false,
    },
    console: 0,
    mux: 0,
    instance: 0,
  });
}

answer(app.getDeviceId, () => ({
  device: 0x20,
  revision: { number: 1, providesSdrs: false },
  firmware: { major: 1, updating: false },
  firmwareMinor: 0x00,
  ipmiVersion: { major: 2, minor: 0 },
  // Chassis device, table 20-2.
  support: 0x80,
  manufacturer: ipmiForum,
  product: 1,
  auxiliary: undefined,
}));

answer(app.getSystemGuid, (_, { guid }) => ({ guid }));

answer(app.getChannelAuthenticationCapabilities, ({ channel }, { users }) => {
  checkChannel(channel.number);
  return {
    channel: { number: lanChannel },
    // No IPMI 1.5 way in: sessions are RMCP+ alone.
    types: { none: false, md2: false, md5: false, password: false, oem: false, extended: channel.extended },
    login: {
      anonymous: users.some(({ name, password }) => name === '' && password === ''),
      nullUsers: users.some(({ name, password }) => name === '' && password !== ''),
      namedUsers: users.some(({ name }) => name !== ''),
      userLevelUnsigned: false,
      messagesUnsigned: false,
      bmcKey: false,
    },
    versions: { ipmi15: false, ipmi20: channel.extended },
    oem: 0,
    oemData: 0,
  };
});

answer(app.getChannelCipherSuites, ({ channel, list }, { personality }) => {
  checkChannel(channel.number);
  const suites = personality.cipherSuites.map((id) => findCipherSuite(id)).filter((suite) => suite !== undefined);
  const records = encodeCipherSuiteRecords(suites);
  return { channel: lanChannel, records: records.subarray(list.index * 16, (list.index + 1) * 16) };
});

answer(app.setSessionPrivilege, ({ privilege: { level } }, { session }) => {
  if (!session) throw new Refusal(completionCodes.insufficientPrivilege);
  // 0 asks for the present level.
  if (level === 0) return { privilege: { level: session.level } };
  if (level === privilegeLevels.callback || level > privilegeLevels.administrator)
    throw new Refusal(completionCodes.invalidField);
  if (level > session.limit) throw new Refusal(0x81);
  session.level = level;
  return { privilege: { level } };
});

answer(app.closeSession, ({ session }, context) => {
  if (!context.closeSession(session)) throw new Refusal(0x87);
  return {};
});

answer(app.getChannelInfo, ({ channel }, { sessionCount }) => {
  checkChannel(channel.number);
  // Kind 2: several sessions at once, section 22.24.
  const sessions = { active: Math.min(sessionCount, 0x3f), kind: 2 };
  return { channel: lanChannel, medium: mediumLan, protocol: protocolIpmb, sessions, vendor: ipmiForum, auxiliary: 0 };
});

answer(app.getChannelAccess, ({ channel }) => {
  checkChannel(channel.number);
  const alwaysAvailable = 2;
  return {
    access: { mode: alwaysAvailable, userLevelUnsigned: false, messagesUnsigned: false, alertsOff: true },
    limit: { level: privilegeLevels.administrator },
  };
});

answer(app.getUserAccess, ({ user: { id } }, { users }) => {
  const user = findUser(users, id);
  const enabled = user !== undefined;
  return {
    limit: { users: userSlots(users) },
    enabled: { users: users.length, state: enabled ? 1 : 2 },
    fixed: { users: 0 },
    access: {
      level: enabled ? privilegeLevels[user.privilege ?? 'administrator'] : 0x0f,
      messaging: enabled,
      link: false,
      callbackOnly: false,
    },
  };
});

answer(app.getUserName, ({ user: { id } }, { users }) => {
  const name = Buffer.alloc(16);
  name.write(findUser(users, id)?.name ?? '');
  return { name };
});

answer(transport.getLanParameters, ({ channel, parameter }, { address }) => {
  checkChannel(channel.number);
  const data = lanParameter(parameter, address);
  if (!data) throw new Refusal(completionCodes.parameterNotSupported);
  return { revision: 0x11, data: channel.revisionOnly ? Buffer.alloc(0) : data };
});

function lanParameter(parameter: number, address: string): Buffer | undefined {
  const numbers = transport.lanParameters;
  if (parameter === numbers.setInProgress) return Buffer.of(0);
  if (parameter === numbers.address) return Buffer.from(address.split('.').map(Number));
  if (parameter === numbers.addressSource) return Buffer.of(1);
  if (parameter === numbers.mac) return Buffer.of(0x02, 0, 0, 0, 0, 1);
  if (parameter === numbers.subnetMask) return Buffer.of(255, 255, 255, 0);
  return undefined;
}

/** User ids count from 1, and 1 is the one without a name, section 22.26. */
function findUser(users: readonly BmcUser[], id: number): BmcUser | undefined {
  if (id < 1 || id > userSlots(users)) throw new Refusal(completionCodes.outOfRange);
  if (id === 1) return users.find(({ name }) => name === '');
  return users.filter(({ name }) => name !== '')[id - 2];
}

function userSlots(users: readonly BmcUser[]): number {
  return users.filter(({ name }) => name !== '').length + 1;
}

function checkChannel(number: number): void {
  if (number !== lanChannel && number !== app.presentChannel) throw new Refusal(completionCodes.invalidField);
}
