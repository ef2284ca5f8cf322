import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { suite, test } from 'node:test';
import { Malformed } from '../bytes/malformed.ts';
import { cipherSuiteTable } from './cipher-suites.ts';
import { deriveKeys, passwordKey, type RakpFacts } from './session-keys.ts';
import {
  decodePlainPacket,
  decodeSessionPacket,
  encodePlainPacket,
  encodeSessionPacket,
  peekSession,
  type SessionSecrets,
} from './session-packet.ts';

function secretsFor(index: number): SessionSecrets {
  const cipherSuite = cipherSuiteTable[index];
  assert.ok(cipherSuite);
  const facts: RakpFacts = {
    suite: cipherSuite,
    consoleSession: 1,
    bmcSession: 2,
    consoleRandom: randomBytes(16),
    bmcRandom: randomBytes(16),
    bmcGuid: randomBytes(16),
    role: 0x14,
    user: Buffer.from('admin'),
  };
  return { suite: cipherSuite, keys: deriveKeys(facts, passwordKey('secret')) };
}

for (const [index, { id }] of cipherSuiteTable.entries()) {
  suite(`session packets of cipher suite ${id}`, () => {
    const secrets = secretsFor(index);
    const outer = { type: 'ipmi', session: 0xa0b0c0d0, sequence: 7 } as const;
    const wrap = (payload: Buffer) => encodeSessionPacket({ ...outer, payload }, secrets, randomBytes(16));

    test('decodes encoded payloads of every length', () => {
      for (let length = 0; length <= 64; length += 1) {
        const payload = randomBytes(length);
        const packet = wrap(payload);
        assert.deepEqual(decodeSessionPacket(packet, secrets), { ...outer, payload });
        assert.equal(peekSession(packet), outer.session);
        assert.equal((packet.length - 4 - secrets.suite.codeLength) % 4, 0, 'the signed part is whole words');
      }
    });

    test('encrypts the payload on the wire', () => {
      assert.equal(wrap(Buffer.from('a payload in the clear')).includes('payload'), false);
    });

    test('detects every flipped bit of a packet', () => {
      const packet = wrap(randomBytes(20));
      // The RMCP header is not signed; its version and class are checked, the rest is reserved.
      for (let at = 4 * 8; at < packet.length * 8; at += 1) {
        const forged = Buffer.from(packet);
        forged[at >> 3] = (forged[at >> 3] as number) ^ (1 << (at & 7));
        assert.throws(() => decodeSessionPacket(forged, secrets), Malformed, `bit ${at}`);
      }
    });

    test('detects every missing or added byte of a packet', () => {
      const packet = wrap(randomBytes(20));
      for (let length = 0; length < packet.length; length += 1) {
        assert.throws(() => decodeSessionPacket(packet.subarray(0, length), secrets), Malformed, `${length} bytes`);
      }
      assert.throws(() => decodeSessionPacket(Buffer.concat([packet, Buffer.of(0)]), secrets), Malformed);
    });

    test('rejects a packet of another session', () => {
      assert.throws(() => decodeSessionPacket(wrap(randomBytes(20)), secretsFor(index)), Malformed);
    });

    test('rejects an unsigned packet', () => {
      assert.throws(() => decodeSessionPacket(encodePlainPacket('ipmi', randomBytes(20)), secrets), Malformed);
    });
  });
}

suite('packets outside of a session', () => {
  test('are decoded', () => {
    const payload = randomBytes(9);
    assert.deepEqual(decodePlainPacket(encodePlainPacket('rakp1', payload)), { type: 'rakp1', session: 0, sequence: 0, payload });
  });

  test('must not claim a session, a signature or an unknown payload', () => {
    const secrets = secretsFor(0);
    const packet = encodeSessionPacket(
      { type: 'ipmi', session: 1, sequence: 1, payload: Buffer.of(1) },
      secrets,
      randomBytes(16),
    );
    assert.throws(() => decodePlainPacket(packet), Malformed);
    for (const [at, value] of [
      [5, 0x02],
      [5, 0x80],
      [6, 1],
      [10, 1],
    ] as const) {
      const plain = encodePlainPacket('ipmi', Buffer.of(1, 2, 3));
      plain[at] = value;
      assert.throws(() => decodePlainPacket(plain), Malformed);
    }
  });

  test('must not be truncated', () => {
    const packet = encodePlainPacket('rakp1', randomBytes(9));
    for (let length = 0; length < packet.length; length += 1) {
      assert.throws(() => decodePlainPacket(packet.subarray(0, length)), Malformed);
    }
  });
});
