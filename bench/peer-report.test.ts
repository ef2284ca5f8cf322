import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPeerWord } from './peer-report.ts';

test('reads the duration of a write behind the kernel timestamp', () => {
  const line = '[   31.402154] ingot-peer: plain from 8.25 to 30.75 bytes 2147483648\r';
  assert.deepEqual(readPeerWord(line), { way: 'plain', seconds: 22.5, diskBytes: 2147483648 });
});

test('distinguishes end, failures and noise', () => {
  assert.equal(readPeerWord('[   60.1] ingot-peer: finished\r'), 'finished');
  assert.deepEqual(readPeerWord('[ 9.0] ingot-peer: failed: plain ended with 22 dd: no space\r'), {
    failure: 'plain ended with 22 dd: no space',
  });
  assert.deepEqual(readPeerWord('[ 0.9] Kernel panic - not syncing: No working init found.'), {
    failure: 'Kernel panic - not syncing: No working init found.',
  });
  assert.equal(readPeerWord('[ 1.0] ingot-init: drivers loaded at 1.00 s'), undefined);
});
