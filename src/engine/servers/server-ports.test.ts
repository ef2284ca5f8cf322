import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Network } from '#store/tables/networks.ts';
import type { Port } from '#store/tables/ports.ts';
import { anAvailableNode, aServerRequest, aStep, type Cloud, testCloud, untilIdle } from '#test/a-cloud.ts';
import type { RequestedNetwork } from '../contract.ts';
import { allocatePort } from './addresses.ts';

const at = '2026-01-01T00:00:00.000Z';
const flags = {
  admin_state_up: true,
  external: false,
  mtu: 1500,
  qos_policy_id: null,
  dns_domain: '',
  availability_zone_hints: [],
  port_security_enabled: true,
  tags: [],
  revision_number: 1,

  description: '',
  created_at: at,
  updated_at: at,
};

/**
 * A cloud with a network shared by another project, a port of the project on it, and a deployment that can be paused.
 */
async function aNetworkCloud(work: () => Promise<void> = async () => {}) {
  const cloud = await testCloud({
    settings: { 'provisioning.cidr': '10.0.0.0/24' },
    steps: [
      aStep('work', async (task) => {
        await work();
        await task.boot.serve({ boot: 'local' });
        return { next: true };
      }),
    ],
  });
  await anAvailableNode(cloud, 'n1');
  const network: Network = { ...flags, id: 'net', name: 'net', project_id: 'another', shared: true };
  await cloud.store.networks.insert(network);
  const port = await allocatePort(cloud.store, { network, project_id: 'p' });
  return { cloud, port };
}

async function deployed(cloud: Cloud, wanted: RequestedNetwork) {
  const [server] = await cloud.engine.createServers({ ...aServerRequest, networks: [wanted] });
  await untilIdle(cloud);
  return cloud.store.servers.find({ id: server!.id });
}

function addresses(cloud: Cloud): (string | undefined)[] {
  return [...cloud.room.plans.values()].flatMap(({ macs }) => macs.map(({ address }) => address));
}

async function closed(cloud: Cloud): Promise<void> {
  await cloud.engine.stop();
  await cloud.store.close();
}

test('rejects a network that is no longer shared when the port is created', async () => {
  const { cloud } = await aNetworkCloud();
  const binding = cloud.store.networks.find.bind(cloud.store.networks);
  let polls = 0;
  // The request's own check sees it as shared, the later step does not.
  cloud.store.networks.find = async (where) => {
    const found = await binding(where);
    return found && { ...found, shared: ++polls === 1 };
  };
  const server = await deployed(cloud, { network_id: 'net' });

  assert.equal(server?.vm_state, 'error');
  assert.match(server?.fault?.message ?? '', /Network net was deleted, or taken from the server's project/);
  assert.equal((await cloud.store.ports.list({ device_id: server!.id })).length, 0);
  await closed(cloud);
});

const losses: { title: string; lose: (cloud: Cloud, port: Port) => Promise<unknown> }[] = [
  { title: 'deleted', lose: (cloud, { id }) => cloud.store.ports.remove({ id }) },
  { title: 'given to another device', lose: (cloud, { id }) => cloud.store.ports.update({ id }, { device_id: 'another' }) },
];
for (const { title, lose } of losses) {
  test(`a port that is ${title} during the deployment fails it, and its address is not assigned`, async () => {
    let losing = async () => {};
    const { cloud, port } = await aNetworkCloud(() => losing());
    losing = async () => void (await lose(cloud, port));
    const server = await deployed(cloud, { port_id: port.id });

    assert.match(server?.fault?.message ?? '', new RegExp(`Port ${port.id} was deleted or given to another device`));
    assert.equal(cloud.room.plans.size, 0);
    await closed(cloud);
  });
}

test('a rebuild continues with the remaining ports of the server', async () => {
  const { cloud, port } = await aNetworkCloud();
  await cloud.store.ports.update({ id: port.id }, { fixed_ips: [{ subnet_id: 's', ip_address: '10.0.0.7' }] });
  const server = await deployed(cloud, { port_id: port.id });
  const before = addresses(cloud);
  await cloud.store.ports.update({ id: port.id }, { device_id: 'another' });
  await cloud.engine.rebuildServer(server!.id, { image: aServerRequest.image });
  await untilIdle(cloud);

  assert.equal((await cloud.store.servers.find({ id: server!.id }))?.vm_state, 'active');
  assert.deepEqual([before, addresses(cloud)], [['10.0.0.7'], [undefined]]);
  await closed(cloud);
});

test('does not start the server of a project that was deleted meanwhile', async () => {
  const { cloud } = await aNetworkCloud();
  await cloud.store.projects.remove({ id: 'p' });

  await assert.rejects(deployed(cloud, { network_id: 'net' }), /Project p was deleted/);
  assert.deepEqual(await cloud.store.operations.list(), []);
  await closed(cloud);
});

test('passes the client id of an InfiniBand port to the boot plan', async () => {
  const { cloud, port } = await aNetworkCloud();
  const [nic] = await cloud.store.node_ports.list();
  await cloud.engine.updateNodePort(nic!.uuid, { extra: { 'client-id': 'FF:00:00:00:00:00:02' } });
  await deployed(cloud, { port_id: port.id });

  const [plan] = [...cloud.room.plans.values()];
  assert.equal(plan?.macs[0]?.client_id, 'ff:00:00:00:00:00:02');
  await closed(cloud);
});
