/** The client and the virtual BMC over a network that loses, duplicates, delays, forges and truncates packets. */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { suite, type TestContext, test } from 'node:test';
import { type Bmc, type BmcCommandReport, startBmc } from '#lab/bmc/bmc.ts';
import { createMemoryChassis } from '#lab/bmc/memory-chassis.ts';
import { encode } from '../bytes/fields.ts';
import { decodePlainPacket, encodePlainPacket, isSessionPacket, peekSession } from '../rmcp/session-packet.ts';
import type { Datagrams } from '../udp/datagrams.ts';
import { HostNames } from '../udp/host-names.ts';
import { openSharedUdp } from '../udp/shared-udp.ts';
import { getChannelCipherSuites } from './app-commands.ts';
import { chassisControl, getChassisStatus } from './chassis-commands.ts';
import { openIpmiClient } from './client.ts';
import { createIpmiClientPool } from './client-pool.ts';
import { IpmiError } from './ipmi-error.ts';
import { decodeRequest, encodeResponse } from './message.ts';
import { defaultTimings, type Timings } from './timings.ts';

const udp = openSharedUdp();
/** For lossy networks. */
const quick: Timings = { ...defaultTimings, firstWait: 20, longestWait: 40, deadline: 10_000, singleWait: 10_000 };
/** No retransmissions, even on a slow machine. */
const calm: Timings = { ...quick, firstWait: 10_000, shortestWait: 10_000, longestWait: 10_000, deadline: 20_000 };
const login = { user: 'admin', password: 'secret', privilege: 'administrator' } as const;

type Pass = (packet: Buffer) => Buffer[];
type Meddling = { toBmc?: Pass; toConsole?: Pass };

/** A network that treats each packet as the test says. */
function meddlingNetwork({ toBmc = (packet) => [packet], toConsole = (packet) => [packet] }: Meddling): Datagrams {
  return {
    async connect(peer, receive) {
      const socket = await udp.connect(peer, (packet) => {
        for (const part of toConsole(packet)) receive(part);
      });
      const send = (packet: Uint8Array) => {
        for (const part of toBmc(Buffer.from(packet))) socket.send(part);
      };
      return { send, close: () => socket.close() };
    },
  };
}

async function setUp(t: TestContext, { meddling = {}, timings = calm }: { meddling?: Meddling; timings?: Timings } = {}) {
  const chassis = createMemoryChassis();
  const commands: BmcCommandReport[] = [];
  const heard = new EventEmitter();
  const onCommand = (report: BmcCommandReport) => {
    commands.push(report);
    heard.emit(report.command);
  };
  const users = [{ name: login.user, password: login.password }];
  const bmc: Bmc = await startBmc({ address: '127.0.0.1', port: 0, users, chassis, onCommand });
  const client = openIpmiClient({ address: '127.0.0.1', port: bmc.port, ...login }, meddlingNetwork(meddling), timings);
  /** Closed before the BMC, which answers that their sessions are closed. */
  const clients: Pick<typeof client, 'close'>[] = [client];
  t.after(async () => {
    for (const each of clients) await each.close();
    await bmc.close();
  });
  const count = (command: string) => commands.filter((report) => report.command === command).length;
  return { bmc, chassis, client, clients, commands, count, heard };
}

async function failureOf(promise: Promise<unknown>): Promise<IpmiError> {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(error instanceof IpmiError, `an IpmiError, not ${error}`);
  return error;
}

/** A seeded generator: the same numbers on each run. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

suite('the client on a bad network', () => {
  test('gets every reply despite lost, duplicated and late packets', async (t) => {
    const roll = dice(7);
    let held: Buffer | undefined;
    const mess: Pass = (packet) => {
      const chance = roll();
      if (chance < 0.15) return [];
      if (chance < 0.25) return [packet, packet];
      if (chance > 0.9 && !held) {
        held = packet;
        return [];
      }
      const late = held ? [held] : [];
      held = undefined;
      return [packet, ...late];
    };
    const { client, chassis } = await setUp(t, { meddling: { toBmc: mess, toConsole: mess }, timings: quick });

    for (let round = 0; round < 30; round += 1) {
      const action = round % 2 ? 'power down' : 'power up';
      await client.request(chassisControl, { action });
      assert.equal((await client.request(getChassisStatus, {})).power.on, chassis.power() === 'on');
    }
  });

  test('drops replies that are altered, truncated or unsigned', async (t) => {
    const roll = dice(11);
    const forge: Pass = (packet) => {
      const changed = Buffer.from(packet);
      const at = 4 + Math.floor(roll() * (packet.length - 4));
      changed[at] = (changed[at] as number) ^ (1 << Math.floor(roll() * 8));
      // Only inside the session: packets before it are unsigned, and only the proofs reveal a changed bit.
      const isSigned = packet[5] === 0xc0;
      return isSigned ? [changed, packet.subarray(0, at), unsignedAnswers(), packet] : [packet];
    };
    const { client } = await setUp(t, { meddling: { toConsole: forge } });

    for (let round = 0; round < 20; round += 1) assert.equal((await client.request(getChassisStatus, {})).power.on, false);
  });

  test('accepts no reply twice', async (t) => {
    const replayed: Buffer[] = [];
    const replay: Pass = (packet) => {
      replayed.push(packet);
      return [...replayed.slice(0, -1), packet];
    };
    const { client, chassis } = await setUp(t, { meddling: { toConsole: replay } });

    assert.equal((await client.request(getChassisStatus, {})).power.on, false);
    await chassis.powerOn();
    assert.equal((await client.request(getChassisStatus, {})).power.on, true);
  });

  test('the BMC executes no command twice', async (t) => {
    const { client, count } = await setUp(t, { meddling: { toBmc: (packet) => [packet, packet, packet] } });

    await client.request(chassisControl, { action: 'power up' });
    await client.request(chassisControl, { action: 'hard reset' });

    assert.equal(count('Chassis Control'), 2);
  });
});

test('does not report a wrong password if the BMC counted RAKP 1 twice', async (t) => {
  let isFirst = true;
  const doubled: Pass = (packet) => {
    if (packet[5] !== 0x12 || !isFirst) return [packet];
    isFirst = false;
    const other = Buffer.from(packet);
    // With a different random number the BMC responds anew and forgets the first.
    other[24] = (other[24] as number) ^ 1;
    return [packet, other];
  };
  const { client } = await setUp(t, { meddling: { toBmc: doubled } });

  assert.equal((await client.request(getChassisStatus, {})).power.on, false);
});

test('closes a session in the BMC whose last message was lost', async (t) => {
  let isFirst = true;
  const loseRakp4: Pass = (packet) => {
    if (packet[5] !== 0x15 || !isFirst) return [packet];
    isFirst = false;
    return [];
  };
  const { client, bmc } = await setUp(t, { meddling: { toConsole: loseRakp4 }, timings: { ...calm, firstWait: 1_000 } });

  assert.equal((await client.request(getChassisStatus, {})).power.on, false);
  assert.deepEqual([isFirst, bmc.sessionCount], [false, 1]);
});

/** A forged response by somebody who knows neither session nor keys: the machine is on. */
function unsignedAnswers(): Buffer {
  const data = Buffer.of(1, 0, 0);
  return encodePlainPacket('ipmi', encodeResponse({ netFn: 0, command: 1, sequence: 1, completion: 0, data }));
}

suite('commands that must not be repeated', () => {
  test('are sent once although their reply is lost', async (t) => {
    let cut = false;
    const { client, chassis, count, heard } = await setUp(t, {
      meddling: { toConsole: (packet) => (cut ? [] : [packet]) },
      timings: { ...calm, singleWait: 60 },
    });
    await client.request(chassisControl, { action: 'power up' });
    cut = true;
    const arrived = once(heard, 'Chassis Control');

    const failure = await failureOf(client.request(chassisControl, { action: 'hard reset' }));

    await arrived;
    assert.equal(failure.failure, 'silent');
    assert.equal(count('Chassis Control'), 2);
    assert.equal(chassis.boots.length, 2);
  });

  test('are sent after a lost session is renewed', async (t) => {
    const { bmc, client, chassis } = await setUp(t, { timings: { ...quick, trusted: 0 } });
    await client.request(chassisControl, { action: 'power up' });
    bmc.restart();

    await client.request(chassisControl, { action: 'hard reset' });

    assert.equal(chassis.boots.length, 2);
  });
});

suite('sessions', () => {
  test('requests run sequentially', async (t) => {
    const { client, bmc, count } = await setUp(t);
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.request(getChassisStatus, {})));

    assert.equal(answers.length, 20);
    assert.deepEqual([count('Get Chassis Status'), bmc.sessionCount], [20, 1]);
  });

  test('an idle one is closed, and reopened when needed', async (t) => {
    const { client, bmc, heard, count } = await setUp(t, { timings: { ...calm, idle: 10 } });
    const closed = once(heard, 'Close Session');
    await client.request(getChassisStatus, {});

    await closed;
    assert.equal(bmc.sessionCount, 0);
    await client.request(getChassisStatus, {});

    assert.equal(count('Get Channel Cipher Suites'), 1, 'the cipher suite is remembered');
  });

  test('an aborted request ends at once and leaves the session usable', async (t) => {
    const { client, bmc } = await setUp(t);
    await client.request(getChassisStatus, {});
    bmc.setBmcProfile({ silent: true });
    const given = new AbortController();
    const request = client.request(getChassisStatus, {}, { signal: given.signal });
    const queued = client.request(getChassisStatus, {}, { signal: given.signal });

    given.abort(new Error('no longer wanted'));

    await assert.rejects(request, /no longer wanted/);
    await assert.rejects(queued, /no longer wanted/);
    bmc.setBmcProfile({ silent: false });
    assert.equal((await client.request(getChassisStatus, {})).power.on, false);
    assert.equal(bmc.sessionCount, 1);
  });

  test('a closed client sends nothing', async (t) => {
    const { client } = await setUp(t);
    await client.close();
    assert.equal((await failureOf(client.request(getChassisStatus, {}))).failure, 'closed');
  });

  test('reports an invalid host name', async () => {
    const names = new HostNames({ resolve: () => Promise.reject(new Error('no such name')) });
    const client = openIpmiClient({ address: 'bmc.example', port: 623, ...login }, openSharedUdp({ names }), calm);
    assert.match((await failureOf(client.request(getChassisStatus, {}))).detail, /the address can't be used/);
  });
});

test('an unresolved host name ends with the deadline', async () => {
  const never: Datagrams = { connect: () => new Promise(() => {}) };
  const client = openIpmiClient({ address: 'bmc.example', port: 623, ...login }, never, { ...quick, deadline: 20 });
  assert.equal((await failureOf(client.request(getChassisStatus, {}))).failure, 'silent');
});

suite('cipher suites', () => {
  test('asks a BMC again that lost its better suite', async (t) => {
    // The client detects a lost session early, but does not change the suite because of a late response.
    const { client, bmc } = await setUp(t, { timings: { ...calm, shortestWait: 20 } });
    await client.request(getChassisStatus, {});
    bmc.setBmcProfile({ cipherSuites: [3] });
    bmc.restart();

    const failure = await failureOf(client.request(getChassisStatus, {}));
    assert.equal(failure.failure, 'unsupported');
    assert.equal((await client.request(getChassisStatus, {})).power.on, false);
  });

  /** Responds to the cipher suite query itself and passes everything else to the BMC. */
  function listing(udp: Datagrams, page: (index: number) => Buffer): { datagrams: Datagrams; pages: () => number } {
    let pages = 0;
    const connect: Datagrams['connect'] = async (peer, receive) => {
      const socket = await udp.connect(peer, receive);
      const send = (packet: Uint8Array) => {
        const isPlain = isSessionPacket(packet) && peekSession(packet) === 0;
        const { type, payload } = isPlain ? decodePlainPacket(packet) : { type: 'ipmi', payload: undefined };
        const request = type === 'ipmi' && payload ? decodeRequest(payload) : undefined;
        if (request?.command !== getChannelCipherSuites.command) return socket.send(packet);
        const data = encode(getChannelCipherSuites.response, { channel: 1, records: page(pages++) });
        setImmediate(() => receive(encodePlainPacket('ipmi', encodeResponse({ ...request, completion: 0, data }))));
      };
      return { send, close: () => socket.close() };
    };
    return { datagrams: { connect }, pages: () => pages };
  }

  for (const [title, page, most] of [
    ['empty', () => Buffer.alloc(0), 1],
    ['garbage', () => Buffer.alloc(16, 0xff), 2],
    ['without 17 and 3', () => Buffer.of(0xc0, 1, 1, 0x40, 0x80), 1],
    ['without end', (index: number) => Buffer.alloc(16, index), 10],
  ] as const) {
    test(`ignores a list that is ${title}, and tries the supported suites`, async (t) => {
      const { bmc, clients } = await setUp(t);
      const { datagrams, pages } = listing(udp, page);
      const client = openIpmiClient({ address: '127.0.0.1', port: bmc.port, ...login }, datagrams, calm);
      clients.push(client);
      assert.equal((await client.request(getChassisStatus, {})).power.on, false);
      assert.equal(pages(), most);
    });
  }

  test('sends nothing more without a common suite', async (t) => {
    const { client, bmc } = await setUp(t);
    bmc.setBmcProfile({ cipherSuites: [] });
    assert.match(
      (await failureOf(client.request(getChassisStatus, {}))).detail,
      /accepts none of cipher suites 17, 3; it lists cipher suites \(none\)/,
    );
  });
});

test('a pool keeps one client per BMC until the credentials change', async () => {
  const pool = createIpmiClientPool({ datagrams: udp, timings: quick });
  const options = { address: '127.0.0.1', port: 1, ...login };
  const first = pool.client(options);

  assert.equal(pool.client({ ...options }), first);
  assert.notEqual(pool.client({ ...options, port: 2 }), first);
  assert.notEqual(pool.client({ ...options, password: 'other' }), first);
  await pool.close();
});
