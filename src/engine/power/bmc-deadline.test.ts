import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { bmcDeadline } from './bmc-deadline.ts';

test('a BMC call that exceeds its deadline throws a fault', async () => {
  const signal = bmcDeadline({ name: 'n1', uuid: 'u1' }, 1);
  // The deadline's timer does not keep the process alive.
  const alive = setTimeout(() => {}, 5000);
  await once(signal, 'abort');
  clearTimeout(alive);
  assert.equal(signal.reason.code, 'bmcUnreachable');
  assert.match(signal.reason.message, /^The BMC at node n1 did not respond/);
});
