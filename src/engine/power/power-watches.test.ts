import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { Fault } from '#domain/faults.ts';
import type { NodeFacts, PowerInterface } from '#drivers/interfaces.ts';
import { aNode } from '#test/a-task.ts';
import { PowerWatches } from './power-watches.ts';

type WatchPower = NonNullable<PowerInterface['watchPower']>;

function aFixture(t: TestContext, watchPower: WatchPower | undefined, changes: { begin?: number; pause?: number } = {}) {
  const hints: string[] = [];
  const times = { pauses: [changes.pause ?? 0], cannot: 3_600_000, begin: changes.begin ?? 3_600_000 };
  const watches = new PowerWatches({ log: pino({ level: 'silent' }), hint: (uuid) => void hints.push(uuid), times });
  t.after(() => watches.stop());
  const node = { ...aNode(), ports: [] };
  const power: PowerInterface = {
    properties: {},
    validate() {},
    getPower: async () => 'power on',
    setPower: async () => {},
    ...(watchPower && { watchPower }),
  };
  /** As after a poll; resolves when all its effects have happened. */
  const poll = async (of: NodeFacts & { revision: number; power_interface: string } = node, by = power) => {
    watches.consider(of, by);
    await delay(2);
  };
  return { hints, watches, node, power, poll };
}

test('retries a failed subscription after a delay until it succeeds', async (t) => {
  let tries = 0;
  const { poll } = aFixture(t, async () => {
    tries += 1;
    if (tries < 3) throw new Fault('bmcUnreachable', { address: '192.0.2.7', attempts: 1, seconds: 1 });
    return async () => {};
  });
  for (let polls = 0; polls < 6; polls += 1) await poll();
  assert.equal(tries, 3);
});

test('does not retry before the delay is over, or if the BMC does not support it', async (t) => {
  for (const refuse of [true, false]) {
    let tries = 0;
    const fixture = aFixture(
      t,
      async () => {
        tries += 1;
        if (refuse) throw new Error('refused');
        return undefined;
      },
      { pause: 3_600_000 },
    );
    await fixture.poll();
    await fixture.poll();
    assert.equal(tries, 1);
  }
});

test('changed settings or another driver end the subscription, and its late events are ignored', async (t) => {
  const ended: unknown[] = [];
  const report: (() => void)[] = [];
  const { poll, node, power, hints } = aFixture(t, async ({ driver_info }, hint) => {
    report.push(hint);
    return async () => void ended.push(driver_info['redfish_password']);
  });
  await poll({ ...node, driver_info: { redfish_password: 'old' } });
  await poll({ ...node, driver_info: { redfish_password: 'new' }, revision: node.revision + 1 });
  assert.deepEqual(ended, ['old']);
  for (const hint of report) hint();
  assert.deepEqual(hints, [node.uuid]);
  const { watchPower: _, ...plain } = power;
  await poll(node, plain);
  assert.deepEqual(ended, ['old', 'new']);
});

test('gives up a subscription that never completes, and closes it if it completes late', async (t) => {
  const { promise, resolve } = Promise.withResolvers<() => Promise<void>>();
  let tries = 0;
  const fixture = aFixture(
    t,
    () => {
      tries += 1;
      return tries === 1 ? promise : Promise.resolve(async () => {});
    },
    { begin: 1 },
  );
  await fixture.poll();
  await delay(10);
  await fixture.poll();
  assert.equal(tries, 2);
  const ended = Promise.withResolvers<void>();
  resolve(async () => ended.resolve());
  await ended.promise;
});

test('a subscription removed while it starts is closed once', async (t) => {
  for (const ticks of [0, 1, 2, 3, 4, 5]) {
    let ended = 0;
    const { watches, poll, node } = aFixture(t, async () => async () => {
      ended += 1;
    });
    const considered = poll();
    for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve();
    watches.forget(node.uuid);
    await considered;
    assert.equal(ended, 1, `after ${ticks} ticks`);
  }
});
