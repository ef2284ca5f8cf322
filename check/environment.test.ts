import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainEnvironment } from './environment.ts';

test('removes personal settings and credentials from the environment, and keeps the paths of reference copies', () => {
  const from = {
    PATH: '/bin',
    OS_TOKEN: 't',
    INGOT_STATE_DIR: '/s',
    INGOT_API_LISTEN: 'a',
    INGOT_SUSHY_TOOLS: '/c',
    REFEREE_X: '/x',
  };

  assert.deepEqual(plainEnvironment(from), { PATH: '/bin', REFEREE_SUSHY_TOOLS: '/c', REFEREE_X: '/x' });
});

test('REFEREE_ overrides INGOT_ if both are set', () => {
  const from = { REFEREE_SUSHY_TOOLS: '/a', INGOT_SUSHY_TOOLS: '/b' };
  assert.deepEqual(plainEnvironment(from), { REFEREE_SUSHY_TOOLS: '/a' });
});

test('disables colours on a build server', () => {
  assert.deepEqual(plainEnvironment({ CI: 'true', FORCE_COLOR: '1' }), { CI: 'true', NO_COLOR: '1' });
  assert.deepEqual(plainEnvironment({ FORCE_COLOR: '1' }), { FORCE_COLOR: '1' });
});
