import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { Fault, type FaultCode } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { type BmcCommandReport, startBmc } from '#lab/bmc/bmc.ts';
import { createMemoryChassis } from '#lab/bmc/memory-chassis.ts';
import { defaultTimings } from '#wire/ipmi/timings.ts';
import type { NodeFacts } from '../interfaces.ts';
import { createIpmiDriver, type RawPolicy } from './index.ts';

async function setUp(t: TestContext, rawCommands?: RawPolicy) {
  const commands: BmcCommandReport[] = [];
  const users = [{ name: 'admin', password: 'secret' }];
  const bmc = await startBmc({
    address: '127.0.0.1',
    port: 0,
    users,
    chassis: createMemoryChassis(),
    onCommand: (report) => void commands.push(report),
  });
  // No retransmissions, even on a slow machine.
  const timings = { ...defaultTimings, firstWait: 10_000, shortestWait: 10_000, longestWait: 10_000, singleWait: 10_000 };
  const driver = createIpmiDriver({ timings, ...(rawCommands && { rawCommands }) });
  t.after(async () => {
    await driver.close();
    await bmc.close();
  });
  const driver_info = { ipmi_address: '127.0.0.1', ipmi_port: bmc.port, ipmi_username: 'admin', ipmi_password: 'secret' };
  const node: NodeFacts = {
    id: 1,
    uuid: '5f1f7c2e-0c7e-4b7e-9a4e-2f7f5b1d0001',
    name: 'n1',
    driver: 'ipmi',
    driver_info,
    properties: {},
    extra: {},
    power_state: null,
    ports: [],
  };
  const run = async (method: string, parameters: JsonObject) => driver.vendor.methods[method]?.run(node, parameters);
  return { run, commands };
}

function faultOf(code: FaultCode, text: RegExp) {
  return (error: unknown) => error instanceof Fault && error.code === code && text.test(error.message);
}

suite('send_raw', () => {
  test('is refused unless the setting allows it, before anything is sent', async (t) => {
    const { run, commands } = await setUp(t);
    await assert.rejects(
      run('send_raw', { raw_bytes: '0x00 0x01' }),
      faultOf('forbidden', /0x00 0x01 was not sent.*ipmi\.raw_commands/),
    );
    assert.deepEqual(commands, []);
  });

  test('allows only reads if so configured', async (t) => {
    const { run } = await setUp(t, 'read');
    assert.deepEqual(await run('send_raw', { raw_bytes: '0x00 0x01' }), { command: '0x00 0x01', response: '0x00 0x00 0x40' });
    await assert.rejects(run('send_raw', { raw_bytes: '0x00 0x02 0x01' }), faultOf('forbidden', /known to change nothing/));
  });

  test('sends any command if all are allowed, and reports a completion code', async (t) => {
    const { run } = await setUp(t, 'all');
    await run('send_raw', { raw_bytes: '0 2 1' });
    assert.match(JSON.stringify(await run('send_raw', { raw_bytes: '0x00 0x01' })), /"response":"0x01 /);
    await assert.rejects(run('send_raw', { raw_bytes: '0x3e 0x7f' }), faultOf('bmcUnsupported', /completion code C1h/));
  });

  const wrong: Record<string, JsonObject> = {
    nothing: {},
    'a list': { raw_bytes: [0, 1] },
    'one byte': { raw_bytes: '0x00' },
    'a byte that is none': { raw_bytes: '0x00 0x100' },
    'a word': { raw_bytes: '0x00 on' },
    'a response': { raw_bytes: '0x01 0x01' },
    'too much': { raw_bytes: Array(300).fill('0x00').join(' ') },
    'an unknown parameter': { raw_bytes: '0x00 0x01', bridge: '1' },
  };
  for (const [name, parameters] of Object.entries(wrong)) {
    test(`refuses ${name}`, async (t) => {
      const { run, commands } = await setUp(t, 'all');
      await assert.rejects(run('send_raw', parameters), faultOf('badRequest', /raw_bytes|request|parameter/));
      assert.deepEqual(commands, []);
    });
  }
});

for (const [parameters, reset, command] of [
  [{}, 'warm', 'Warm Reset'],
  [{ warm: false }, 'cold', 'Cold Reset'],
] as const) {
  test(`bmc_reset restarts the BMC ${reset}`, async (t) => {
    const { run, commands } = await setUp(t);

    assert.deepEqual(await run('bmc_reset', parameters), { reset });

    const resets = commands.filter((report) => /Reset$/.test(report.command)).map((report) => report.command);
    assert.deepEqual(resets, [command]);
  });
}

test('bmc_reset rejects an invalid kind', async (t) => {
  const { run } = await setUp(t);
  await assert.rejects(run('bmc_reset', { warm: 'maybe' }), faultOf('badRequest', /true or false/));
});

suite('set_lan', () => {
  const wanted = { address_source: 'static', address: '192.0.2.9', netmask: '255.255.255.0', gateway: '192.0.2.1', vlan: 42 };

  test('is refused unless the setting allows all', async (t) => {
    const { run, commands } = await setUp(t, 'read');
    await assert.rejects(run('set_lan', wanted), faultOf('forbidden', /ipmi\.raw_commands/));
    assert.deepEqual(commands, []);
  });

  test('sets values, reads them back, and states what to change in the node', async (t) => {
    const { run, commands } = await setUp(t, 'all');

    const { lan, ...outcome } = (await run('set_lan', wanted)) as JsonObject;

    assert.deepEqual(outcome, {
      changed: ['netmask', 'gateway', 'address', 'vlan'].filter((name) => (outcome['changed'] as string[]).includes(name)),
      verified: true,
      advice: 'set ipmi_address in driver_info to 192.0.2.9 (it is 127.0.0.1)',
    });
    const { address, netmask, gateway, vlan, address_source } = lan as JsonObject;
    assert.deepEqual({ address, netmask, gateway, vlan, address_source }, wanted);
    const sets = commands.filter(({ command }) => command === 'Set LAN Configuration Parameters').length;
    assert.deepEqual(await run('set_lan', wanted), { changed: [], verified: true, lan });
    assert.equal(commands.filter(({ command }) => command === 'Set LAN Configuration Parameters').length, sets);
  });

  test('removes the VLAN', async (t) => {
    const { run } = await setUp(t, 'all');
    await run('set_lan', { vlan: 7 });
    const { lan, advice } = (await run('set_lan', { vlan: null })) as JsonObject;
    assert.equal((lan as JsonObject)['vlan'], null);
    assert.match(String(advice), /another VLAN/);
  });

  const senseless: Record<string, JsonObject> = {
    nothing: {},
    'an unknown setting': { hostname: 'bmc' },
    'an address that is none': { address: '192.0.2.256' },
    'a mask with a hole': { netmask: '255.0.255.0' },
    'a VLAN that is none': { vlan: 4095 },
    'a source that is none': { address_source: 'other' },
    'an address for who asks others': { address_source: 'dhcp', address: '192.0.2.9' },
  };
  for (const [name, parameters] of Object.entries(senseless)) {
    test(`refuses ${name}`, async (t) => {
      const { run, commands } = await setUp(t, 'all');
      await assert.rejects(run('set_lan', parameters), faultOf('badRequest', /./));
      assert.ok(!commands.some(({ command }) => command.startsWith('Set LAN')));
    });
  }
});
