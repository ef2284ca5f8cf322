/** Referee test: the unmodified `openstack` client with allocations. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openstack, openstackSession, withoutClient as skip } from './openstack.ts';
import { aSharedIngot } from './whole-ingot.ts';

type Row = Record<string, unknown>;

const ingot = aSharedIngot();

test('an allocation holds an available node until it is deleted', { skip }, async () => {
  const { replies } = await openstackSession(ingot.env, [
    'baremetal node create --driver fake-hardware --name wanted --resource-class gold -f json',
    'baremetal node add trait wanted CUSTOM_GPU',
    'baremetal node manage --wait 60 wanted',
    'baremetal node provide --wait 60 wanted',
    'baremetal allocation create --name mine --resource-class gold --trait CUSTOM_GPU --wait 60 -f json',
    'baremetal allocation set --extra rack=r1 mine',
    'baremetal allocation list --state active -f json',
    'baremetal allocation show mine -f json',
    'baremetal node show wanted -f json',
  ]);
  const [list, shown, node] = replies.slice(-3) as [Row[], Row, Row];

  assert.ok(list.some((row) => row['Name'] === 'mine' && row['Node UUID'] === node['uuid']));
  assert.deepEqual([shown['state'], shown['node_uuid'], shown['extra']], ['active', node['uuid'], { rack: 'r1' }]);
  assert.deepEqual([node['instance_uuid'], node['allocation_uuid']], [shown['uuid'], shown['uuid']]);

  const none = ['baremetal', 'allocation', 'create', '--resource-class', 'gold', '--name', 'none', '--wait', '60'];
  await assert.rejects(openstack(ingot.env, none), /no available nodes match the resource class gold/);
  await openstackSession(ingot.env, ['baremetal allocation unset --extra rack mine', 'baremetal allocation delete mine none']);
  await assert.rejects(openstack(ingot.env, ['baremetal', 'allocation', 'show', 'mine']), /could not be found/);
});
