/** One member cannot exhaust the addresses of a shared subnet. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { aFreeNode, openTwoProjects } from '#test/two-projects.ts';

const { fixture, member, own } = await openTwoProjects();
after(() => fixture.close());
const { store } = fixture;
const base = '/network/v2.0';

async function make(noun: string, fields: object, headers?: Readonly<Record<string, string>>) {
  const request = { method: 'POST', url: `${base}/${noun}s`, payload: { [noun]: fields } } as const;
  return fixture.ask({ ...request, ...(headers && { headers }) });
}

/** An administrator's network, with 254 addresses less the gateway's. */
async function aSharedNetwork(name: string, cidr: string): Promise<{ id: string; subnet_id: string }> {
  const { id } = (await make('network', { name, shared: true })).body.network;
  return { id, subnet_id: (await make('subnet', { network_id: id, ip_version: 4, cidr })).body.subnet.id };
}

test('limits a project to 50 ports without a server on a shared network, and leaves addresses for others', async () => {
  const { id: network_id } = await aSharedNetwork('all', '10.50.0.0/24');
  const statuses: number[] = [];
  for (let at = 0; at < 49; at++) statuses.push((await make('port', { network_id }, member)).status);

  const together = await Promise.all([make('port', { network_id }, member), make('port', { network_id }, member)]);
  const [first, refused] = together.sort((a, b) => a.status - b.status);
  const admins = await make('port', { network_id });
  const forProject = await make('port', { network_id, project_id: own['projects'] });

  assert.deepEqual(new Set(statuses), new Set([201]));
  assert.deepEqual([first?.status, refused?.status, refused?.body.NeutronError.type], [201, 409, 'OverQuota']);
  assert.equal((await store.ports.list({ network_id })).length, 52);
  assert.equal((await store.ip_allocations.list()).filter(({ ip_address }) => ip_address.startsWith('10.50.0.')).length, 52);
  assert.deepEqual([admins.status, forProject.status], [201, 201]);
});

test('counts addresses, and not ports that a machine uses', async () => {
  const { id: network_id, subnet_id } = await aSharedNetwork('five', '10.51.0.0/24');
  const five = { network_id, fixed_ips: Array.from({ length: 5 }, () => ({ subnet_id })) };
  for (let at = 0; at < 10; at++) assert.equal((await make('port', five, member)).status, 201);

  const refused = await make('port', { network_id }, member);
  await aFreeNode(fixture);
  const [port] = await store.ports.list({ network_id });
  const server = { name: 's', imageRef: own['images'], flavorRef: 'f1', networks: [{ port: port?.id }] };
  const created = await fixture.ask({ method: 'POST', url: '/compute/v2.1/servers', headers: member, payload: { server } });
  await fixture.quiet();
  const again = await make('port', five, member);

  assert.deepEqual([refused.status, created.status], [409, 202]);
  assert.equal((await store.ports.find({ id: port?.id ?? '' }))?.status, 'ACTIVE');
  assert.equal(again.status, 201);
});

test('limits a project to 500 ports beside those of its servers', async () => {
  const project_id = own['projects'] ?? '';
  const network_id = own['networks'] ?? '';
  const [row] = await store.ports.list({ network_id });
  const has = (await store.ports.list({ project_id, owned_by_server: false })).length;
  for (let at = has; at < 500; at++)
    await store.ports.insert({ ...row, id: `p${at}`, mac_address: `number ${at}`, fixed_ips: [], owned_by_server: false });

  const refused = await make('port', { network_id, fixed_ips: [] }, member);
  const removed = await fixture.ask({ method: 'DELETE', url: `${base}/ports/p499`, headers: member });
  await store.ports.insert({ ...row, id: 'of-a-server', mac_address: '02:00:00:01:00:00', owned_by_server: true });
  const again = await make('port', { network_id, fixed_ips: [] }, member);

  assert.deepEqual([refused.status, refused.body.NeutronError.message], [409, "Quota exceeded for resources: ['port']."]);
  assert.deepEqual([removed.status, again.status], [204, 201]);
});
