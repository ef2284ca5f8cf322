/** One project's records do not slow down or break requests of others. */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { sql } from 'kysely';
import { databaseOf } from '#test/a-store.ts';
import { openTwoProjects } from '#test/two-projects.ts';

const { fixture, member: headers, own, others } = await openTwoProjects();
after(() => fixture.close());
const { store } = fixture;
const base = '/network/v2.0';

const mine = await store.networks.find({ id: own['networks'] ?? '' });
assert.ok(mine);

/** A corrupt record: reading it fails. */
async function breakNetworksOf(id = ''): Promise<void> {
  await databaseOf(store).updateTable('networks').set({ tags: sql<never>`'{'` }).where('id', '=', id).execute();
}

test('limits a project to a hundred networks and subnets, until an administrator sets another quota', async () => {
  const { project_id } = mine;
  const [subnet] = await store.subnets.list();
  for (let index = 0; index < 100; index++) {
    await store.networks.insert({ ...mine, id: `network-${index}` });
    await store.subnets.insert({ ...subnet, id: `subnet-${index}`, network_id: `network-${index}`, project_id });
  }
  const network = { method: 'POST', url: `${base}/networks`, payload: { network: { name: 'one more', project_id } } } as const;
  const more = { network_id: mine.id, ip_version: 4, cidr: '10.111.0.0/24' };

  const refused = await fixture.ask({ ...network, headers });
  const forced = await fixture.ask(network);
  const limit = { method: 'PUT', url: `${base}/quotas/${project_id}`, payload: { quota: { network: '102' } } } as const;
  const set = await fixture.ask(limit);
  const made = await fixture.ask({ ...network, headers });
  const noSubnet = await fixture.ask({ method: 'POST', url: `${base}/subnets`, headers, payload: { subnet: more } });

  assert.deepEqual([refused.status, refused.body.NeutronError.type], [409, 'OverQuota']);
  assert.deepEqual([forced.status, set.body.quota.network, made.status], [409, 102, 201]);
  assert.deepEqual([noSubnet.status, noSubnet.body.NeutronError.message], [409, "Quota exceeded for resources: ['subnet']."]);
});

test('does not read networks and ports of others', async () => {
  const server = await store.servers.find({ id: own['servers'] ?? '' });
  const [foreign] = await store.ports.list({ id: others['ports'] ?? '' });
  await store.ports.insert({ ...foreign, id: 'intruder', mac_address: '', fixed_ips: [], device_id: server?.id ?? '' });
  await databaseOf(store).updateTable('ports').set({ fixed_ips: sql<never>`'{'` }).where('id', '=', 'intruder').execute();
  await breakNetworksOf(others['networks']);
  const urls = [
    ...[`${base}/networks`, `${base}/subnets`, `${base}/ports?admin_state_up=true`, '/compute/v2.1/servers/detail'],
    `/compute/v2.1/servers/${server?.id}`,
  ];

  for (const url of urls) assert.equal((await fixture.ask({ url, headers })).status, 200, url);
});
