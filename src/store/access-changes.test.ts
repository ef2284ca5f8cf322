import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { nouns } from './nouns.ts';
import { openStore } from './store.ts';

const store = await openStore(':memory:');
after(() => store.close());

type Noun = keyof typeof nouns;

async function counts(work: () => Promise<unknown>): Promise<boolean> {
  const before = store.accessRevision;
  await work();
  return store.accessRevision !== before;
}

test('counts a write to any table, except those on which no token depends', async () => {
  const uncounted: string[] = [];
  for (const name of Object.keys(nouns) as Noun[]) {
    const table = store[name] as { remove(where: object): Promise<number>; list(): Promise<object[]> };
    if (!(await counts(() => table.remove({})))) uncounted.push(name);
    assert.equal(await counts(() => table.list()), false, `reading ${name}`);
  }

  const expected = [
    'address_groups',
    'address_scopes',
    'allocations',
    'bmc_health',
    'catalog_endpoints',
    'catalog_services',
    'chassis',
    'config_drives',
    'console_tickets',
    'credentials',
    'default_security_group_rules',
    'deleted_images',
    'deploy_templates',
    'endpoint_groups',
    'event_subscriptions',
    'failed_logins',
    'federation_mappings',
    'federation_protocols',
    'fetched_images',
    'firmware_updates',
    'flavor_access',
    'flavors',
    'floating_ips',
    'held_addresses',
    'image_members',
    'image_tasks',
    'images',
    'inspection_rules',
    'ip_allocations',
    'keypairs',
    'limits',
    'login_addresses',
    'metadef_items',
    'metadef_namespaces',
    'metadef_resource_types',
    'network_agents',
    'network_quotas',
    'network_segments',
    'networks',
    'node_endpoints',
    'node_locks',
    'node_ports',
    'node_reservations',
    'nodes',
    'operations',
    'port_bindings',
    'port_forwardings',
    'portgroups',
    'ports',
    'project_endpoint_groups',
    'project_endpoints',
    'qos_policies',
    'qos_rules',
    'rbac_policies',
    'regions',
    'registered_limits',
    'router_ports',
    'routers',
    'runbooks',
    'security_group_rules',
    'security_groups',
    'servers',
    'subnet_pools',
    'subnets',
    'trunk_subports',
    'trunks',
    'volume_connectors',
    'volume_targets',
  ];
  assert.deepEqual(uncounted.sort(), expected);
});

test('counts a write in a transaction when it is made, and again at the commit', async () => {
  const before = store.accessRevision;
  let inside = before;

  await store.transaction(async (trx) => {
    await trx.users.update({ id: 'nobody' }, { enabled: false });
    inside = store.accessRevision;
  });

  assert.notEqual(inside, before);
  assert.notEqual(store.accessRevision, inside);
});

test('does not count a transaction without such writes', async () => {
  const isCounted = await counts(() => store.transaction((trx) => trx.nodes.update({ uuid: 'none' }, { name: 'x' })));

  assert.equal(isCounted, false);
});

test('tells of writes to the tables that a listener names, until it unsubscribes', async () => {
  let heard = 0;
  const unlisten = store.onWrite(['routers', 'ports'], () => {
    heard += 1;
  });

  await store.routers.remove({ id: 'none' });
  await store.transaction((trx) => trx.ports.update({ id: 'none' }, { status: 'DOWN' }));
  await store.ports.list();
  await store.networks.remove({ id: 'none' });
  unlisten();
  await store.routers.remove({ id: 'none' });

  assert.equal(heard, 2);
});
