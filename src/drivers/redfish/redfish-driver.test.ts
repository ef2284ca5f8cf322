import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { makeIdentity, type Script, sessionPath, startRedfishService } from '#test/a-redfish-service.ts';
import { startRedfishTree } from '#test/a-redfish-tree.ts';
import { faultOf } from '#test/fault-of.ts';
import type { NodeFacts } from '../interfaces.ts';
import { createRedfishDriver, type RedfishReport } from './index.ts';
import { readRedfishSettings, redfishProperties } from './properties.ts';
import { interoperabilityWorkarounds, quirkTable, tolerancesFor } from './quirks.ts';

const identity = makeIdentity('IP:127.0.0.1');
const system = '/redfish/v1/Systems/1';

function aNode(driver_info: JsonObject): NodeFacts {
  const uuid = '5f1f7c2e-0c7e-4b7e-9a4e-2f7f5b1d0001';
  return { id: 1, uuid, name: 'n1', driver: 'redfish', driver_info, properties: {}, extra: {}, power_state: null, ports: [] };
}

const machine: Script = {
  'GET /redfish/v1/Systems': { body: { Members: [{ '@odata.id': system }] } },
  [`GET ${system}`]: { body: { '@odata.id': system, PowerState: 'On' } },
};

async function setUp(t: TestContext, script: Script = {}) {
  const fixture = await startRedfishService(t, { ...machine, ...script }, identity);
  const reports: RedfishReport[] = [];
  const driver = createRedfishDriver({ report: (report) => void reports.push(report), limits: { readMs: 2_000 } });
  t.after(() => driver.close());
  const info = { redfish_address: fixture.url, redfish_username: 'admin', redfish_password: 'secret' };
  const node = (changes: JsonObject = {}) => aNode({ ...info, redfish_fingerprint: identity.sha256, ...changes });
  return { fixture, driver, node, reports };
}

suite('a node and its BMC', () => {
  test('are found once and cached, in one session; each conversation is reported', async (t) => {
    const { fixture, driver, node, reports } = await setUp(t, { [`DELETE ${sessionPath}/1`]: { status: 204 } });
    assert.equal(await driver.power.getPower(node()), 'power on');
    const before = fixture.names().length;
    assert.equal(await driver.power.getPower(node()), 'power on');
    assert.deepEqual(fixture.names().slice(before), [`GET ${system}`]);
    assert.deepEqual(
      reports.map(({ command, result }) => [command, result]),
      Array(2).fill(['read PowerState', 'ok']),
    );
    await driver.close();
    assert.equal(fixture.names().at(-1), `DELETE ${sessionPath}/1`);
    assert.equal(fixture.connections(), 1);
  });

  test('are found again when the BMC replies 404', async (t) => {
    const { fixture, driver, node } = await setUp(t);
    await driver.power.getPower(node());
    const moved = '/redfish/v1/Systems/new';
    Object.assign(fixture.script, {
      [`GET ${system}`]: { status: 404 },
      'GET /redfish/v1/Systems': { body: { Members: [{ '@odata.id': moved }] } },
      [`GET ${moved}`]: { body: { PowerState: 'Off' } },
    });
    await faultOf(driver.power.getPower(node()));
    assert.equal(await driver.power.getPower(node()), 'power off');
  });

  test('need redfish_system_id if the BMC has several machines', async (t) => {
    const other = '/redfish/v1/Systems/2';
    const both = { body: { Members: [{ '@odata.id': system }, { '@odata.id': other }] } };
    const { driver, node } = await setUp(t, {
      'GET /redfish/v1/Systems': both,
      [`GET ${other}`]: { body: { PowerState: 'Off' } },
    });
    assert.match((await faultOf(driver.power.getPower(node()))).message, /2 systems; set redfish_system_id to one of/);
    assert.equal(await driver.power.getPower(node({ redfish_system_id: other })), 'power off');
    assert.equal(await driver.power.getPower(node({ redfish_system_id: '1' })), 'power on');
  });
});

suite('faults', () => {
  test('another certificate: reports its fingerprint, so that it can be pinned', async (t) => {
    const { fixture, driver, node } = await setUp(t);
    const { code, message } = await faultOf(driver.power.getPower(node({ redfish_fingerprint: 'ab'.repeat(32) })));
    assert.equal(code, 'bmcUntrusted');
    assert.ok(message.includes(identity.sha256));
    assert.deepEqual(fixture.names(), []);
  });

  test('a certificate authority in a file', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'ingot-ca-'));
    t.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'ca.pem'), identity.cert);
    const { driver, node } = await setUp(t);
    const trusting = (file: string) => node({ redfish_fingerprint: '', redfish_verify_ca: join(folder, file) });
    assert.equal(await driver.power.getPower(trusting('ca.pem')), 'power on');
    assert.match(
      (await faultOf(driver.power.getPower(trusting('none.pem')))).message,
      /none.pem, which cannot be read \(ENOENT\)/,
    );
  });

  const rows: [title: string, script: Script, code: string, says: RegExp][] = [
    ['a refused password', { [`POST ${sessionPath}`]: { status: 401 } }, 'bmcRefused', /401 Unauthorized/],
    [
      'a user who may not',
      { [`GET ${system}`]: { status: 403, body: { error: { message: 'Not for you.' } } } },
      'bmcInsufficientPrivilege',
      /Not for you/,
    ],
    ['a method that it does not have', { [`GET ${system}`]: { status: 405 } }, 'bmcUnsupported', /405 Method Not Allowed/],
    [
      'a feature that needs a licence',
      {
        [`GET ${system}`]: {
          status: 403,
          body: {
            error: { '@Message.ExtendedInfo': [{ MessageId: 'IDRAC.2.8.LIC501', Message: 'A required license is missing.' }] },
          },
        },
      },
      'bmcUnsupported',
      /license is missing/,
    ],
    [
      'an error',
      { [`GET ${system}`]: { status: 410, body: { error: { message: 'Out of order.' } } } },
      'bmcError',
      /410.*Out of order/,
    ],
    [
      'an iDRAC that has just started',
      {
        [`GET ${system}`]: {
          status: 400,
          body: { error: { '@Message.ExtendedInfo': [{ MessageId: 'IDRAC.1.6.SWC0700', Message: 'iDRAC is not ready.' }] } },
        },
      },
      'bmcNotReady',
      /iDRAC is not ready/,
    ],
    [
      'a failure of the service',
      { [`GET ${system}`]: { status: 500, body: { error: { message: 'Starting.' } } } },
      'bmcNotReady',
      /is not ready.*500.*Starting/,
    ],
    ['no Redfish', { [`GET ${system}`]: { text: 'hello' } }, 'bmcMalformedReply', /no JSON/],
    ['silence', { [`GET ${system}`]: { silent: true } }, 'bmcUnreachable', /did not respond/],
  ];
  for (const [title, script, code, says] of rows) {
    test(`${title} is ${code}`, async (t) => {
      const { driver, node, reports } = await setUp(t, script);
      const fault = await faultOf(driver.power.getPower(node()));
      assert.equal(fault.code, code);
      assert.match(fault.message, says);
      assert.ok(!JSON.stringify([fault, reports]).includes('secret'));
      assert.equal(reports[0]?.result, fault.message);
    });
  }

  test('a cancelled request is reported as such', async (t) => {
    const { driver, node } = await setUp(t, { [`GET ${system}`]: { silent: true } });
    const end = new AbortController();
    const callOptions = faultOf(driver.power.getPower(node(), { signal: end.signal }));
    setTimeout(() => end.abort(), 20);
    assert.equal((await callOptions).code, 'cancelled');
  });
});

suite('the cause of a failure', () => {
  test('several systems without redfish_system_id raise a driver_info fault that lists them', async (t) => {
    const links = ['/redfish/v1/Systems/1', '/redfish/v1/Systems/2'].map((path) => ({ '@odata.id': path }));
    const { driver, node } = await setUp(t, { 'GET /redfish/v1/Systems': { body: { Members: links } } });
    const fault = await faultOf(driver.power.getPower(node()));
    assert.equal(fault.code, 'driverInfo');
    assert.match(fault.message, /n1 is invalid: the BMC at .* has 2 systems; set redfish_system_id to one of: .*Systems\/2/);
  });

  test("a request aborted by the caller's timeout counts as no response", async (t) => {
    const { driver, node } = await setUp(t, { [`GET ${system}`]: { silent: true } });
    const fault = await faultOf(driver.power.getPower(node(), { signal: AbortSignal.timeout(20) }));
    assert.equal(fault.code, 'bmcUnreachable');
  });

  test('the stop of Ingot or a change of credentials aborts a request', { timeout: 20_000 }, async (t) => {
    const { driver, node, fixture } = await setUp(t, { [`GET ${system}`]: { silent: true } });
    const untilAsked = async (times: number) => {
      while (fixture.names().filter((name) => name === `GET ${system}`).length < times) await new Promise(setImmediate);
    };
    const replaced = faultOf(driver.power.getPower(node()));
    await untilAsked(1);
    const other = faultOf(driver.power.getPower(node({ redfish_password: 'other' })));
    assert.equal((await replaced).code, 'driverInfoChanged');
    await untilAsked(2);
    await driver.close();
    assert.equal((await other).code, 'interrupted');
  });
});

suite('settings', () => {
  const good: [JsonObject, JsonObject][] = [
    [{ redfish_address: 'bmc.example' }, { url: 'https://bmc.example' }],
    [{ redfish_address: 'https://bmc.example:8443/redfish/v1/' }, { url: 'https://bmc.example:8443' }],
    [{ redfish_address: 'http://[fe80::1]:8000/' }, { url: 'http://[fe80::1]:8000' }],
    // https://github.com/dsx-ai-factory/infra-controller/issues/2240, https://github.com/DMTF/Redfishtool/pull/72
    [{ redfish_address: '2001:DB8:0::1' }, { url: 'https://[2001:db8::1]' }],
    [{ redfish_address: 'http://2001:db8::1/redfish/v1/' }, { url: 'http://[2001:db8::1]' }],
    [{ redfish_address: 'a', redfish_verify_ca: false }, { trust: { by: 'nothing' } }],
    [{ redfish_address: 'a', redfish_verify_ca: 'True' }, { trust: { by: 'authority' } }],
    [
      { redfish_address: 'a', redfish_fingerprint: `${'AB:'.repeat(31)}AB` },
      { trust: { by: 'fingerprint', sha256: 'ab'.repeat(32) } },
    ],
    [
      { redfish_address: 'a', redfish_auth_type: 'basic', redfish_tls: 'old' },
      { auth: 'basic', tls: 'old' },
    ],
  ];
  for (const [info, expected] of good) {
    test(`are accepted: ${JSON.stringify(info).slice(0, 70)}`, () => {
      assert.partialDeepStrictEqual(readRedfishSettings(aNode(info)).peer, expected);
    });
  }

  const bad: [JsonObject, RegExp][] = [
    [{}, /redfish_address is missing/],
    [{ redfish_address: 'ftp://a' }, /must be https:/],
    [{ redfish_address: 'https://root:hidden@a' }, /belong in redfish_username and redfish_password/],
    [{ redfish_address: 'https://a/redfish/v1/Systems/1' }, /belongs in redfish_system_id/],
    [{ redfish_address: '[fe80::1%eth0]' }, /IPv6 zone/],
    [{ redfish_address: 'a', redfish_password: 'hidden' }, /redfish_username is missing/],
    [{ redfish_address: 'a', redfish_auth_type: 'digest' }, /one of auto, session, basic/],
    [{ redfish_address: 'a', redfish_fingerprint: 'abcd' }, /64 hexadecimal digits/],
    [{ redfish_address: 'a', redfish_verify_ca: 'ca.pem' }, /absolute path/],
    [{ redfish_address: 'a', redfish_system_id: '/elsewhere/1' }, /a path like/],
    [{ redfish_address: 'a', redfish_tls: 'older' }, /`old` or absent/],
    [{ redfish_address: { a: 1 } }, /redfish_address must be text/],
  ];
  for (const [info, says] of bad) {
    test(`are rejected: ${JSON.stringify(info).slice(0, 70)}`, () => {
      const { power } = createRedfishDriver();
      assert.throws(
        () => power.validate(aNode(info)),
        (error) =>
          error instanceof Fault && error.code === 'driverInfo' && says.test(error.message) && !error.message.includes('hidden'),
      );
    });
  }

  test('have a help text each, and the password is a secret', () => {
    for (const [name, { help }] of Object.entries(redfishProperties)) assert.ok(help.length > 5, name);
    assert.equal(redfishProperties['redfish_password']?.secret, true);
  });
});

suite('quirks', () => {
  test('belong to vendors', () => {
    const make = (vendor: string) => [...tolerancesFor({ vendor, model: '', firmware: '' })];
    assert.deepEqual(make('Example Corp.'), []);
    assert.deepEqual(make('ASRockRack'), ['whole boot request', 'boot settings not linked']);
    assert.ok(make('Dell Inc.').includes('slow eject'));
    assert.ok(make('Supermicro').includes('virtual cd is usb'));
    for (const vendor of ['HP', 'HPE', 'Hewlett Packard Enterprise'])
      assert.ok(make(vendor).includes('mode is read-only'), vendor);
  });

  test('state their source', () => {
    for (const { source, symptom } of quirkTable) assert.ok(source.includes('://') && symptom.length > 20, symptom);
    for (const { source, needed } of interoperabilityWorkarounds) assert.ok(source.length > 10 && needed.length > 4, needed);
  });

  test('may be selected by the vendor of the service alone', async (t) => {
    const tree = await startRedfishTree(t, {
      '/redfish/v1': { Vendor: 'Supermicro', Systems: { '@odata.id': '/redfish/v1/Systems' } },
    });
    const tolerances = await tree.withSystem({ node: tree.node, command: 'look' }, async ({ paths }) => paths.tolerances);
    assert.ok(tolerances.has('image outlives medium'));
  });
});
