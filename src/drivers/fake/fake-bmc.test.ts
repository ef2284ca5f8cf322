import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { aNode } from '#test/a-task.ts';
import { completeUpdate } from '#test/complete-update.ts';
import type { NodeFacts } from '../interfaces.ts';
import { createFakeDriver } from './index.ts';

const aDriver = () => createFakeDriver({ powerDelayMs: 0, deployDelayMs: 0 });
const facts = (changes: Partial<NodeFacts> = {}): NodeFacts => ({ ...aNode({ power_state: null }), ports: [], ...changes });

test('reads sensors only while the machine is on, with steady values', async () => {
  const { management, power } = aDriver();
  const node = facts();
  const off = await management.readSensors?.(node);
  assert.deepEqual(
    off?.filter(({ value }) => value !== null).map(({ name }) => name),
    ['Inlet Temp'],
  );
  await power.setPower(node, 'power on');
  const on = await management.readSensors?.(node);
  assert.ok(on?.every(({ value, status, type }) => type === 'power supply' || (value !== null && status === 'ok')));
});

test('logs power and NMI, keeps the newest entries, and can be cleared', async () => {
  const { management, power, vendor } = aDriver();
  const node = facts();
  await assert.rejects(management.injectNmi!(node), { code: 'bmcError', message: /off/ });
  await power.setPower(node, 'power on');
  await management.injectNmi?.(node);
  assert.deepEqual(
    (await management.readLog?.(node))?.map(({ message }) => message),
    ['power on', 'NMI'],
  );
  for (let index = 0; index < 30; index++) await vendor.methods['add_log_entry']?.run(node, { message: `entry ${index}` });
  const log = await management.readLog!(node);
  assert.deepEqual([log.length, log.at(-1)?.message, log.at(-1)?.id], [16, 'entry 29', '32']);
  await management.clearLog?.(node);
  assert.deepEqual(await management.readLog?.(node), []);
});

test('keeps indicator, boot mode and Secure Boot per machine', async () => {
  const { management } = aDriver();
  const [one, two] = [facts({ properties: { capabilities: 'boot_mode:uefi' } }), facts({ uuid: 'two' })];
  await management.setIndicator?.(one, 'blinking');
  assert.deepEqual([await management.getIndicator?.(one), await management.getIndicator?.(two)], ['blinking', 'off']);
  assert.deepEqual([await management.getBootMode?.(one), await management.getBootMode?.(two)], ['uefi', 'bios']);
  await management.setSecureBoot?.(one, true);
  await assert.rejects(management.setSecureBoot!(two, true), { code: 'badRequest' });
  await management.setBootMode?.(two, 'uefi');
  await management.setSecureBoot?.(two, true);
  assert.deepEqual([await management.getSecureBoot?.(one), await management.getSecureBoot?.(two)], [true, true]);
});

test('clears a one-time boot device after the start', async () => {
  const { management, power } = aDriver();
  const node = facts();
  await management.setBootDevice(node, 'pxe', { persistent: false });
  assert.deepEqual(await management.getBootDevice(node), { device: 'pxe', persistent: false });
  await power.setPower(node, 'power on');
  assert.deepEqual(await management.getBootDevice(node), { device: null, persistent: null });
  await assert.rejects(management.setBootDevice(node, 'uefihttp', { persistent: false }), { code: 'badRequest' });
});

test('inserts and ejects media', async () => {
  const { media } = aDriver().management;
  const node = facts();
  await media?.insert(node, 'cdrom', 'http://192.0.2.1/a.iso');
  assert.deepEqual(await media?.slots(node), [
    { device: 'cdrom', inserted: true, image: 'http://192.0.2.1/a.iso' },
    { device: 'floppy', inserted: false, image: null },
  ]);
  await media?.eject(node, 'cdrom');
  await media?.eject(node, 'cdrom');
  assert.ok((await media?.slots(node))?.every(({ inserted }) => !inserted));
  await assert.rejects(media!.insert(node, 'disk', 'http://192.0.2.1/a.img'), {
    code: 'badRequest',
    message: /no slot for disk/,
  });
  await assert.rejects(media!.insert(node, 'cdrom', '/etc/passwd'), { code: 'badRequest' });
});

test('checks BIOS settings together, and applies them at the next start', async () => {
  const { bios, power } = aDriver();
  const node = facts();
  const setting = async (name: string) => (await bios.readSettings(node)).find((candidate) => candidate.name === name);
  const wrong = { BootMode: 'Legacy', BootRetryCount: 11, SystemBiosVersion: '9', Nonsense: 1, AdminPassword: 'x'.repeat(21) };
  await assert.rejects(bios.applySettings(node, { ...wrong, AssetTag: 'a' }), (error: Error) => {
    for (const name of Object.keys(wrong)) assert.ok(error.message.includes(name), name);
    assert.ok(!error.message.includes('xxxxx'));
    return true;
  });
  assert.equal((await setting('AssetTag'))?.value, '');

  await bios.applySettings(node, { AssetTag: 'a', BootMode: 'Bios', ProcHyperthreading: false, AdminPassword: 'secret' });
  assert.equal((await setting('AssetTag'))?.value, 'a');
  assert.deepEqual([(await setting('BootMode'))?.value, (await setting('BootMode'))?.pending], ['Uefi', 'Bios']);
  await power.setPower(node, 'power on');
  assert.deepEqual([(await setting('BootMode'))?.value, (await setting('BootMode'))?.pending], ['Bios', undefined]);
  assert.equal((await setting('AdminPassword'))?.value, null);
  await bios.factoryReset(node);
  await power.setPower(node, 'reset');
  assert.deepEqual([(await setting('BootMode'))?.value, (await setting('AssetTag'))?.value], ['Uefi', '']);
});

test('sets the firmware version from the image name', async () => {
  const { firmware, bios, management } = aDriver();
  const node = facts();
  const version = async (name: string) =>
    (await firmware.readComponents(node)).find(({ component }) => component === name)?.version;
  await completeUpdate(firmware, node, { component: 'bios', url: 'https://192.0.2.1/images/bios-2.4.1.bin?x=9.9' });
  await completeUpdate(firmware, node, { path: '/images/bmc_3.0.bin' });
  assert.deepEqual([await version('bios'), await version('bmc'), await version('cpld')], ['2.4.1', '3.0', '0.9']);
  assert.equal((await bios.readSettings(node)).find(({ name }) => name === 'SystemBiosVersion')?.value, '2.4.1');
  assert.equal((await management.bmcInfo?.(node))?.['firmware_version'], '3.0');
  for (const update of [
    { component: 'cpld', url: 'http://h/1.2' },
    { component: 'x', url: 'http://h/1.2' },
    { url: 'nowhere 1.2' },
    { url: 'http://h/new' },
  ])
    await assert.rejects(completeUpdate(firmware, node, update), { code: 'badRequest' });
});

test('the console echoes input, and ends with its signal', async () => {
  const driver = aDriver();
  const controller = new AbortController();
  const stream = await driver.console.open!(facts({ name: 'n1' }), { signal: controller.signal });
  let printed = '';
  stream.setEncoding('latin1').on('data', (text: string) => {
    printed += text;
  });
  stream.write('root\r');
  stream.sendBreak?.();
  while (!printed.includes('[break]')) await new Promise(setImmediate);
  assert.equal(printed, 'n1 login: root\r\n\r\n[break]\r\n');
  const closed = once(stream, 'close');
  controller.abort();
  await closed;
  assert.ok(stream.destroyed);
});

test('a vendor method presses the power button', async () => {
  const { vendor, power } = aDriver();
  const node = facts();
  assert.deepEqual(await vendor.methods['press_power_button']?.run(node, {}), { power_state: 'power on' });
  assert.equal(await power.getPower(node), 'power on');
  assert.deepEqual(await vendor.methods['echo']?.run(node, { a: [1] }), { a: [1] });
  await assert.rejects(vendor.methods['add_log_entry']!.run(node, { message: 1 }), { code: 'badRequest' });
});
