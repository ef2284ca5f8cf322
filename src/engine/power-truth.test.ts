import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { Fault } from '#domain/faults.ts';
import type { Node, PowerState } from '#domain/records.ts';
import type { Drivers, PowerInterface } from '#drivers/interfaces.ts';
import { readSettings } from '#settings.ts';
import { aCloud, anAvailableNode } from '#test/a-cloud.ts';
import { BmcContacts } from './bmc-contacts.ts';
import { PowerTruth } from './power-truth.ts';

type Answer = PowerState | Fault;

/** One node whose BMC says what the test wants, and a scheduler that looks when the test tells it to. */
async function aLookout(t: TestContext, { answer, settings = {}, more = {} }: LookoutOptions) {
  const cloud = await aCloud();
  const node = await anAvailableNode(cloud, 'n1');
  const { store } = cloud;
  const bmc = { answer, looks: 0 };
  const power = {
    properties: {},
    validate() {},
    async getPower() {
      bmc.looks += 1;
      if (bmc.answer instanceof Fault) throw bmc.answer;
      return bmc.answer;
    },
    async setPower() {},
    ...more,
  } satisfies PowerInterface;
  const launched: { purpose: string; request: unknown }[] = [];
  const contacts = new BmcContacts(store);
  await contacts.load();
  const truth = new PowerTruth({
    store,
    contacts,
    drivers: { power: { room: power } } as unknown as Drivers,
    settings: readSettings({ flags: { state_dir: '/nonexistent', 'power.sync_interval': '3600', ...settings } }),
    log: pino({ level: 'silent' }),
    worker: {
      begin: async (_, request) => request as never,
      launch: (operation) => void launched.push(operation),
    },
  });
  t.after(async () => {
    await truth.stop();
    await store.close();
  });
  const row = async () => (await store.nodes.find({ uuid: node.uuid })) as Node;
  /** Tells the scheduler to look, and waits until the look is over and written. */
  const look = async () => {
    const before = bmc.looks;
    truth.lookNow(node.uuid);
    await until(() => bmc.looks > before);
    await delay(20);
    await store.transaction(async () => {});
  };
  return { store, node, bmc, truth, contacts, launched, row, look };
}

type LookoutOptions = { answer: Answer; settings?: Record<string, string>; more?: Partial<PowerInterface> };

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const end = AbortSignal.timeout(10_000);
  while (!(await isTrue())) {
    end.throwIfAborted();
    await delay(5);
  }
}

const silence = new Fault('bmcUnreachable', { address: '192.0.2.7', attempts: 5, seconds: 15 });
const refusal = new Fault('bmcRefused', { address: '192.0.2.7', detail: 'wrong password' });

test('a first look writes the state without a second one', async (t) => {
  const { truth, row, bmc } = await aLookout(t, { answer: 'power on', settings: { 'power.sync_policy': 'hold' } });
  await truth.start();
  await until(async () => (await row()).power_state === 'power on');
  assert.equal(bmc.looks, 1);
  assert.equal((await row()).maintenance, false);
});

test('record: a change behind our back is written with its event, and the server follows', async (t) => {
  const { store, node, look, row } = await aLookout(t, { answer: 'power off' });
  await store.nodes.update({ uuid: node.uuid }, { power_state: 'power on' });
  await look();
  await until(async () => (await row()).power_state === 'power off');
  const [event] = await store.events.list({ node_uuid: node.uuid });
  assert.equal(event?.message, 'was found power off');
  assert.deepEqual(event?.data, { before: 'power on' });
});

test('what an operation wrote while the BMC was asked is not overwritten by the older answer', async (t) => {
  const stage = await aLookout(t, { answer: 'power on' });
  const { store, node, look, row } = stage;
  await store.nodes.update({ uuid: node.uuid }, { power_state: 'power off' });
  Object.defineProperty(stage.bmc, 'answer', {
    get() {
      void store.nodes.update({ uuid: node.uuid }, { operation_id: 'an-operation' });
      return 'power on';
    },
  });
  await look();
  assert.equal((await row()).power_state, 'power off');
});

test('correct: the machine is brought back after a second look, three times an hour, then it is put on hold', async (t) => {
  const settings = { 'power.sync_policy': 'correct' };
  const { store, node, look, row, launched } = await aLookout(t, { answer: 'power off', settings });
  await store.nodes.update({ uuid: node.uuid }, { power_state: 'power on' });
  for (const count of [1, 2, 3]) {
    await look();
    assert.equal(launched.length, count - 1, 'one look is no proof');
    await look();
    assert.equal(launched.length, count);
  }
  assert.match(launched[0]?.purpose ?? '', /^power on of node n1, which was found power off$/);
  assert.deepEqual(launched[0]?.request, { target: 'power on' });
  await look();
  await look();
  await until(async () => (await row()).maintenance);
  assert.equal(launched.length, 3);
  assert.match((await row()).maintenance_reason ?? '', /3 times in an hour.*power on was expected, power off was found/);
});

test("hold: a node's own policy weighs more than the site's", async (t) => {
  const { store, node, look, row } = await aLookout(t, { answer: 'power off' });
  await store.nodes.update({ uuid: node.uuid }, { power_state: 'power on', driver_info: { power_sync_policy: 'hold' } });
  await look();
  assert.equal((await row()).maintenance, false);
  await look();
  await until(async () => (await row()).maintenance);
  assert.equal((await row()).power_state, 'power off');
});

test('three silences open the circuit: the node says so, and an answer closes it again', async (t) => {
  const { store, node, bmc, look, row, contacts } = await aLookout(t, { answer: silence });
  await look();
  await look();
  assert.equal((await row()).fault, null);
  assert.equal(contacts.isOpen(node.uuid), false);
  await look();
  await until(async () => (await row()).fault === 'power failure');
  assert.match((await row()).last_error ?? '', /192\.0\.2\.7 did not answer .* left alone now/);
  assert.equal((await store.bmc_contacts.find({ node_uuid: node.uuid }))?.state, 'silent');

  bmc.answer = 'power on';
  await look();
  await until(async () => (await row()).fault === null);
  assert.equal(contacts.get(node.uuid)?.state, 'ok');
  const messages = (await store.events.list({ node_uuid: node.uuid })).map(({ message }) => message);
  assert.ok(messages.some((message) => message.startsWith('answers again')));
});

test('a refused password opens the circuit at once, also for the next process, until the settings change', async (t) => {
  const { store, node, look, row, contacts } = await aLookout(t, { answer: refusal });
  await look();
  await until(async () => (await row()).fault === 'power failure');
  const pause = Date.parse(contacts.get(node.uuid)?.next_look_at ?? '') - Date.now();
  assert.ok(pause > 200_000, `the next look is in ${pause} ms`);

  const next = new BmcContacts(store);
  await next.load();
  assert.equal(next.isOpen(node.uuid), true);
  await next.forget(node.uuid);
  assert.equal((await row()).fault, null);
  assert.equal(await store.bmc_contacts.find({ node_uuid: node.uuid }), undefined);
});

test('nodes in maintenance, in the hands of an operation, or not yet verified are left alone', async (t) => {
  const { store, node, bmc, truth } = await aLookout(t, { answer: 'power on' });
  for (const change of [{ maintenance: true }, { operation_id: 'x' }, { provision_state: 'enroll' as const }]) {
    await store.nodes.update({ uuid: node.uuid }, { maintenance: false, operation_id: null, provision_state: 'available' });
    await store.nodes.update({ uuid: node.uuid }, change);
    truth.lookNow(node.uuid);
    await delay(150);
  }
  assert.equal(bmc.looks, 0);
});

test('a BMC that tells of changes by itself is looked at when it does, and unsubscribed at the end', async (t) => {
  let tell = () => {};
  const ended = new EventTarget();
  const isEnded = once(ended, 'ended');
  const more: Partial<PowerInterface> = {
    async watchPower(_, hint) {
      tell = hint;
      return async () => void ended.dispatchEvent(new Event('ended'));
    },
  };
  const { bmc, look, row, truth } = await aLookout(t, { answer: 'power on', more });
  await look();
  bmc.answer = 'power off';
  tell();
  await until(async () => (await row()).power_state === 'power off');
  await truth.stop();
  await isEnded;
});

test('a deleted node is forgotten', async (t) => {
  const { store, node, bmc, truth, contacts, look } = await aLookout(t, { answer: refusal });
  await look();
  await store.node_ports.remove({ node_uuid: node.uuid });
  await store.nodes.remove({ uuid: node.uuid });
  truth.lookNow(node.uuid);
  await until(() => contacts.get(node.uuid) === undefined);
  assert.equal(bmc.looks, 1);
});
