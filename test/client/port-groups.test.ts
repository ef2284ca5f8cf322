/** Referee test: the unmodified `openstack` client with port groups. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openstack, openstackSession, withoutClient as skip } from './openstack.ts';
import { aSharedIngot } from './whole-ingot.ts';

type Row = Record<string, unknown>;

const ingot = aSharedIngot();
const node = '9b1c6a3e-6d0e-4b4c-9f0e-0123456789ac';
const mac = '52:54:00:00:06:01';

test('creates a port group, adds ports, changes it, and deletes it once empty', { skip }, async () => {
  // This client refuses its own --uuid.
  const { replies: made } = await openstackSession(ingot.env, [
    `baremetal node create --driver fake-hardware --uuid ${node} --name bonded -f json`,
    `baremetal port group create --node ${node} --name bond0 --address ${mac} --mode 802.3ad --property miimon=100 --unsupport-standalone-ports -f json`,
  ]);
  const [, created] = made as [Row, Row];
  const group = String(created['uuid']);
  const { replies } = await openstackSession(ingot.env, [
    `baremetal port create --node ${node} --port-group ${group} --pxe-enabled false ${mac} -f json`,
    'baremetal port group list --node bonded -f json',
    'baremetal port list --port-group bond0 -f json',
    'baremetal port group set --mode active-backup --support-standalone-ports bond0',
    'baremetal port group unset --property miimon bond0',
    `baremetal port group show --address ${mac} -f json`,
  ]);
  const [port, groups, ports, ...rest] = replies as [Row, Row[], Row[], Row];
  const shown = rest.at(-1) as Row;

  assert.deepEqual([created['mode'], created['properties']], ['802.3ad', { miimon: 100 }]);
  assert.deepEqual([created['standalone_ports_supported'], created['node_uuid']], [false, node]);
  assert.equal(port['portgroup_uuid'], group);
  assert.deepEqual(
    groups.map((row) => [row['UUID'], row['Address'], row['Name']]),
    [[group, mac, 'bond0']],
  );
  assert.deepEqual(
    ports.map((row) => row['Address']),
    [mac],
  );
  assert.deepEqual([shown['mode'], shown['properties']], ['active-backup', {}]);

  await assert.rejects(openstack(ingot.env, ['baremetal', 'port', 'group', 'delete', 'bond0']), /contains ports/);
  await openstackSession(ingot.env, [
    `baremetal port unset --port-group ${String(port['uuid'])}`,
    'baremetal port group delete bond0',
  ]);
  await assert.rejects(openstack(ingot.env, ['baremetal', 'port', 'group', 'show', 'bond0']), /could not be found/);
});
