/** IPMI 1.5 with MD5: our client with OpenIPMI's simulator and with the virtual BMC, ipmitool with the virtual BMC. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { suite, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { startBmc } from '#lab/bmc/bmc.ts';
import { createMemoryChassis } from '#lab/bmc/memory-chassis.ts';
import { startIpmiSim, withoutIpmiSim, withoutIpmitool } from '#test/captures/ipmi-sim.ts';
import { startUdpRelay } from '#test/captures/udp-relay.ts';
import { openSharedUdp } from '../udp/shared-udp.ts';
import { chassisControl, getChassisStatus } from './chassis-commands.ts';
import { type IpmiClientOptions, openIpmiClient } from './client.ts';
import { IpmiError } from './ipmi-error.ts';
import { defaultTimings } from './timings.ts';

const run = promisify(execFile);
const login = { user: 'admin', password: 'secret', privilege: 'administrator', version: '1.5' } as const;
const timings = { ...defaultTimings, firstWait: 50, longestWait: 100, deadline: 10_000 };

function connect(t: TestContext, port: number, changes: Partial<IpmiClientOptions> = {}) {
  const client = openIpmiClient({ address: '127.0.0.1', port, ...login, ...changes }, openSharedUdp(), timings);
  t.after(() => client.close());
  return client;
}

async function startLegacyBmc(t: TestContext) {
  const users = [
    { name: login.user, password: login.password },
    { name: 'watcher', password: 'secret', privilege: 'user' },
  ] as const;
  const profile = { ipmiVersions: ['1.5' as const] };
  const bmc = await startBmc({ address: '127.0.0.1', port: 0, users, chassis: createMemoryChassis(), profile });
  t.after(() => bmc.close());
  return bmc;
}

async function failureOf(promise: Promise<unknown>): Promise<IpmiError> {
  const error = await promise.catch((error: unknown) => error);
  assert.ok(error instanceof IpmiError, `an IpmiError, not ${error}`);
  return error;
}

suite("IPMI 1.5 with OpenIPMI's simulator", { skip: withoutIpmiSim }, () => {
  test('switches the machine and reads its state', async (t) => {
    const sim = await startIpmiSim();
    t.after(() => sim.close());
    const client = connect(t, sim.port);

    await client.request(chassisControl, { action: 'power up' });

    assert.equal((await client.request(getChassisStatus, {})).power.on, true);
    assert.ok((await sim.actions()).includes('set power 1'));
    const wrong = await failureOf(connect(t, sim.port, { password: 'wrong' }).request(getChassisStatus, {}));
    assert.deepEqual([wrong.failure, /password/.test(wrong.detail)], ['refused', true]);
    const unknown = await failureOf(connect(t, sim.port, { user: 'nobody' }).request(getChassisStatus, {}));
    assert.deepEqual([unknown.failure, /name/.test(unknown.detail)], ['refused', true]);
  });
});

suite('IPMI 1.5 with the virtual BMC', () => {
  test('gets its replies despite lost packets, and no forged ones', async (t) => {
    const bmc = await startLegacyBmc(t);
    bmc.setBmcProfile({ dropRate: 0.1 });
    const relay = await startUdpRelay(bmc.port, (packet, direction) => {
      if (direction === 'to-bmc') return [packet, packet];
      const forged = Buffer.from(packet);
      forged[forged.length - 2] = (forged[forged.length - 2] as number) ^ 1;
      return packet[4] === 2 ? [forged, packet] : [packet];
    });
    t.after(() => relay.close());
    const client = connect(t, relay.port);

    for (let round = 0; round < 20; round += 1) {
      const action = round % 2 ? 'power down' : 'power up';
      await client.request(chassisControl, { action });
      assert.equal((await client.request(getChassisStatus, {})).power.on, action === 'power up');
    }
  });

  test('signs every packet of the session', async (t) => {
    const bmc = await startLegacyBmc(t);
    const relay = await startUdpRelay(bmc.port);
    t.after(() => relay.close());
    await connect(t, relay.port).request(getChassisStatus, {});

    const inSession = relay.passed.filter(({ packet }) => packet.readUInt32LE(9) !== 0);

    assert.ok(inSession.length >= 6);
    for (const { packet } of inSession) assert.equal(packet[4], 2);
    for (const { packet } of relay.passed) assert.equal(packet.includes('secret'), false);
  });

  test('reports what is wrong', async (t) => {
    const bmc = await startLegacyBmc(t);
    const failed = (changes: Partial<IpmiClientOptions>) =>
      failureOf(connect(t, bmc.port, changes).request(getChassisStatus, {}, { background: true }));
    assert.equal((await failed({ password: 'wrong' })).failure, 'refused');
    const tooHigh = await failed({ user: 'watcher' });
    assert.equal(tooHigh.failure, 'privilege');
    // https://github.com/kontron/python-ipmi/pull/168
    assert.match(tooHigh.detail, /beyond the limit.*needs ipmi_priv_level/);
    assert.match((await failed({ version: '2.0' })).detail, /does not speak IPMI 2\.0/);
    bmc.setBmcProfile({ sessionLimit: 0 });
    assert.match((await failed({})).detail, /no session slot is free/);
    bmc.setBmcProfile({ ipmiVersions: ['2.0'], sessionLimit: 4 });
    assert.match((await failed({})).detail, /no MD5 authentication/);
  });

  test('times out without a free session, however often the BMC replies', async (t) => {
    const bmc = await startLegacyBmc(t);
    bmc.setBmcProfile({ sessionLimit: 0 });
    const short = { ...timings, deadline: 1_000 };
    const client = openIpmiClient({ address: '127.0.0.1', port: bmc.port, ...login }, openSharedUdp(), short);
    t.after(() => client.close());

    for (let round = 0; round < 3; round += 1)
      assert.match(
        (await failureOf(client.request(getChassisStatus, {}, { background: true }))).detail,
        /no session slot is free/,
      );
  });

  test('works with ipmitool -I lan', { skip: withoutIpmitool }, async (t) => {
    const bmc = await startLegacyBmc(t);
    const peer = ['-I', 'lan', '-A', 'MD5', '-H', '127.0.0.1', '-p', String(bmc.port), '-U', login.user, '-P', login.password];
    const ipmitool = async (command: string) => (await run('ipmitool', [...peer, ...command.split(' ')])).stdout;

    assert.match(await ipmitool('power on'), /Up\/On/);
    assert.match(await ipmitool('power status'), /is on/);
    assert.match(await ipmitool('mc info'), /IPMI Version +: 2.0/);
    assert.match(await ipmitool('channel authcap 1 4'), /IPMI v1\.5 +auth types +: MD5 $/m);
    assert.equal(bmc.sessionCount, 0);
    await assert.rejects(run('ipmitool', [...peer.slice(0, -1), 'wrong', '-R', '1', 'power', 'status']));
  });
});
