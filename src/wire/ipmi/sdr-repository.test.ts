import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { aScriptedBmc } from '#test/a-scripted-bmc.ts';
import { decodeSdr } from './sdr-records.ts';
import { readSdrs } from './sdr-repository.ts';
import { getDeviceSdr, getDeviceSdrInfo, reserveDeviceSdrs } from './sensor-commands.ts';
import { getSdr, getSdrRepositoryInfo, type RepositoryInfo, reserveSdrRepository } from './storage-commands.ts';

const support = { allocationInfo: false, reserve: true, partialAdd: false, deletes: false, updates: 0, overflow: false };
const info: RepositoryInfo = { version: 0x51, records: 2, freeBytes: 0, added: 7, erased: 0, support };

/** An event-only record of sensor `number`, table 43-3. */
function eventOnly(id: number, name: string, number = id): Buffer {
  const body = Buffer.concat([Buffer.of(0x20, 0, number, 7, 1, 0x13, 0x6f, 1, 0, 0, 0, 0xc0 | name.length), Buffer.from(name)]);
  return Buffer.concat([Buffer.of(id, 0, 0x51, 3, body.length), body]);
}

type Oddities = {
  /** Refuses larger reads with this code. */
  limit?: { bytes: number; completion: number };
  /** Cancels the reservation at these partial reads, counted from 1. */
  losses?: readonly number[];
  next?: (index: number) => number;
};

function aRepository(records: readonly Buffer[], { limit, losses = [], next = followingOf(records) }: Oddities = {}) {
  let reservation = 0;
  let parts = 0;
  const bmc = aScriptedBmc((on) => {
    on(getSdrRepositoryInfo, () => ({ ...info, records: records.length }));
    on(reserveSdrRepository, () => {
      reservation += 1;
      return { reservation };
    });
    on(getSdr, ({ reservation: held, record, offset, count }) => {
      parts += 1;
      if (losses.includes(parts)) reservation += 1;
      if (limit && count > limit.bytes) return limit.completion;
      if (offset > 0 && held !== reservation) return 0xc5;
      const index = record === 0 ? 0 : record - 1;
      const data = records[index]?.subarray(offset, offset + count);
      return data ? { next: next(index), data } : 0xcb;
    });
  });
  return bmc;
}

function followingOf(records: readonly Buffer[]): (index: number) => number {
  return (index) => (index + 1 < records.length ? index + 2 : 0xffff);
}

const deviceFlags = { lun0: true, lun1: false, lun2: false, lun3: false, dynamic: false };
const records = [eventOnly(1, 'first name here'), eventOnly(2, 'second')];
const namesOf = (list: readonly Buffer[]) =>
  list.flatMap(decodeSdr).map((record) => (record.kind === 'odd' ? record.reason : record.name));

suite('sensor records and their dates', () => {
  test('have a date if the BMC has one, and none if the BMC reports it unset', async () => {
    for (const [added, erased, dated] of [
      [7, 0, true],
      [0, 0, false],
      [0xffff_ffff, 0xffff_ffff, false],
      [0xffff_ffff, 0, false],
    ] as const) {
      const bmc = aScriptedBmc((on) => on(getSdrRepositoryInfo, () => ({ ...info, added, erased })));
      assert.equal((await readSdrs(bmc)).dated, dated, `${added}/${erased}`);
    }
  });

  test('are read from the BMC itself if only they are healthy', async () => {
    const bmc = aScriptedBmc((on) => {
      on(getSdrRepositoryInfo, () => undefined);
      on(getDeviceSdrInfo, () => ({ count: 1, flags: deviceFlags, changed: undefined }));
      on(getDeviceSdr, ({ offset, count }) => ({ next: 0xffff, data: eventOnly(1, 'own').subarray(offset, offset + count) }));
    });

    const { records: read, dated } = await readSdrs(bmc);

    assert.deepEqual(namesOf(read), ['own']);
    assert.equal(dated, true);
  });
});

suite('sensor records', () => {
  test('are read in parts, each once', async () => {
    const { records: read, notes } = await readSdrs(aRepository(records));
    assert.deepEqual(read, records);
    assert.deepEqual(notes, []);
  });

  for (const completion of [0xca, 0xc7, 0xc8, 0xff]) {
    test(`are read in smaller parts after ${completion.toString(16)}h, and the size is remembered`, async () => {
      const bmc = aRepository(records, { limit: { bytes: 8, completion } });

      assert.deepEqual((await readSdrs(bmc)).records, records);

      // Two headers, five parts and three, and two reads that were too large.
      assert.equal(bmc.asked.filter((name) => name === 'Get SDR').length, 12);
    });
  }

  test('are read again from the start when the reservation is lost', async () => {
    const bmc = aRepository(records, { losses: [2, 4] });
    assert.deepEqual((await readSdrs(bmc)).records, records);
    assert.equal(bmc.asked.filter((name) => name === 'Reserve SDR Repository').length, 3);
  });

  test('fail when the reservation is always lost', async () => {
    const losses = Array.from({ length: 100 }, (_, index) => index + 1);
    const { records: read, notes } = await readSdrs(aRepository(records, { losses }));
    assert.deepEqual(read, []);
    assert.match(notes.join(), /reservation was lost 8 times/);
  });

  test('end if the list loops', async () => {
    const { records: read, notes } = await readSdrs(aRepository(records, { next: (index) => (index === 0 ? 2 : 1) }));
    assert.ok(read.length <= 3);
    assert.match(notes.join(), /comes back/);
  });

  test('that are shorter than they declare are reported, and the others read', async () => {
    const short = Buffer.from(records[0] as Buffer);
    short[4] = 60;

    const { records: read, notes } = await readSdrs(aRepository([short, records[1] as Buffer]));

    assert.match(notes.join(), /record 0 ends after 32 bytes of the 65/);
    assert.deepEqual(namesOf(read), ['first name here', 'second']);
  });

  test('that exceed the offset range are read up to it', async () => {
    const long = Buffer.concat([Buffer.of(1, 0, 0x51, 3, 255), Buffer.alloc(255, 7)]);
    const { records: read } = await readSdrs(aRepository([long]));
    assert.deepEqual(read, [long.subarray(0, 256)]);
  });

  test('without a readable name are marked, and those of other types skipped', () => {
    const cut = eventOnly(1, 'x name').subarray(0, 12);
    assert.match(namesOf([cut]).join(), /ends after 12 bytes, before its name/);
    const oem = Buffer.of(9, 0, 0x51, 0xc0, 3, 1, 2, 3);
    assert.deepEqual(decodeSdr(oem), []);
    const nameless = eventOnly(1, '', 0x21);
    assert.deepEqual(namesOf([nameless]), ['sensor 33']);
    const boastful = eventOnly(1, 'name');
    boastful[16] = 0xdf;
    assert.deepEqual(namesOf([boastful]), ['name']);
  });

  test('are cached while the timestamps are unchanged', async () => {
    const bmc = aRepository(records);
    const known = await readSdrs(bmc);
    const before = bmc.asked.length;

    assert.equal(await readSdrs(bmc, known), known);

    assert.deepEqual(bmc.asked.slice(before), ['Get SDR Repository Info']);
    assert.notEqual(await readSdrs(aRepository([...records, eventOnly(3, 'third')]), known), known);
  });

  test('are read from the BMC if there is no repository, for each logical unit', async () => {
    const units = [[eventOnly(1, 'unit zero')], [], [eventOnly(1, 'unit two')], []];
    const bmc = aScriptedBmc((on) => {
      on(getDeviceSdrInfo, () => ({
        count: 2,
        flags: { lun0: true, lun1: false, lun2: true, lun3: false, dynamic: true },
        changed: 12,
      }));
      on(reserveDeviceSdrs, () => ({ reservation: 1 }));
      on(getDeviceSdr, ({ offset, count }, lun) => {
        const data = units[lun]?.[0]?.subarray(offset, offset + count);
        return data ? { next: 0xffff, data } : 0xcb;
      });
    });

    const { stamp, records: read } = await readSdrs(bmc);

    assert.deepEqual(namesOf(read), ['unit zero', 'unit two']);
    assert.match(stamp ?? '', /12/);
  });

  test('of a BMC without sensors are empty', async () => {
    assert.deepEqual((await readSdrs(aScriptedBmc(() => {}))).records, []);
  });
});
