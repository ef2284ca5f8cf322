/** Every resource of the compute API, created, listed, shown, changed and removed at one microversion. */
import { anImage } from '#test/a-task.ts';
import type { Comparison } from './comparison.ts';
import { type Send, sender } from './scenario.ts';
import { minorOf } from './schema-at-version.ts';

const publicKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6m+xUj3L3lNzZ6PBZ2uqZ8JgN7yJm9qz9yQyq1uYQk me@here';
const machine = { driver: 'fake-hardware', provision_state: 'available', resource_class: 'metal' } as const;

type Parts = { comparison: Comparison; send: Send; minor: number; image: string; network: string };

export async function computeCycle(comparison: Comparison, version: string): Promise<void> {
  const { fixture, check } = comparison;
  const headers = { 'openstack-api-version': `compute ${version}` };
  const send = sender(fixture, check, { prefix: '/compute/v2.1', version, headers });
  const parts = { comparison, send, minor: minorOf(version), ...(await prerequisites(comparison)) };
  await readCycle(parts);
  await keypairCycle(parts);
  const flavor = await flavorCycle(parts);
  await serverCycle(parts, flavor);
  await send('DELETE', `/flavors/${flavor}`);
  await send('DELETE', '/os-keypairs/key');
}

async function prerequisites({ fixture }: Comparison): Promise<{ image: string; network: string }> {
  const id = '22222222-3333-4444-8555-666666666666';
  const image = (await fixture.store.images.find({ id })) ?? (await fixture.store.images.insert(anImage({ id })));
  const [known] = await fixture.store.networks.list();
  if (known) return { image: image.id, network: known.id };
  const network = sender(fixture, undefined, { prefix: '/network/v2.0' });
  const made = await network('POST', '/networks', { network: { name: 'net' } });
  await network('POST', '/subnets', { subnet: { network_id: made.network.id, cidr: '10.1.0.0/24', ip_version: 4 } });
  return { image: image.id, network: made.network.id };
}

/** Lists that are there without anything being created. */
async function readCycle({ comparison, send, minor }: Parts): Promise<void> {
  const [project] = await comparison.fixture.store.projects.list();
  const paths = ['/limits', '/os-services', '/os-availability-zone', '/os-availability-zone/detail', '/os-aggregates'];
  const quotas = ['', '/detail', '/defaults'].map((part) => `/os-quota-sets/${project?.id}${part}`);
  for (const path of [...paths, ...quotas, '/extensions', '/os-migrations', '/os-server-groups']) await send('GET', path);
  await send('GET', '/extensions/os-baremetal-nodes');
  if (minor < 36) await nodeCycle(send);
  await send('PUT', `/os-quota-sets/${project?.id}`, { quota_set: { cores: 1 } });
  await send('POST', '/os-aggregates', { aggregate: { name: 'a' } });
  await send('POST', '/os-server-groups', { server_group: { name: 'g', policies: ['affinity'] } });
  await send('POST', '/os-server-external-events', { events: [] });
  const { services } = await send('GET', '/os-services');
  await send('PUT', `/os-services/${services[0].id}`, { status: 'disabled' });
}

async function nodeCycle(send: Send): Promise<void> {
  const { nodes } = await send('GET', '/os-baremetal-nodes');
  for (const node of nodes.slice(0, 1)) await send('GET', `/os-baremetal-nodes/${node.id}`);
}

async function keypairCycle({ send, minor }: Parts): Promise<void> {
  const type = minor >= 2 && { type: 'ssh' };
  if (minor < 92) {
    await send('POST', '/os-keypairs', { keypair: { name: 'generated', ...type } });
    await send('DELETE', '/os-keypairs/generated');
  }
  await send('POST', '/os-keypairs', { keypair: { name: 'key', public_key: publicKey, ...type } });
  await send('GET', '/os-keypairs');
  await send('GET', '/os-keypairs/key');
}

async function flavorCycle({ comparison, send, minor }: Parts): Promise<string> {
  const fields = { name: `flavor at ${minor}`, vcpus: 4, ram: 4096, disk: 20, ...(minor >= 55 && { description: 'a flavor' }) };
  const { id } = (await send('POST', '/flavors', { flavor: fields })).flavor;
  await send('POST', `/flavors/${id}/os-extra_specs`, { extra_specs: { 'capabilities:boot_mode': 'uefi' } });
  await send('PUT', `/flavors/${id}/os-extra_specs/hw:note`, { 'hw:note': '1' });
  const reads = ['', '/detail', `/${id}`, `/${id}/os-extra_specs`, `/${id}/os-extra_specs/hw:note`];
  for (const path of reads) await send('GET', `/flavors${path}`);
  const hidden = { name: `hidden at ${minor}`, vcpus: 1, ram: 1, disk: 1, 'os-flavor-access:is_public': false };
  const other = (await send('POST', '/flavors', { flavor: hidden })).flavor;
  const tenant = (await comparison.fixture.store.projects.list())[0]?.id;
  await send('POST', `/flavors/${other.id}/action`, { addTenantAccess: { tenant } });
  await send('GET', `/flavors/${other.id}/os-flavor-access`);
  await send('POST', `/flavors/${other.id}/action`, { removeTenantAccess: { tenant } });
  await send('DELETE', `/flavors/${other.id}`);
  if (minor >= 55) await send('PUT', `/flavors/${id}`, { flavor: { description: 'another' } });
  await send('DELETE', `/flavors/${id}/os-extra_specs/hw:note`);
  await send('DELETE', `/flavors/${id}/os-extra_specs/capabilities:boot_mode`);
  return id;
}

async function serverCycle(parts: Parts, flavor: string): Promise<void> {
  const { comparison, send, minor } = parts;
  const { fixture } = comparison;
  const properties = { cpus: 4, memory_mb: 4096, local_gb: 20 };
  const node = await fixture.engine.createNode({ ...machine, name: `machine-${minor}`, properties });
  await fixture.engine.createNodePort({ node_uuid: node.uuid, address: `aa:bb:cc:00:01:${minor.toString(16).padStart(2, '0')}` });
  fixture.consoles.set(node.uuid, 'hello\n');
  await hypervisorCycle(send, { minor, uuid: node.uuid });
  const id = await createServer(parts, flavor);
  await fixture.quiet();
  await readServer(send, id);
  await otherParts(send, { id, minor });
  await changeServer(parts, id);
  await send('DELETE', `/servers/${id}`);
  await fixture.quiet();
  await fixture.engine.deleteNode(node.uuid);
}

async function hypervisorCycle(send: Send, { minor, uuid }: { minor: number; uuid: string }): Promise<void> {
  const { hypervisors } = await send('GET', '/os-hypervisors?with_servers=true');
  const id = hypervisors[0]?.id ?? uuid;
  for (const path of [
    '/detail?with_servers=true',
    `/${id}?with_servers=true`,
    ...(minor < 88 ? ['/statistics', `/${id}/uptime`] : []),
  ])
    await send('GET', `/os-hypervisors${path}`);
  if (minor < 53) await send('GET', '/os-hypervisors/machine/search');
}

async function createServer({ send, minor, image, network }: Parts, flavor: string): Promise<string> {
  const networks = [{ uuid: network }];
  const fields = { name: 'web', imageRef: image, flavorRef: flavor, networks, key_name: 'key', metadata: { role: 'web' } };
  return (await send('POST', '/servers', { server: { ...fields, ...(minor >= 19 && { description: 'a server' }) } })).server.id;
}

async function readServer(send: Send, id: string): Promise<void> {
  for (const path of ['', '/detail', `/${id}`, `/${id}/ips`, `/${id}/metadata`, `/${id}/os-interface`])
    await send('GET', `/servers${path}`);
  const { addresses } = await send('GET', `/servers/${id}/ips`);
  await send('GET', `/servers/${id}/ips/${Object.keys(addresses)[0]}`);
  const { interfaceAttachments } = await send('GET', `/servers/${id}/os-interface`);
  await send('GET', `/servers/${id}/os-interface/${interfaceAttachments[0].port_id}`);
  const { instanceActions } = await send('GET', `/servers/${id}/os-instance-actions`);
  await send('GET', `/servers/${id}/os-instance-actions/${instanceActions[0].request_id}`);
  await send('GET', `/servers/${id}/os-security-groups`);
  await send('GET', '/os-simple-tenant-usage?detailed=1');
  const { server } = await send('GET', `/servers/${id}`);
  await send('GET', `/os-simple-tenant-usage/${server.tenant_id}`);
}

/** Mostly empty or not supported. */
async function otherParts(send: Send, { id, minor }: { id: string; minor: number }): Promise<void> {
  const reads = { diagnostics: 1, 'os-server-password': 1, 'os-volume_attachments': 1, migrations: 23, tags: 26, topology: 78 };
  for (const [part, since] of Object.entries(reads)) if (minor >= since) await send('GET', `/servers/${id}/${part}`);
  await send('POST', `/servers/${id}/os-interface`, { interfaceAttachment: {} });
  await send('POST', `/servers/${id}/os-volume_attachments`, { volumeAttachment: { volumeId: id } });
  if (minor >= 26) await send('PUT', `/servers/${id}/tags`, { tags: ['a'] });
  if (minor >= 6)
    await send('POST', `/servers/${id}/remote-consoles`, { remote_console: { protocol: 'serial', type: 'serial' } });
}

async function changeServer({ comparison, send, minor, image }: Parts, id: string): Promise<void> {
  await send('PUT', `/servers/${id}`, { server: { name: 'web 2' } });
  await send('POST', `/servers/${id}/metadata`, { metadata: { more: 'yes' } });
  await send('PUT', `/servers/${id}/metadata`, { metadata: { only: 'yes' } });
  await send('PUT', `/servers/${id}/metadata/only`, { meta: { only: 'no' } });
  await send('GET', `/servers/${id}/metadata/only`);
  await send('POST', `/servers/${id}/action`, { 'os-getConsoleOutput': { length: 5 } });
  await send('POST', `/servers/${id}/action`, { lock: null });
  if (minor >= 73) await send('GET', `/servers/${id}`);
  await send('POST', `/servers/${id}/action`, { unlock: null });
  await send('POST', `/servers/${id}/action`, { rebuild: { imageRef: image } });
  await comparison.fixture.quiet();
}
