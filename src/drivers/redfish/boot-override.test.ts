import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import type { JsonObject } from '#domain/json.ts';
import { startRedfishTree, type TreeReply } from '#test/a-redfish-tree.ts';
import { faultOf } from '#test/fault-of.ts';
import type { NodeFacts } from '../interfaces.ts';
import { createBootOverride } from './boot-override.ts';

const systemPath = '/redfish/v1/Systems/1';
const settingsPath = `${systemPath}/Settings`;
const pollTiming = { pollMs: 2, retryMs: 2, effectMs: 10_000 };
const targets = 'BootSourceOverrideTarget@Redfish.AllowableValues';
const usualBoot = {
  BootSourceOverrideEnabled: 'Disabled',
  BootSourceOverrideTarget: 'None',
  BootSourceOverrideMode: 'UEFI',
  [targets]: ['None', 'Pxe', 'Hdd', 'Cd', 'BiosSetup', 'UefiHttp', 'Usb'],
};

async function setUp(
  t: TestContext,
  changes: { boot?: JsonObject; system?: JsonObject; resources?: Record<string, JsonObject> } = {},
) {
  const Boot = { ...usualBoot, ...changes.boot };
  const tree = await startRedfishTree(t, {
    [systemPath]: { '@odata.id': systemPath, Boot, ...changes.system },
    ...changes.resources,
  });
  const sent = () => tree.changes.map(({ body }) => body['Boot']);
  return { tree, node: tree.node, sent, boot: createBootOverride(tree.withSystem, pollTiming) };
}

const refusal = (id: string): TreeReply => ({
  status: 400,
  body: { error: { '@Message.ExtendedInfo': [{ MessageId: id, Message: 'No.', Severity: 'Warning' }] } },
});

suite('a boot device', () => {
  test('is set for the next boot, and read back', async (t) => {
    const { boot, node, sent } = await setUp(t);
    assert.deepEqual(await boot.getBootDevice(node), { device: null, persistent: null });
    await boot.setBootDevice(node, 'pxe', { persistent: false });
    assert.deepEqual(sent(), [{ BootSourceOverrideTarget: 'Pxe', BootSourceOverrideEnabled: 'Once' }]);
    assert.deepEqual(await boot.getBootDevice(node), { device: 'pxe', persistent: false });
  });

  test('is set permanently', async (t) => {
    const { boot, node } = await setUp(t);
    await boot.setBootDevice(node, 'disk', { persistent: true });
    assert.deepEqual(await boot.getBootDevice(node), { device: 'disk', persistent: true });
  });

  test('is a URL for UEFI HTTP boot, in UEFI mode', async (t) => {
    const { boot, node, sent } = await setUp(t, { boot: { BootSourceOverrideMode: 'Legacy' } });
    await boot.setBootDevice(node, 'uefihttp', { persistent: false, uri: 'http://172.30.0.1/snp.efi' });
    const expected = { BootSourceOverrideTarget: 'UefiHttp', BootSourceOverrideEnabled: 'Once' };
    const more = { BootSourceOverrideMode: 'UEFI', HttpBootUri: 'http://172.30.0.1/snp.efi' };
    assert.deepEqual(sent(), [{ ...expected, ...more }]);
  });

  test('falls back to the closest device that the machine has', async (t) => {
    const { boot, node, sent } = await setUp(t);
    await boot.setBootDevice(node, 'floppy', { persistent: false });
    assert.deepEqual(sent(), [{ BootSourceOverrideTarget: 'Usb', BootSourceOverrideEnabled: 'Once' }]);
  });

  test('is rejected if the machine has no such device', async (t) => {
    const { boot, node, sent } = await setUp(t, { boot: { [targets]: ['None', 'Pxe'] } });
    assert.equal((await faultOf(boot.setBootDevice(node, 'cdrom', { persistent: false }))).code, 'unsupportedByHardware');
    assert.deepEqual(sent(), []);
  });

  test('includes the boot mode if the node needs another one', async (t) => {
    const { boot, node, sent } = await setUp(t);
    const legacy: NodeFacts = { ...node, properties: { capabilities: 'a:b,boot_mode:bios' } };
    await boot.setBootDevice(legacy, 'pxe', { persistent: false });
    const wanted = { BootSourceOverrideTarget: 'Pxe', BootSourceOverrideEnabled: 'Once', BootSourceOverrideMode: 'Legacy' };
    assert.deepEqual(sent(), [wanted]);
  });

  test('that was accepted without effect raises a fault', async (t) => {
    const { boot, node, tree } = await setUp(t);
    tree.rules.set(`PATCH ${systemPath}`, () => ({ status: 204 }));
    const { code, message } = await faultOf(boot.setBootDevice(node, 'pxe', { persistent: false }));
    assert.equal(code, 'bmcError');
    assert.match(message, /without effect/);
  });

  test('is set once if it cannot be permanent', async (t) => {
    const { boot, node, tree } = await setUp(t);
    tree.rules.set(`PATCH ${systemPath}`, ({ body }) => {
      if ((body['Boot'] as JsonObject)['BootSourceOverrideEnabled'] === 'Continuous')
        return refusal('Base.1.8.PropertyValueNotInList');
      tree.resources.set(systemPath, {
        ...tree.resources.get(systemPath),
        Boot: { ...usualBoot, ...(body['Boot'] as JsonObject) },
      });
      return { status: 204 };
    });
    await boot.setBootDevice(node, 'disk', { persistent: true });
    assert.deepEqual(await boot.getBootDevice(node), { device: 'disk', persistent: false });
  });

  test('is sent without Enabled if the service rejects an unchanged value', async (t) => {
    const { boot, node, tree, sent } = await setUp(t, { boot: { BootSourceOverrideEnabled: 'Once' } });
    const rule = ({ body }: { body: JsonObject }): TreeReply => {
      if ('BootSourceOverrideEnabled' in (body['Boot'] as JsonObject)) return refusal('X.1.0.Unchanged');
      tree.resources.set(systemPath, {
        ...tree.resources.get(systemPath),
        Boot: { ...usualBoot, BootSourceOverrideEnabled: 'Once', BootSourceOverrideTarget: 'Pxe' },
      });
      return { status: 204 };
    };
    tree.rules.set(`PATCH ${systemPath}`, rule);
    await boot.setBootDevice(node, 'pxe', { persistent: false });
    assert.deepEqual(sent().at(-1), { BootSourceOverrideTarget: 'Pxe' });
  });

  test('is written to the settings resource that holds it', async (t) => {
    const { boot, node, tree } = await setUp(t, {
      system: { '@Redfish.Settings': { SettingsObject: { '@odata.id': settingsPath } } },
      resources: { [settingsPath]: { '@odata.id': settingsPath, Boot: usualBoot } },
    });
    await boot.setBootDevice(node, 'pxe', { persistent: false });
    assert.deepEqual(
      tree.changes.map(({ path }) => path),
      [settingsPath],
    );
  });

  test('is written to the system where the settings resource holds other things', async (t) => {
    const { boot, node, tree } = await setUp(t, {
      system: { '@Redfish.Settings': { SettingsObject: { '@odata.id': settingsPath } } },
      resources: { [settingsPath]: { '@odata.id': settingsPath, AssetTag: '' } },
    });
    await boot.setBootDevice(node, 'pxe', { persistent: false });
    assert.deepEqual(
      tree.changes.map(({ path }) => path),
      [systemPath],
    );
  });
});

suite('what certain vendors need', () => {
  test('AMI: all properties, each time', async (t) => {
    const { boot, node, sent } = await setUp(t, { system: { Manufacturer: 'American Megatrends International' } });
    await boot.setBootDevice(node, 'pxe', { persistent: false });
    const whole = { BootSourceOverrideTarget: 'Pxe', BootSourceOverrideEnabled: 'Once', BootSourceOverrideMode: 'UEFI' };
    assert.deepEqual(sent(), [whole]);
    await boot.setBootMode(node, 'bios');
    assert.deepEqual(sent().at(-1), { ...whole, BootSourceOverrideMode: 'Legacy' });
  });

  test('HPE: sends no boot mode, and rejects another one', async (t) => {
    const { boot, node, sent } = await setUp(t, { system: { Manufacturer: 'HPE' } });
    await boot.setBootDevice(node, 'pxe', { persistent: false, mode: 'uefi' });
    assert.deepEqual(sent(), [{ BootSourceOverrideTarget: 'Pxe', BootSourceOverrideEnabled: 'Once' }]);
    await faultOf(boot.setBootDevice(node, 'pxe', { persistent: false, mode: 'bios' }));
    await faultOf(boot.setBootMode(node, 'bios'));
    assert.equal(sent().length, 1);
  });

  test('HPE: retries while the machine runs its self-test', async (t) => {
    const { boot, node, tree } = await setUp(t, { system: { Manufacturer: 'HPE' } });
    let refusals = 2;
    tree.rules.set(`PATCH ${systemPath}`, () => {
      if (refusals-- > 0) return refusal('iLO.2.14.UnableToModifyDuringSystemPOST');
      tree.resources.set(systemPath, {
        ...tree.resources.get(systemPath),
        Boot: { ...usualBoot, BootSourceOverrideEnabled: 'Once', BootSourceOverrideTarget: 'Pxe' },
      });
      return { status: 200, body: {} };
    });
    await boot.setBootDevice(node, 'pxe', { persistent: false });
    assert.equal(tree.changes.length, 3);
  });

  test('Dell: accepts a rejection of an override that was set nevertheless', async (t) => {
    const { boot, node, tree } = await setUp(t, { system: { Manufacturer: 'Dell Inc.' } });
    tree.rules.set(`PATCH ${systemPath}`, () => {
      tree.resources.set(systemPath, {
        ...tree.resources.get(systemPath),
        Boot: { ...usualBoot, BootSourceOverrideTarget: 'Pxe' },
      });
      return { status: 400, body: refusal('IDRAC.1.6.SYS444').body ?? {} };
    });
    await boot.setBootDevice(node, 'pxe', { persistent: false });
    assert.equal(tree.changes.length, 1);
  });

  test('Supermicro: a virtual CD is a USB drive', async (t) => {
    const { boot, node, sent } = await setUp(t, {
      system: { Manufacturer: 'Supermicro' },
      boot: { [targets]: ['Cd', 'UsbCd'] },
    });
    await boot.setBootDevice(node, 'cdrom', { persistent: false });
    const expected = { BootSourceOverrideTarget: 'UsbCd', BootSourceOverrideEnabled: 'Once', BootSourceOverrideMode: 'UEFI' };
    assert.deepEqual(sent(), [expected]);
    assert.equal((await boot.getBootDevice(node)).device, 'cdrom');
  });

  test('Supermicro: no boot mode if the machine shows none', async (t) => {
    const fixture = await setUp(t, { system: { Manufacturer: 'Supermicro', Boot: { [targets]: ['Pxe'] } } });
    await fixture.boot.setBootDevice(fixture.node, 'pxe', { persistent: false });
    assert.deepEqual(fixture.sent(), [{ BootSourceOverrideTarget: 'Pxe', BootSourceOverrideEnabled: 'Once' }]);
  });
});

test('reads and writes the boot mode', async (t) => {
  const { boot, node, sent } = await setUp(t);
  assert.equal(await boot.getBootMode(node), 'uefi');
  await boot.setBootMode(node, 'uefi');
  assert.deepEqual(sent(), []);
  await boot.setBootMode(node, 'bios');
  assert.equal(await boot.getBootMode(node), 'bios');
});
