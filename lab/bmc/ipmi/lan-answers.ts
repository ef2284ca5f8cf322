/** LAN settings: IPMI 2.0 rev 1.1 section 23. Written values are read back but have no effect. */
import { isIPv4 } from 'node:net';
import { completionCodes } from '#wire/ipmi/completion-codes.ts';
import * as transport from '#wire/ipmi/transport-commands.ts';
import { answer, type BmcContext, checkChannel, Refusal } from './answer.ts';

const numbers = transport.lanParameters;
/** MD5 (bit 2) for each of the five levels, where IPMI 1.5 sessions are supported. */
const md5 = 0x04;
const readOnly = 0x82;
const anotherSets = 0x81;
const { setInProgress } = transport;

type Parameter = {
  read(context: BmcContext): Buffer;
  /** Absent = read-only. */
  write?(data: Buffer, context: BmcContext): void;
};

const suites = ({ profile }: BmcContext) => profile.cipherSuites;
const authentication = ({ profile }: BmcContext) => (profile.ipmiVersions.includes('1.5') ? md5 : 0);

const parameterTable: Readonly<Record<number, Parameter>> = {
  [numbers.setInProgress]: {
    read: ({ memory }) => Buffer.of(memory.lan.settingBy === undefined ? setInProgress.complete : setInProgress.begun),
    write: ([state = setInProgress.complete], { memory, session }) => {
      const isBegun = state === setInProgress.begun;
      if (isBegun && memory.lan.settingBy !== undefined && memory.lan.settingBy !== session?.id) throw new Refusal(anotherSets);
      if (state !== setInProgress.commit) memory.lan.settingBy = isBegun ? session?.id : undefined;
    },
  },
  [numbers.authenticationSupport]: { read: (context) => Buffer.of(authentication(context)) },
  [numbers.authenticationEnables]: { read: (context) => Buffer.alloc(5, authentication(context)) },
  [numbers.address]: {
    read: ({ bmcModel }) => octets(bmcModel.lan.address),
    write: (data, { bmcModel }) => {
      bmcModel.lan.address = spell(data);
    },
  },
  [numbers.addressSource]: {
    read: ({ bmcModel }) => Buffer.of(transport.addressSources.indexOf(bmcModel.lan.source)),
    write: ([source = 0], { bmcModel }) => {
      bmcModel.lan.source = transport.addressSources[source & 0x0f] === 'dhcp' ? 'dhcp' : 'static';
    },
  },
  [numbers.mac]: { read: ({ bmcModel }) => Buffer.from(bmcModel.lan.mac.replaceAll(':', ''), 'hex') },
  [numbers.subnetMask]: {
    read: ({ bmcModel }) => octets(bmcModel.lan.mask),
    write: (data, { bmcModel }) => {
      bmcModel.lan.mask = spell(data);
    },
  },
  [numbers.gateway]: {
    read: ({ bmcModel }) => octets(bmcModel.lan.gateway),
    write: (data, { bmcModel }) => {
      bmcModel.lan.gateway = spell(data);
    },
  },
  [numbers.gatewayMac]: { read: () => Buffer.alloc(6) },
  [numbers.backupGateway]: { read: () => Buffer.alloc(4) },
  [numbers.backupGatewayMac]: { read: () => Buffer.alloc(6) },
  [numbers.community]: { read: () => Buffer.from('public'.padEnd(18, '\0')) },
  [numbers.vlanId]: {
    read: ({ memory }) => encodeVlan(memory.lan.vlan),
    write: (data, { memory }) => {
      const vlan = data.length === 2 ? data.readUInt16LE(0) : 0;
      memory.lan.vlan = vlan & 0x8000 ? vlan & 0x0fff : 0;
    },
  },
  [numbers.vlanPriority]: { read: () => Buffer.of(0) },
  [numbers.cipherSuiteCount]: { read: (context) => Buffer.of(suites(context).length) },
  [numbers.cipherSuites]: { read: (context) => Buffer.from([0, ...suites(context)]) },
  [numbers.cipherSuiteLevels]: { read: (context) => encodeLevels(suites(context).length) },
};

const getLanParameters = answer(transport.getLanParameters, ({ channel, parameter }, context) => {
  checkChannel(channel.number);
  const data = parameterTable[parameter]?.read(context);
  if (!data) throw new Refusal(completionCodes.parameterNotSupported);
  return { revision: 0x11, data: channel.revisionOnly ? Buffer.alloc(0) : data };
});

const setLanParameters = answer(transport.setLanParameters, ({ channel, parameter, data }, context) => {
  checkChannel(channel.number);
  const row = parameterTable[parameter];
  if (!row) throw new Refusal(completionCodes.parameterNotSupported);
  if (!row.write) throw new Refusal(readOnly);
  row.write(data, context);
  return {};
});

function octets(address: string): Buffer {
  return Buffer.from(isIPv4(address) ? address.split('.').map(Number) : [0, 0, 0, 0]);
}

function spell(data: Buffer): string {
  if (data.length !== 4) throw new Refusal(completionCodes.wrongLength);
  return data.join('.');
}

/** Bit 15: tagged. */
function encodeVlan(vlan: number): Buffer {
  const data = Buffer.alloc(2);
  data.writeUInt16LE(vlan === 0 ? 0 : vlan | 0x8000);
  return data;
}

/** Administrator (4) for each cipher suite: half a byte each, sixteen in all, after a reserved byte. */
function encodeLevels(count: number): Buffer {
  const data = Buffer.alloc(9);
  for (let suite = 0; suite < count; suite += 1)
    data[1 + (suite >> 1)] = (data[1 + (suite >> 1)] ?? 0) | (suite & 1 ? 0x40 : 0x04);
  return data;
}

export const lanAnswers = [getLanParameters, setLanParameters];
