/** The BMC as a device: IPMI 2.0 rev 1.1 section 20. */
import { bytes, nothing, struct, u8 } from '../bytes/fields.ts';
import type { Command } from './command.ts';
import { netFns } from './message.ts';

type Nothing = Record<never, never>;

/** Section 20.2. Many BMCs restart before they respond. */
export const coldReset: Command<Nothing, Nothing> = {
  name: 'Cold Reset',
  netFn: netFns.app,
  command: 0x02,
  privilege: 'administrator',
  request: nothing,
  response: nothing,
  repeatable: () => false,
  endsSession: true,
};

/** Section 20.3. */
export const warmReset: Command<Nothing, Nothing> = { ...coldReset, name: 'Warm Reset', command: 0x03 };

/** Section 20.4: `result` 55h = passed, 56h = not implemented, 57h = failures as in `detail`, 58h = fatal. */
export const getSelfTestResults: Command<Nothing, { result: number; detail: number }> = {
  name: 'Get Self Test Results',
  netFn: netFns.app,
  command: 0x04,
  privilege: 'user',
  request: nothing,
  response: struct({ result: u8, detail: u8 }),
};

/** Section 20.8: the GUID of the BMC itself, if it has one. */
export const getDeviceGuid: Command<Nothing, { guid: Buffer }> = {
  name: 'Get Device GUID',
  netFn: netFns.app,
  command: 0x08,
  privilege: 'user',
  request: nothing,
  response: struct({ guid: bytes(16) }),
};

/** Table 20-3, by bit of `detail`. */
const failureTable = [
  'controller operational firmware corrupted',
  'controller update boot block corrupted',
  'internal use area of FRU corrupted',
  'SDR repository empty',
  'IPMB signal lines do not respond',
  'FRU device can not be accessed',
  'SDR repository can not be accessed',
  'SEL device can not be accessed',
];

export function describeSelfTest({ result, detail }: { result: number; detail: number }): string {
  if (result === 0x55) return 'passed';
  if (result === 0x56) return 'not implemented';
  if (result === 0x58) return `fatal hardware error (${detail.toString(16)}h)`;
  if (result !== 0x57) return `device-specific failure ${result.toString(16)}h (${detail.toString(16)}h)`;
  return failureTable.filter((_, bit) => (detail >> bit) & 1).join(', ') || 'failed';
}
