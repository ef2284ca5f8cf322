/** Tests against sushy-tools, OpenStack's Redfish emulator: see readme.md. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Fault } from '#domain/faults.ts';
import type { PowerState } from '#domain/power-states.ts';
import { type PythonService, reasonToSkip, startPythonService } from '#test/a-python-service.ts';
import { aNode } from '#test/a-task.ts';
import type { NodeFacts } from '../interfaces.ts';
import { createRedfishDriver } from './index.ts';

const uuid = 'da69abcc-dae0-4913-9a7b-d344043097c0';

const sushyTools: PythonService = {
  variable: 'REFEREE_SUSHY_TOOLS',
  imports: 'import sushy_tools.emulator.main',
  program: 'import sys; from sushy_tools.emulator import main; sys.exit(main.main())',
  options(port, state) {
    const config = join(state, 'emulator.conf');
    const systems = `[{'uuid': '${uuid}', 'name': 'one', 'power_state': 'Off', 'nics': []}]`;
    writeFileSync(config, `SUSHY_EMULATOR_STATE_DIR = '${state}'\nSUSHY_EMULATOR_FAKE_SYSTEMS = ${systems}\n`);
    return ['--fake', '--config', config, '-i', '127.0.0.1', '-p', String(port)];
  },
  listening: 'Running on',
};

async function startEmulator(t: TestContext): Promise<NodeFacts> {
  const port = await startPythonService(t, sushyTools);
  return { ...aNode({ driver: 'redfish', driver_info: { redfish_address: `http://127.0.0.1:${port}` } }), ports: [] };
}

/** The emulator executes power commands after some seconds, like a real machine. */
async function untilPower(driver: ReturnType<typeof createRedfishDriver>, node: NodeFacts, state: PowerState): Promise<void> {
  for (let polls = 0; polls < 150; polls++) {
    if ((await driver.power.getPower(node)) === state) return;
    await pause(100);
  }
  assert.fail(`the machine never got to '${state}'`);
}

function openDriver(t: TestContext) {
  const driver = createRedfishDriver({ pollTiming: { pollMs: 50, retryMs: 50, effectMs: 5_000 } });
  t.after(() => driver.close());
  return driver;
}

suite('sushy-tools', { skip: reasonToSkip(sushyTools) }, () => {
  test('switches a machine', async (t) => {
    const node = await startEmulator(t);
    const driver = openDriver(t);
    await untilPower(driver, node, 'power off');
    for (const [target, state] of [
      ['power on', 'power on'],
      ['soft power off', 'power off'],
    ] as const) {
      await driver.power.setPower(node, target);
      await untilPower(driver, node, state);
    }
  });

  test('sets boot devices, boot modes and indicators, and reports its identity', async (t) => {
    const node = await startEmulator(t);
    const { management } = openDriver(t);
    for (const device of ['pxe', 'cdrom', 'disk'] as const) {
      await management.setBootDevice(node, device, { persistent: true });
      assert.deepEqual(await management.getBootDevice(node), { device, persistent: true });
    }
    for (const mode of ['bios', 'uefi'] as const) {
      await management.setBootMode?.(node, mode);
      assert.equal(await management.getBootMode?.(node), mode);
    }
    for (const state of ['blinking', 'off', 'on'] as const) {
      await management.setIndicator?.(node, state);
      assert.equal(await management.getIndicator?.(node), state);
    }
    assert.partialDeepStrictEqual(await management.identify?.(node), { manufacturer: 'Sushy Emulator', details: { uuid } });
    assert.partialDeepStrictEqual(await management.bmcInfo?.(node), { firmware_version: '1.00' });
  });

  test('inserts and ejects an image', async (t) => {
    const node = await startEmulator(t);
    const { management } = openDriver(t);
    const server = createServer((_, response) => response.end('an image')).listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    const image = `http://127.0.0.1:${(server.address() as AddressInfo).port}/boot.iso`;
    const cdrom = async () => (await management.media?.slots(node))?.find(({ device }) => device === 'cdrom');
    await management.media?.insert(node, 'cdrom', image);
    assert.deepEqual(await cdrom(), { device: 'cdrom', inserted: true, image });
    await management.media?.eject(node, 'cdrom');
    assert.deepEqual(await cdrom(), { device: 'cdrom', inserted: false, image: null });
  });

  test('explains a rejection', async (t) => {
    const node = await startEmulator(t);
    const wrong = { ...node, driver_info: { ...node.driver_info, redfish_system_id: 'nobody' } };
    await assert.rejects(
      openDriver(t).power.getPower(wrong),
      (error) => error instanceof Fault && error.code === 'bmcError' && /404.*nobody was not found/s.test(error.message),
    );
  });
});
