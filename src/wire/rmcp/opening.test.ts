/** The packets before a session: RAKP payloads, cipher suite records, the IPMI 1.5 wrapper, the ASF ping. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { suite, test } from 'node:test';
import { Malformed } from '../bytes/malformed.ts';
import { decodeAsf, encodeAsf } from './asf-presence.ts';
import { cipherSuiteTable, decodeCipherSuiteIds, encodeCipherSuiteRecords, matchCipherSuite } from './cipher-suites.ts';
import { decodeLegacyPacket, encodeLegacyPacket } from './legacy-packet.ts';
import * as rakp from './rakp.ts';

const [best, fallback] = cipherSuiteTable;

suite('session opening payloads', () => {
  test('an Open Session request must propose one algorithm of each kind', () => {
    assert.ok(best);
    const payload = rakp.encodeOpenSessionRequest({ tag: 9, privilege: 0, consoleSession: 77, algorithms: best });
    assert.equal(matchCipherSuite(rakp.decodeOpenSessionRequest(payload).algorithms), best);

    payload[8] = 1;
    assert.throws(() => rakp.decodeOpenSessionRequest(payload), Malformed);
  });

  test('a mix of two cipher suites is invalid', () => {
    assert.ok(best && fallback);
    assert.equal(matchCipherSuite({ ...best, integrity: fallback.integrity }), undefined);
    assert.equal(matchCipherSuite({ authentication: 0, integrity: 0, confidentiality: 0 }), undefined);
  });

  test('RAKP 1 accepts the name with and without the unused bytes of its field', () => {
    const fields = { tag: 1, bmcSession: 5, random: randomBytes(16), role: 0x14, user: Buffer.from('admin') };
    const payload = rakp.encodeRakp1(fields);
    assert.equal(payload.length, 28 + 5);
    assert.deepEqual(rakp.decodeRakp1(payload), fields);
    assert.deepEqual(rakp.decodeRakp1(Buffer.concat([payload, Buffer.alloc(11)])), fields);
    assert.throws(() => rakp.decodeRakp1(Buffer.concat([payload, Buffer.alloc(12)])), Malformed);
    assert.throws(() => rakp.decodeRakp1(payload.subarray(0, -1)), Malformed);
  });

  test('a failure is reported by its status, however much of it was sent', () => {
    const whole = rakp.encodeFailure({ tag: 3, status: 13, session: 99 });
    assert.deepEqual(rakp.decodeRakp2(whole), { ok: false, failure: { tag: 3, status: 13, session: 99 } });
    assert.deepEqual(rakp.decodeRakp2(Buffer.concat([whole, Buffer.alloc(32)])), rakp.decodeRakp2(whole));
    assert.deepEqual(rakp.decodeRakp2(whole.subarray(0, 2)), { ok: false, failure: { tag: 3, status: 13 } });
    assert.throws(() => rakp.decodeRakp2(Buffer.of(3)), Malformed);
  });

  test('a success must be complete', () => {
    assert.throws(() => rakp.decodeRakp2(Buffer.alloc(39)), Malformed);
    assert.throws(() => rakp.decodeOpenSessionResponse(Buffer.alloc(35)), Malformed);
  });
});

suite('cipher suite records', () => {
  test('decodes the encoded ids', () => {
    assert.deepEqual(decodeCipherSuiteIds(encodeCipherSuiteRecords(cipherSuiteTable)), [17, 3]);
  });

  test('skips OEM suites and suites without algorithms', () => {
    const records = Buffer.from('c0000000c180112233014181c0030141 81c011'.replaceAll(' ', ''), 'hex');
    assert.deepEqual(decodeCipherSuiteIds(records), [0, 3, 17]);
    assert.deepEqual(decodeCipherSuiteIds(Buffer.of(0xc0)), []);
  });
});

suite('packets without a session', () => {
  test('decodes an encoded IPMI 1.5 message, with or without the pad byte', () => {
    const message = randomBytes(9);
    const packet = encodeLegacyPacket(message);
    assert.deepEqual(decodeLegacyPacket(packet), message);
    assert.deepEqual(decodeLegacyPacket(Buffer.concat([packet, Buffer.of(0)])), message);
    assert.throws(() => decodeLegacyPacket(Buffer.concat([packet, Buffer.of(0, 0)])), Malformed);
    assert.throws(() => decodeLegacyPacket(packet.subarray(0, -1)), Malformed);
  });

  test('an IPMI 1.5 packet must not claim a session or an authentication', () => {
    for (const at of [4, 5, 9]) {
      const packet = encodeLegacyPacket(randomBytes(9));
      packet[at] = 2;
      assert.throws(() => decodeLegacyPacket(packet), Malformed);
    }
  });

  test('decodes the encoded ping and pong', () => {
    for (const message of [{ type: 'ping', tag: 200 } as const, { type: 'pong', tag: 7, ipmi: true } as const]) {
      assert.deepEqual(decodeAsf(encodeAsf(message)), message);
    }
    // As OpenIPMI's rmcp_ping sends it.
    assert.deepEqual(decodeAsf(Buffer.from('0600ff06000011be80030000', 'hex')), { type: 'ping', tag: 3 });
    assert.throws(() => decodeAsf(Buffer.from('0600ff06000011be800300', 'hex')), Malformed);
  });
});
