import type { JsonObject } from '#domain/json.ts';
import { getDeviceId, getSystemGuid } from '#wire/ipmi/app-commands.ts';
import { describeSelfTest, getSelfTestResults } from '#wire/ipmi/device-commands.ts';
import { decodeGuid } from '#wire/ipmi/guid.ts';
import { decodeTime } from '#wire/ipmi/sel-records.ts';
import { getSelInfo, getSelTime } from '#wire/ipmi/storage-commands.ts';
import { type NodeAsker, oneOfMany } from './ask-node.ts';
import { readLan } from './lan.ts';

/** Get Device ID, byte 6, from bit 0: IPMI 2.0 rev 1.1 table 20-2. */
const supportTable = [
  'sensors',
  'SDR repository',
  'event log',
  'FRU inventory',
  'IPMB event receiver',
  'IPMB event generator',
  'bridge',
  'chassis',
];

/** What the BMC reports about itself; unknown values are omitted. */
export async function readBmcInfo(asker: NodeAsker): Promise<JsonObject> {
  const id = await asker.ask(getDeviceId, {});
  const guid = await oneOfMany(asker.ask(getSystemGuid, {}));
  const test = await oneOfMany(asker.ask(getSelfTestResults, {}));
  const log = await oneOfMany(asker.ask(getSelInfo, {}));
  const clock = await oneOfMany(asker.ask(getSelTime, {}));
  const now = clock && decodeTime(clock.seconds);
  return {
    device_id: id.device,
    device_revision: id.revision.number,
    // The minor version is BCD: 07h is .07.
    firmware_version: `${id.firmware.major}.${id.firmwareMinor.toString(16).padStart(2, '0')}`,
    ipmi_version: `${id.ipmiVersion.major}.${id.ipmiVersion.minor}`,
    manufacturer_id: id.manufacturer,
    product_id: id.product,
    provides: supportTable.filter((_, bit) => (id.support >> bit) & 1),
    ...(guid && { system_guid: decodeGuid(guid.guid) }),
    ...(test && { self_test: describeSelfTest(test) }),
    ...(log && { log: { entries: log.entries, free_bytes: log.freeBytes, overflow: log.support.overflow } }),
    ...(now && { clock: new Date(now * 1000).toISOString() }),
    lan: await readLan(asker),
  };
}
