import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { NodeFacts, PowerInterface } from '#drivers/interfaces.ts';
import { anAvailableNode, testCloud } from '#test/a-cloud.ts';
import { aLastingStore } from '#test/a-store.ts';
import { EventSubscriptions } from './event-subscriptions.ts';

/** A BMC at the address in the settings. */
const power: PowerInterface = {
  properties: {},
  validate() {},
  endpoints: ({ driver_info }) => [{ address: String(driver_info['address']), part: null }],
  getPower: async () => 'power on',
  async setPower() {},
};

async function aFixture(t: TestContext) {
  const { store, restart } = await aLastingStore(t);
  const { uuid } = await anAvailableNode(await testCloud({ store }), 'n1');
  const asked: string[] = [];
  const answers: Record<string, boolean | Error> = {};
  const unsubscribe = async ({ driver_info }: NodeFacts, path: string) => {
    const { address, password } = driver_info;
    asked.push(`${address} ${password} ${path}`);
    const answer = answers[String(address)] ?? true;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const drivers = { power: { watched: { ...power, unsubscribe } } };
  const subscribe = async (driver_info: Record<string, string>, path: string, of = uuid) => {
    const node = await store.nodes.find({ uuid });
    assert.ok(node);
    const facts = { ...node, uuid: of, driver_info, power_interface: 'watched', ports: [] };
    const record = new EventSubscriptions({ store, drivers }).of(facts);
    await record.put(path);
    return record;
  };
  return { store, restart, uuid, asked, answers, drivers, subscribe };
}

test('what a former process left is deleted at the BMC, also of a deleted node and of a BMC that the node had', async (t) => {
  const { store, restart, uuid, asked, drivers, subscribe } = await aFixture(t);
  await subscribe({ address: 'a', password: 'old' }, '/1');
  await subscribe({ address: 'b', password: 'b' }, '/2');
  await subscribe({ address: 'c', password: 'c' }, '/3', 'a-deleted-node');
  const driver_info = { address: 'a', password: 'new' };
  await store.nodes.update({ uuid }, { driver_info, power_interface: 'watched' });

  const later = await restart();
  await new EventSubscriptions({ store: later, drivers }).start();

  assert.deepEqual(asked.sort(), ['a new /1', 'b b /2', 'c c /3']);
  assert.deepEqual(await later.event_subscriptions.list(), []);
});

test('a subscription of a BMC that is not reached stays recorded, for 30 days', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.parse('2026-11-29T10:00:00Z') });
  const { store, asked, answers, drivers, subscribe } = await aFixture(t);
  Object.assign(answers, { a: false, b: new Error('settings are invalid') });
  await subscribe({ address: 'a', password: 'a' }, '/1');
  await subscribe({ address: 'b', password: 'b' }, '/2');

  await new EventSubscriptions({ store, drivers }).start();
  assert.equal(asked.length, 2);
  assert.equal((await store.event_subscriptions.list()).length, 2);

  t.mock.timers.tick(31 * 86_400_000);
  await new EventSubscriptions({ store, drivers }).start();
  assert.equal(asked.length, 2);
  assert.deepEqual(await store.event_subscriptions.list(), []);
});

test('no new subscription of a node begins before its former ones have been deleted', async (t) => {
  const { store, uuid, drivers, subscribe } = await aFixture(t);
  await subscribe({ address: 'a', password: 'a' }, '/1');
  const later = new EventSubscriptions({ store, drivers });

  let during: boolean[] = [];
  drivers.power.watched.unsubscribe = async () => {
    during = [later.isEnding(uuid), later.isEnding('another')];
    return true;
  };
  const started = later.start();
  assert.ok(later.isEnding('another'), 'nothing is known yet');
  await started;

  assert.deepEqual(during, [true, false]);
  assert.equal(later.isEnding(uuid), false);
});

test('a renewed subscription replaces its row, and the end of a watch removes it', async (t) => {
  const { store, subscribe } = await aFixture(t);
  const record = await subscribe({ address: 'a', password: 'a' }, '/1');
  await record.put('/2');
  const paths = async () => (await store.event_subscriptions.list()).map(({ path }) => path);

  assert.deepEqual(await paths(), ['/2']);
  await record.remove('/1');
  assert.deepEqual(await paths(), ['/2']);
  await record.remove('/2');
  assert.deepEqual(await paths(), []);
});
