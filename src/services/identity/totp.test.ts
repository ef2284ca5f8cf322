import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPasscode } from './totp.ts';

/** The secret of RFC 6238, appendix B: "12345678901234567890". */
const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';

test('accepts the passcodes of RFC 6238, to six digits', () => {
  const examples: [seconds: number, passcode: string][] = [
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_111_111_111, '050471'],
    [1_234_567_890, '005924'],
    [2_000_000_000, '279037'],
    [20_000_000_000, '353130'],
  ];
  for (const [seconds, passcode] of examples) assert.ok(isPasscode(secret, passcode, seconds * 1000), passcode);
});

test('accepts the passcode of the window before, and of no other', () => {
  const at = (windows: number) => isPasscode(secret, '050471', (1_111_111_111 + windows * 30) * 1000);
  assert.deepEqual([-1, 0, 1, 2].map(at), [false, true, true, false]);
});

test('accepts nothing for a secret that is no base32, or too short', () => {
  for (const bad of ['', 'GEZDGNBV', 'gezdgnbvgy3tqojqgezdgnbvgy3tqojq', '1'.repeat(32)])
    assert.ok(!isPasscode(bad, '287082', 59_000), bad);
  for (const passcode of ['', '28708', '287082\n', '２８７０８２']) assert.ok(!isPasscode(secret, passcode, 59_000));
});
