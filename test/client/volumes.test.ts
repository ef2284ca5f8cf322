/** Referee test: the unmodified `openstack` client with volume connectors and targets of nodes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openstack, openstackSession, withoutClient as skip } from './openstack.ts';
import { aSharedIngot } from './whole-ingot.ts';

type Row = Record<string, unknown>;

const ingot = aSharedIngot();
const node = '9b1c6a3e-6d0e-4b4c-9f0e-0123456789ae';
const iqn = 'iqn.2026-01.com.example:stored';

test('volume connectors and targets are created, listed, shown and deleted', { skip }, async () => {
  const { replies } = await openstackSession(ingot.env, [
    `baremetal node create --driver fake-hardware --uuid ${node} --name stored -f json`,
    `baremetal volume connector create --node ${node} --type iqn --connector-id ${iqn} --extra a=1 -f json`,
    `baremetal volume target create --node ${node} --type iscsi --volume-id vol1 --boot-index 0 --property auth_password=s3cret -f json`,
    'baremetal volume connector list --node stored -f json',
    'baremetal volume target list --node stored -f json',
  ]);
  const [, connector, target, connectors, targets] = replies as [Row, Row, Row, Row[], Row[]];

  assert.deepEqual([connector['type'], connector['connector_id'], connector['extra']], ['iqn', iqn, { a: 1 }]);
  assert.deepEqual([target['volume_id'], target['boot_index'], target['properties']], ['vol1', 0, { auth_password: '******' }]);
  assert.deepEqual(
    connectors.map((row) => [row['UUID'], row['Type'], row['Connector ID']]),
    [[connector['uuid'], 'iqn', iqn]],
  );
  assert.deepEqual(
    targets.map((row) => [row['UUID'], row['Volume ID']]),
    [[target['uuid'], 'vol1']],
  );

  const change = ['baremetal', 'volume', 'connector', 'set', '--extra', 'b=2', String(connector['uuid'])];
  await assert.rejects(openstack(ingot.env, change), /can not be performed on node/);
  await openstackSession(ingot.env, [
    `baremetal volume connector delete ${String(connector['uuid'])}`,
    `baremetal volume target delete ${String(target['uuid'])}`,
  ]);
  const shown = openstack(ingot.env, ['baremetal', 'volume', 'target', 'show', String(target['uuid'])]);
  await assert.rejects(shown, /could not be found/);
});
