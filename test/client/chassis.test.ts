/** Referee test: the unmodified `openstack` client with chassis. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openstack, openstackSession, withoutClient as skip } from './openstack.ts';
import { aSharedIngot } from './whole-ingot.ts';

type Row = Record<string, unknown>;

const ingot = aSharedIngot();
const uuid = '9b1c6a3e-6d0e-4b4c-9f0e-0123456789ab';

test('creates, lists and changes a chassis, assigns a node, and deletes it once empty', { skip }, async () => {
  const { replies } = await openstackSession(ingot.env, [
    `baremetal chassis create --uuid ${uuid} --description row4 --extra rack=r1 -f json`,
    `baremetal node create --driver fake-hardware --name boxed --chassis-uuid ${uuid} -f json`,
    'baremetal chassis list -f json',
    `baremetal chassis set --description row5 --extra unit=7 ${uuid}`,
    `baremetal chassis unset --extra rack ${uuid}`,
    `baremetal chassis show ${uuid} -f json`,
    `baremetal node list --chassis ${uuid} -f json`,
  ]);
  const [created, node, list, ...rest] = replies as [Row, Row, Row[], Row, Row[]];
  const [shown, nodes] = rest.slice(-2) as [Row, Row[]];

  assert.deepEqual([created['uuid'], created['description']], [uuid, 'row4']);
  assert.equal(node['chassis_uuid'], uuid);
  assert.ok(list.some((row) => row['UUID'] === uuid && row['Description'] === 'row4'));
  assert.deepEqual([shown['description'], shown['extra']], ['row5', { unit: 7 }]);
  assert.deepEqual(
    nodes.map((row) => row['Name']),
    ['boxed'],
  );

  await assert.rejects(openstack(ingot.env, ['baremetal', 'chassis', 'delete', uuid]), /contains nodes/);
  await openstackSession(ingot.env, ['baremetal node unset --chassis-uuid boxed', `baremetal chassis delete ${uuid}`]);
  await assert.rejects(openstack(ingot.env, ['baremetal', 'chassis', 'show', uuid]), /could not be found/);
});
