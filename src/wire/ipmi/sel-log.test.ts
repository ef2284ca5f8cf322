import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { aScriptedBmc } from '#test/a-scripted-bmc.ts';
import { decodeSdr } from './sdr-records.ts';
import { eraseSel, readSel } from './sel-log.ts';
import { decodeSelRecord, describeEvent } from './sel-records.ts';
import { clearSel, getSelEntry, getSelInfo, reserveSel, type SelInfo } from './storage-commands.ts';

const support = { allocationInfo: false, reserve: true, partialAdd: false, deletes: false, overflow: false };
const info: SelInfo = { version: 0x51, entries: 3, freeBytes: 0, added: 0, erased: 0, support };

/** Table 32-1. */
function entry(id: number, { time = 0x60000000, type = 2 } = {}): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(id, 0);
  bytes[2] = type;
  bytes.writeUInt32LE(time, 3);
  bytes.set([0x20, 0, 4, 0x08, 9, 0x6f, 1, 0xff, 0xff], 7);
  return bytes;
}

function aLog(entries: readonly Buffer[], next = (index: number) => (index + 1 < entries.length ? index + 2 : 0xffff)) {
  return aScriptedBmc((on) => {
    on(getSelInfo, () => ({ ...info, entries: entries.length }));
    on(getSelEntry, ({ record }) => {
      const index = record === 0 ? 0 : record - 1;
      const data = entries[index];
      return data ? { next: next(index), data } : 0xcb;
    });
  });
}

suite('the event log', () => {
  test('is read from its oldest to its newest entry', async () => {
    const records = await readSel(aLog([entry(1), entry(2), entry(3)]));
    assert.deepEqual(
      records.map(({ id }) => id),
      [1, 2, 3],
    );
  });

  test('is not read if it is empty', async () => {
    const bmc = aLog([]);
    assert.deepEqual(await readSel(bmc), []);
    assert.deepEqual(bmc.asked, ['Get SEL Info']);
  });

  test('ends if it is erased during the read', async () => {
    assert.equal((await readSel(aLog([entry(1), entry(2)], () => 7))).length, 1);
  });

  test('ends if it loops', async () => {
    assert.ok((await readSel(aLog([entry(1), entry(2)], (index) => (index === 0 ? 2 : 1)))).length <= 3);
  });

  // https://github.com/facebook/openbmc/issues/273
  test('contains an oldest entry that is listed twice once, and a truncated log is reported', async () => {
    const reported: string[] = [];
    const twice = [entry(1), entry(1), entry(2)];
    const records = await readSel(aLog(twice), (words) => reported.push(words));
    assert.deepEqual(
      records.map(({ id }) => id),
      [1, 2],
    );
    await readSel(
      aLog([entry(2), entry(3)], () => 0xffff),
      (words) => reported.push(words),
    );
    await readSel(aLog([entry(1), entry(2)]), (words) => reported.push(words));
    assert.deepEqual(reported, ['the event log has 3 entries and gives 2', 'the event log has 2 entries and gives 1']);
  });

  test('is erased, with a new reservation if a new event cancelled the first', async () => {
    let reservation = 0;
    let begun = 0;
    let polls = 0;
    const bmc = aScriptedBmc((on) => {
      on(reserveSel, () => {
        reservation += 1;
        return { reservation };
      });
      on(clearSel, ({ reservation: held, guard, action }) => {
        assert.equal(guard.toString(), 'CLR');
        if (held < 2 || held !== reservation) return 0xc5;
        if (action === 0xaa) begun += 1;
        else polls += 1;
        return { progress: { done: polls >= 3 ? 1 : 0 } };
      });
    });

    assert.equal(await eraseSel(bmc, async () => {}), true);

    assert.deepEqual({ begun, polls }, { begun: 1, polls: 3 });
  });

  test('fails if erasing never completes', async () => {
    const bmc = aScriptedBmc((on) => on(clearSel, () => ({ progress: { done: 0 } })));
    assert.equal(await eraseSel(bmc, async () => {}), false);
  });
});

suite('an entry', () => {
  const at = (time: number) => decodeSelRecord(entry(1, { time })).at;

  test('has a time if the BMC had a clock', () => {
    assert.equal(at(0x60000000), 0x60000000);
    assert.equal(at(0x1fffffff), null, 'seconds since the BMC was started');
    assert.equal(at(0xffffffff), null, 'unspecified');
    assert.equal(decodeSelRecord(entry(1, { type: 0xe0 })).at, null);
    assert.equal(decodeSelRecord(entry(1, { type: 0xdf })).at, 0x60000000);
  });

  test('of a vendor keeps its bytes', () => {
    assert.equal(decodeSelRecord(entry(1, { type: 0xc0 })).oem?.length, 9);
    assert.equal(decodeSelRecord(entry(1, { type: 0xe0 })).oem?.length, 13);
    const bytes = entry(1);
    bytes[12] = 0x70;
    const { event } = decodeSelRecord(bytes);
    assert.equal(event && describeEvent(event).words, 'OEM event 01ffff');
  });

  test('of an unnamed state has its number', () => {
    const bytes = entry(1);
    bytes[13] = 0x0e;
    const { event } = decodeSelRecord(bytes);
    assert.equal(event && describeEvent(event).words, 'state 14');
  });

  test('and sensor records of random bytes cause no internal error', () => {
    for (let seed = 0; seed < 20_000; seed += 1) {
      const bytes = Buffer.from(
        Array.from({ length: seed % 70 }, (_, index) => (seed * 31 + index * index * 17 + (seed >> 3) * index) & 0xff),
      );
      const { event } = decodeSelRecord(bytes);
      if (event) describeEvent(event);
      if (bytes.length < 5) continue;
      bytes[3] = [1, 2, 3, 0x11, 0x12][seed % 5] ?? 0;
      for (const record of decodeSdr(bytes)) if (record.kind === 'sensor') assert.ok(record.name.length > 0);
    }
  });
});
