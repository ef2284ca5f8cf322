/** Referee test: the unmodified `openstack` client adopts, protects, retires and deletes nodes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openstack, openstackJson, openstackSession, withoutClient as skip } from './openstack.ts';
import { aSharedIngot } from './whole-ingot.ts';

type Row = Record<string, unknown>;

const ingot = aSharedIngot();
const node = (...args: string[]) => openstack(ingot.env, ['baremetal', 'node', ...args]);
const shown = async (): Promise<Row> => openstackJson(ingot.env, ['baremetal', 'node', 'show', 'old']);

test('a node is adopted, protected, retired, undeployed without cleaning, and deleted', { skip }, async () => {
  await openstackSession(ingot.env, [
    'baremetal node create --driver fake-hardware --name old -f json',
    'baremetal node manage old --wait 60',
    'baremetal node adopt old --wait 60',
    'baremetal node set old --protected --protected-reason production --retired --retired-reason old',
  ]);
  const adopted = await shown();
  assert.deepEqual(
    [
      adopted['provision_state'],
      adopted['protected'],
      adopted['protected_reason'],
      adopted['retired'],
      adopted['retired_reason'],
    ],
    ['active', true, 'production', true, 'old'],
  );

  const text = /is protected and cannot be undeployed, rebuilt or deleted \(HTTP 403\)/;
  await assert.rejects(node('undeploy', 'old'), text);
  await assert.rejects(node('rebuild', 'old'), text);
  await assert.rejects(node('delete', 'old'), text);

  const { errors } = await openstackSession(ingot.env, [
    'baremetal node unset old --protected',
    'baremetal node set old --no-automated-clean',
    'baremetal node undeploy old --wait 60',
  ]);
  const retired = await shown();
  assert.deepEqual([retired['provision_state'], retired['automated_clean']], ['manageable', false], errors);
  await assert.rejects(node('provide', 'old'), /because it is retired/);

  await openstackSession(ingot.env, [
    'baremetal node unset old --retired --automated-clean',
    'baremetal node provide old --wait 60',
    'baremetal node delete old',
  ]);
  assert.deepEqual(await openstackJson(ingot.env, ['baremetal', 'node', 'list']), []);
});
