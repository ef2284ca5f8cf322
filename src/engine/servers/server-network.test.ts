import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Network } from '#store/tables/networks.ts';
import { anAvailableNode, aServerRequest, aStep, testCloud, untilIdle } from '#test/a-cloud.ts';
import { allocatePort } from './addresses.ts';

test('a port that two servers asked for is bound to one of them; the other fails and leaves it alone', async () => {
  const cloud = await testCloud({ steps: [aStep('work', async () => ({ next: true }))] });
  for (const name of ['n1', 'n2']) await anAvailableNode(cloud, name);
  const at = '2026-01-01T00:00:00.000Z';
  const flags = { admin_state_up: true, shared: true, external: false, mtu: 1500, provider: {}, description: '' };
  const record: Network = { id: 'net', name: 'net', project_id: 'p', ...flags, created_at: at, updated_at: at };
  const network = await cloud.store.networks.insert(record);
  const port = await allocatePort(cloud.store, { network, project_id: 'p' });

  const request = { ...aServerRequest, networks: [{ port_id: port.id }] };
  const created = await Promise.all([cloud.engine.createServers(request), cloud.engine.createServers(request)]);
  await untilIdle(cloud);
  const servers = await cloud.store.servers.list({ id: created.flat().map(({ id }) => id) });
  assert.deepEqual(servers.map(({ vm_state }) => vm_state).sort(), ['active', 'error']);
  const winner = servers.find(({ vm_state }) => vm_state === 'active');
  assert.match(servers.find(({ vm_state }) => vm_state === 'error')?.fault?.message ?? '', /is still in use/);
  assert.equal((await cloud.store.ports.find({ id: port.id }))?.device_id, winner?.id);
  const bound = await cloud.store.node_ports.list({ vif_port_id: port.id });
  assert.deepEqual(
    bound.map(({ node_uuid }) => node_uuid),
    [winner?.node_uuid],
  );
  await cloud.store.close();
});
