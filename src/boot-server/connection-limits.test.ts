import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSettings } from '#settings.ts';
import { fitConnections } from './connection-limits.ts';

const silent = { info() {} };

test('accepts ten thousand waiting agents by default', () => {
  const { provisioning } = fitConnections(readSettings({}), silent, 65_536);
  assert.ok(provisioning.total >= 10_000);
});

test('reserves a quarter of the file descriptors, and warns about settings that exceed the rest', () => {
  const notices: unknown[] = [];
  const { api, provisioning, deployHelper, events } = fitConnections(
    readSettings({ flags: { 'api.connections': '8000' } }),
    { info: (facts: unknown) => notices.push(facts) },
    4096,
  );
  const all = [api, provisioning, deployHelper, events].reduce((sum, { total }) => sum + total, 0);
  assert.ok(all <= 3072, `${all} of 4096`);
  assert.ok(api.total > 500 && provisioning.total > 500);
  assert.deepEqual(notices, [{ wanted: 21_544, taken: 3072, descriptors: 4096 }]);
});
