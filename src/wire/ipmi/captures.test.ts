/**
 * Captured sessions between ipmitool and OpenIPMI's simulator: decodes them, checks every proof and signature against
 * the password, and encodes them again to the same bytes. See test/captures/readme.md.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { type Capture, readCapture } from '#test/captures/capture-file.ts';
import type { Direction, Passed } from '#test/captures/udp-relay.ts';
import { decode, encode } from '../bytes/fields.ts';
import { type CipherSuite, findCipherSuite } from '../rmcp/cipher-suites.ts';
import { decodeLegacyPacket, encodeLegacyPacket } from '../rmcp/legacy-packet.ts';
import * as rakp from '../rmcp/rakp.ts';
import { SequenceWindow } from '../rmcp/sequence-window.ts';
import { deriveKeys, passwordKey, type RakpFacts, rakp2Code, rakp3Code, rakp4Code } from '../rmcp/session-keys.ts';
import {
  decodePlainPacket,
  decodeSessionPacket,
  encodePlainPacket,
  encodeSessionPacket,
  isSessionPacket,
  peekSession,
  type SessionSecrets,
} from '../rmcp/session-packet.ts';
import { findCommand } from './commands.ts';
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from './message.ts';

const folder = join(import.meta.dirname, '../../../test/captures/ipmi');
/** Offset of the IV of an AES-CBC payload: RMCP header 4 bytes, session header 12. */
const ivAt = 16;

/** Decodes a capture in order, as a third party that knows the password. */
class Reading {
  readonly commands: string[] = [];
  readonly statuses: number[] = [];
  readonly #password: string;
  readonly #bmcPassword: string;
  readonly #suite: CipherSuite;
  #facts: Partial<RakpFacts> = {};
  #secrets: SessionSecrets | undefined;
  readonly #windows = { 'to-bmc': new SequenceWindow(), 'to-console': new SequenceWindow() };

  constructor({ notes }: Capture) {
    this.#password = notes['password'] ?? '';
    this.#bmcPassword = notes['bmc_password'] ?? '';
    this.#suite = findCipherSuite(Number(notes['suite'])) as CipherSuite;
    assert.ok(this.#suite);
  }

  /** @returns the decoded packet, encoded again by our encoders */
  repeat({ packet, direction }: Passed): Buffer {
    if (!isSessionPacket(packet)) return encodeLegacyPacket(this.#message(decodeLegacyPacket(packet), direction));
    if (peekSession(packet) !== 0) return this.#inside(packet, direction);
    const { type, payload } = decodePlainPacket(packet);
    if (type === 'ipmi') return encodePlainPacket(type, this.#message(payload, direction));
    return encodePlainPacket(type, this.#opening(type, payload));
  }

  #inside(packet: Buffer, direction: Direction): Buffer {
    assert.ok(this.#secrets, 'the session is open');
    const decoded = decodeSessionPacket(packet, this.#secrets);
    assert.ok(this.#windows[direction].take(decoded.sequence), 'the sequence number is fresh');
    assert.equal(decoded.session, direction === 'to-bmc' ? this.#facts.bmcSession : this.#facts.consoleSession);
    const payload = this.#message(decoded.payload, direction);
    return encodeSessionPacket({ ...decoded, payload }, this.#secrets, packet.subarray(ivAt, ivAt + 16));
  }

  #message(message: Buffer, direction: Direction): Buffer {
    return direction === 'to-bmc' ? this.#request(message) : this.#response(message);
  }

  #request(message: Buffer): Buffer {
    const request = decodeRequest(message);
    const row = findCommand(request.netFn, request.command);
    if (!row) return encodeRequest(request);
    this.commands.push(row.name);
    return encodeRequest({ ...request, data: encode(row.request, decode(row.request, request.data, row.name)) });
  }

  #response(message: Buffer): Buffer {
    const response = decodeResponse(message);
    const row = findCommand(response.netFn, response.command);
    if (!row || response.completion !== 0) return encodeResponse(response);
    return encodeResponse({ ...response, data: encode(row.response, decode(row.response, response.data, row.name)) });
  }

  #opening(type: string, payload: Buffer): Buffer {
    if (type === 'openSessionRequest') return this.#openSessionRequest(payload);
    if (type === 'openSessionResponse') return this.#openSessionResponse(payload);
    if (type === 'rakp1') return this.#rakp1(payload);
    if (type === 'rakp2') return this.#rakp2(payload);
    if (type === 'rakp3') return this.#rakp3(payload);
    return this.#rakp4(payload);
  }

  #openSessionRequest(payload: Buffer): Buffer {
    const request = rakp.decodeOpenSessionRequest(payload);
    const { authentication, integrity, confidentiality } = this.#suite;
    assert.deepEqual(request.algorithms, { authentication, integrity, confidentiality });
    this.#facts = { suite: this.#suite, consoleSession: request.consoleSession };
    return rakp.encodeOpenSessionRequest(request);
  }

  #openSessionResponse(payload: Buffer): Buffer {
    const answer = rakp.decodeOpenSessionResponse(payload);
    if (!answer.ok) {
      this.statuses.push(answer.failure.status);
      return payload;
    }
    assert.equal(answer.value.consoleSession, this.#facts.consoleSession);
    this.#facts = { ...this.#facts, bmcSession: answer.value.bmcSession };
    return rakp.encodeOpenSessionResponse(answer.value);
  }

  #rakp1(payload: Buffer): Buffer {
    const request = rakp.decodeRakp1(payload);
    const { random, role, user } = request;
    this.#facts = { ...this.#facts, consoleRandom: random, role, user };
    return rakp.encodeRakp1(request);
  }

  #rakp2(payload: Buffer): Buffer {
    const answer = rakp.decodeRakp2(payload);
    assert.ok(answer.ok);
    this.#facts = { ...this.#facts, bmcRandom: answer.value.random, bmcGuid: answer.value.guid };
    assert.deepEqual(answer.value.code, rakp2Code(this.#facts as RakpFacts, passwordKey(this.#bmcPassword)));
    return rakp.encodeRakp2(answer.value);
  }

  #rakp3(payload: Buffer): Buffer {
    const request = rakp.decodeRakp3(payload);
    const facts = this.#facts as RakpFacts;
    assert.deepEqual(request.code, rakp3Code(facts, passwordKey(this.#password)));
    this.#secrets = { suite: this.#suite, keys: deriveKeys(facts, passwordKey(this.#password)) };
    return rakp.encodeRakp3(request);
  }

  #rakp4(payload: Buffer): Buffer {
    const answer = rakp.decodeRakp4(payload);
    assert.ok(answer.ok && this.#secrets);
    assert.deepEqual(answer.value.code, rakp4Code(this.#facts as RakpFacts, this.#secrets.keys.sik));
    return rakp.encodeRakp4(answer.value);
  }
}

async function read(file: string): Promise<Reading> {
  const capture = await readCapture(join(folder, file));
  const reading = new Reading(capture);
  for (const passed of capture.packets) {
    assert.equal(reading.repeat(passed).toString('hex'), passed.packet.toString('hex'), `${file}, ${passed.direction}`);
  }
  return reading;
}

suite('decodes, verifies and re-encodes captured exchanges', () => {
  for (const file of readdirSync(folder)) test(file, async () => void (await read(file)));
});

test('the captures contain the commands in their names', async () => {
  const expected = {
    'chassis-status.hex': 'Get Chassis Status',
    'power-on.hex': 'Chassis Control',
    'bootdev-pxe.hex': 'Set System Boot Options',
    'bootparam-get.hex': 'Get System Boot Options',
    'mc-info.hex': 'Get Device ID',
    'channel-info.hex': 'Get Channel Info',
    'suite-17-bootdev-disk.hex': 'Set System Boot Options',
  };
  for (const [file, command] of Object.entries(expected)) assert.ok((await read(file)).commands.includes(command), file);
});

test('reports a rejected cipher suite by its status', async () => {
  assert.deepEqual((await read('suite-17-refused.hex')).statuses, [4]);
});
