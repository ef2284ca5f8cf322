import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNetwork } from '#services/network/networks.ts';
import { readSettings } from '#settings.ts';
import { aStore } from '#test/a-store.ts';

const caller = { user_id: 'u', user_name: 'u', project_id: 'p', project_name: 'p', roles: ['member'], is_admin: false };

test('concurrent requests create no more networks than the quota allows', async () => {
  const store = await aStore();
  const context = { store, settings: readSettings({ flags: { state_dir: '/nonexistent' } }) };
  const first = await createNetwork(context, caller, {});
  for (let made = 1; made < 99; made++) await store.networks.insert({ ...first, id: `n${made}` });

  const made = await Promise.allSettled(Array.from({ length: 8 }, () => createNetwork(context, caller, {})));

  assert.equal(made.filter(({ status }) => status === 'fulfilled').length, 1);
  assert.equal((await store.networks.list({ project_id: 'p' })).length, 100);
  await store.close();
});
