import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import type { Drivers, PowerInterface } from '#drivers/interfaces.ts';
import { aCloud, anAvailableNode } from '#test/a-cloud.ts';
import { PowerSync } from './power-sync.ts';

test('what an operation wrote while the BMC was asked is not overwritten by the older answer', async () => {
  const { store, settings, engine, room } = await aCloud({ settings: { 'power.sync_interval': '1' } });
  const node = await anAvailableNode({ store, settings, engine, room }, 'n1');
  const asked = Promise.withResolvers<void>();
  const power: Partial<PowerInterface> = {
    async getPower() {
      await store.nodes.update({ uuid: node.uuid }, { power_state: 'power off' });
      asked.resolve();
      return 'power on';
    },
  };
  const drivers = { power: { room: power } } as unknown as Drivers;
  const sync = new PowerSync({ store, drivers, settings, log: pino({ level: 'silent' }) });
  sync.start();
  const alive = setInterval(() => {}, 1000);
  await asked.promise;
  await new Promise(setImmediate);
  await store.transaction(async () => {});
  assert.equal((await store.nodes.find({ uuid: node.uuid }))?.power_state, 'power off');
  sync.stop();
  clearInterval(alive);
  await store.close();
});
