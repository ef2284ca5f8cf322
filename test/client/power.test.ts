/** Referee test: the unmodified `openstack` client with manual power, and with a hypervisor behind SSH. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aVirsh } from '#test/a-hypervisor.ts';
import { anSshHost, withoutSshd } from '#test/an-ssh-host.ts';
import { fingerprintOf } from '#tools/ssh-files.ts';
import { openstackJson, openstackSession, withoutClient as skip } from './openstack.ts';
import { aSharedIngot } from './whole-ingot.ts';

type Row = Record<string, unknown>;

const ingot = aSharedIngot();

/** The power state when no target power state remains. */
async function settledPower(node: string): Promise<unknown> {
  for (;;) {
    const shown = await openstackJson(ingot.env, [
      'baremetal',
      'node',
      'show',
      node,
      '--fields',
      'power_state',
      'target_power_state',
    ]);
    if (shown.target_power_state === null) return shown.power_state;
  }
}

test('switches a machine with manual power', { skip }, async () => {
  const { replies, output } = await openstackSession(ingot.env, [
    'baremetal node create --driver manual-management --name shelf-3 -f json',
    'baremetal node manage shelf-3 --wait',
    'baremetal node power on shelf-3',
    'baremetal node show shelf-3 --fields power_state target_power_state -f json',
    'baremetal node passthru list shelf-3 -f json',
    'baremetal node passthru call shelf-3 confirm --arg state=on',
    'baremetal node power off shelf-3 --power-timeout 30',
    'baremetal node passthru call shelf-3 confirm --arg state=off',
  ]);
  const [created, asked, methods] = replies as [Row, Row, Row[]];

  assert.deepEqual([created['power_interface'], created['vendor_interface']], ['manual', 'manual'], output);
  assert.deepEqual(asked, { power_state: 'power off', target_power_state: 'power on' }, output);
  assert.ok(JSON.stringify(methods).includes('confirm'), output);
  assert.equal(await settledPower('shelf-3'), 'power off');
});

test('switches a virtual machine over SSH', { skip: skip || withoutSshd }, async (t) => {
  const host = await anSshHost();
  t.after(() => host.remove());
  const uuid = '11111111-1111-4111-8111-111111111111';
  const virsh = aVirsh(host.bin, host.folder);
  virsh.add({ uuid, name: 'a machine', macs: ['52:54:00:aa:bb:01'] });
  const info = {
    ...{ ssh_address: '127.0.0.1', ssh_port: host.port, ssh_username: host.user, ssh_key_filename: host.keyFile },
    ssh_host_key: fingerprintOf(host.hostKey),
  };
  const properties = Object.entries(info).map(([key, value]) => `--driver-info ${key}=${value}`);
  const { replies, output } = await openstackSession(ingot.env, [
    `baremetal node create --driver virtual-power --uuid 99999999-9999-4999-8999-999999999999 --name vm1 ${properties.join(' ')} -f json`,
    'baremetal port create 52:54:00:AA:BB:01 --node 99999999-9999-4999-8999-999999999999 -f json',
    'baremetal node validate vm1 -f json',
    'baremetal node manage vm1 --wait',
    'baremetal node power on vm1 --power-timeout 60',
    'baremetal driver property list virtual-power -f json',
  ]);
  const [, , validated, help] = replies as [Row, Row, Row[], Row[]];

  assert.ok(
    validated.some((row) => row['Interface'] === 'power' && row['Result'] === true),
    output,
  );
  assert.deepEqual([await settledPower('vm1'), virsh.state(uuid)], ['power on', 'running']);
  assert.ok(
    help.some((row) => row['Property'] === 'ssh_host_key'),
    output,
  );
});
