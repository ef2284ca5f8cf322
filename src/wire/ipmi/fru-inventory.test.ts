import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { aScriptedBmc } from '#test/a-scripted-bmc.ts';
import { fruBytes } from '#test/captures/ipmi-sim-sensors.ts';
import { readFru } from './fru-inventory.ts';
import { getFruAreaInfo, readFruData } from './storage-commands.ts';

type Oddities = { words?: boolean; limit?: number; busyTimes?: number; size?: number };

function aDevice(bytes: Buffer, { words = false, limit = 255, busyTimes = 0, size = bytes.length }: Oddities = {}) {
  let busy = busyTimes;
  return aScriptedBmc((on) => {
    on(getFruAreaInfo, ({ device }) => (device === 0 ? { size, access: { words } } : 0xcb));
    on(readFruData, ({ offset, count }) => {
      busy -= 1;
      if (busy >= 0) return 0x81;
      const unit = words ? 2 : 1;
      if (count * unit > limit) return 0xca;
      if (offset * unit >= bytes.length) return 0xc9;
      const data = bytes.subarray(offset * unit, (offset + count) * unit);
      return { count: data.length / unit, data };
    });
  });
}

const withinGracePeriod = async () => {};
const read = (bmc: ReturnType<typeof aScriptedBmc>) => readFru(bmc, { device: 0 }, withinGracePeriod);

suite('FRU data', () => {
  test('is the same when read by bytes, by words, in small parts or after busy replies', async () => {
    const plain = await read(aDevice(fruBytes));

    assert.equal(plain?.product?.fields['serial'], 'SN123');
    assert.deepEqual(plain?.notes, []);
    for (const leniencies of [{ words: true }, { limit: 6 }, { words: true, limit: 8 }, { busyTimes: 3 }, { size: 2048 }]) {
      assert.deepEqual(await read(aDevice(fruBytes, leniencies)), plain, JSON.stringify(leniencies));
    }
  });

  test('with a wrong checksum is read, and the checksum reported', async () => {
    const bytes = Buffer.from(fruBytes);
    bytes[7] = (bytes[7] ?? 0) + 1;
    bytes[31] = (bytes[31] ?? 0) + 1;

    const inventory = await read(aDevice(bytes));

    assert.deepEqual(inventory?.notes, [
      'the checksum of the common header is wrong',
      'the checksum of the chassis area is wrong',
    ]);
    assert.equal(inventory?.chassis?.fields['serial'], '123 45.6');
  });

  test('that ends early is read up to its end', async () => {
    const inventory = await read(aDevice(fruBytes.subarray(0, 80)));
    assert.equal(inventory?.board?.fields['manufacturer'], 'Acme');
    assert.match(inventory?.notes.join() ?? '', /product area ends within its texts/);
  });

  test('in other languages is UTF-16', async () => {
    const area = Buffer.from([1, 2, 11, 0xc6, ...Buffer.from('Tür', 'utf16le'), 0xc1]);
    const body = Buffer.concat([area], 15);
    const bytes = Buffer.concat([sealed(Buffer.of(1, 0, 0, 0, 1, 0, 0)), sealed(body)]);

    const inventory = await read(aDevice(bytes));

    assert.equal(inventory?.product?.fields['manufacturer'], 'Tür');
    assert.deepEqual(inventory?.notes, []);
  });

  test('reads an end mark as a one-character text if more texts follow, as some vendors write it', async () => {
    const texts = (...of: number[]) => Buffer.concat([Buffer.from([1, 2, 0, 0xc2, 0x41, 0x42, ...of])], 15);
    const productOf = async (area: Buffer) => {
      const bytes = Buffer.concat([sealed(Buffer.of(1, 0, 0, 0, 1, 0, 0)), sealed(area)]);
      const { fields = {}, notes } = (await read(aDevice(bytes)))?.product ?? {};
      return { fields, notes };
    };

    const followed = await productOf(texts(0xc1, 0x37, 0xc2, 0x43, 0x44, 0xc1));
    assert.deepEqual(followed, { fields: { manufacturer: 'AB', product: '7', part_number: 'CD' }, notes: [] });
    assert.deepEqual(await productOf(texts(0xc1)), { fields: { manufacturer: 'AB' }, notes: [] });
    const padded = Buffer.concat([texts(0xc1).subarray(0, 7), Buffer.alloc(8, 0xff)]);
    assert.deepEqual((await productOf(padded)).fields, { manufacturer: 'AB' });
    // The bytes after it are not a list, so it was the end marker.
    assert.deepEqual((await productOf(texts(0xc1, 0x37, 0xff, 0x43))).fields, { manufacturer: 'AB' });
  });

  test('lists the multirecords, and stops at a broken one', async () => {
    const first = Buffer.concat([sealed(Buffer.of(0x00, 0x02, 3, 0)), Buffer.of(1, 2, 3)]);
    const second = Buffer.concat([sealed(Buffer.of(0xc2, 0x82, 1, 0)), Buffer.of(9)]);
    const bytes = Buffer.concat([sealed(Buffer.of(1, 0, 0, 0, 0, 1, 0)), first, second]);
    assert.deepEqual((await read(aDevice(bytes)))?.multirecords, ['power supply information', 'OEM record c2h']);

    bytes[8 + first.length] = 0xc3;
    const broken = await read(aDevice(bytes));

    assert.deepEqual(broken?.multirecords, ['power supply information']);
    assert.match(broken?.notes.join() ?? '', /header of OEM record c3h/);
  });

  test('that is invalid is empty', async () => {
    assert.equal(await read(aDevice(Buffer.alloc(64))), undefined);
    assert.equal(await read(aDevice(Buffer.alloc(64, 0xff))), undefined);
    assert.equal(await readFru(aDevice(fruBytes), { device: 5 }, withinGracePeriod), undefined);
    assert.equal(await read(aDevice(fruBytes, { busyTimes: 1000 })), undefined);
  });

  test('of random bytes causes no internal error', async () => {
    for (let seed = 1; seed <= 500; seed += 1) {
      const bytes = Buffer.from(fruBytes.map((byte, index) => ((index * seed * 7919) % 97 < 5 ? (byte * seed) & 0xff : byte)));
      bytes[0] = 1;
      await read(aDevice(bytes));
    }
  });
});

/** Dumps that users published of their machines: the bytes of the areas, padded with zeros. */
suite('FRU data of a real machine', () => {
  const zeros = '\0'.repeat(64);

  // https://github.com/kontron/python-ipmi/issues/186
  test('ASRock Rack: reads areas with wrong checksums', async () => {
    const board = '\x01\x03\x00vq\xb4\xcaASRockRack\xc0\xc0\xc0\xc0\xc1\x00\x1b';
    const product = '\x01\x03\x00\xcaASRockRack\xc0\xc0\xc0\xc0\xc0\xc0\xc1\x00\x00M';
    const bytes = Buffer.from(`\x01\x00\x00\x01\x04\x00\x00\xfa${board}${product}${zeros}`, 'latin1');

    const inventory = await read(aDevice(bytes));

    assert.equal(inventory?.board?.fields['manufacturer'], 'ASRockRack');
    assert.equal(inventory?.product?.fields['manufacturer'], 'ASRockRack');
    assert.ok(inventory?.notes.includes('the checksum of the board area is wrong'), String(inventory?.notes));
  });

  // https://github.com/kontron/python-ipmi/issues/66
  test('Quanta: ignores multirecords inside the chassis area, and reads the areas', async () => {
    const chassis = '\x01\x05\x17\xcb1S1QUZZ0STW\xcdQTFCPY823000A\xc6Quanta\xc1\x00\x00\xd8';
    const boardTexts = '\xdcQuanta Cloud Technology Inc.\xd4SD1Q-1ULH-6 cores MB\xcbGPY82000008\xcb31S1QMB0060';
    const board = `\x01\x0e\x19\x05\x0f\xb4${boardTexts}\xc9FRU v0.10\xcdS1Q_00_QCT_00\xc3N/A\xc1\x00\x003`;
    const productTexts = '\xc6Qumulo\xccQK-Series 1U\xd195-10B01-01 rev01\xc31.0\xccS0501825Q007\xc0';
    const product = `\x01\x0b\x19${productTexts}\xc9FRU v0.10\xc3N/A\xc3N/A\xc3N/A\xc1\x00\x00\x00\x00\x00S`;
    const bytes = Buffer.from(`\x01\x00\x01\x06\x14\x01\x00\xe3${chassis}${board}${product}${zeros}`, 'latin1');

    const inventory = await read(aDevice(bytes));

    assert.equal(inventory?.chassis?.fields['part_number'], '1S1QUZZ0STW');
    assert.equal(inventory?.board?.fields['serial'], 'GPY82000008');
    assert.equal(inventory?.product?.fields['serial'], 'S0501825Q007');
    assert.deepEqual(inventory?.multirecords, []);
    assert.ok(
      inventory?.notes.some((note) => note.startsWith('the checksum of the header of')),
      String(inventory?.notes),
    );
  });
});

/** Appends the byte that makes the sum zero. */
function sealed(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.of(-bytes.reduce((sum, byte) => sum + byte, 0) & 0xff)]);
}
