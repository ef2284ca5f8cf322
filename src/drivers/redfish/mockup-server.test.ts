/** Tests against DMTF's mockup server with its mockup of a rack server: see readme.md. */
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { type PythonService, reasonToSkip, startPythonService } from '#test/a-python-service.ts';
import { aNode } from '#test/a-task.ts';
import type { NodeFacts } from '../interfaces.ts';
import { createRedfishDriver } from './index.ts';

/** The server uses grequests only to send events, which these tests do not need. */
const withoutEvents = "import sys, types; sys.modules.setdefault('grequests', types.ModuleType('grequests'))";

const mockupServer: PythonService = {
  variable: 'REFEREE_REDFISH_MOCKUP_SERVER',
  imports: `${withoutEvents}; import redfishMockupServer`,
  program: `${withoutEvents}; import runpy; runpy.run_path('redfishMockupServer.py', run_name='__main__')`,
  options: (port) => ['-S', '-D', 'public-rackmount1', '-H', '127.0.0.1', '-p', String(port)],
  listening: 'running Server',
};

async function setUp(t: TestContext) {
  const port = await startPythonService(t, mockupServer);
  const driver = createRedfishDriver({ pollTiming: { pollMs: 20, retryMs: 20, effectMs: 2_000 } });
  t.after(() => driver.close());
  const driver_info = { redfish_address: `http://127.0.0.1:${port}`, redfish_username: 'root', redfish_password: 'secret' };
  const node: NodeFacts = { ...aNode({ driver: 'redfish', driver_info }), ports: [] };
  return { driver, node };
}

suite("DMTF's mockup server", { skip: reasonToSkip(mockupServer) }, () => {
  test('opens a session and accepts power commands', async (t) => {
    const { driver, node } = await setUp(t);
    assert.equal(await driver.power.getPower(node), 'power on');
    for (const target of ['power off', 'soft power off', 'power on', 'reset'] as const) await driver.power.setPower(node, target);
    await driver.management.injectNmi?.(node);
    await driver.management.resetBmc?.(node, 'warm');
  });

  test('keeps boot device, boot mode and indicator', async (t) => {
    const { driver, node } = await setUp(t);
    const { management } = driver;
    await management.setBootDevice(node, 'disk', { persistent: true });
    assert.deepEqual(await management.getBootDevice(node), { device: 'disk', persistent: true });
    await management.setBootDevice(node, 'cdrom', { persistent: false, mode: 'bios' });
    assert.deepEqual(await management.getBootDevice(node), { device: 'cdrom', persistent: false });
    assert.equal(await management.getBootMode?.(node), 'bios');
    await management.setIndicator?.(node, 'blinking');
    assert.equal(await management.getIndicator?.(node), 'blinking');
  });

  test('reports its identity', async (t) => {
    const { driver, node } = await setUp(t);
    assert.partialDeepStrictEqual(await driver.management.identify?.(node), {
      manufacturer: 'Contoso',
      product: '3500',
      serial: '437XR1138R2',
      asset_tag: 'Chicago-45Z-2381',
      details: { memory_gib: 96, processors: 2, chassis: [{ ChassisType: 'RackMount' }] },
    });
    assert.partialDeepStrictEqual(await driver.management.bmcInfo?.(node), {
      redfish_version: '1.15.0',
      firmware_version: '1.45.455b66-rev4',
      interfaces: [{ name: 'eth0', mac: '23:11:8a:33:cf:ea' }, { name: 'ToHost' }],
    });
  });

  test('changes the media of drives without actions', async (t) => {
    const { driver, node } = await setUp(t);
    const { media } = driver.management;
    const cdrom = async () => (await media?.slots(node))?.find(({ device }) => device === 'cdrom');
    assert.equal((await cdrom())?.inserted, true);
    await media?.insert(node, 'cdrom', 'http://172.30.0.1/boot.iso');
    assert.deepEqual(await cdrom(), { device: 'cdrom', inserted: true, image: 'http://172.30.0.1/boot.iso' });
    await media?.eject(node, 'cdrom');
    assert.equal((await cdrom())?.inserted, false);
  });

  test('returns sensors, logs, settings and versions', async (t) => {
    const { driver, node } = await setUp(t);
    const sensors = await driver.management.readSensors?.(node);
    const ambient = { name: 'Ambient Temperature', type: 'temperature', value: 22.5, unit: '°C', status: 'ok' };
    assert.partialDeepStrictEqual(
      sensors?.find(({ name }) => name === 'Ambient Temperature'),
      ambient,
    );
    assert.ok((await driver.management.readLog?.(node))?.some(({ message }) => message === 'System May be Melting'));
    assert.equal(await driver.management.getSecureBoot?.(node), false);
    assert.ok((await driver.bios.readSettings(node)).some(({ name, value }) => name === 'BootMode' && value === 'Uefi'));
    assert.ok((await driver.firmware.readComponents(node)).some(({ version }) => version === '1.45.455b66-rev4'));
  });
});
