/** LAN settings of the BMC, IPMI 2.0 rev 1.1 section 23. */
import { bits, nothing, rest, struct, u8, type ValueOf } from '../bytes/fields.ts';
import type { Command } from './command.ts';
import { netFns } from './message.ts';

/** Table 23-4. */
export const lanParameters = {
  setInProgress: 0,
  authenticationSupport: 1,
  authenticationEnables: 2,
  address: 3,
  addressSource: 4,
  mac: 5,
  subnetMask: 6,
  gateway: 12,
  gatewayMac: 13,
  backupGateway: 14,
  backupGatewayMac: 15,
  community: 16,
  vlanId: 20,
  vlanPriority: 21,
  cipherSuiteCount: 22,
  cipherSuites: 23,
  cipherSuiteLevels: 24,
} as const;

/** Table 23-4, parameter 0. */
export const setInProgress = { complete: 0, begun: 1, commit: 2 } as const;

/** Table 23-4, parameter 4. */
export const addressSources = ['unspecified', 'static', 'dhcp', 'bios', 'other'] as const;

const lanQuery = struct({
  channel: bits({ number: [0, 4], revisionOnly: [7] }),
  parameter: u8,
  set: u8,
  block: u8,
});

/** Section 23.2. */
export const getLanParameters: Command<ValueOf<typeof lanQuery>, { revision: number; data: Buffer }> = {
  name: 'Get LAN Configuration Parameters',
  netFn: netFns.transport,
  command: 0x02,
  privilege: 'operator',
  request: lanQuery,
  response: struct({ revision: u8, data: rest }),
  completionCodes: { 128: 'parameter not supported' },
};

const lanSetting = struct({ channel: bits({ number: [0, 4] }), parameter: u8, data: rest });

/** Section 23.1. */
export const setLanParameters: Command<ValueOf<typeof lanSetting>, Record<never, never>> = {
  name: 'Set LAN Configuration Parameters',
  netFn: netFns.transport,
  command: 0x01,
  privilege: 'administrator',
  request: lanSetting,
  response: nothing,
  completionCodes: {
    128: 'parameter not supported',
    129: 'another party is setting',
    130: 'parameter is read-only',
    131: 'parameter is write-only',
  },
};
