import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Drivers, VendorMethod } from '#drivers/interfaces.ts';
import { anAvailableNode, testCloud } from '#test/a-cloud.ts';
import { NodeReservations } from '../nodes/node-reservations.ts';
import type { BmcHealth } from './bmc-health.ts';
import { unknownBootState } from './boot-states.ts';
import { machineVerbs } from './machine-verbs.ts';

test('during an operation, allows reads and methods that it waits for, and rejects changes of the BMC', async (t) => {
  const { store, ...cloud } = await testCloud();
  t.after(() => store.close());
  const { uuid } = await anAvailableNode({ store, ...cloud }, 'n1');
  await store.nodes.update({ uuid }, { management_interface: 'm', vendor_interface: 'v', operation_id: 'an-operation' });
  const method: VendorMethod = { help: 'h', http: ['GET', 'POST'], run: async () => 'done' };
  const vendor = { v: { methods: { act: method, confirm: { ...method, whileBusy: true } } } };
  const drivers = { management: { m: { bootDevices: [] } }, vendor } as unknown as Drivers;
  const bootStates = { ask: async () => unknownBootState, forget: () => {} };
  const verbs = machineVerbs({
    store,
    drivers,
    bmcHealth: { noticeOnce: () => () => {} } as unknown as BmcHealth,
    passwords: { rotate: async () => {} },
    bootStates,
    reservations: new NodeReservations(store),
    updates: { settle: async () => {} },
  });
  const call = (name: string, http: string) => verbs.callVendor(uuid, { method: name, http, parameters: {} });

  assert.equal(await call('act', 'GET'), 'done');
  assert.equal(await call('confirm', 'POST'), 'done');
  await assert.rejects(call('act', 'POST'), { code: 'nodeBusy' });
});
