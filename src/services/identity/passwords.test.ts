import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { test } from 'node:test';
import { checkPassword, hashPassword } from './passwords.ts';

test('whether a user has a password, or exists, is not seen by the work of a check', async (t) => {
  const hash = await hashPassword('right');
  const { mock } = t.mock.method(crypto, 'scrypt');
  syncBuiltinESMExports();
  t.after(() => {
    mock.restore();
    syncBuiltinESMExports();
  });

  const answers = [];
  for (const each of [hash, undefined, '']) answers.push(await checkPassword('wrong', each));
  const empty = await checkPassword('', '');

  assert.deepEqual([...answers, empty, await checkPassword('right', hash)], [false, false, false, false, true]);
  assert.equal(mock.callCount(), 5);
});
