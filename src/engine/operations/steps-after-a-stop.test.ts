import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testCloud, untilIdle, untilState } from '#test/a-cloud.ts';

const asked = [
  { interface: 'power', step: 'power_off' },
  { interface: 'management', step: 'reset_bmc' },
  { interface: 'power', step: 'wait', args: { seconds: 0 } },
  { interface: 'management', step: 'clear_log' },
];

/** Stops Ingot at that moment of the servicing, and starts another on what it has left. */
async function serviced(stopAt: number) {
  const did: string[] = [];
  const management = {
    resetBmc: async () => void did.push('reset'),
    clearLog: async () => void did.push('clear'),
    getBootDevice: async () => ({ device: null, persistent: null }),
  };
  const options = { management, cleanTimes: { poll: 1, lastWords: 1, flash: 1 } };
  let moments = 0;
  const stopped = Promise.withResolvers<void>();
  const first = await testCloud({
    ...options,
    onStep(_when, { kind }) {
      if (kind === 'service' && moments++ === stopAt) void first.engine.stop().then(stopped.resolve);
    },
  });
  const { uuid } = await first.engine.createNode({ driver: 'room', provision_state: 'active' });
  first.room.power.set(uuid, 'power on');
  await first.engine.setProvisionState(uuid, 'service', { service_steps: asked });
  await Promise.race([stopped.promise, untilState(first, uuid, 'active')]);
  const wasReached = moments > stopAt;
  if (wasReached) await stopped.promise;

  const second = await testCloud({ ...options, room: first.room, store: first.store });
  await second.engine.start();
  const { last_error, power_state } = await untilState(second, uuid, 'active');
  await untilIdle(second);
  await second.engine.stop();
  await first.engine.stop();
  await first.store.close();
  // The log may be cleared again: a step begins anew unless its end was written.
  return { wasReached, seen: [[...new Set(did)], count(did, 'reset'), last_error, power_state] };
}

function count(list: readonly string[], what: string): number {
  return list.filter((each) => each === what).length;
}

test('a servicing that is stopped at any moment of any step continues, and restarts the BMC once', async () => {
  for (let moment = 0; ; moment++) {
    const { wasReached, seen } = await serviced(moment);
    assert.deepEqual(seen, [['reset', 'clear'], 1, null, 'power on'], `stopped at moment ${moment}`);
    if (!wasReached) break;
  }
});
