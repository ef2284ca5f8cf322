/** A real farm on loopback addresses, queried by ipmitool. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { withoutIpmitool } from '#test/captures/ipmi-sim.ts';
import { connectFarm, type Farm, type FarmMachine, type FarmOptions, farmFile, startFarm } from './farm.ts';
import { planFarm } from './farm-plan.ts';

/** Ports that need no root, and separate addresses for each test. */
const port = 16_230;
let farms = 0;

function place(t: TestContext): FarmOptions & { stateDir: string } {
  farms += 1;
  const stateDir = mkdtempSync(join(tmpdir(), 'ingot-farm-'));
  t.after(() => rmSync(stateDir, { recursive: true }));
  return { stateDir, port, firstAddress: `127.${100 + farms}.${process.pid % 250}.1` };
}

async function aFarm(t: TestContext, options: FarmOptions): Promise<Farm> {
  const farm = await startFarm({ ...place(t), ...options });
  t.after(() => farm.stop());
  return farm;
}

async function powerOf({ address, user, password }: FarmMachine): Promise<string> {
  const args = ['-I', 'lanplus', '-N', '10', '-R', '1', '-H', address, '-p', String(port), '-U', user, '-E', 'power', 'status'];
  const env = { ...process.env, IPMI_PASSWORD: password };
  const { stdout } = await promisify(execFile)('ipmitool', args, { env });
  return stdout.includes('is on') ? 'on' : 'off';
}

test('every machine has an address and a profile, the same again for the same seed', () => {
  const options = { count: 600, profiles: { slow: 0.1, dead: 0.05 }, seed: 7, redfish: 2, firstAddress: '127.9.0.250' };

  const { machines } = planFarm(options);

  const count = (name: string) => machines.filter(({ profile }) => profile === name).length;
  assert.deepEqual([count('slow'), count('dead'), count('default')], [60, 30, 510]);
  assert.equal(new Set(machines.map(({ address }) => address)).size, 600);
  assert.ok(machines.every(({ address }) => !/\.(0|255)$/.test(address)));
  assert.deepEqual(
    machines.slice(4, 6).map(({ address }) => address),
    ['127.9.0.254', '127.9.1.1'],
  );
  assert.deepEqual(
    machines.slice(0, 3).map(({ redfish }) => redfish),
    ['http://127.9.0.250:8000', 'http://127.9.0.251:8000', null],
  );
  const drawn = (seed: number) => planFarm({ ...options, seed }).machines.map(({ profile, power }) => `${profile} ${power}`);
  assert.deepEqual(drawn(7), drawn(7));
  assert.notDeepEqual(drawn(7), drawn(8));
});

test('rejects an invalid configuration by name', () => {
  assert.throws(() => planFarm({ count: 0 }), /count must be a whole number from 1/);
  assert.throws(() => planFarm({ profiles: { polite: 1 } }), /no profile 'polite'; there are .*slow/);
  assert.throws(() => planFarm({ profiles: { slow: 0.6, dead: 0.6 } }), /more than the whole/);
  assert.throws(() => planFarm({ firstAddress: '10.0.0.1' }), /127\.0\.0\.0\/8/);
  assert.throws(() => planFarm({ count: 10, firstAddress: '127.255.255.250' }), /leave 127/);
});

test('answers ipmitool, shows external changes, and counts commands', { skip: withoutIpmitool }, async (t) => {
  const farm = await aFarm(t, { count: 8 });
  const [machine] = farm.machines as [FarmMachine];
  assert.equal(await powerOf(machine), machine.power);

  const flipped = await farm.flip(8);

  const truth = await farm.powers();
  assert.deepEqual(flipped, truth);
  assert.notEqual(truth[machine.name], machine.power);
  assert.equal(await powerOf(machine), truth[machine.name]);
  const { machines, logins, commands, sessions, by_profile } = await farm.counters();
  assert.deepEqual([machines, logins, sessions], [8, 2, 0]);
  assert.ok(commands >= 4);
  assert.equal(by_profile['default']?.commands, commands);
  assert.equal(statSync(farmFile(farm.record.state_dir)).mode & 0o777, 0o600);
});

test('changes a profile while it runs', { skip: withoutIpmitool }, async (t) => {
  const farm = await aFarm(t, { count: 2, profiles: { 'refuses-password': 1 } });
  const [machine] = farm.machines as [FarmMachine];
  await assert.rejects(powerOf(machine));

  await farm.setBmcProfile([machine.name], { profile: 'default' });

  assert.equal(await powerOf(machine), machine.power);
  await assert.rejects(farm.setBmcProfile('all', { polite: true }), /no 'polite'/);
});

test('some machines also speak Redfish', async (t) => {
  const farm = await aFarm(t, { count: 2, redfish: 1, redfishPort: 18_230 });
  const [machine, other] = farm.machines as [FarmMachine, FarmMachine];
  assert.equal(other.redfish, null);
  const authorization = `Basic ${Buffer.from(`${machine.user}:${machine.password}`).toString('base64')}`;

  const flipped = await farm.flip(2);
  const reply = await fetch(`${machine.redfish}/redfish/v1/Systems/1`, { headers: { authorization } });

  const { PowerState } = (await reply.json()) as { PowerState: string };
  assert.equal(PowerState.toLowerCase(), flipped[machine.name]);
  const { requests, commands } = await farm.counters();
  assert.deepEqual([requests, commands], [1, 0]);
});

test('a farm ends with its owner, even if killed, and after its time', async (t) => {
  const options = place(t);
  const program = `
    import { startFarm } from '${new URL('farm.ts', import.meta.url)}';
    const farm = await startFarm(${JSON.stringify({ ...options, count: 3 })});
    console.log('up');`;
  const args = ['--input-type=module', '--disable-warning=ExperimentalWarning', '-e', program];
  const owner = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(createInterface({ input: owner.stdout }), 'line');
  const farm = await connectFarm(options.stateDir);
  const down = new Promise<void>((resolve) => farm?.whenDown(resolve));
  owner.kill('SIGKILL');
  await down;

  const brief = await startFarm({ ...options, count: 3, seconds: 1 });
  await new Promise<void>((resolve) => brief.whenDown(resolve));
  assert.equal(await connectFarm(options.stateDir), undefined);
});

test('two farms cannot share an address', async (t) => {
  const options = place(t);
  const farm = await startFarm({ ...options, count: 2 });
  t.after(() => farm.stop());
  await assert.rejects(startFarm({ ...options, count: 2 }), /a farm runs already/);
  await assert.rejects(startFarm({ ...options, ...{ stateDir: place(t).stateDir }, count: 2 }), /EADDRINUSE/);
});
