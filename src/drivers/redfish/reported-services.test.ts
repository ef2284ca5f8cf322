/** Reported deviations of Redfish services, each as minimal resources. docs/compatibility.md has the rows. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { JsonObject } from '#domain/json.ts';
import { collectionOf, startRedfishTree, type TreeReply } from '#test/a-redfish-tree.ts';
import { faultOf } from '#test/fault-of.ts';
import { createBootOverride } from './boot-override.ts';
import { createRedfishManagement } from './management.ts';
import { createRedfishMedia } from './media.ts';
import { createRedfishPower } from './power.ts';
import { createRedfishSensors } from './sensors.ts';

const link = (path: string) => ({ '@odata.id': path });
const [systemPath, chassisPath, managerPath] = ['/redfish/v1/Systems/1', '/redfish/v1/Chassis/1', '/redfish/v1/Managers/1'];
const links = { Links: { Chassis: [link(chassisPath)], ManagedBy: [link(managerPath)] } };
const pollTiming = { pollMs: 2, retryMs: 2, effectMs: 10_000 };
const refusal = (id: string, message = 'No.'): TreeReply => ({
  status: 400,
  body: { error: { '@Message.ExtendedInfo': [{ MessageId: id, Message: message, Severity: 'Critical' }] } },
});

suite('values of another type than in the schema', () => {
  // https://github.com/stmcginnis/gofish/issues/409: the Power resource of a Cisco CIMC.
  test('a quoted reading is a reading, and "N/A" is none', async (t) => {
    const voltage = {
      Name: 'P5V_AUX',
      MemberID: 12,
      ReadingVolts: '5.027',
      LowerThresholdCritical: '4.555',
      UpperThresholdCritical: '5.428',
      UpperThresholdNonCritical: 'N/A',
    };
    const tree = await startRedfishTree(t, {
      [chassisPath]: { ...link(chassisPath), Power: link(`${chassisPath}/Power`) },
      [`${chassisPath}/Power`]: { Voltages: [voltage] },
    });
    const [sensor] = await createRedfishSensors(tree.withSystem).readSensors(tree.node);
    assert.equal(sensor?.value, 5.027);
    assert.deepEqual(sensor?.thresholds, { 'lower critical': 4.555, 'upper critical': 5.428 });
  });

  // https://github.com/jenningsloy318/redfish_exporter/issues/27 and https://github.com/stmcginnis/gofish/issues/99.
  test('an unquoted name is a name, and a quoted count a count', async (t) => {
    const tree = await startRedfishTree(t, {
      [systemPath]: { ...link(systemPath), SerialNumber: 8_100_234, ProcessorSummary: { Count: '2', Model: '' }, ...links },
    });
    const { serial, details } = await createRedfishManagement(tree.withSystem).identify!(tree.node);
    assert.equal(serial, '8100234');
    assert.equal(details?.['processors'], 2);
  });
});

// https://github.com/dsx-ai-factory/infra-controller/issues/4100 and https://github.com/dsx-ai-factory/nv-redfish/pull/118.
test('reads expanded members that lack required properties one by one', async (t) => {
  const [sensors, inlet] = [`${chassisPath}/Sensors`, `${chassisPath}/Sensors/inlet`];
  const part = { ...link(inlet), '@odata.type': '#Sensor.v1_7_0.Sensor', Reading: 21 };
  const expansion = { ProtocolFeaturesSupported: { ExpandQuery: { NoLinks: true, Levels: true } } };
  const tree = await startRedfishTree(t, {
    '/redfish/v1': { ...expansion, Systems: link('/redfish/v1/Systems') },
    [chassisPath]: { ...link(chassisPath), Sensors: link(sensors) },
    [`${sensors}?$expand=.($levels=1)`]: { Members: [part, { ...part, ...link(`${sensors}/gone`) }] },
    [inlet]: { ...part, Id: 'inlet', Name: 'Inlet', ReadingType: 'Temperature' },
  });
  const read = await createRedfishSensors(tree.withSystem).readSensors(tree.node);
  assert.deepEqual(
    read.map(({ name, type, value }) => [name, type, value]),
    [
      ['Inlet', 'temperature', 21],
      ['sensor', 'other', 21],
    ],
  );
});

// https://github.com/DMTF/Redfish-Tacklebox/issues/111, https://github.com/DMTF/Redfish-Tacklebox/issues/144.
suite("AMI's boot override in a resource that nothing links", () => {
  const pending = `${systemPath}/SD`;
  const Boot = { BootSourceOverrideEnabled: 'Disabled', BootSourceOverrideTarget: 'None', BootSourceOverrideMode: 'UEFI' };
  const moved = () => refusal('Ami.1.0.OperationSupportedInFutureStateURI', `moved to FutureState URI(${pending})`);
  const wanted = { BootSourceOverrideTarget: 'Pxe', BootSourceOverrideEnabled: 'Once' };

  for (const [vendor, tries] of [
    ['ASRockRack', [pending]],
    ['Lenovo', [systemPath, pending]],
  ] as const) {
    test(`is written there, and shown (${vendor})`, async (t) => {
      const system = { ...link(systemPath), Manufacturer: vendor, Boot, ...links };
      const tree = await startRedfishTree(t, { [systemPath]: system, [pending]: { ...link(pending), Boot } });
      tree.rules.set(`PATCH ${systemPath}`, moved);
      await createBootOverride(tree.withSystem, pollTiming).setBootDevice(tree.node, 'pxe', { persistent: false });
      assert.deepEqual(
        tree.changes.map(({ path }) => path),
        tries,
      );
      assert.partialDeepStrictEqual(tree.resources.get(pending), { Boot: wanted });
    });
  }

  test('is also read for the boot device', async (t) => {
    const system = { ...link(systemPath), Manufacturer: 'American Megatrends', Boot, ...links };
    const tree = await startRedfishTree(t, {
      [systemPath]: system,
      [pending]: { ...link(pending), Boot: { ...Boot, ...wanted } },
    });
    const device = await createBootOverride(tree.withSystem, pollTiming).getBootDevice(tree.node);
    assert.deepEqual(device, { device: 'pxe', persistent: false });
  });

  test('and without such a resource, reports the rejection', async (t) => {
    const tree = await startRedfishTree(t, { [systemPath]: { ...link(systemPath), Boot, ...links } });
    tree.rules.set(`PATCH ${systemPath}`, moved);
    const setting = createBootOverride(tree.withSystem, pollTiming).setBootDevice(tree.node, 'pxe', { persistent: false });
    assert.match((await faultOf(setting)).message, /moved to FutureState URI/);
  });
});

// https://github.com/ansible-collections/community.general/issues/11297 and https://github.com/bmc-toolbox/bmclib/pull/461.
test("iDRAC 10's boot override in a settings resource that does not show it before", async (t) => {
  const settings = `${systemPath}/Settings`;
  const Boot = { BootSourceOverrideEnabled: 'Disabled', BootSourceOverrideTarget: 'None', BootSourceOverrideMode: 'UEFI' };
  const tree = await startRedfishTree(t, {
    [systemPath]: { ...link(systemPath), Boot, '@Redfish.Settings': { SettingsObject: link(settings) }, ...links },
    [settings]: { ...link(settings) },
  });
  tree.rules.set(`PATCH ${systemPath}`, () => refusal('IDRAC.2.9.PropertyNotWritable', 'The property Boot is read-only.'));
  const override = createBootOverride(tree.withSystem, pollTiming);

  await override.setBootDevice(tree.node, 'pxe', { persistent: false });

  assert.deepEqual(
    tree.changes.map(({ path }) => path),
    [systemPath, settings],
  );
  assert.deepEqual(await override.getBootDevice(tree.node), { device: 'pxe', persistent: false });
});

suite('actions listed without their targets', () => {
  const reset = `${systemPath}/Actions/ComputerSystem.Reset`;
  const switching = async (t: Parameters<typeof startRedfishTree>[0], action: JsonObject) => {
    const system = { ...link(systemPath), PowerState: 'Off', Actions: { '#ComputerSystem.Reset': action }, ...links };
    const tree = await startRedfishTree(t, { [systemPath]: system }, { rules: { [`POST ${reset}`]: () => ({ status: 204 }) } });
    await createRedfishPower(tree.withSystem, async () => undefined, pollTiming).setPower(tree.node, 'power on');
    return tree.changes.map(({ path, body }) => [path, body]);
  };

  const lacking: Record<string, JsonObject> = {
    'no target': {},
    'a target on a host that the service believes to be': { target: `https://10.0.0.9${reset}` },
    'no values to choose from': { target: reset, 'ResetType@Redfish.AllowableValues': [] },
  };
  for (const [title, action] of Object.entries(lacking)) {
    test(`${title}: switches the machine on`, async (t) => {
      assert.deepEqual(await switching(t, action), [[reset, { ResetType: 'On' }]]);
    });
  }

  // https://github.com/kubevirtbmc/kubevirtbmc/issues/172 and https://github.com/kubevirtbmc/kubevirtbmc/issues/315.
  test('virtual media without targets: inserts and ejects an image with an object as body', async (t) => {
    const [slots, slot] = [`${managerPath}/VirtualMedia`, `${managerPath}/VirtualMedia/CD1`];
    const Actions = { '#VirtualMedia.InsertMedia': {}, '#VirtualMedia.EjectMedia': {} };
    const tree = await startRedfishTree(t, {
      [managerPath]: { ...link(managerPath), VirtualMedia: link(slots) },
      [slots]: collectionOf([slot]),
      [slot]: { ...link(slot), Id: 'CD1', MediaTypes: [], Inserted: false, Actions },
    });
    const filled = (Inserted: boolean) => (): TreeReply => {
      tree.resources.set(slot, { ...tree.resources.get(slot), Inserted });
      return { status: 204 };
    };
    tree.rules.set(`POST ${slot}/Actions/VirtualMedia.InsertMedia`, filled(true));
    tree.rules.set(`POST ${slot}/Actions/VirtualMedia.EjectMedia`, filled(false));
    const media = createRedfishMedia(tree.withSystem, pollTiming);

    await media.insert(tree.node, 'cdrom', 'http://192.0.2.1/x.iso');
    assert.deepEqual(
      (await media.slots(tree.node)).map(({ device, inserted }) => [device, inserted]),
      [['cdrom', true]],
    );
    await media.eject(tree.node, 'cdrom');

    assert.deepEqual(
      tree.changes.map(({ body }) => body),
      [{ Image: 'http://192.0.2.1/x.iso' }, {}],
    );
  });

  // https://github.com/stmcginnis/gofish/pull/279: iLO 4.
  test('restarts a BMC that lists no reset types without one', async (t) => {
    const path = `${managerPath}/Actions/Manager.Reset`;
    const tree = await startRedfishTree(t, {
      [managerPath]: { ...link(managerPath), Actions: { '#Manager.Reset': { target: path } } },
    });
    tree.rules.set(`POST ${path}`, ({ body }) =>
      'ResetType' in body ? refusal('Base.0.10.ActionNotSupported') : { status: 200, body: {} },
    );
    await createRedfishManagement(tree.withSystem).resetBmc!(tree.node, 'cold');
    assert.deepEqual(
      tree.changes.map(({ body }) => body),
      [{ ResetType: 'ForceRestart' }, {}],
    );
  });
});

// https://github.com/DMTF/Redfishtool/issues/107 and https://github.com/openbmc/bmcweb/issues/103.
test('reports a password that must be changed first, not a wrong one', async (t) => {
  const said = { MessageId: 'Base.1.8.PasswordChangeRequired', Message: 'The password for this account must be changed.' };
  const tree = await startRedfishTree(t, {}, { info: { redfish_username: 'root', redfish_password: 'as delivered' } });
  const session = '/redfish/v1/SessionService/Sessions';
  const headers = { 'x-auth-token': 't', location: `${session}/1` };
  tree.rules.set(`POST ${session}`, () => ({ status: 201, headers, body: { '@Message.ExtendedInfo': [said] } }));
  tree.rules.set(`GET ${systemPath}`, () => ({ status: 403, body: { error: { '@Message.ExtendedInfo': [said] } } }));
  const callOptions = createRedfishPower(tree.withSystem, async () => undefined, pollTiming).getPower(tree.node);
  const { code, message } = await faultOf(callOptions);
  assert.equal(code, 'bmcError');
  assert.match(message, /must be changed/);
  assert.doesNotMatch(message, /as delivered/);
});
