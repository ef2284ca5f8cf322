import assert from 'node:assert/strict';
import { after, before, suite, type TestContext, test } from 'node:test';
import type { JsonObject } from '#domain/json.ts';
import { communities, type Snmpd, startSnmpd } from '#test/a-snmpd.ts';
import { aNode } from '#test/a-task.ts';
import { isInstalled } from '#tools/run-tool.ts';
import { createSnmpDriver } from './index.ts';
import { readSnmpSettings } from './properties.ts';

const reason = (await isInstalled('snmpd')) && (await isInstalled('snmpget')) ? false : 'snmpd or snmp is not installed';

const enterprise = '1.3.6.1.4.1';
const apcOutlet = `${enterprise}.318.1.1.12.3.3.1.1.4.3`;
const gudePort = `${enterprise}.28507.43.1.3.1.2.1.3.1`;

/** An APC and a Gude PDU, so that the two cords differ in family, outlet and port. */
let apc: Snmpd;
let gude: Snmpd;

const facts = (driver_info: JsonObject) => ({ ...aNode({ driver: 'snmp', driver_info }), ports: [] });

suite('a machine with power cords in two PDUs', { skip: reason }, () => {
  before(async () => {
    apc = await startSnmpd({ identity: `.${enterprise}.318.1.3.4.5`, objects: { values: { [apcOutlet]: 2 }, effects: [] } });
    gude = await startSnmpd({ identity: `.${enterprise}.28507.43`, objects: { values: { [gudePort]: 0 }, effects: [] } });
  });
  after(async () => {
    await apc?.close();
    await gude?.close();
  });

  const rows = (more: JsonObject = {}): JsonObject[] => [
    { snmp_port: apc.port, snmp_outlet: '3' },
    { snmp_port: gude.port, snmp_outlet: '1', ...more },
  ];
  const machine = (snmp_pdus: JsonObject[] | string = rows()) =>
    facts({ snmp_driver: 'auto', snmp_address: '127.0.0.1', snmp_version: '2c', snmp_community: communities.write, snmp_pdus });
  const stateOfCords = async () => [await apc.get(apcOutlet), await gude.get(gudePort)];
  const quick = { timeout: 1_000, backoff: 1, retries: 0 };
  const calm = { timeout: 10_000, backoff: 1, retries: 1 };

  function setUp(t: TestContext, timings = calm) {
    const { power, close } = createSnmpDriver({ timings });
    t.after(close);
    const notices: string[] = [];
    return { power, notices, ask: { notice: (message: string) => void notices.push(message) } };
  }

  test('is switched on and off by both', async (t) => {
    const { power, notices, ask } = setUp(t);
    const node = machine(JSON.stringify(rows()));

    await power.setPower(node, 'power on');
    assert.deepEqual(await stateOfCords(), ['1', '1']);
    assert.equal(await power.getPower(node, ask), 'power on');

    await power.setPower(node, 'power off');
    assert.deepEqual(await stateOfCords(), ['2', '0']);
    assert.equal(await power.getPower(node, ask), 'power off');
    assert.deepEqual(notices, []);
  });

  test('is on by one cord, and reports which one is off', async (t) => {
    const { power, notices, ask } = setUp(t);
    await apc.set(apcOutlet, 1);
    await gude.set(gudePort, 0);

    assert.equal(await power.getPower(machine(), ask), 'power on');

    assert.deepEqual(notices, [
      `runs on fewer power cords than configured: outlet 1 of the PDU at 127.0.0.1 (port ${gude.port}) is off`,
    ]);
  });

  test('an unreachable PDU leaves the state unknown only if the other one is off', async (t) => {
    const { power, notices, ask } = setUp(t, quick);
    // No agent listens on the discard port.
    const half = machine([...rows().slice(0, 1), { snmp_driver: 'apc', snmp_port: 9, snmp_outlet: '1' }]);
    await apc.set(apcOutlet, 1);
    assert.equal(await power.getPower(half, ask), 'power on');
    assert.match(notices.join(), /fewer power cords than configured: The PDU at 127\.0\.0\.1 \(port 9\) did not respond/);

    await assert.rejects(power.setPower(half, 'power off'), { code: 'bmcUnreachable', message: /port 9/ });

    assert.equal(await apc.get(apcOutlet), '2', 'what can be switched off is');
    await assert.rejects(power.getPower(half, ask), { code: 'bmcUnreachable' });
    assert.equal(notices.length, 1);
  });
});

suite('snmp_pdus', () => {
  const base = { snmp_driver: 'apc', snmp_address: '192.0.2.1', snmp_outlet: '3', snmp_community: 'c' };

  test('rows contain what differs', () => {
    const node = facts({ ...base, snmp_pdus: [{}, { snmp_address: '192.0.2.2' }, { snmp_outlet: '4,5', snmp_port: 1161 }] });
    const places = readSnmpSettings(node).map(({ peer, outlets }) => `${peer.address} ${peer.port} ${outlets.join(' ')}`);
    assert.deepEqual(places, ['192.0.2.1 161 3', '192.0.2.2 161 3', '192.0.2.1 1161 4 5']);
  });

  const bad: [unknown, RegExp][] = [
    ['[', /snmp_pdus must be a list of rows/],
    [{}, /snmp_pdus must be a list of rows/],
    [[], /snmp_pdus must be a list of rows/],
    [['192.0.2.2'], /snmp_pdus must be a list of rows/],
    [[{ snmp_community: 'other' }], /snmp_pdus must be a list of rows with snmp_address, snmp_port, snmp_outlet, snmp_driver/],
    [[{ snmp_outlet: '0' }], /snmp_outlet must be a number from 1/],
    [[{}, { snmp_port: 161 }], /an outlet is named twice/],
  ];
  for (const [snmp_pdus, message] of bad) {
    test(`refuses ${JSON.stringify(snmp_pdus)}`, () => {
      const node = facts({ ...base, snmp_pdus: snmp_pdus as JsonObject });
      assert.throws(() => readSnmpSettings(node), { code: 'driverInfo', message });
    });
  }

  test('rejects one outlet twice', () => {
    assert.throws(() => readSnmpSettings(facts({ ...base, snmp_outlet: '3, 3' })), { message: /an outlet is named twice/ });
  });
});
