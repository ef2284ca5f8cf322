/** LAN settings of the BMC, IPMI 2.0 rev 1.1 section 23. */
import { bits, rest, struct, u8, type ValueOf } from '../bytes/fields.ts';
import type { Command } from './command.ts';
import { netFns } from './message.ts';

/** Table 23-4. */
export const lanParameters = { setInProgress: 0, address: 3, addressSource: 4, mac: 5, subnetMask: 6 } as const;

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
