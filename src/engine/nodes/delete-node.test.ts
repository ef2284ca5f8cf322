import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nouns } from '#store/nouns.ts';
import type { Store } from '#store/store.ts';
import { anAvailableNode, newSharedState, testCloud } from '#test/a-cloud.ts';
import { allocatePort } from '../servers/addresses.ts';

const at = '2026-01-01T00:00:00.000Z';
const later = '9999-01-01T00:00:00.000Z';
const instance = 'aaaaaaaa-1111-4111-8111-aaaaaaaaaaaa';
const net = {
  ...{ id: 'net', name: 'net', project_id: 'p', description: '', shared: true, external: false, port_security_enabled: true },
  ...{ admin_state_up: true },
  ...{ mtu: 1500, tags: [], revision_number: 1, created_at: at, updated_at: at },
};

/** The tables that name a node, in alphabetical order. */
const named = [
  ...['allocations', 'bmc_health', 'config_drives', 'console_tickets', 'firmware_updates', 'held_addresses', 'node_endpoints'],
  ...['node_locks', 'node_ports', 'node_reservations', 'nodes', 'portgroups', 'ports', 'volume_connectors', 'volume_targets'],
];

test('nothing is left of a node that is deleted in maintenance with an instance', async () => {
  const room = newSharedState();
  const cloud = await testCloud({ room });
  const { store, engine } = cloud;
  const { uuid } = await anAvailableNode(cloud, 'n1');
  await engine.createPortGroup({ node_uuid: uuid, address: '52:54:00:00:99:aa' });
  const port = await attachedPort(cloud, uuid);
  await store.allocations.insert(allocation(uuid));
  const volume = { node_uuid: uuid, extra: {}, created_at: at, updated_at: null };
  await store.volume_connectors.insert({ ...volume, uuid: 'c', type: 'iqn', connector_id: 'iqn.2026-01.org.example:n1' });
  await store.volume_targets.insert({
    ...volume,
    uuid: 't',
    volume_type: 'iscsi',
    volume_id: 'v',
    properties: {},
    boot_index: 0,
  });
  await store.config_drives.insert({ id: uuid, document: { user_data: 's3cret' } });
  await store.node_endpoints.insert({ node_uuid: uuid, address: '192.0.2.1', part: null });
  await store.bmc_health.insert({ node_uuid: uuid, state: 'ok', since: at, failures: 0 });
  await store.held_addresses.insert({ ip_address: '10.0.0.9', node_uuid: uuid, project_id: 'p', reason: 'on', created_at: at });
  await store.console_tickets.insert({ digest: 'd', node_uuid: uuid, token: {}, expires_at: later });
  await store.node_reservations.insert({ node_uuid: uuid, owner: 'r', purpose: 'a call', deadline_at: at });
  const owner = { project_id: 'p', user_id: 'u', user_name: 'ann' };
  await store.node_locks.insert({ id: 'l', node_uuid: uuid, kind: 'all', reason: '', ...owner, expires_at: at, created_at: at });
  const update = { id: 'f', node_uuid: uuid, component: '', operation_id: 'o', url: '', versions: {}, task: null };
  await store.firmware_updates.insert({ ...update, sent_at: at, expires_at: at });
  room.plans.set(uuid, { node_uuid: uuid, folder: 'f', macs: [], firmware: 'none', files: [] });
  const active = { provision_state: 'active', instance_uuid: instance, allocation_uuid: instance } as const;
  await store.nodes.update({ uuid }, { ...active, instance_info: { image_source: 'glance://i' }, must_clean: true });
  assert.deepEqual(await tablesThatName(store, uuid), named);

  await assert.rejects(engine.deleteNode(uuid), /is associated with instance/);
  await engine.setMaintenance(uuid, true);
  await engine.deleteNode(uuid);

  assert.deepEqual(await tablesThatName(store, uuid), []);
  assert.deepEqual(await tablesThatName(store, instance), []);
  assert.deepEqual([...room.plans.keys()], []);
  const freed = await store.ports.find({ id: port });
  assert.deepEqual([freed?.device_id, freed?.device_owner, freed?.status], ['', '', 'DOWN']);
  await engine.stop();
  await store.close();
});

test('the boot plan that a crash leaves behind a deleted node is withdrawn at the next start', async () => {
  const room = newSharedState();
  const before = await testCloud({ room });
  const { uuid } = await anAvailableNode(before, 'n1');
  for (const node_uuid of [uuid, 'deleted'])
    room.plans.set(node_uuid, { node_uuid, folder: 'f', macs: [], firmware: 'none', files: [] });
  await before.engine.stop();

  const after = await testCloud({ room, store: before.store });
  await after.engine.start();

  assert.deepEqual([...room.plans.keys()], [uuid]);
  await after.engine.stop();
  await after.store.close();
});

async function attachedPort({ store, engine }: Awaited<ReturnType<typeof testCloud>>, uuid: string): Promise<string> {
  const network = await store.networks.insert(net);
  const { id } = await allocatePort(store, { network, project_id: 'p' });
  await engine.attachVif(uuid, { id });
  return id;
}

function allocation(node_uuid: string) {
  const about = {
    name: null,
    resource_class: 'metal',
    traits: [],
    candidate_nodes: [],
    extra: {},
    owner: null,
    last_error: null,
  };
  return { ...about, uuid: instance, node_uuid, state: 'active', created_at: at, updated_at: null };
}

async function tablesThatName(store: Store, text: string): Promise<string[]> {
  const found: string[] = [];
  const tables = store as unknown as Readonly<Record<string, { list(): Promise<object[]> }>>;
  for (const name of Object.keys(nouns)) {
    const rows = (await tables[name]?.list()) ?? [];
    if (rows.some((row) => JSON.stringify(row).includes(text))) found.push(name);
  }
  return found.toSorted();
}
