import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { type IpmiSim, startIpmiSim, withoutIpmiSim } from '#test/captures/ipmi-sim.ts';
import { decode, encode } from '../bytes/fields.ts';
import { openSharedUdp } from '../udp/shared-udp.ts';
import { getDeviceId } from './app-commands.ts';
import {
  bootDevices,
  bootFlags,
  bootParameters,
  chassisControl,
  getBootOptions,
  getChassisStatus,
  setBootOptions,
} from './chassis-commands.ts';
import { type IpmiClient, openIpmiClient } from './client.ts';
import { IpmiError } from './ipmi-error.ts';
import { defaultTimings } from './timings.ts';

const login = { user: 'admin', password: 'secret', privilege: 'administrator' } as const;
const udp = openSharedUdp();
const timings = { ...defaultTimings, firstWait: 100 };

suite("the client with OpenIPMI's simulator", { skip: withoutIpmiSim }, () => {
  let sim: IpmiSim;
  let client: IpmiClient;
  const connect = (changes: object = {}) =>
    openIpmiClient({ address: '127.0.0.1', port: sim.port, ...login, ...changes }, udp, timings);

  before(async () => {
    sim = await startIpmiSim();
    client = connect();
  });
  after(async () => {
    await client?.close();
    await sim?.close();
  });

  test('selects a cipher suite and reads the identity', async () => {
    const identity = await client.request(getDeviceId, {});

    assert.equal(identity.manufacturer, 0x1291);
    assert.equal(identity.product, 0x0f02);
    assert.deepEqual(identity.ipmiVersion, { major: 2, minor: 0 });
  });

  test('switches the machine on and off', async () => {
    await client.request(chassisControl, { action: 'power up' });
    assert.equal((await client.request(getChassisStatus, {})).power.on, true);

    await client.request(chassisControl, { action: 'power down' });
    assert.equal((await client.request(getChassisStatus, {})).power.on, false);

    const actions = (await sim.actions()).filter((line) => line.startsWith('set'));
    // When the simulator responds late, it receives a command twice.
    const changes = actions.filter((line, at) => line !== actions[at - 1]);
    assert.deepEqual(changes, ['set power 1', 'set power 0']);
  });

  test('sets the boot device', async () => {
    const flags = {
      validity: { valid: true, persistent: false, uefi: false },
      selection: { device: bootDevices.pxe, clearCmos: false, lockKeyboard: false, blankScreen: false, lockReset: false },
      console: 0,
      mux: 0,
      instance: 0,
    };
    const parameter = { number: bootParameters.bootFlags, invalid: false };

    await client.request(setBootOptions, { parameter, data: encode(bootFlags, flags) });

    const { data } = await client.request(getBootOptions, { parameter: { number: 5 }, set: 0, block: 0 });
    assert.equal(decode(bootFlags, data, 'boot flags').selection.device, bootDevices.pxe);
    assert.ok((await sim.actions()).includes('set boot pxe'));
  });

  test('reports the completion code of a rejected command', async () => {
    const query = { parameter: { number: 127 }, set: 0, block: 0 };

    const failed = await client.request(getBootOptions, query).catch((error: unknown) => error);

    assert.ok(failed instanceof IpmiError);
    assert.equal(failed.failure, 'completion');
    assert.match(failed.detail, /completion code [0-9A-F]{2}h \(.+\)/);
  });

  test('distinguishes a wrong password from a BMC that does not respond', async () => {
    const wrong = connect({ password: 'not-the-secret' });
    const failed = await wrong.request(getChassisStatus, {}).catch((error: unknown) => error);
    await wrong.close();

    assert.ok(failed instanceof IpmiError);
    assert.equal(failed.failure, 'refused');
    assert.doesNotMatch(failed.message, /secret|admin/);
  });

  test('reports an unknown user', async () => {
    const unknown = connect({ user: 'nobody' });
    const failed = await unknown.request(getChassisStatus, {}).catch((error: unknown) => error);
    await unknown.close();

    assert.ok(failed instanceof IpmiError);
    assert.equal(failed.failure, 'refused');
    assert.match(failed.detail, /name/);
  });

  test('reports that the requested cipher suite is not available', async () => {
    const strict = connect({ cipherSuite: 17 });
    const failed = await strict.request(getChassisStatus, {}).catch((error: unknown) => error);
    await strict.close();

    assert.ok(failed instanceof IpmiError);
    assert.equal(failed.failure, 'unsupported');
    assert.match(failed.detail, /17/);
  });
});
