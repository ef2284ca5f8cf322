import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSettings } from '#settings.ts';
import { fitConnections } from './connection-limits.ts';

const silent = { info() {} };

test('ten thousand agents that wait for work find a place by default', () => {
  const { provisioning } = fitConnections(readSettings({}), silent, 65_536);
  assert.ok(provisioning.total >= 10_000);
});

test('a quarter of the descriptors stays for what is no connection, and the log says that the settings are too high', () => {
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
