/** BMCs that accept a session without a password: our client neither requests nor accepts cipher suite 0. */
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { encode } from '../bytes/fields.ts';
import { decodeLegacyPacket, encodeLegacyPacket } from '../rmcp/legacy-packet.ts';
import * as rakp from '../rmcp/rakp.ts';
import { decodePlainPacket, encodePlainPacket, isSessionPacket, type PayloadType } from '../rmcp/session-packet.ts';
import { listenUdp } from '../udp/datagrams.ts';
import { openSharedUdp } from '../udp/shared-udp.ts';
import { getChannelAuthenticationCapabilities, getChannelCipherSuites } from './app-commands.ts';
import { getChassisStatus } from './chassis-commands.ts';
import { openIpmiClient } from './client.ts';
import { IpmiError } from './ipmi-error.ts';
import { decodeRequest, encodeResponse } from './message.ts';
import { defaultTimings } from './timings.ts';

/** No retransmissions, even on a slow machine. */
const calm = { ...defaultTimings, firstWait: 10_000, shortestWait: 10_000, longestWait: 10_000 };
/** For a BMC that ignores one request: after a quick response to another request, the client's wait is short. */
const aborting = { ...calm, shortestWait: 30 };
const nobody = {
  anonymous: false,
  nullUsers: false,
  namedUsers: true,
  userLevelUnsigned: false,
  messagesUnsigned: false,
  bmcKey: false,
};
const capabilities = {
  channel: { number: 1 },
  types: { none: false, md2: false, md5: false, password: false, oem: false, extended: true },
  login: nobody,
  versions: { ipmi15: false, ipmi20: true },
  oem: 0,
  oemData: 0,
};
/** Standard suite 0: no authentication, integrity or confidentiality. */
const suiteZero = Buffer.of(0xc0, 0x00, 0x00, 0x40, 0x80);
const noAlgorithms = { authentication: 0, integrity: 0, confidentiality: 0 };

/** Implements the protocol up to Open Session. @param listsSuites false = does not respond when queried for them */
async function startOpenDoor(t: TestContext, { listsSuites }: { listsSuites: boolean }) {
  const seen: string[] = [];
  const server = await listenUdp({ address: '127.0.0.1', port: 0 }, (packet, from) => {
    const reply = isSessionPacket(packet) ? answer(packet) : answerLegacy(packet);
    if (reply) server.send(reply, from);
  });
  const answerLegacy = (packet: Buffer) => {
    const request = decodeRequest(decodeLegacyPacket(packet));
    const data = encode(getChannelAuthenticationCapabilities.response, capabilities);
    return encodeLegacyPacket(encodeResponse({ ...request, completion: 0, data }));
  };
  const answer = (packet: Buffer) => {
    const { type, payload } = decodePlainPacket(packet);
    seen.push(type satisfies PayloadType);
    if (type === 'openSessionRequest') return encodePlainPacket('openSessionResponse', welcome(payload));
    if (type !== 'ipmi' || !listsSuites) return undefined;
    const data = encode(getChannelCipherSuites.response, { channel: 1, records: suiteZero });
    return encodePlainPacket('ipmi', encodeResponse({ ...decodeRequest(payload), completion: 0, data }));
  };
  t.after(() => server.close());
  const login = { user: 'admin', password: 'secret', privilege: 'administrator' } as const;
  const peer = { address: '127.0.0.1', port: server.address.port };
  const client = openIpmiClient({ ...peer, ...login }, openSharedUdp(), listsSuites ? calm : aborting);
  t.after(() => client.close());
  const failure = await client.request(getChassisStatus, {}).catch((error: unknown) => error);
  assert.ok(failure instanceof IpmiError);
  return { failure, seen };
}

function welcome(payload: Buffer): Buffer {
  const { tag, consoleSession } = rakp.decodeOpenSessionRequest(payload);
  const granted = { privilege: 4, consoleSession, bmcSession: 7, algorithms: noAlgorithms };
  return rakp.encodeOpenSessionResponse({ tag, status: rakp.rakpStatus.ok, ...granted } as never);
}

suite('a BMC without password check', () => {
  test('is detected when it offers only cipher suite 0, and no session is opened', async (t) => {
    const { failure, seen } = await startOpenDoor(t, { listsSuites: true });
    assert.equal(failure.failure, 'unfit');
    assert.match(failure.detail, /answered cipher suite 17 with other algorithms; it lists cipher suites 0/);
    assert.equal(seen.includes('rakp1'), false);
  });

  test('is rejected when it accepts a good suite with no algorithms', async (t) => {
    const { failure, seen } = await startOpenDoor(t, { listsSuites: false });
    assert.equal(failure.failure, 'unfit');
    assert.match(failure.detail, /answered cipher suite 17 with other algorithms/);
    assert.equal(seen.includes('rakp1'), false);
  });
});
