import assert from 'node:assert/strict';
import { after, before, suite, type TestContext, test } from 'node:test';
import type { JsonObject } from '#domain/json.ts';
import type { PduObjects } from '#test/a-pdu-agent.ts';
import { communities, type Snmpd, snmpdUsers, startSnmpd } from '#test/a-snmpd.ts';
import { aNode } from '#test/a-task.ts';
import { isInstalled } from '#tools/run-tool.ts';
import type { Datagrams } from '#wire/udp/datagrams.ts';
import { HostNames } from '#wire/udp/host-names.ts';
import { openSharedUdp } from '#wire/udp/shared-udp.ts';
import type { NodeFacts } from '../interfaces.ts';
import { createSnmpDriver } from './index.ts';
import { readSnmpSettings } from './properties.ts';

const reason = (await isInstalled('snmpd')) && (await isInstalled('snmpget')) ? false : 'snmpd or snmp is not installed';
const skip = { skip: reason };
/** Timeouts for which a slow PDU does not count as unreachable. */
const calm = { timeout: 10_000, backoff: 1, retries: 1 };
const quick = { timeout: 200, backoff: 1.5, retries: 1 };

const facts = (driver_info: JsonObject, changes = {}): NodeFacts => ({
  ...aNode({ driver: 'snmp', driver_info, ...changes }),
  ports: [],
});

const enterprise = '1.3.6.1.4.1';
const rackPdu = `${enterprise}.318.1.1.12.3.3.1.1.4`;

/** Objects of outlet 3 (off) of each PDU, and the effect of commands: written from the MIBs, not from our table. */
const outlets: Record<string, { outlet?: string; values: Record<string, number>; effects?: PduObjects['effects'] }> = {
  apc_masterswitch: { values: { [`${enterprise}.318.1.1.4.4.2.1.3.3`]: 2 } },
  apc_masterswitchplus: { values: { [`${enterprise}.318.1.1.6.5.1.1.5.1.3`]: 3 } },
  apc_rackpdu: { values: { [`${rackPdu}.3`]: 2 } },
  apc_rackpdu2: { values: { [`${enterprise}.318.1.1.26.9.2.4.1.5.3`]: 2 } },
  aten: { values: { [`${enterprise}.21317.1.3.2.2.2.2.4.0`]: 1 } },
  baytech_mrp27: { values: { [`${enterprise}.4779.1.3.5.3.1.3.1.3`]: 0 } },
  avocent_pm: stateAndAction(`${enterprise}.10418.17.2.5.5.1`, { state: '5.1.1.3', action: '6.1.1.3', on: [2, 2], off: [3, 1] }),
  cyberpower: stateAndAction(`${enterprise}.3808.1.1.3.3`, { state: '5.1.1.4.3', action: '3.1.1.4.3', on: [1, 1], off: [2, 2] }),
  cyberpower_epdu2: stateAndAction(`${enterprise}.3808.1.1.6.6.1`, {
    state: '4.1.5.3',
    action: '5.1.5.3',
    on: [1, 1],
    off: [2, 2],
  }),
  dataprobe_ibootpdu: stateAndAction(`${enterprise}.1418.6.5.1`, { state: '7.2', action: '5.2', on: [1, 1], off: [0, 0] }),
  dell_rpdu: stateAndAction(`${enterprise}.674.10903.200.2.200.130.1`, {
    state: '2.1.4.3',
    action: '4.1.4.3',
    on: [1, 1],
    off: [2, 2],
  }),
  eaton_nlogic: stateAndAction(`${enterprise}.534.7.1.5.2.1`, { state: '1.1.3', action: '10.1.3', on: [2, 2], off: [1, 1] }),
  eaton_revelation: { values: { [`${enterprise}.534.6.6.6.1.2.2.1.3.2`]: 0 } },
  eatonpower: {
    outlet: '2.3',
    values: Object.fromEntries([2, 3, 4].map((column) => [`${enterprise}.534.6.6.7.6.6.1.${column}.2.3`, column === 2 ? 0 : -1])),
    effects: [
      { oid: `${enterprise}.534.6.6.7.6.6.1.3.2.3`, value: 0, becomes: { [`${enterprise}.534.6.6.7.6.6.1.2.2.3`]: 0 } },
      { oid: `${enterprise}.534.6.6.7.6.6.1.4.2.3`, value: 0, becomes: { [`${enterprise}.534.6.6.7.6.6.1.2.2.3`]: 1 } },
    ],
  },
  enlogic: stateAndAction(`${enterprise}.38446.1.5`, { state: '4.1.4.1.3', action: '5.1.4.1.3', on: [2, 1], off: [1, 0] }),
  hpe_pdu2: hpePdu(`${enterprise}.232.165.7.5.2.1`, '0.3'),
  hpe_pdu3: hpePdu(`${enterprise}.232.165.11.5.2.1`, '1.3'),
  liebert_mpx: {
    outlet: '1.2.3',
    ...stateAndAction(`${enterprise}.476.1.42.3.8.50.20.1`, { state: '95.1.2.3', action: '100.1.2.3', on: [1, 2], off: [0, 1] }),
  },
  panduit_g5: stateAndAction(`${enterprise}.19536.10.1.5.2.1`, { state: '1.1.3', action: '10.1.3', on: [2, 2], off: [1, 1] }),
  raritan_pdu: { values: { [`${enterprise}.13742.4.1.2.2.1.3.3`]: 0 } },
  raritan_pdu2: stateAndAction(`${enterprise}.13742.6.4.1.2.1`, { state: '3.1.3', action: '2.1.3', on: [1, 7], off: [0, 8] }),
  rnx_updu: stateAndAction(`${enterprise}.55108.1.4.1.1`, { state: '4.1.3', action: '3.1.3', on: [1, 1], off: [0, 0] }),
  servertech_sentry3: stateAndAction(`${enterprise}.1718.3.2.3.1`, {
    state: '5.1.1.3',
    action: '11.1.1.3',
    on: [1, 1],
    off: [2, 0],
  }),
  servertech_sentry4: stateAndAction(`${enterprise}.1718.4.1.8`, {
    state: '3.1.1.1.1.3',
    action: '5.1.2.1.1.3',
    on: [1, 1],
    off: [2, 2],
  }),
  teltronix: { values: { [`${enterprise}.23620.1.2.2.1.4.3`]: 1 } },
  tripplite: stateAndAction(`${enterprise}.850.1.1.3.2.3.3.1.1`, { state: '4.1.3', action: '6.1.3', on: [2, 2], off: [1, 1] }),
  vertivgeist_pdu: stateAndAction(`${enterprise}.21239.5.2.3.5.1`, { state: '4.3', action: '6.3', on: [2, 1], off: [4, 2] }),
  wti_plug: stateAndAction(`${enterprise}.2634.3.100.200.1`, { state: '3.3', action: '4.3', on: [5, 1], off: [6, 0] }),
};

/** Two objects, each set to a delay in seconds; in transition the state is 3 (still on) and 4 (still off). */
function hpePdu(stem: string, outlet: string) {
  const effect = (column: number, after: number) => ({
    oid: `${stem}.${column}.${outlet}`,
    value: 0,
    becomes: { [`${stem}.1.${outlet}`]: after },
  });
  const values = { [`${stem}.1.${outlet}`]: 4, [`${stem}.2.${outlet}`]: -1, [`${stem}.3.${outlet}`]: -1 };
  return { values, effects: [effect(2, 1), effect(3, 2)] };
}

type Pairs = { state: string; action: string; on: readonly [number, number]; off: readonly [number, number] };

/** Writing the action object sets the state object. */
function stateAndAction(stem: string, { state, action, on, off }: Pairs) {
  const effect = ([value, after]: readonly [number, number]) => ({
    oid: `${stem}.${action}`,
    value,
    becomes: { [`${stem}.${state}`]: after },
  });
  return { values: { [`${stem}.${state}`]: off[1], [`${stem}.${action}`]: 99 }, effects: [effect(on), effect(off)] };
}

const objects: PduObjects = {
  values: {
    ...Object.assign({}, ...Object.values(outlets).map(({ values }) => values)),
    ...Object.fromEntries([1, 2, 4, 5, 6, 7, 8].map((outlet) => [`${rackPdu}.${outlet}`, outlet === 5 ? 1 : 2])),
    [`${enterprise}.21317.1.3.2.2.2.2.11.0`]: 3,
    [`${enterprise}.21317.1.3.2.2.2.2.18.0`]: 7,
    [`${rackPdu}.12`]: 77,
  },
  effects: [
    ...Object.values(outlets).flatMap(({ effects = [] }) => effects),
    { oid: `${rackPdu}.8`, value: 3, becomes: { [`${rackPdu}.8`]: 1 } },
  ],
};

let snmpd: Snmpd;
before(async () => {
  if (!reason) snmpd = await startSnmpd({ identity: `.${enterprise}.318.1.3.4.5`, objects });
});
after(() => snmpd?.close());

function setUp(t: TestContext, timings = calm) {
  const names = new HostNames({ resolve: () => Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })) });
  const sockets = openSharedUdp({ sockets: 1, names });
  const sent: Buffer[] = [];
  const datagrams: Datagrams = {
    async connect(peer, receive) {
      const socket = await sockets.connect(peer, receive);
      const send = (packet: Uint8Array) => {
        sent.push(Buffer.from(packet));
        socket.send(packet);
      };
      return { send, close: () => socket.close() };
    },
  };
  const driver = createSnmpDriver({ timings, datagrams });
  t.after(async () => {
    await driver.close();
    sockets.close();
  });
  const node = (changes: JsonObject = {}, record = {}) =>
    facts(
      {
        snmp_driver: 'apc_rackpdu',
        snmp_address: '127.0.0.1',
        snmp_port: snmpd.port,
        snmp_outlet: '3',
        snmp_version: '2c',
        snmp_community: communities.write,
        ...changes,
      },
      record,
    );
  return { ...driver, node, sent };
}

suite('switches an outlet and reads it back', skip, () => {
  for (const [snmp_driver, { outlet = '3' }] of Object.entries(outlets)) {
    test(snmp_driver, async (t) => {
      const { power, node } = setUp(t);
      const machine = node({ snmp_driver, snmp_outlet: outlet });
      assert.equal(await power.getPower(machine), 'power off');
      await power.setPower(machine, 'power on');
      assert.equal(await power.getPower(machine), 'power on');
      await power.setPower(machine, 'power off');
      assert.equal(await power.getPower(machine), 'power off');
    });
  }
});

test('detects the family once', skip, async (t) => {
  const { power, node, sent } = setUp(t);
  const auto = node({ snmp_driver: 'auto', snmp_outlet: '5' });
  assert.equal(await power.getPower(auto), 'power on');
  assert.equal(await power.getPower(auto), 'power on');
  // Product, the vendor's family that has the outlet, and the two queries.
  assert.equal(sent.length, 4);
});

test("a power cycle uses the PDU's own reboot in one packet", skip, async (t) => {
  const { power, node, sent } = setUp(t);
  await power.setPower(node({ snmp_outlet: 8 }), 'power cycle');
  assert.equal(await snmpd.get(`${rackPdu}.8`), '1');
  assert.equal(sent.length, 1);
});

test('a machine with two power cords is on while one is on, and off when both are off', skip, async (t) => {
  const { power, node } = setUp(t);
  const both = node({ snmp_outlet: '6, 7' });
  assert.equal(await power.getPower(both), 'power off');

  await power.setPower(both, 'power on');
  assert.deepEqual(await Promise.all([6, 7].map((outlet) => snmpd.get(`${rackPdu}.${outlet}`))), ['1', '1']);
  await snmpd.set(`${rackPdu}.6`, 2);
  assert.equal(await power.getPower(both), 'power on');

  await power.setPower(both, 'power off');
  assert.equal(await snmpd.get(`${rackPdu}.7`), '2');
  assert.equal(await power.getPower(both), 'power off');
});

test('closing the driver, or an abort, ends the delay of a power cycle', skip, async (t) => {
  const { power, node, close } = setUp(t);
  const both = node({ snmp_outlet: '6,7' });
  const callOptions = new AbortController();
  const given = power.setPower(both, 'power cycle', { signal: callOptions.signal });
  setTimeout(() => callOptions.abort(new Error('enough')), 50);
  await assert.rejects(given, /enough/);

  const closed = power.setPower(both, 'power cycle');
  setTimeout(close, 50);
  await assert.rejects(closed, { code: 'interrupted' });
});

test('nodes of one PDU share its session, and read their states together', skip, async (t) => {
  const { power, node, sent } = setUp(t);
  const { user, authKey, privKey } = snmpdUsers.strong;
  const strong = { snmp_version: 3, snmp_user: user, snmp_auth_protocol: 'sha256', snmp_auth_key: authKey };
  const secret = { ...strong, snmp_priv_protocol: 'aes', snmp_priv_key: privKey };

  const outletsOfAll = [1, 2, 3, 4, 5, 6, 7, 8, 99];
  const states = await Promise.allSettled(outletsOfAll.map((snmp_outlet) => power.getPower(node({ ...secret, snmp_outlet }))));

  assert.deepEqual(states[4], { status: 'fulfilled', value: 'power on' });
  assert.equal(states.at(-1)?.status, 'rejected');
  assert.equal(states.filter(({ status }) => status === 'fulfilled').length, 8);
  // Engine discovery and one request: the missing outlet causes no retries.
  assert.equal(sent.length, 2);
});

test('with version 1 one wrong outlet does not affect the others', skip, async (t) => {
  const { power, node } = setUp(t);
  const ask = (snmp_outlet: number) => power.getPower(node({ snmp_version: '1', snmp_outlet }));
  const [first, wrong, fifth] = await Promise.allSettled([ask(1), ask(99), ask(5)]);
  assert.deepEqual(
    [first, fifth].map((state) => state.status === 'fulfilled' && state.value),
    ['power off', 'power on'],
  );
  assert.equal(wrong.status, 'rejected');
});

suite('faults', skip, () => {
  const cases: Record<string, [JsonObject, { code: string; message: RegExp }]> = {
    'an outlet that is not there': [
      { snmp_outlet: '99' },
      {
        code: 'bmcUnsupported',
        message:
          /outlet 99, its state is not supported by the PDU at 127\.0\.0\.1 \(port \d+\): no such object: it has no outlet 99/,
      },
    ],
    'a state that is none': [
      { snmp_outlet: 12 },
      { code: 'bmcMalformedReply', message: /the state 77, which is neither on nor off/ },
    ],
    'a wrong community': [{ snmp_community: 'open sesame' }, { code: 'bmcUnreachable', message: /did not respond \(2 attempts/ }],
    'a wrong key': [
      { snmp_version: '3', snmp_user: 'strong', snmp_auth_key: 'open sesame', snmp_auth_protocol: 'sha256' },
      { code: 'bmcRefused', message: /rejected the user name or password: Wrong Digest/ },
    ],
    'an address without a meaning': [
      { snmp_address: 'no-such-pdu.example' },
      { code: 'bmcUnreachable', message: /no-such-pdu\.example/ },
    ],
  };
  for (const [name, [info, expected]] of Object.entries(cases)) {
    test(name, async (t) => {
      const { power, node } = setUp(t, name === 'a wrong community' ? quick : calm);
      const fault = await power.getPower(node(info)).catch((error: Error) => error);
      assert.match(String(fault), expected.message);
      assert.equal((fault as { code?: string }).code, expected.code);
      assert.doesNotMatch(JSON.stringify(fault) + String(fault), /sesame/);
    });
  }

  test('a community without write access', async (t) => {
    const { power, node } = setUp(t);
    const onlyReads = node({ snmp_community_write: communities.read });
    await assert.rejects(power.setPower(onlyReads, 'power on'), {
      code: 'bmcInsufficientPrivilege',
      message: /privilege for outlet 3, power on: NoAccess/,
    });
  });

  test('an unknown product', async (t) => {
    const other = await startSnmpd({ identity: `.${enterprise}.9.1.1`, objects });
    t.after(() => other.close());
    const { power, node } = setUp(t);
    const auto = node({ snmp_driver: 'auto', snmp_port: other.port });
    await assert.rejects(power.getPower(auto), {
      code: 'driverInfo',
      message: /sysObjectID 1\.3\.6\.1\.4\.1\.9\.1\.1, which is no PDU/,
    });
  });
});

test('an outlet that the PDU has an index for, but not the hardware', skip, async (t) => {
  const { power, node } = setUp(t);
  await assert.rejects(power.getPower(node({ snmp_driver: 'aten', snmp_outlet: '16' })), { message: /it has no outlet 16/ });
});

test('an outlet in transition keeps its former state', skip, async (t) => {
  const { power, node } = setUp(t);
  const info = { snmp_driver: 'aten', snmp_outlet: '9' };
  assert.equal(await power.getPower(node(info, { power_state: 'power on' })), 'power on');
  assert.equal(await power.getPower(node(info, { power_state: 'power off' })), 'power off');
});

suite('driver_info', () => {
  const { power } = createSnmpDriver();
  const least = { snmp_driver: 'auto', snmp_address: '192.0.2.1', snmp_outlet: 1 };
  const version2 = { ...least, snmp_version: '2c', snmp_community: 'c' };
  const version3 = { ...least, snmp_version: '3', snmp_user: 'u' };
  const bad: [JsonObject, RegExp][] = [
    [{}, /snmp_driver is missing/],
    [{ ...version2, snmp_driver: 'toaster' }, /snmp_driver must be auto or one of apc, /],
    [{ ...version2, snmp_driver: 'constructor' }, /snmp_driver must be/],
    [{ ...version2, snmp_address: '' }, /snmp_address is missing/],
    [{ ...version2, snmp_address: '-v' }, /snmp_address must be/],
    [{ ...version2, snmp_outlet: 0 }, /snmp_outlet must be/],
    [{ ...version2, snmp_outlet: 'A1' }, /snmp_outlet must be/],
    [{ ...version2, snmp_outlet: '1,,2' }, /snmp_outlet must be/],
    [{ ...version2, snmp_driver: 'apc_rackpdu', snmp_outlet: '1.2' }, /an outlet of this family has no 2 numbers/],
    [{ ...version2, snmp_port: 70_000 }, /snmp_port must be/],
    [{ ...version2, snmp_version: '4' }, /snmp_version must be one of 1, 2c, 3/],
    [{ ...least }, /snmp_community, or .* are missing \(version 1\)/],
    [{ ...least, snmp_community_read: 'c' }, /are missing/],
    [{ ...least, snmp_version: '3' }, /snmp_user is missing/],
    [{ ...version3, snmp_auth_key: 'short' }, /snmp_auth_key is shorter than 8/],
    [{ ...version3, snmp_auth_protocol: 'sha' }, /snmp_auth_key is missing/],
    [{ ...version3, snmp_auth_protocol: 'rot13' }, /snmp_auth_protocol must be one of none, md5/],
    [{ ...version3, snmp_priv_key: 'long enough' }, /snmp_priv_protocol needs snmp_auth_protocol/],
    [
      { ...version3, snmp_auth_key: 'long enough', snmp_priv_key: 'long enough', snmp_priv_protocol: '3des' },
      /must be one of none, des, aes/,
    ],
    [{ ...version3, snmp_context_engine_id: '80' }, /snmp_context_engine_id is not supported/],
  ];
  for (const [info, expected] of bad) {
    test(`refuses ${JSON.stringify(info)}`, () => {
      assert.throws(() => power.validate(facts(info)), { code: 'driverInfo', message: expected });
    });
  }

  test("a key without a protocol has Ironic's default", () => {
    const [settings] = readSnmpSettings(facts({ ...version3, snmp_auth_key: 'long enough', snmp_priv_key: 'long enough' }));
    const credentials = settings?.peer.credentials;
    assert.deepEqual(credentials?.version === '3' && [credentials.auth.protocol, credentials.priv.protocol], ['md5', 'des']);
  });

  test('marks every secret, and documents every key', () => {
    const secrets = Object.entries(power.properties).filter(([, { secret }]) => secret);
    assert.deepEqual(
      secrets.map(([key]) => key),
      ['snmp_community', 'snmp_community_read', 'snmp_community_write', 'snmp_auth_key', 'snmp_priv_key'],
    );
    for (const [key, { help }] of Object.entries(power.properties)) assert.ok(help.length > 5, key);
  });
});
