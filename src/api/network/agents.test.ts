/** Agents (neutron/db/agents_db.py, neutron/db/agentschedulers_db.py). */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { AgentReports } from '#services/network/agent-reports.ts';
import { dhcpFacts } from '#services/network/agents.ts';
import { openTwoProjects } from '#test/two-projects.ts';

const { fixture, member, own } = await openTwoProjects();
after(() => fixture.close());

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
async function ask(method: Method, path: string, payload?: object, headers: object = {}) {
  const url = `/network/v2.0${path}`;
  const { status, body } = await fixture.ask({ method, url, headers: { ...headers }, ...(payload && { payload }) });
  return { status, body, type: body?.NeutronError?.type };
}

const { store } = fixture;
let isRouting = true;
const parts = [
  { agent_type: 'DHCP agent', configurations: () => dhcpFacts(store) },
  {
    agent_type: 'L3 agent',
    configurations: async () => (isRouting ? { failing_routers: { r1: 'no such interface' } } : undefined),
  },
] as const;

/** One report of each part. */
async function report(wanted: readonly (typeof parts)[number][] = parts): Promise<void> {
  const reports = new AgentReports({
    store,
    host: 'rack1',
    log: { warn: () => assert.fail('could not be recorded') },
    parts: wanted,
  });
  await reports.start();
  await reports.stop();
}

const listed = async (query = '') => (await ask('GET', `/agents${query}`)).body.agents as Record<string, unknown>[];

test('shows what runs here, and whether it works', async () => {
  assert.deepEqual(await listed(), []);
  await report();
  const [dhcp, l3] = await listed('?sort_key=agent_type');
  assert.deepEqual([dhcp?.['agent_type'], dhcp?.['binary'], dhcp?.['host']], ['DHCP agent', 'neutron-dhcp-agent', 'rack1']);
  assert.deepEqual([dhcp?.['alive'], dhcp?.['admin_state_up'], dhcp?.['availability_zone']], [true, true, 'nova']);
  assert.match(String(dhcp?.['heartbeat_timestamp']), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
  assert.deepEqual(dhcp?.['configurations'], { dhcp_driver: 'dnsmasq', dhcp_lease_duration: 3600, networks: 4, subnets: 4 });
  assert.deepEqual(l3?.['configurations'], { failing_routers: { r1: 'no such interface' } });

  isRouting = false;
  await store.network_agents.update({ agent_type: 'L3 agent' }, { heartbeat_timestamp: '2026-01-01T00:00:00.000Z' });
  await report();
  assert.deepEqual(
    (await listed('?alive=False')).map((agent) => [agent['agent_type'], agent['alive']]),
    [['L3 agent', false]],
  );
  assert.deepEqual(
    (await listed('?alive=True')).map(({ agent_type }) => agent_type),
    ['DHCP agent'],
  );
  isRouting = true;
  await report();
  assert.equal((await listed('?alive=True&host=rack1')).length, 2);
  assert.deepEqual(await listed('?binary=neutron-metadata-agent'), []);
});

test('can be described and forgotten, but not switched off', async () => {
  const [agent] = await listed('?agent_type=DHCP%20agent');
  const path = `/agents/${agent?.['id']}`;
  assert.equal((await ask('PUT', path, { agent: { description: 'rack 1' } })).body.agent.description, 'rack 1');
  await report();
  assert.equal((await ask('GET', path)).body.agent.description, 'rack 1');
  assert.equal((await ask('PUT', path, { agent: { description: null } })).body.agent.description, null);
  assert.equal((await ask('PUT', path, { agent: { admin_state_up: false } })).status, 400);
  assert.equal((await ask('PUT', path, { agent: { host: 'other' } })).status, 400);
  assert.equal((await ask('DELETE', path)).status, 204);
  assert.deepEqual([(await ask('GET', path)).status, (await ask('GET', path)).type], [404, 'AgentNotFound']);
  await report();
  assert.equal((await listed()).length, 2);
});

test('host all networks with DHCP and all routers with ports, and nothing is moved', async () => {
  const idOf = async (type: string) => (await listed(`?agent_type=${type}%20agent`))[0]?.['id'];
  const [dhcp, l3] = [await idOf('DHCP'), await idOf('L3')];
  const { network } = (await ask('POST', '/networks', { network: { name: 'empty' } })).body;
  const { router } = (await ask('POST', '/routers', { router: { name: 'empty' } })).body;

  await ask('PUT', `/routers/${own['routers']}/add_router_interface`, { subnet_id: own['subnets'] });
  const networks = (await ask('GET', `/agents/${dhcp}/dhcp-networks`)).body.networks.map(({ id }: { id: string }) => id);
  assert.ok(networks.includes(own['networks']) && !networks.includes(network.id));
  const routers = (await ask('GET', `/agents/${l3}/l3-routers`)).body.routers.map(({ id }: { id: string }) => id);
  assert.ok(routers.includes(own['routers']) && !routers.includes(router.id));
  assert.deepEqual((await ask('GET', `/agents/${l3}/dhcp-networks`)).body, { networks: [] });
  const agentsOf = async (path: string) => (await ask('GET', path)).body.agents.map(({ id }: { id: string }) => id);
  assert.deepEqual(await agentsOf(`/networks/${own['networks']}/dhcp-agents`), [dhcp]);
  assert.deepEqual(await agentsOf(`/routers/${own['routers']}/l3-agents`), [l3]);
  assert.deepEqual(await agentsOf(`/networks/${network.id}/dhcp-agents`), []);

  const refused = [
    [await ask('POST', `/agents/${dhcp}/dhcp-networks`, { network_id: own['networks'] }), 'NetworkHostedByDHCPAgent'],
    [await ask('POST', `/agents/${dhcp}/dhcp-networks`, { network_id: network.id }), 'NetworkNotHostedByDhcpAgent'],
    [await ask('DELETE', `/agents/${dhcp}/dhcp-networks/${own['networks']}`), 'NetworkHostedByDHCPAgent'],
    [await ask('POST', `/agents/${l3}/l3-routers`, { router_id: own['routers'] }), 'RouterHostedByL3Agent'],
    [await ask('DELETE', `/agents/${l3}/l3-routers/${router.id}`), 'RouterNotHostedByL3Agent'],
    [await ask('POST', `/agents/${l3}/dhcp-networks`, { network_id: network.id }), 'AgentNotFound'],
    [await ask('POST', `/agents/${l3}/l3-routers`, { router_id: 'none' }), 'RouterNotFound'],
    [await ask('GET', '/agents/none/l3-routers'), 'AgentNotFound'],
  ] as const;
  for (const [{ type, status }, expected] of refused)
    assert.deepEqual([type, status], [expected, expected.endsWith('NotFound') ? 404 : 409]);
});

test('are for administrators', async () => {
  const [agent] = await listed();
  assert.deepEqual(await ask('GET', '/agents', undefined, member), { status: 200, body: { agents: [] }, type: undefined });
  assert.equal((await ask('GET', `/agents/${agent?.['id']}`, undefined, member)).type, 'AgentNotFound');
  const hosting = await ask('GET', `/routers/${own['routers']}/l3-agents`, undefined, member);
  assert.equal(hosting.status, 403);
});

test('are in the zone that networks and routers show which they host', async () => {
  const zonesOf = async (path: string) => {
    const { network, router } = (await ask('GET', path, undefined, member)).body;
    return (network ?? router).availability_zones;
  };
  const { router } = (await ask('POST', '/routers', { router: { name: 'without ports' } }, member)).body;
  const { network } = (await ask('POST', '/networks', { network: { name: 'without subnets' } }, member)).body;
  assert.deepEqual([router.availability_zones, network.availability_zones], [[], []]);
  assert.deepEqual(await zonesOf(`/networks/${own['networks']}`), ['nova']);
  assert.deepEqual(await zonesOf(`/routers/${own['routers']}`), ['nova']);
});

test('of parts that are no longer configured are gone', async () => {
  await report(parts.slice(0, 1));
  assert.deepEqual(
    (await listed()).map(({ agent_type }) => agent_type),
    ['DHCP agent'],
  );
});
