/**
 * Ingot's own Redfish driver against the service in each vendor's shape: every request changes the board as intended.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createRedfishDriver } from '#drivers/redfish/index.ts';
import { loadBmcProfiles } from '../../bmc-profile-files.ts';
import type { BmcProfileChanges } from '../bmc-profile.ts';
import { createBmcModel } from '../create-bmc-model.ts';
import { createMemoryChassis } from '../memory-chassis.ts';
import { startRedfishService } from './redfish-service.ts';

async function setUp(t: TestContext, profile: BmcProfileChanges) {
  const users = [{ name: 'admin', password: 'password1', privilege: 'administrator' }] as const;
  const bmcModel = createBmcModel({
    chassis: { ...createMemoryChassis(), firmware: 'uefi' },
    users,
    media: ['cdrom', 'floppy', 'disk'],
  });
  const service = await startRedfishService({ address: '127.0.0.1', port: 0, bmcModel, profile });
  const files = createServer((_, reply) => reply.end('a medium')).listen(0, '127.0.0.1');
  await once(files, 'listening');
  const driver = createRedfishDriver();
  t.after(async () => {
    await driver.close();
    await service.close();
    files.close();
  });
  const driver_info = { redfish_address: service.url, redfish_username: 'admin', redfish_password: 'password1' };
  const about = { properties: { capabilities: 'boot_mode:uefi' }, extra: {}, power_state: null, ports: [] };
  const node = { id: 1, uuid: '5f1f7c2e-0c7e-4b7e-9a4e-2f7f5b1d0002', name: 'n1', driver: 'redfish', driver_info, ...about };
  return { bmcModel, driver, node, image: `http://127.0.0.1:${(files.address() as AddressInfo).port}/live.iso` };
}

const shapes = [...loadBmcProfiles().values()].filter(({ name }) => name === 'default' || name.startsWith('vendor-'));

for (const { name, behaviour } of shapes) {
  test(`the driver and ${name}: power, boot device, a virtual medium`, async (t) => {
    // The pause after a power off is real time; the driver's handling of it has its own tests.
    const { redfish } = behaviour;
    const { bmcModel, driver, node, image } = await setUp(t, {
      ...behaviour,
      redfish: { ...redfish, settleMs: 0, taskMs: 10 },
    });
    const { power, management } = driver;

    await power.setPower(node, 'power on');
    assert.deepEqual([await power.getPower(node), bmcModel.chassis.power()], ['power on', 'on']);
    await management.setBootDevice(node, 'pxe', { persistent: false });
    assert.equal(bmcModel.chassis.bootOverride.get()?.device, 'pxe');
    assert.equal((await management.getBootDevice(node))?.device, 'pxe');
    await management.media?.insert(node, 'cdrom', image);
    assert.equal(bmcModel.media.find(({ device }) => device === 'cdrom')?.image, image);
    await management.media?.eject(node, 'cdrom');
    assert.equal(bmcModel.media.find(({ device }) => device === 'cdrom')?.image, null);
    await power.setPower(node, 'power off');
    assert.equal(bmcModel.chassis.power(), 'off');
  });
}
