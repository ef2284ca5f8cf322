/** An API with two projects that have one of each resource: for tests of isolation between projects. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { RouteOptions } from 'fastify';
import { allocatePort } from '#engine/servers/addresses.ts';
import { qosRuleTypes } from '#store/tables/qos.ts';
import { aFlavor, anImage } from './a-task.ts';
import type { FixtureParts } from './api-fixture.ts';
import { openRackFixture, type RackFixture } from './rack-fixture.ts';

/** Ids by kind of resource: the words before a parameter in a path. */
export type Ids = Readonly<Record<string, string>>;

export type TwoProjects = {
  readonly fixture: RackFixture;
  /** Every route of the API, as it registered them. */
  readonly routes: readonly RouteOptions[];
  /** Headers of a member of the first project, and the ids of that project. */
  readonly member: Readonly<Record<string, string>>;
  readonly own: Ids;
  /** Resources in the other project. */
  readonly others: Ids;
  /** Well-formed ids that do not exist. */
  readonly nothing: Ids;
};

export async function openTwoProjects(parts: Pick<FixtureParts, 'images'> = {}): Promise<TwoProjects> {
  const fixture = await openRackFixture(parts);
  const routes: RouteOptions[] = [];
  fixture.app.addHook('onRoute', (route) => void routes.push(route));
  await fixture.store.flavors.insert(aFlavor());
  await fixture.store.images.insert(anImage());
  const own = await aProject(fixture, 'mallory');
  const victim = await aProject(fixture, 'victim');
  const hidden = await fixture.store.flavors.insert(aFlavor({ id: 'hidden', name: 'hidden', is_public: false }));
  const [node] = await fixture.store.nodes.list();
  const admins = {
    flavors: hidden.id,
    nodes: node?.uuid ?? '',
    'os-baremetal-nodes': node?.uuid ?? '',
    'os-hypervisors': node?.uuid ?? '',
  };
  return {
    fixture,
    routes,
    member: own.headers,
    own: own.ids,
    others: { ...victim.ids, ...admins },
    nothing: nothingOf(victim.ids),
  };
}

function nothingOf(ids: Ids): Ids {
  const blank = (id: string) => id.replace(/[0-9a-f](?=[0-9a-f-]{4,}$)/g, '0');
  const named = {
    flavors: 'absent',
    nodes: blank('11111111-1111-4111-8111-111111111111'),
    'os-keypairs': 'absent',
    namespaces: 'absent',
  };
  return {
    ...Object.fromEntries(Object.entries(ids).map(([noun, id]) => [noun, blank(id)])),
    ...named,
    'os-baremetal-nodes': named.nodes,
    'os-hypervisors': named.nodes,
  };
}

/** A schedulable node with one NIC. */
export async function aFreeNode({ engine }: Pick<RackFixture, 'engine'>): Promise<string> {
  const properties = { cpus: 4, memory_mb: 4096, local_gb: 20 };
  const { id, uuid } = await engine.createNode({ driver: 'fake-hardware', provision_state: 'available', properties });
  await engine.createNodePort({ node_uuid: uuid, address: `52:54:00:00:00:${id.toString(16).padStart(2, '0')}` });
  return uuid;
}

async function aProject(fixture: RackFixture, name: string) {
  const admin = async (method: 'POST' | 'PUT', url: string, payload?: object) => {
    const reply = await fixture.ask({ method, url, ...(payload && { payload }) });
    assert.ok(reply.status < 300, `${url}: ${JSON.stringify(reply.body)}`);
    return reply.body;
  };
  const { project } = await admin('POST', '/identity/v3/projects', { project: { name } });
  const user = { name, password: 'a long password', default_project_id: project.id };
  const made = (await admin('POST', '/identity/v3/users', { user })).user;
  await admin('PUT', `/identity/v3/projects/${project.id}/users/${made.id}/roles/member`);
  const headers = { 'x-auth-token': await fixture.logIn(name, 'a long password', name) };
  const make = async (url: string, payload: object) => {
    const reply = await fixture.ask({ method: 'POST', url, headers, payload });
    assert.ok(reply.status < 300, `${url}: ${JSON.stringify(reply.body)}`);
    return reply.body;
  };
  await aFreeNode(fixture);
  const image = await make('/image/v2/images', { name, disk_format: 'raw', container_format: 'bare' });
  await fixture.store.images.update({ id: image.id }, { status: 'active', size: 1, virtual_size: 1 });
  const { network } = await make('/network/v2.0/networks', { network: { name } });
  const cidr = name === 'victim' ? '10.9.0.0/24' : '10.8.0.0/24';
  const { subnet } = await make('/network/v2.0/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr } });
  const row = await fixture.store.networks.find({ id: network.id });
  const group = (await make('/network/v2.0/security-groups', { security_group: { name } })).security_group;
  const list = (await make('/network/v2.0/address-groups', { address_group: { name, addresses: [cidr] } })).address_group;
  const scope = (await make('/network/v2.0/address-scopes', { address_scope: { name, ip_version: 4 } })).address_scope;
  const pool = (await make('/network/v2.0/subnetpools', { subnetpool: { name, prefixes: ['10.200.0.0/16'] } })).subnetpool;
  const qos = await aQosPolicy(fixture, project.id);
  const rbac = { object_type: 'address_group', object_id: list.id, action: 'access_as_shared', target_tenant: '9'.repeat(32) };
  const { rbac_policy } = await make('/network/v2.0/rbac-policies', { rbac_policy: rbac });
  const port = await allocatePort(fixture.store, { network: row!, project_id: project.id });
  const nic = (await make('/network/v2.0/ports', { port: { network_id: network.id } })).port;
  const { trunk } = await make('/network/v2.0/trunks', { trunk: { port_id: nic.id } });
  const namespace = { namespace: `${name}-namespace`, owner: project.id, visibility: 'private' };
  await admin('POST', '/image/v2/metadefs/namespaces', namespace);
  const routing = await aRouter(fixture, {
    project_id: project.id,
    port: port.id,
    cidr: name === 'victim' ? '10.19.0.0/24' : '10.18.0.0/24',
  });
  await make('/compute/v2.1/os-keypairs', { keypair: { name: `${name}-key` } });
  const server = { name, imageRef: image.id, flavorRef: 'f1', networks: [] };
  const created = await make('/compute/v2.1/servers', { server });
  await fixture.quiet();
  assert.equal((await fixture.store.servers.find({ id: created.server.id }))?.vm_state, 'active');
  const credential = await make(`/identity/v3/users/${made.id}/application_credentials`, { application_credential: { name } });
  const [operation] = await fixture.store.operations.list({ server_id: created.server.id });
  const ids: Ids = {
    servers: created.server.id,
    flavors: 'f1',
    images: image.id,
    networks: network.id,
    subnets: subnet.id,
    ports: port.id,
    trunks: trunk.id,
    namespaces: namespace.namespace,
    ...routing,
    'security-groups': group.id,
    'address-groups': list.id,
    'address-scopes': scope.id,
    subnetpools: pool.id,
    ...qos,
    'rbac-policies': rbac_policy.id,
    'security-group-rules': group.security_group_rules[0].id,
    'os-keypairs': `${name}-key`,
    users: made.id,
    projects: project.id,
    'os-quota-sets': project.id,
    quotas: project.id,
    'os-simple-tenant-usage': project.id,
    application_credentials: credential.application_credential.id,
    'os-instance-actions': `req-${operation?.id}`,
  };
  return { headers, ids };
}

/** With a rule of each type. */
async function aQosPolicy({ store }: RackFixture, project_id: string): Promise<Ids> {
  const times = { created_at: '2026-01-01T00:00:00.000Z', updated_at: '2026-01-01T00:00:00.000Z' };
  const row = { id: randomUUID(), name: 'qos', description: '', project_id, is_default: false };
  const policy = await store.qos_policies.insert({ ...row, ...times });
  const ids: Record<string, string> = { policies: policy.id };
  for (const type of qosRuleTypes) {
    const fields = { qos_policy_id: policy.id, direction: type === 'dscp_marking' ? null : 'egress', value: 8, burst: null };
    const { id } = await store.qos_rules.insert({ id: randomUUID(), type, ...fields, created_at: times.created_at });
    ids[`${type}_rules`] = id;
    ids[`alias_${type}_rules`] = id;
  }
  return ids;
}

type Routing = { readonly project_id: string; readonly port: string; readonly cidr: string };

/** A router, a floating IP and a port forwarding, without an external network, which both projects would see. */
async function aRouter({ store, ask }: RackFixture, { project_id, port, cidr }: Routing): Promise<Ids> {
  const url = '/network/v2.0';
  const { network } = (await ask({ method: 'POST', url: `${url}/networks`, payload: { network: {} } })).body;
  await ask({ method: 'POST', url: `${url}/subnets`, payload: { subnet: { network_id: network.id, ip_version: 4, cidr } } });
  const { router } = (await ask({ method: 'POST', url: `${url}/routers`, payload: { router: { project_id } } })).body;
  const row = await store.networks.find({ id: network.id });
  const outside = await allocatePort(store, { network: row!, project_id: '', device_owner: 'network:floatingip' });
  const times = { created_at: '2026-01-01T00:00:00.000Z', updated_at: '2026-01-01T00:00:00.000Z' };
  const floating = await store.floating_ips.insert({
    ...times,
    ...{ id: randomUUID(), project_id, description: '', status: 'DOWN', floating_network_id: network.id },
    ...{ floating_ip_address: outside.fixed_ips[0]?.ip_address, floating_port_id: outside.id },
  });
  const forwarding = await store.port_forwardings.insert({
    ...times,
    ...{ id: randomUUID(), project_id, description: '', floatingip_id: floating.id, protocol: 'tcp' },
    ...{ external_first: 80, external_last: 80, internal_first: 80, internal_last: 80 },
    ...{ internal_port_id: port, internal_ip_address: '10.0.0.1' },
  });
  return { routers: router.id, floatingips: floating.id, port_forwardings: forwarding.id };
}
