import * as app from '#wire/ipmi/app-commands.ts';
import { privilegeLevels } from '#wire/ipmi/command.ts';
import { completionCodes } from '#wire/ipmi/completion-codes.ts';
import { encodeCipherSuiteRecords, findCipherSuite } from '#wire/rmcp/cipher-suites.ts';
import { answer, checkChannel, lanChannel, Refusal } from './answer.ts';

const mediumLan = 4;
const protocolIpmb = 1;
/** IANA number of the IPMI forum: vendor of the channel protocol (section 22.24), and of this BMC, which has none. */
const ipmiForum = 7154;

/** Chassis, FRU inventory, event log, SDR repository and sensors: table 20-2. */
const deviceSupport = 0x8f;

const getDeviceId = answer(app.getDeviceId, (_, { bmcModel }) => {
  const [major = 0, minor = 0] = bmcModel.identity.bmcVersion.split('.').map(Number);
  return {
    device: 0x20,
    revision: { number: 1, providesSdrs: false },
    firmware: { major, updating: false },
    firmwareMinor: Number.parseInt(String(minor % 100), 16),
    ipmiVersion: { major: 2, minor: 0 },
    support: deviceSupport,
    manufacturer: ipmiForum,
    product: 1,
    auxiliary: undefined,
  };
});

const getSystemGuid = answer(app.getSystemGuid, (_, { guid }) => ({ guid }));

const getChannelAuthenticationCapabilities = answer(
  app.getChannelAuthenticationCapabilities,
  ({ channel }, { bmcModel: { users }, profile: { ipmiVersions } }) => {
    checkChannel(channel.number);
    const ipmi15 = ipmiVersions.includes('1.5');
    const ipmi20 = channel.extended && ipmiVersions.includes('2.0');
    return {
      channel: { number: lanChannel },
      types: { none: false, md2: false, md5: ipmi15, password: false, oem: false, extended: ipmi20 },
      login: {
        anonymous: users.some(({ name, password }) => name === '' && password === ''),
        nullUsers: users.some(({ name, password }) => name === '' && password !== ''),
        namedUsers: users.some(({ name }) => name !== ''),
        userLevelUnsigned: false,
        messagesUnsigned: false,
        bmcKey: false,
      },
      versions: { ipmi15, ipmi20 },
      oem: 0,
      oemData: 0,
    };
  },
);

const getChannelCipherSuites = answer(app.getChannelCipherSuites, ({ channel, list }, { profile }) => {
  checkChannel(channel.number);
  const suites = profile.cipherSuites.map((id) => findCipherSuite(id)).filter((suite) => suite !== undefined);
  const records = encodeCipherSuiteRecords(suites);
  return { channel: lanChannel, records: records.subarray(list.index * 16, (list.index + 1) * 16) };
});

const setSessionPrivilege = answer(app.setSessionPrivilege, ({ privilege: { level } }, { session }) => {
  if (!session) throw new Refusal(completionCodes.insufficientPrivilege);
  // 0 queries the current level.
  if (level === 0) return { privilege: { level: session.level } };
  if (level === privilegeLevels.callback || level > privilegeLevels.administrator)
    throw new Refusal(completionCodes.invalidField);
  if (level > session.limit) throw new Refusal(0x81);
  session.level = level;
  return { privilege: { level } };
});

const closeSession = answer(app.closeSession, ({ session }, context) => {
  if (!context.closeSession(session)) throw new Refusal(0x87);
  return {};
});

const getChannelInfo = answer(app.getChannelInfo, ({ channel }, { sessionCount }) => {
  checkChannel(channel.number);
  // Kind 2: multi-session channel, section 22.24.
  const sessions = { active: Math.min(sessionCount, 0x3f), kind: 2 };
  return { channel: lanChannel, medium: mediumLan, protocol: protocolIpmb, sessions, vendor: ipmiForum, auxiliary: 0 };
});

const getChannelAccess = answer(app.getChannelAccess, ({ channel }) => {
  checkChannel(channel.number);
  const alwaysAvailable = 2;
  return {
    access: { mode: alwaysAvailable, userLevelUnsigned: false, messagesUnsigned: false, alertsOff: true },
    limit: { level: privilegeLevels.administrator },
  };
});

export const appAnswers = [
  getDeviceId,
  getSystemGuid,
  getChannelAuthenticationCapabilities,
  getChannelCipherSuites,
  setSessionPrivilege,
  closeSession,
  getChannelInfo,
  getChannelAccess,
];
