/** Many BMCs at once: how many sessions stay open and for how long, and what happens if a BMC has no free session. */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { suite, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Bmc, startBmc } from '#lab/bmc/bmc.ts';
import { createMemoryChassis } from '#lab/bmc/memory-chassis.ts';
import { openSharedUdp } from '../udp/shared-udp.ts';
import { getChassisStatus } from './chassis-commands.ts';
import { createIpmiClientPool } from './client-pool.ts';
import { IpmiError } from './ipmi-error.ts';
import { defaultTimings, type Timings } from './timings.ts';

const login = { user: 'admin', password: 'secret', privilege: 'administrator' } as const;
const quick: Timings = { ...defaultTimings, firstWait: 20, longestWait: 40, deadline: 10_000 };
/** No retransmissions, even on a slow machine. */
const calm: Timings = { ...quick, firstWait: 10_000, shortestWait: 10_000, longestWait: 10_000, deadline: 20_000 };

type Fixture = { count: number; sessions?: number; timings?: Timings; packetsPerSecond?: number };

async function setUp(t: TestContext, { count, sessions = 0, timings = calm, packetsPerSecond = 0 }: Fixture) {
  const heard = new EventEmitter();
  const start = (): Promise<Bmc> =>
    startBmc({
      address: '127.0.0.1',
      port: 0,
      users: [{ name: login.user, password: login.password }],
      chassis: createMemoryChassis(),
      onCommand: ({ command }) => heard.emit(command),
    });
  const bmcs = await Promise.all(Array.from({ length: count }, start));
  const datagrams = openSharedUdp({ packetsPerSecond });
  const pool = createIpmiClientPool({ datagrams, sessions, timings });
  t.after(async () => {
    await pool.close();
    datagrams.close();
    await Promise.all(bmcs.map((bmc) => bmc.close()));
  });
  const client = (bmc: Bmc) => pool.client({ address: '127.0.0.1', port: bmc.port, ...login });
  const openSessions = () => bmcs.map((bmc) => bmc.sessionCount);
  return { bmcs, pool, datagrams, client, openSessions, heard };
}

suite('the session budget', () => {
  test('evicts the least recently used session', async (t) => {
    const { bmcs, pool, client, openSessions } = await setUp(t, { count: 3, sessions: 2 });
    for (const at of [0, 1, 0, 2]) await client(bmcs[at] as Bmc).request(getChassisStatus, {});

    assert.deepEqual(openSessions(), [1, 0, 1]);
    assert.equal(pool.stats().sessions.open, 2);
  });

  test('all requests get replies with few sessions open at once', async (t) => {
    const { bmcs, pool, client, datagrams } = await setUp(t, { count: 20, sessions: 3, packetsPerSecond: 2_000 });
    let most = 0;
    const answers = await Promise.all(
      bmcs.map(async (bmc) => {
        const { power } = await client(bmc).request(getChassisStatus, {});
        most = Math.max(most, pool.stats().sessions.open);
        return power.on;
      }),
    );

    assert.deepEqual([answers.length, most], [20, 3]);
    assert.equal(datagrams.stats().sockets, 8);
  });

  test('reports why a request got no session in time', async (t) => {
    const timings = { ...quick, deadline: 1_000 };
    const { bmcs, client } = await setUp(t, { count: 2, sessions: 1, timings });
    const [busy, other] = bmcs as [Bmc, Bmc];
    await client(busy).request(getChassisStatus, {});
    busy.setBmcProfile({ silent: true });
    const ask = (bmc: Bmc) => client(bmc).request(getChassisStatus, {}, { background: true });
    const holding = ask(busy);
    // It is queued behind the first one, so the session is still in use when the other one's deadline passes.
    const holdingOn = pause(timings.deadline / 2).then(() => ask(busy));

    const [refused] = await Promise.allSettled([ask(other), holding, holdingOn]);

    const reason = refused.status === 'rejected' ? refused.reason : undefined;
    assert.ok(reason instanceof IpmiError);
    assert.match(reason.message, /all 1 sessions .*ipmi\.sessions/);
    assert.equal(reason.failure, 'limit');
  });

  test('closing leaves no session', async (t) => {
    const { bmcs, pool, client, openSessions } = await setUp(t, { count: 10 });
    await Promise.all(bmcs.map((bmc) => client(bmc).request(getChassisStatus, {})));
    assert.deepEqual(new Set(openSessions()), new Set([1]));

    await pool.close();

    assert.deepEqual(new Set(openSessions()), new Set([0]));
    assert.equal(pool.stats().sessions.open, 0);
  });
});

suite('idle sessions', () => {
  test('are kept alive while in occasional use, and closed afterwards', async (t) => {
    const timings = { ...calm, keepAlive: 20, idle: 1_000 };
    const { bmcs, client, heard, openSessions } = await setUp(t, { count: 1, timings });
    const kept = once(heard, 'Get Device ID');
    const closed = once(heard, 'Close Session');

    await client(bmcs[0] as Bmc).request(getChassisStatus, {});

    await kept;
    await closed;
    assert.deepEqual(openSessions(), [0]);
  });

  test('a lost one is detected without an error', async (t) => {
    const { bmcs, client, heard, pool } = await setUp(t, { count: 1, timings: { ...quick, keepAlive: 10 } });
    const [bmc] = bmcs as [Bmc];
    await client(bmc).request(getChassisStatus, {});
    await once(heard, 'Get Device ID');
    bmc.restart();
    while (pool.stats().sessions.open > 0) await new Promise((resolve) => setImmediate(resolve));

    assert.equal((await client(bmc).request(getChassisStatus, {})).power.on, false);
  });
});

suite('a BMC without a free session', () => {
  const timings = { ...quick, deadline: 500, sessionWait: 10_000 };

  test('is retried: sessions of a killed process expire', async (t) => {
    const { bmcs, client } = await setUp(t, { count: 1, timings });
    const [bmc] = bmcs as [Bmc];
    bmc.setBmcProfile({ sessionLimit: 0 });
    const answer = client(bmc).request(getChassisStatus, {});
    await pause(2 * timings.deadline);

    bmc.setBmcProfile({ sessionLimit: 1 });

    assert.equal((await answer).power.on, false);
  });

  test('is not retried once the request has been aborted or has timed out', async (t) => {
    const { bmcs, client } = await setUp(t, { count: 1, timings });
    const [bmc] = bmcs as [Bmc];
    bmc.setBmcProfile({ sessionLimit: 0 });

    const asked = client(bmc).request(getChassisStatus, {}, { background: true });

    await assert.rejects(asked, (error) => error instanceof IpmiError && /insufficient resources/.test(error.detail));
  });

  test('is not retried after an abort', async (t) => {
    const { bmcs, client } = await setUp(t, { count: 1, timings });
    const [bmc] = bmcs as [Bmc];
    bmc.setBmcProfile({ sessionLimit: 0 });
    const given = new AbortController();
    const asked = client(bmc).request(getChassisStatus, {}, { signal: given.signal });
    await pause(2 * timings.deadline);

    given.abort(new Error('no longer wanted'));

    await assert.rejects(asked, /no longer wanted/);
  });
});

test('learns and reports latency', async (t) => {
  const { bmcs, client } = await setUp(t, { count: 1 });
  const [bmc] = bmcs as [Bmc];
  assert.equal(client(bmc).latencyMs, undefined);
  await client(bmc).request(getChassisStatus, {});

  assert.ok((client(bmc).latencyMs ?? 0) > 0);
});
