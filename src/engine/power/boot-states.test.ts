import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import type { JsonObject } from '#domain/json.ts';
import type { PowerState } from '#domain/power-states.ts';
import type { ManagementInterface } from '#drivers/interfaces.ts';
import { aStore } from '#test/a-store.ts';
import { aNode } from '#test/a-task.ts';
import { BootStates, unknownBootState } from './boot-states.ts';

/** A BMC of one node; `told` is what it reports, or a fault if undefined. */
async function setUp(t: TestContext, methods: readonly ('getBootMode' | 'getSecureBoot')[] = ['getBootMode', 'getSecureBoot']) {
  const store = await aStore();
  const reported = { mode: 'bios' as 'bios' | 'uefi' | undefined, secureBoot: false };
  const asked: JsonObject[] = [];
  const all = {
    async getBootMode({ driver_info }: { driver_info: JsonObject }) {
      asked.push(driver_info);
      if (reported.mode === undefined) throw new Error('it does not answer');
      return reported.mode;
    },
    getSecureBoot: async () => reported.secureBoot,
  };
  const management = { bootDevices: [], ...Object.fromEntries(methods.map((name) => [name, all[name]])) };
  const drivers = { management: { m: management as unknown as ManagementInterface } };
  const states = new BootStates({ store, drivers, log: pino({ level: 'silent' }) });
  t.after(async () => {
    await states.stop();
    await store.close();
  });
  await store.nodes.insert(aNode({ management_interface: 'm', ...unknownBootState }));
  const read = async () => {
    const [row] = await store.nodes.list({});
    assert.ok(row);
    return row;
  };
  /** As after a poll; resolves when all its effects have happened. */
  const poll = async (power: PowerState) => {
    states.consider({ ...(await read()), ports: [] }, power);
    await states.idle();
    const { boot_mode, secure_boot } = await read();
    return [boot_mode, secure_boot];
  };
  return { store, states, reported, asked, poll, read };
}

test('caches the boot state of a BMC until the power changes', async (t) => {
  const { reported, asked, poll } = await setUp(t);
  assert.deepEqual(await poll('power off'), ['bios', false]);
  Object.assign(reported, { mode: 'uefi', secureBoot: true });
  assert.deepEqual(await poll('power off'), ['bios', false]);
  assert.deepEqual(await poll('power on'), ['uefi', true]);
  assert.equal(asked.length, 2);
});

test('keeps the last known boot state if the BMC does not answer', async (t) => {
  const { reported, poll } = await setUp(t);
  await poll('power off');
  reported.mode = undefined;
  assert.deepEqual(await poll('power on'), ['bios', false]);
});

test('does not query an interface that has no boot state', async (t) => {
  const { asked, poll } = await setUp(t, []);
  assert.deepEqual(await poll('power on'), [null, null]);
  assert.equal(asked.length, 0);
});

test('queries only the half that the interface supports', async (t) => {
  const { poll } = await setUp(t, ['getSecureBoot']);
  assert.deepEqual(await poll('power on'), [null, false]);
});

test('changed settings discard the boot state, and a late reply of the former BMC is ignored', async (t) => {
  const { store, states, asked, poll, read } = await setUp(t);
  await poll('power on');
  const former = { ...(await read()), ports: [] };
  await store.nodes.update({}, { driver_info: { redfish_address: 'another' }, ...unknownBootState });
  await states.ask(former, {});
  assert.deepEqual((await read()).boot_mode, null);
  assert.deepEqual(await poll('power on'), ['bios', false]);
  assert.deepEqual(asked.at(-1), { redfish_address: 'another' });
});
