/** A resource that is refused, not ready or paged does not break the other functions of a BMC. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Script, sessionPath, startRedfishService } from '#test/a-redfish-service.ts';
import { collectionOf, startRedfishTree, type TreeReply } from '#test/a-redfish-tree.ts';
import { faultOf } from '#test/fault-of.ts';
import { createRedfishDriver } from './index.ts';
import { createRedfishLog } from './log.ts';
import { createRedfishPower } from './power.ts';
import { createRedfishSensors } from './sensors.ts';

const link = (path: string) => ({ '@odata.id': path });
const systemPath = '/redfish/v1/Systems/1';
const chassisPath = '/redfish/v1/Chassis/1';
const resetPath = `${systemPath}/Actions/ComputerSystem.Reset`;
const noWatch = async () => undefined;
const on = { '@odata.id': systemPath, Id: '1', PowerState: 'On' };

const words = (MessageId: string) => ({ error: { '@Message.ExtendedInfo': [{ MessageId, Message: 'No.' }] } });
const refusals: readonly (readonly [title: string, reply: TreeReply, isNoticed: boolean])[] = [
  ['403', { status: 403, body: words('Base.1.8.InsufficientPrivilege') }, true],
  ['a licence that was not bought', { status: 400, body: words('iLO.2.14.LicenseKeyRequired') }, true],
  ['404', { status: 404 }, false],
];

suite('skips a secondary resource that is refused', () => {
  for (const [title, reply, isNoticed] of refusals) {
    test(`of the sensors: ${title}`, async (t) => {
      const tree = await startRedfishTree(
        t,
        {
          [chassisPath]: { Id: '1', Thermal: link(`${chassisPath}/Thermal`), Power: link(`${chassisPath}/Power`) },
          [`${chassisPath}/Thermal`]: { Temperatures: [{ Name: 'CPU', Status: { State: 'Enabled' }, ReadingCelsius: 40 }] },
        },
        { rules: { [`GET ${chassisPath}/Power`]: () => reply } },
      );
      const notices: string[] = [];
      const sensors = await createRedfishSensors(tree.withSystem).readSensors(tree.node, {
        notice: (text) => notices.push(text),
      });
      assert.deepEqual(
        sensors.map(({ name }) => name),
        ['CPU'],
      );
      assert.deepEqual(
        notices.map((text) => text.includes(`${chassisPath}/Power`)),
        isNoticed ? [true] : [],
      );
    });

    test(`of the logs: ${title}`, async (t) => {
      const [systemLogs, managerLogs] = [`${systemPath}/LogServices`, '/redfish/v1/Managers/1/LogServices'];
      const tree = await startRedfishTree(
        t,
        {
          [systemPath]: { ...on, LogServices: link(systemLogs), Links: { ManagedBy: [link('/redfish/v1/Managers/1')] } },
          '/redfish/v1/Managers/1': { Id: '1', LogServices: link(managerLogs) },
          [systemLogs]: collectionOf([`${systemLogs}/SEL`]),
          [`${systemLogs}/SEL`]: { Id: 'SEL', Entries: link(`${systemLogs}/SEL/Entries`) },
          [`${systemLogs}/SEL/Entries`]: { Members: [{ Id: '1', Message: 'Fan failed', Severity: 'Critical' }] },
        },
        { rules: { [`GET ${managerLogs}`]: () => reply } },
      );
      const log = await createRedfishLog(tree.withSystem).readLog(tree.node);
      assert.deepEqual(
        log.map(({ message }) => message),
        ['Fan failed'],
      );
    });

    test(`of the power: chassis and managers, ${title}`, async (t) => {
      const rules = { 'GET /redfish/v1/Managers': () => reply, 'GET /redfish/v1/Chassis': () => reply };
      const tree = await startRedfishTree(t, { [systemPath]: on }, { rules });
      assert.equal(await createRedfishPower(tree.withSystem, noWatch).getPower(tree.node), 'power on');
    });
  }

  test('a 401 for one resource is not a rejected password', async (t) => {
    const sensors = `${chassisPath}/Sensors`;
    const script: Script = {
      'GET /redfish/v1/': { body: { ...root, Links: { Sessions: link(sessionPath) } } },
      'GET /redfish/v1/Systems': { body: collectionOf([systemPath]) },
      [`GET ${systemPath}`]: { body: { ...on, Links: { Chassis: [link(chassisPath)] } } },
      [`GET ${chassisPath}`]: { body: { Id: '1', Sensors: link(sensors), Thermal: link(`${chassisPath}/Thermal`) } },
      [`GET ${chassisPath}/Thermal`]: { body: { Temperatures: [{ Name: 'CPU', ReadingCelsius: 40 }] } },
      [`GET ${sensors}`]: { status: 401 },
    };
    const fixture = await startRedfishService(t, script);
    const driver = createRedfishDriver({ limits: { closeMs: 10_000, upsetMs: 10 } });
    t.after(() => driver.close());
    const node = {
      ...nodeOf(fixture.url),
      driver_info: { redfish_address: fixture.url, redfish_username: 'u', redfish_password: 'secret' },
    };
    assert.deepEqual(
      (await driver.management.readSensors?.(node))?.map(({ name }) => name),
      ['CPU'],
    );
    assert.equal(await driver.power.getPower(node), 'power on');
  });
});

const root = { '@odata.id': '/redfish/v1/', Systems: link('/redfish/v1/Systems') };

function nodeOf(url: string) {
  const info = { redfish_address: url };
  return {
    id: 1,
    uuid: '5f1f7c2e-0c7e-4b7e-9a4e-2f7f5b1d0009',
    name: 'n',
    driver: 'redfish',
    driver_info: info,
    properties: {},
    extra: {},
    power_state: null,
    ports: [],
  };
}

test('one malformed member does not break the list of the others', async (t) => {
  const sensors = `${chassisPath}/Sensors`;
  const tree = await startRedfishTree(
    t,
    {
      [chassisPath]: { Id: '1', '@odata.id': chassisPath, Sensors: link(sensors) },
      [sensors]: collectionOf([`${sensors}/1`, `${sensors}/2`]),
      [`${sensors}/2`]: { Id: '2', Name: 'Inlet', ReadingType: 'Temperature', Reading: 21, Status: { State: 'Enabled' } },
    },
    { rules: { [`GET ${sensors}/1`]: () => ({ status: 403 }) } },
  );
  const notices: string[] = [];
  const found = await createRedfishSensors(tree.withSystem).readSensors(tree.node, { notice: (text) => notices.push(text) });
  assert.deepEqual(
    found.map(({ name }) => name),
    ['Inlet'],
  );
  assert.match(notices.join(), new RegExp(`left out: GET ${sensors}/1: 403`));
});

test('finds systems, chassis and managers on every page', async (t) => {
  const tree = await startRedfishTree(t, {
    '/redfish/v1/Systems': { Members: [], 'Members@odata.nextLink': '/redfish/v1/Systems?$skip=1' },
    '/redfish/v1/Systems?$skip=1': { ...collectionOf([systemPath]) },
    [systemPath]: on,
    '/redfish/v1/Chassis': {
      ...collectionOf(['/redfish/v1/Chassis/Rack']),
      'Members@odata.nextLink': '/redfish/v1/Chassis?page=2',
    },
    '/redfish/v1/Chassis?page=2': collectionOf([chassisPath]),
    '/redfish/v1/Chassis/Rack': { Id: 'Rack' },
    [chassisPath]: { Id: '1', Links: { ComputerSystems: [link(systemPath)] }, Thermal: link(`${chassisPath}/Thermal`) },
    [`${chassisPath}/Thermal`]: { Temperatures: [{ Name: 'CPU', ReadingCelsius: 40 }] },
  });
  assert.equal(await createRedfishPower(tree.withSystem, noWatch).getPower(tree.node), 'power on');
  const sensors = await createRedfishSensors(tree.withSystem).readSensors(tree.node);
  assert.deepEqual(
    sensors.map(({ name }) => name),
    ['CPU'],
  );
});

suite('a system that has disappeared', () => {
  for (const [title, info] of [
    ['found by itself', {}],
    ['named in driver_info', { redfish_system_id: systemPath }],
  ] as const) {
    test(`is not ready until it is back: ${title}`, async (t) => {
      const tree = await startRedfishTree(t, { [systemPath]: on }, { info });
      const power = createRedfishPower(tree.withSystem, noWatch);
      assert.equal(await power.getPower(tree.node), 'power on');
      const [system, systems] = [tree.resources.get(systemPath), tree.resources.get('/redfish/v1/Systems')];
      tree.resources.delete(systemPath);
      assert.equal((await faultOf(power.getPower(tree.node))).code, 'bmcNotReady');
      tree.resources.set('/redfish/v1/Systems', collectionOf([]));
      assert.equal((await faultOf(power.getPower(tree.node))).code, 'bmcNotReady');
      tree.resources.set(systemPath, system!).set('/redfish/v1/Systems', systems!);
      assert.equal(await power.getPower(tree.node), 'power on');
    });
  }

  test('a system that never existed is an error', async (t) => {
    const tree = await startRedfishTree(t, {}, { info: { redfish_system_id: '/redfish/v1/Systems/none' } });
    assert.equal((await faultOf(createRedfishPower(tree.withSystem, noWatch).getPower(tree.node))).code, 'bmcError');
  });
});

test('falls back to the next reset type if a listed one is rejected', async (t) => {
  const sent: unknown[] = [];
  const tree = await startRedfishTree(t, {
    [systemPath]: {
      ...on,
      PowerState: 'Off',
      Actions: { '#ComputerSystem.Reset': { target: resetPath, 'ResetType@Redfish.AllowableValues': ['On', 'ForceOn'] } },
    },
  });
  tree.rules.set(`POST ${resetPath}`, ({ body }) => {
    sent.push(body['ResetType']);
    return body['ResetType'] === 'On' ? { status: 400, body: words('Base.1.8.ActionParameterNotSupported') } : { status: 204 };
  });
  await createRedfishPower(tree.withSystem, noWatch).setPower(tree.node, 'power on');
  assert.deepEqual(sent, ['On', 'ForceOn']);
});
