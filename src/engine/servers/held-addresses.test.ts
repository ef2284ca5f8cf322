import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { Step } from '#drivers/interfaces.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import { anAvailableNode, aServerRequest, aStep, type Cloud, testCloud, untilIdle, untilState } from '#test/a-cloud.ts';
import { allocatePort } from './addresses.ts';

const at = '2026-01-01T00:00:00.000Z';
const dates = { created_at: at, updated_at: at };
const silence = () => new Fault('bmcUnreachable', { address: '192.0.2.9', attempts: 4, seconds: 7 });
const port = 'aaaaaaaa-0000-4000-8000-000000000001';

/** A node with a NIC, a network with two addresses, and a port of the user with one of them. */
async function aFixture(t: TestContext, { steps, settings = {} }: { steps: Step[]; settings?: Record<string, string> }) {
  const cloud = await testCloud({ steps, settings: { 'scheduler.max_attempts': '1', ...settings } });
  const { store, engine } = cloud;
  t.after(async () => {
    await engine.stop();
    await store.close();
  });
  const flags = { admin_state_up: true, shared: true, external: false, mtu: 1500, description: '' };
  await store.networks.insert({ id: 'net', name: 'net', project_id: 'p', ...flags, ...dates });
  const pool = { allocation_pools: [{ start: '10.9.0.4', end: '10.9.0.5' }], dns_nameservers: [], host_routes: [] };
  const subnet = { id: 'sub', name: '', network_id: 'net', project_id: 'p', ip_version: 4 as const, cidr: '10.9.0.0/24' };
  await store.subnets.insert({ ...subnet, ...pool, gateway_ip: null, enable_dhcp: true, description: '', ...dates });
  const { uuid } = await anAvailableNode(cloud, 'n1');
  await engine.createNodePort({ node_uuid: uuid, address: '52:54:00:00:00:07' });
  return { cloud, store, engine, uuid };
}

const request = { ...aServerRequest, networks: [{ network_id: 'net' }] };
const heldBy = async ({ store }: Cloud, node_uuid: string) =>
  (await store.held_addresses.list({ node_uuid })).map(({ ip_address }) => ip_address);

/** The machine runs, and then its BMC is silent. */
function lostStep(cloud: () => Cloud): Step {
  return simpleStep({ name: 'write', title: 'write', deadlineSeconds: 10 }, async ({ power, node }) => {
    await power.set('power on');
    cloud().room.bmcFault = (uuid) => (uuid === node.uuid ? silence() : undefined);
    throw new Fault('agentFailed', { command: 'write the image', detail: 'disk on fire' });
  });
}

test('the address of a failed server is held while its machine cannot be powered off, until that succeeds', async (t) => {
  const fixture = await aFixture(t, { steps: [lostStep(() => fixture.cloud)] });
  const { cloud, engine, store, uuid } = fixture;
  const [server] = await engine.createServers(request);
  await untilIdle(cloud);

  const [held] = await store.held_addresses.list();
  assert.deepEqual([held?.ip_address, held?.node_uuid, held?.instance_uuid], ['10.9.0.4', uuid, server!.id]);
  assert.match(held?.reason ?? '', /was not powered off by "deploy server web": .*192\.0\.2\.9/);
  assert.deepEqual([await store.ports.list(), (await store.nodes.find({ uuid }))?.provision_state], [[], 'clean failed']);

  const network = (await store.networks.find({ id: 'net' }))!;
  const other = await allocatePort(store, { network, project_id: 'q' });
  assert.equal(other.fixed_ips[0]?.ip_address, '10.9.0.5');
  const wanted = { network, project_id: 'q', fixed_ips: [{ ip_address: '10.9.0.4' }] };
  await assert.rejects(allocatePort(store, wanted), { code: 'ipAddressInUse' });

  cloud.room.bmcFault = undefined;
  await engine.setPower(uuid, 'power off');
  await untilIdle(cloud);
  assert.deepEqual(await heldBy(cloud, uuid), []);
  assert.equal((await allocatePort(store, wanted)).fixed_ips[0]?.ip_address, '10.9.0.4');
});

test("a user's port is not given to another machine while the former one may use its address", async (t) => {
  const ready = aStep('write', async () => ({ next: true }));
  const { cloud, engine, store, uuid } = await aFixture(t, { steps: [ready] });
  const device = { device_id: '', device_owner: '', admin_state_up: true, status: 'DOWN' as const, owned_by_server: false };
  const binding = { binding_host_id: '', binding_profile: {}, mac_address: 'fa:16:3e:00:00:01', description: '', ...device };
  const fixed_ips = [{ subnet_id: 'sub', ip_address: '10.9.0.5' }];
  await store.ports.insert({ id: port, name: '', network_id: 'net', project_id: 'p', fixed_ips, ...binding, ...dates });
  const wanted = { ...request, networks: [{ port_id: port }] };
  const [server] = await engine.createServers(wanted);
  await untilIdle(cloud);
  cloud.room.bmcFault = silence;
  await engine.setMaintenance(uuid, true, 'its BMC is dead');

  await engine.deleteServer(server!.id);
  await untilIdle(cloud);

  assert.equal((await store.servers.find({ id: server!.id }))?.vm_state, 'deleted');
  assert.deepEqual([await heldBy(cloud, uuid), (await store.ports.find({ id: port }))?.device_id], [['10.9.0.5'], '']);
  await assert.rejects(engine.createServers(wanted), { code: 'conflict', message: /is still in use: .*10\.9\.0\.5/ });
  assert.equal(await engine.releaseAddress(uuid, '10.9.0.5', 'the operator'), true);
  await engine.createServers(wanted);
});

test('addresses of a machine that must not be powered off are held until it is cleaned', async (t) => {
  const write = simpleStep({ name: 'write', title: 'write', deadlineSeconds: 10 }, ({ power }) => power.set('power on'));
  const { cloud, engine, store, uuid } = await aFixture(t, { steps: [write] });
  const [server] = await engine.createServers(request);
  await untilIdle(cloud);
  await store.nodes.update({ uuid }, { disable_power_off: true });

  await engine.deleteServer(server!.id);
  await untilState(cloud, uuid, 'cleaning');
  assert.deepEqual(await heldBy(cloud, uuid), ['10.9.0.4']);
});

test('a machine that could not be powered off is not made available where cleaning is switched off', async (t) => {
  const fixture = await aFixture(t, { steps: [lostStep(() => fixture.cloud)], settings: { 'clean.automated': 'false' } });
  const { cloud, engine, store, uuid } = fixture;
  await engine.createServers(request);
  await untilIdle(cloud);

  const node = await store.nodes.find({ uuid });
  assert.deepEqual([node?.provision_state, node?.maintenance, await heldBy(cloud, uuid)], ['clean failed', true, ['10.9.0.4']]);
  assert.match(node?.maintenance_reason ?? '', /could not be powered off/);
});

test('a VIF that is detached from a machine that may run keeps its address there', async (t) => {
  const { cloud, engine, store, uuid } = await aFixture(t, { steps: [] });
  const network = (await store.networks.find({ id: 'net' }))!;
  const { id } = await allocatePort(store, { network, project_id: 'p' });
  for (const [provision_state, power_state, held] of [
    ['available', 'power on', []],
    ['active', 'power off', []],
    ['active', null, ['10.9.0.4']],
    ['deploy failed', 'power on', ['10.9.0.4']],
  ] as const) {
    await store.nodes.update({ uuid }, { provision_state, power_state });
    await engine.attachVif(uuid, { id });
    await engine.detachVif(uuid, id);
    assert.deepEqual(await heldBy(cloud, uuid), held);
  }

  const other = await anAvailableNode(cloud, 'n2');
  await engine.createNodePort({ node_uuid: other.uuid, address: '52:54:00:00:00:08' });
  await assert.rejects(engine.attachVif(other.uuid, { id }), { code: 'conflict' });
  cloud.room.power.set(uuid, 'power on');
  await engine.setPower(uuid, 'power off');
  await untilIdle(cloud);
  assert.deepEqual(await heldBy(cloud, uuid), []);
  await engine.attachVif(other.uuid, { id });
});
