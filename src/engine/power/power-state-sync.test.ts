import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { Fault, formatFault } from '#domain/faults.ts';
import type { PowerState } from '#domain/power-states.ts';
import type { Drivers, Health, PowerInterface } from '#drivers/interfaces.ts';
import { readSettings } from '#settings.ts';
import type { Node } from '#store/tables/nodes.ts';
import { anAvailableNode, testCloud } from '#test/a-cloud.ts';
import { anOperation } from '#test/a-task.ts';
import { lastErrors } from '../operations/registry.ts';
import { BmcHealth } from './bmc-health.ts';
import { PowerStateSync, pollInterval } from './power-state-sync.ts';

type Answer = PowerState | Fault;

/** One node with a scripted BMC, and a scheduler that polls when the test triggers it. */
async function aPowerStateSync(t: TestContext, { answer, settings = {}, more = {}, pollMs }: SyncOptions) {
  const cloud = await testCloud();
  const node = await anAvailableNode(cloud, 'n1');
  const { store } = cloud;
  const bmc = { answer, polls: 0 };
  const power = {
    properties: {},
    validate() {},
    async getPower() {
      bmc.polls += 1;
      if (bmc.answer instanceof Fault) throw bmc.answer;
      return bmc.answer;
    },
    async setPower() {},
    ...more,
  } satisfies PowerInterface;
  const launched: { purpose: string; request: unknown }[] = [];
  const bmcHealth = new BmcHealth(store, lastErrors, { 'power.recovery_interval': 300 });
  await bmcHealth.load();
  const powerSync = new PowerStateSync({
    store,
    bmcHealth,
    lastErrors,
    drivers: { power: { room: power } } as unknown as Drivers,
    settings: readSettings({ flags: { state_dir: '/nonexistent', 'power.sync_interval': '3600', ...settings } }),
    log: pino({ level: 'silent' }),
    ...(pollMs !== undefined && { pollMs }),
    worker: {
      begin: async (_, request) => request as never,
      launch: (operation) => void launched.push(operation),
    },
  });
  t.after(async () => {
    await powerSync.stop();
    await store.close();
  });
  const row = async () => (await store.nodes.find({ uuid: node.uuid })) as Node;
  /** Triggers a poll, and waits until its result is written. */
  const poll = async () => {
    const before = bmc.polls;
    powerSync.pollNow(node.uuid);
    await until(() => bmc.polls > before);
    await delay(20);
    await store.transaction(async () => {});
  };
  return { store, node, bmc, power, powerSync, bmcHealth, launched, row, poll };
}

type SyncOptions = { answer: Answer; settings?: Record<string, string>; more?: Partial<PowerInterface>; pollMs?: number };

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const end = AbortSignal.timeout(10_000);
  while (!(await isTrue())) {
    end.throwIfAborted();
    await delay(5);
  }
}

const silence = new Fault('bmcUnreachable', { address: '192.0.2.7', attempts: 5, seconds: 15 });
const refusal = new Fault('bmcRefused', { address: '192.0.2.7', detail: 'wrong password' });

test('the first poll writes the state without a confirming poll', async (t) => {
  const { powerSync, row, bmc } = await aPowerStateSync(t, { answer: 'power on', settings: { 'power.sync_policy': 'hold' } });
  await powerSync.start();
  await until(async () => (await row()).power_state === 'power on');
  assert.equal(bmc.polls, 1);
  assert.equal((await row()).maintenance, false);
});

test('record: writes an unexpected change with an event, and updates the server', async (t) => {
  const { store, node, poll, row } = await aPowerStateSync(t, { answer: 'power off' });
  await store.nodes.update({ uuid: node.uuid }, { power_state: 'power on' });
  await poll();
  await until(async () => (await row()).power_state === 'power off');
  const [event] = await store.events.list({ node_uuid: node.uuid });
  assert.equal(event?.message, 'was found power off');
  assert.deepEqual(event?.data, { before: 'power on' });
});

test('a power state reached late clears the error of that change, and no other', async (t) => {
  const { store, node, poll, row } = await aPowerStateSync(t, { answer: 'power on' });
  const fault = new Fault('powerNotReached', { target: 'power on', seen: 'power off', seconds: 60 }).toRecord('power on');
  const ended_at = '2026-01-01T00:00:00.000Z';
  for (const [target, last_error, left] of [
    ['power on', formatFault(fault), null],
    ['power off', formatFault(fault), formatFault(fault)],
    ['power on', 'Deploy failed', 'Deploy failed'],
  ] as const) {
    const created_at = new Date().toISOString();
    const failed = { node_uuid: node.uuid, kind: 'power', state: 'failed', request: { target }, fault } as const;
    const { id } = await store.operations.insert(anOperation({ ...failed, created_at, ended_at }));
    await store.nodes.update({ uuid: node.uuid }, { power_state: 'power off', last_error });
    await poll();
    await until(async () => (await row()).power_state === 'power on');
    assert.equal((await row()).last_error, left, `${target}, ${last_error}`);
    await store.operations.remove({ id });
  }
});

test('an older reply does not overwrite what an operation wrote meanwhile', async (t) => {
  const fixture = await aPowerStateSync(t, { answer: 'power on' });
  const { store, node, poll, row } = fixture;
  await store.nodes.update({ uuid: node.uuid }, { power_state: 'power off' });
  Object.defineProperty(fixture.bmc, 'answer', {
    get() {
      void store.nodes.update({ uuid: node.uuid }, { operation_id: 'an-operation' });
      return 'power on';
    },
  });
  await poll();
  assert.equal((await row()).power_state, 'power off');
});

test('correct: restores the power state after a confirming poll, three times an hour, then sets maintenance', async (t) => {
  const settings = { 'power.sync_policy': 'correct' };
  const { store, node, poll, row, launched } = await aPowerStateSync(t, { answer: 'power off', settings });
  await store.nodes.update({ uuid: node.uuid }, { power_state: 'power on' });
  for (const count of [1, 2, 3]) {
    await poll();
    assert.equal(launched.length, count - 1, 'one look is no proof');
    await poll();
    assert.equal(launched.length, count);
  }
  assert.match(launched[0]?.purpose ?? '', /^power on of node n1, which was found power off$/);
  assert.deepEqual(launched[0]?.request, { target: 'power on' });
  await poll();
  await poll();
  await until(async () => (await row()).maintenance);
  assert.equal(launched.length, 3);
  assert.match((await row()).maintenance_reason ?? '', /3 times in an hour.*expected power on, found power off/);
});

test('maintenance: the policy of a node overrides that of the site', async (t) => {
  const { store, node, poll, row } = await aPowerStateSync(t, { answer: 'power off' });
  await store.nodes.update({ uuid: node.uuid }, { power_state: 'power on', driver_info: { power_sync_policy: 'hold' } });
  await poll();
  assert.equal((await row()).maintenance, false);
  await poll();
  await until(async () => (await row()).maintenance);
  assert.equal((await row()).power_state, 'power off');
});

test('three timeouts open the circuit, which is recorded on the node; a reply closes it', async (t) => {
  const { store, node, bmc, poll, row, bmcHealth } = await aPowerStateSync(t, { answer: silence });
  await poll();
  await poll();
  assert.equal((await row()).fault, null);
  assert.equal(bmcHealth.isOpen(node.uuid), false);
  await poll();
  await until(async () => (await row()).fault === 'power failure');
  assert.match((await row()).last_error ?? '', /192\.0\.2\.7 did not respond .* Polling is suspended/);
  assert.equal((await store.bmc_health.find({ node_uuid: node.uuid }))?.state, 'unreachable');

  bmc.answer = 'power on';
  await poll();
  await until(async () => (await row()).fault === null);
  assert.equal(bmcHealth.get(node.uuid)?.state, 'ok');
  const messages = (await store.events.list({ node_uuid: node.uuid })).map(({ message }) => message);
  assert.ok(messages.some((message) => message.startsWith('responds again')));
});

test('polls a node that is in maintenance because its BMC failed, and records what happened meanwhile', async (t) => {
  const { store, node, bmc, poll, row } = await aPowerStateSync(t, { answer: silence });
  const expected = { power_state: 'power off', driver_info: { power_sync_policy: 'correct' } } as const;
  await store.nodes.update({ uuid: node.uuid }, expected);
  for (let count = 0; count < 3; count++) await poll();
  await until(async () => (await row()).maintenance);

  bmc.answer = 'power on';
  await poll();
  await until(async () => (await row()).power_state === 'power on');

  assert.deepEqual([(await row()).maintenance, (await row()).fault, (await row()).operation_id], [false, null, null]);
});

test('a refused password opens the circuit at once, also for the next process, until the settings change', async (t) => {
  const { store, node, poll, row, bmcHealth } = await aPowerStateSync(t, { answer: refusal });
  await poll();
  await until(async () => (await row()).fault === 'power failure');
  const pause = Date.parse(bmcHealth.get(node.uuid)?.next_poll_at ?? '') - Date.now();
  assert.ok(pause > 200_000, `the next look is in ${pause} ms`);

  const next = new BmcHealth(store, lastErrors, { 'power.recovery_interval': 300 });
  await next.load();
  assert.equal(next.isOpen(node.uuid), true);
  await next.forget(node.uuid);
  assert.equal((await row()).fault, null);
  assert.equal(await store.bmc_health.find({ node_uuid: node.uuid }), undefined);
});

test('skips nodes that are in maintenance, locked by an operation, or not yet verified', async (t) => {
  const { store, node, bmc, powerSync } = await aPowerStateSync(t, { answer: 'power on' });
  for (const change of [{ maintenance: true }, { operation_id: 'x' }, { provision_state: 'enroll' as const }]) {
    await store.nodes.update({ uuid: node.uuid }, { maintenance: false, operation_id: null, provision_state: 'available' });
    await store.nodes.update({ uuid: node.uuid }, change);
    powerSync.pollNow(node.uuid);
    await delay(150);
  }
  assert.equal(bmc.polls, 0);
});

test('polls a BMC when it sends an event, and unsubscribes at shutdown', async (t) => {
  let report = () => {};
  const ended = new EventTarget();
  const isEnded = once(ended, 'ended');
  const more: Partial<PowerInterface> = {
    async watchPower(_, hint) {
      report = hint;
      return async () => void ended.dispatchEvent(new Event('ended'));
    },
  };
  const { bmc, poll, row, powerSync } = await aPowerStateSync(t, { answer: 'power on', more });
  await poll();
  bmc.answer = 'power off';
  report();
  await until(async () => (await row()).power_state === 'power off');
  await powerSync.stop();
  await isEnded;
});

test('a deleted node is forgotten', async (t) => {
  const { store, node, bmc, powerSync, bmcHealth, poll } = await aPowerStateSync(t, { answer: refusal });
  await poll();
  await store.node_ports.remove({ node_uuid: node.uuid });
  await store.nodes.remove({ uuid: node.uuid });
  powerSync.pollNow(node.uuid);
  await until(() => bmcHealth.get(node.uuid) === undefined);
  assert.equal(bmc.polls, 1);
});

test('gives up a poll that never ends, counts it as a timeout, and frees its slot', async (t) => {
  const more: Partial<PowerInterface> = { getPower: () => new Promise<never>(() => {}) };
  const settings = { 'power.sync_workers': '1' };
  const { node, powerSync, bmcHealth } = await aPowerStateSync(t, { answer: 'power on', more, settings, pollMs: 20 });
  for (const failures of [1, 2]) {
    powerSync.pollNow(node.uuid);
    await until(() => bmcHealth.get(node.uuid)?.failures === failures);
  }
  assert.equal(bmcHealth.get(node.uuid)?.state, 'unreachable');
});

test('a node with an unknown power interface does not delay the others', async (t) => {
  const { store, node, powerSync, row } = await aPowerStateSync(t, { answer: 'power on' });
  const odd = await store.nodes.insert({ ...node, id: undefined, uuid: randomUUID(), name: 'odd', power_interface: 'gone' });
  for (const uuid of [odd.uuid, node.uuid]) powerSync.pollNow(uuid);
  await until(async () => (await row()).power_state === 'power on');
});

test('does not retry a rejected password after a restart, or on an event of the BMC, before the delay is over', async (t) => {
  let report = () => {};
  const more: Partial<PowerInterface> = {
    async watchPower(_, hint) {
      report = hint;
      return async () => {};
    },
  };
  const { node, bmc, poll, powerSync, bmcHealth } = await aPowerStateSync(t, { answer: 'power on', more });
  await poll();
  bmc.answer = refusal;
  await poll();
  await until(() => bmcHealth.isOpen(node.uuid));
  const { polls } = bmc;
  report();
  await powerSync.start();
  await delay(300);
  assert.equal(bmc.polls, polls);
});

test('polls again to confirm a state that was read during an operation', async (t) => {
  const fixture = await aPowerStateSync(t, { answer: 'power off' });
  const { store, node, bmc, powerSync, row } = fixture;
  await store.nodes.update({ uuid: node.uuid }, { power_state: 'power on' });
  const { promise, resolve } = Promise.withResolvers<void>();
  const getPower = async () => {
    bmc.polls += 1;
    await promise;
    return 'power off' as const;
  };
  Object.assign(fixture.power, { getPower });
  powerSync.pollNow(node.uuid);
  await until(() => bmc.polls === 1);
  const at = new Date(Date.now() + 1000).toISOString();
  await store.operations.insert(anOperation({ node_uuid: node.uuid, state: 'done', created_at: at, ended_at: at }));
  resolve();
  await delay(50);
  await store.transaction(async () => {});
  assert.equal((await row()).power_state, 'power on');
});

test('correct and maintenance: skip a node that an operator has taken over', async (t) => {
  const { store, node, bmc, poll, row, launched } = await aPowerStateSync(t, {
    answer: 'power off',
    settings: { 'power.sync_policy': 'correct' },
  });
  await store.nodes.update({ uuid: node.uuid }, { power_state: 'power on' });
  await poll();
  Object.defineProperty(bmc, 'answer', {
    get() {
      void store.nodes.update({ uuid: node.uuid }, { maintenance: true });
      return 'power off';
    },
  });
  await poll();
  assert.deepEqual([launched.length, (await row()).power_state], [0, 'power on']);
});

test('limits the earlier polls of a slow BMC to twice the usual rate', () => {
  assert.equal(pollInterval(35_000, 4), 34_960);
  assert.equal(pollInterval(35_000, 1_000), 25_000);
  assert.equal(pollInterval(35_000, 9_000), 17_500);
});

test('confirms a change after the clock was set back', async (t) => {
  const { store, node, poll, row } = await aPowerStateSync(t, { answer: 'power off' });
  await store.nodes.update({ uuid: node.uuid }, { power_state: 'power on' });
  const at = new Date(Date.now() + 3_600_000).toISOString();
  await store.operations.insert(anOperation({ node_uuid: node.uuid, state: 'done', created_at: at, ended_at: at }));
  await poll();
  await until(async () => (await row()).power_state === 'power off');
});

/** A poll whose response the test holds back. */
function heldPoll({ bmc, power }: Awaited<ReturnType<typeof aPowerStateSync>>) {
  const answers: PromiseWithResolvers<PowerState>[] = [];
  const signals: (AbortSignal | undefined)[] = [];
  Object.assign(power, {
    getPower(_: unknown, callOptions?: { signal?: AbortSignal }) {
      bmc.polls += 1;
      answers.push(Promise.withResolvers<PowerState>());
      signals.push(callOptions?.signal);
      return answers.at(-1)!.promise;
    },
  });
  return { answers, signals };
}

test('changed settings abort the running poll and poll the new BMC at once', async (t) => {
  const fixture = await aPowerStateSync(t, { answer: 'power on', settings: { 'power.sync_policy': 'correct' } });
  const { store, node, bmc, powerSync, bmcHealth, row, launched } = fixture;
  await store.nodes.update({ uuid: node.uuid }, { power_state: 'power on' });
  const { answers, signals } = heldPoll(fixture);
  powerSync.pollNow(node.uuid);
  await until(() => bmc.polls === 1);
  await store.nodes.update({ uuid: node.uuid }, { driver_info: { address: 'another' } });
  await bmcHealth.forget(node.uuid);
  powerSync.restartPoll(node.uuid);
  assert.equal(signals[0]?.aborted, true);
  answers[0]?.resolve('power off');
  await until(() => bmc.polls === 2);
  answers[1]?.resolve('power on');
  await until(() => bmcHealth.get(node.uuid)?.state === 'ok');
  assert.deepEqual([(await row()).power_state, launched], ['power on', []]);
});

test('discards a reply of the former BMC, even at the moment of the change', async (t) => {
  const fixture = await aPowerStateSync(t, { answer: 'power off' });
  const { store, node, bmc, poll, row } = fixture;
  await store.nodes.update({ uuid: node.uuid }, { power_state: 'power on' });
  Object.defineProperty(bmc, 'answer', {
    get() {
      void store.nodes.update({ uuid: node.uuid }, { driver_info: { address: 'another' } });
      return 'power off';
    },
  });
  await poll();
  assert.equal((await row()).power_state, 'power on');
  assert.deepEqual(await store.events.list({ node_uuid: node.uuid }), []);
});

test('skips a node that a request has reserved', async (t) => {
  const { store, powerSync, node, bmc } = await aPowerStateSync(t, { answer: 'power on' });
  const held = { node_uuid: node.uuid, owner: 'process', purpose: 'a test', deadline_at: '2126-01-01T00:00:00.000Z' };
  await store.node_reservations.insert(held);
  powerSync.pollNow(node.uuid);
  await delay(300);
  assert.equal(bmc.polls, 0);
});

test('keeps nothing of nodes that are deleted during a poll', async (t) => {
  const fixture = await aPowerStateSync(t, { answer: 'power on' });
  const { store, node, bmc, powerSync, bmcHealth } = fixture;
  const { answers } = heldPoll(fixture);
  powerSync.pollNow(node.uuid);
  await until(() => bmc.polls === 1);
  await store.nodes.remove({ uuid: node.uuid });
  answers[0]?.resolve('power on');
  await until(() => bmcHealth.get(node.uuid) !== undefined);
  powerSync.pollNow(node.uuid);
  await until(() => bmcHealth.get(node.uuid) === undefined);
});

test('a process suspended for hours keeps its polls spread out', async (t) => {
  const { store, node, bmc, powerSync } = await aPowerStateSync(t, { answer: 'power on' });
  const { id: _, ...row } = node;
  const others = Array.from({ length: 19 }, (_, index) => ({ ...row, uuid: randomUUID(), name: `other${index}` }));
  for (const other of others) await store.nodes.insert(other);
  await powerSync.start();
  await until(() => bmc.polls === 1);
  // Its result is written.
  await delay(50);
  await store.transaction(async () => {});
  const clock = performance.now.bind(performance);
  t.mock.method(performance, 'now', () => clock() + 10 * 3_600_000);
  powerSync.pollNow(others[5]!.uuid);
  await until(() => bmc.polls === 2);
  await delay(300);
  assert.equal(bmc.polls, 2);
});

test('records the health that a BMC reports with the power state, and when it changes', async (t) => {
  let health: Health | null = 'Warning';
  const more: Partial<PowerInterface> = {
    async getPower(_, options) {
      options?.health?.(health);
      return 'power on';
    },
  };
  const { store, node, powerSync, row } = await aPowerStateSync(t, { answer: 'power on', more });

  powerSync.pollNow(node.uuid);
  await until(async () => (await row()).health === 'Warning');
  health = null;
  powerSync.pollNow(node.uuid);
  await until(async () => (await row()).health === null);

  const events = (await store.events.list({ node_uuid: node.uuid })).filter(({ subject }) => subject === 'health');
  assert.deepEqual(
    events.map(({ data }) => data),
    [
      { health: 'Warning', former: null },
      { health: null, former: 'Warning' },
    ],
  );
});
