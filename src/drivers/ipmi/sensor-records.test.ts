import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aScriptedBmc } from '#test/a-scripted-bmc.ts';
import { getSdr, getSdrRepositoryInfo, reserveSdrRepository, unknownTime } from '#wire/ipmi/storage-commands.ts';
import type { NodeAsker } from './ask-node.ts';
import { SensorRecords } from './sensor-records.ts';

const support = { allocationInfo: false, reserve: true, partialAdd: false, deletes: false, updates: 0, overflow: false };
const record = Buffer.from([1, 0, 0x51, 3, 15, 0x20, 0, 1, 7, 1, 0x13, 0x6f, 1, 0, 0, 0, 0xc3, 0x66, 0x61, 0x6e]);
const hour = 3_600_000;

function aNode(added: number): NodeAsker & { reads(): number } {
  const bmc = aScriptedBmc((on) => {
    on(getSdrRepositoryInfo, () => ({ version: 0x51, records: 1, freeBytes: 0, added, erased: unknownTime, support }));
    on(reserveSdrRepository, () => ({ reservation: 1 }));
    on(getSdr, ({ offset, count }) => ({ next: 0xffff, data: record.subarray(offset, offset + count) }));
  });
  const driver_info = { ipmi_address: '127.0.0.1', ipmi_username: 'admin', ipmi_password: 'secret' };
  const uuid = '5f1f7c2e-0c7e-4b7e-9a4e-2f7f5b1d0010';
  return {
    ...bmc,
    node: { id: 1, uuid, name: 'one', driver: 'ipmi', driver_info, properties: {}, extra: {}, power_state: null, ports: [] },
    pause: async () => {},
    reads: () => bmc.asked.filter((name) => name === 'Reserve SDR Repository').length,
  };
}

for (const [what, added, expected] of [
  ['whose time of change is known are kept as long as it holds', 7, 1],
  ['of a BMC that tells no time are read once an hour', unknownTime, 2],
] as const) {
  test(`sensor records ${what}`, async () => {
    let now = 0;
    const records = new SensorRecords(() => now);
    const node = aNode(added);

    for (const at of [0, hour - 1, hour + 1]) {
      now = at;
      assert.equal((await records.of(node)).length, 1);
    }

    assert.equal(node.reads(), expected);
  });
}
