/** Referee test: the unmodified `openstack` client with the BMC features of a machine, on fake hardware. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { openstack, openstackSession, withoutClient as skip } from './openstack.ts';
import { aSharedIngot } from './whole-ingot.ts';

type Row = Record<string, unknown>;

const ingot = aSharedIngot();

test('reads BIOS settings, changes them by a clean step, and reads them again', { skip }, async () => {
  const steps =
    '[{"interface":"bios","step":"apply_configuration","args":{"settings":[{"name":"SecureBoot","value":"Disabled"}]}}]';
  const { replies } = await openstackSession(ingot.env, [
    'baremetal node create --driver fake-hardware --name bios1 -f json',
    'baremetal node manage --wait 60 bios1',
    'baremetal node bios setting list bios1 -f json',
    `baremetal node clean --wait 60 --clean-steps '${steps}' bios1`,
    'baremetal node show -f json --fields provision_state last_error bios_interface -- bios1',
  ]);
  const [, settings, node] = replies as [Row, Row[], Row];
  assert.ok(
    settings.length > 0 && settings.every((row) => 'BIOS setting name' in row || 'Name' in row),
    JSON.stringify(settings[0]),
  );
  assert.equal(node['last_error'], null);
  assert.equal(node['provision_state'], 'manageable');
});

test('changes boot mode and Secure Boot, sends an NMI, and calls vendor methods', { skip }, async () => {
  const { replies, output } = await openstackSession(ingot.env, [
    'baremetal node create --driver fake-hardware --name verbs1 -f json',
    'baremetal node manage --wait 60 verbs1',
    'baremetal node show verbs1 -f json --fields boot_mode secure_boot',
    'baremetal node boot mode set verbs1 uefi',
    'baremetal node secure boot on verbs1',
    'baremetal node show verbs1 -f json',
    'baremetal node list --fields name boot_mode secure_boot -f json',
    'baremetal node boot device show verbs1 --supported -f json',
    'baremetal node inject nmi verbs1',
    'baremetal node passthru list verbs1 -f json',
    'baremetal node passthru call verbs1 sensors --http-method GET',
    'baremetal node passthru call verbs1 insert_media --arg image_url=http://192.0.2.1/a.iso',
    'baremetal node passthru call verbs1 media --http-method GET',
  ]);
  const [, before, after, listed, , methods] = replies as [Row, Row, Row, Row[], Row, Row[]];
  assert.deepEqual([before['boot_mode'], before['secure_boot']], ['bios', false]);
  assert.deepEqual([after['boot_mode'], after['secure_boot']], ['uefi', true]);
  assert.deepEqual(
    listed.find((row) => row['Name'] === 'verbs1'),
    { Name: 'verbs1', 'Boot Mode': 'uefi', 'Secure Boot': true },
  );
  assert.ok(
    methods.some((row) => row['Name'] === 'sensors'),
    JSON.stringify(methods),
  );
  assert.match(output, /temperature/);
  assert.match(output, /'image': 'http:\/\/192\.0\.2\.1\/a\.iso'/);
  assert.match(output, /Exhaust|Fan|CPU/);
  await assert.rejects(
    openstack(ingot.env, ['baremetal', 'node', 'passthru', 'call', 'verbs1', 'nonsense']),
    /has no vendor method 'nonsense'/,
  );
});

test('enables and shows a console that accepts input', { skip }, async (t) => {
  const { replies } = await openstackSession(ingot.env, [
    'baremetal node create --driver fake-hardware --name serial1 -f json',
    'baremetal node console enable serial1',
    'baremetal node console show serial1 -f json',
  ]);
  const shown = replies[1] as { console_enabled: boolean; console_info: { url: string } };
  assert.equal(shown.console_enabled, true);

  const socket = new WebSocket(shown.console_info.url, 'binary');
  socket.binaryType = 'arraybuffer';
  await once(socket, 'open');
  const heard: string[] = [];
  const echoed = Promise.withResolvers<void>();
  socket.addEventListener('message', ({ data }) => {
    heard.push(Buffer.from(data as ArrayBuffer).toString());
    if (heard.join('').includes('hello machine')) echoed.resolve();
  });
  const typing = setInterval(() => socket.send('hello machine\r'), 200);
  t.after(() => {
    clearInterval(typing);
    socket.close();
  });
  await echoed.promise;
});

test('aborts a stuck power change, after which the node can be changed at once', { skip }, async () => {
  const node = ['baremetal', 'node', 'create', '--driver', 'fake-hardware', '--name', 'stuck1'];
  await openstack(ingot.env, [...node, '--driver-info', 'fake_stuck=power on']);
  const { replies } = await openstackSession(ingot.env, [
    'baremetal node manage --wait 60 stuck1',
    'baremetal node power on stuck1',
    'baremetal node abort stuck1',
    'baremetal node unset --driver-info fake_stuck stuck1',
    'baremetal node power on --power-timeout 60 stuck1',
    'baremetal node show -f json --fields power_state driver_info -- stuck1',
  ]);
  const shown = replies.at(-1) as Row;
  assert.equal(shown['power_state'], 'power on');
  assert.deepEqual(shown['driver_info'], {});
});
