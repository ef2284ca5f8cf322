/** The virtual BMC misbehaves as its profile says, and can stop misbehaving. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { chassisControl, getChassisStatus } from '#wire/ipmi/chassis-commands.ts';
import { openIpmiClient } from '#wire/ipmi/client.ts';
import { IpmiError } from '#wire/ipmi/ipmi-error.ts';
import { defaultTimings } from '#wire/ipmi/timings.ts';
import { openSharedUdp } from '#wire/udp/shared-udp.ts';
import { startBmc } from './bmc.ts';
import type { Chassis } from './chassis.ts';
import { createMemoryChassis } from './memory-chassis.ts';

const udp = openSharedUdp();
const timings = { ...defaultTimings, firstWait: 20, longestWait: 40, deadline: 10_000 };

async function setUp(t: TestContext, chassis: Chassis = createMemoryChassis()) {
  const errors: unknown[] = [];
  const users = [{ name: 'admin', password: 'secret' }];
  const onChassisError = (error: unknown) => void errors.push(error);
  const bmc = await startBmc({ address: '127.0.0.1', port: 0, users, chassis, onChassisError });
  const login = { user: 'admin', password: 'secret', privilege: 'administrator' } as const;
  const client = openIpmiClient({ address: '127.0.0.1', port: bmc.port, ...login }, udp, timings);
  t.after(async () => {
    await client.close();
    await bmc.close();
  });
  return { bmc, client, errors, chassis };
}

test('loses packets', async (t) => {
  const { bmc, client } = await setUp(t);
  bmc.setBmcProfile({ dropRate: 0.2 });
  for (let round = 0; round < 10; round += 1) assert.equal((await client.request(getChassisStatus, {})).power.on, false);
});

test('answers late', async (t) => {
  const { bmc, client } = await setUp(t);
  bmc.setBmcProfile({ delayMs: 10 });
  assert.equal((await client.request(getChassisStatus, {})).power.on, false);
});

test('accepts power commands without effect', async (t) => {
  const { bmc, client, chassis } = await setUp(t);
  bmc.setBmcProfile({ acceptsWithoutEffect: true });
  await client.request(chassisControl, { action: 'power up' });
  assert.equal(chassis.power(), 'off');

  bmc.setBmcProfile({ acceptsWithoutEffect: false });
  await client.request(chassisControl, { action: 'power up' });
  assert.equal(chassis.power(), 'on');
});

test('refuses what a machine cannot do while off', async (t) => {
  const { client } = await setUp(t);
  await assert.rejects(
    client.request(chassisControl, { action: 'hard reset' }),
    (error) => error instanceof IpmiError && error.completion === 0xd5,
  );
});

test('replies although its machine fails later', async (t) => {
  const chassis = { ...createMemoryChassis(), powerOn: () => Promise.reject(new Error('no QEMU')) };
  const { client, errors } = await setUp(t, chassis);

  await client.request(chassisControl, { action: 'power up' });

  assert.match(String(errors[0]), /no QEMU/);
});

const withoutPing = existsSync('/usr/bin/rmcp_ping') ? false : 'rmcp_ping is not installed (Debian package openipmi)';

test('answers an ASF ping', { skip: withoutPing }, async (t) => {
  const { bmc } = await setUp(t);
  // ipmiping runs until its time is over; one response is enough.
  const child = spawn('rmcp_ping', ['-d', '-t', '3', '-p', String(bmc.port), '127.0.0.1'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => said.push(part));
  await once(child, 'close');

  assert.match(Buffer.concat(said).toString(), /06 00 ff 06 00 00 11 be 40/);
});
