import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AgentReports } from '#services/network/agent-reports.ts';
import type { Store } from '#store/store.ts';
import { nothingFound, openComparison } from './comparison.ts';
import { isAbsent } from './document.ts';
import type { ReplyCheck } from './reply-check.ts';
import { type Send, sender } from './scenario.ts';

const skip = isAbsent('network') ?? false;

test("network: every reply matches Neutron's document", { skip }, async (t) => {
  const comparison = await openComparison(t, 'network');
  const send = sender(comparison.fixture, comparison.check, { prefix: '/network/v2.0' });
  const [project] = await comparison.fixture.store.projects.list();

  await reads(send, comparison.check, project?.id ?? '');
  await agentCycle(send, comparison.fixture.store);
  await networkCycle(send);
  await groupCycle(send);
  await sharingCycle(send, project?.id ?? '');
  await trunkCycle(send);
  await routerCycle(send);

  assert.deepEqual(comparison.findings(), nothingFound);
});

async function reads(send: Send, check: ReplyCheck, project: string): Promise<void> {
  const { extensions } = await send('GET', '/extensions');
  await send('GET', `/extensions/${extensions[0].alias}`);
  for (const path of ['/quotas', `/quotas/${project}`, `/quotas/${project}/details`, `/quotas/${project}/default`])
    await send('GET', path);
  await send('PUT', `/quotas/${project}`, { quota: { network: 50 } });
  await send('GET', '/quotas');
  await send('DELETE', `/quotas/${project}`);
  await send('GET', '/availability_zones');
  await send('GET', '/network-ip-availabilities');
  for (const collection of absent) {
    await send('GET', `/${collection}`);
    await send('POST', `/${collection}`, {});
    check.skip({ method: 'GET', url: `/network/v2.0/${collection}/none` });
  }
}

async function agentCycle(send: Send, store: Store): Promise<void> {
  const part = { agent_type: 'DHCP agent', configurations: async () => ({ networks: 0 }) } as const;
  const reports = new AgentReports({
    store,
    host: 'rack1',
    log: { warn: () => assert.fail('could not be recorded') },
    parts: [part],
  });
  await reports.start();
  await reports.stop();
  const { agents } = await send('GET', '/agents');
  await send('GET', `/agents/${agents[0].id}`);
  await send('PUT', `/agents/${agents[0].id}`, { agent: { description: 'rack 1' } });
  await send('GET', `/agents/${agents[0].id}/dhcp-networks`);
  await send('GET', `/agents/${agents[0].id}/l3-routers`);
  await send('DELETE', `/agents/${agents[0].id}`);
}

/** Empty collections, to which nothing can be added. */
const absent = ['flavors', 'service_profiles', 'service-providers'];

async function networkCycle(send: Send): Promise<void> {
  const { network } = await send('POST', '/networks', { network: { name: 'net', shared: true } });
  const subnet = await subnetCycle(send, network.id);
  await send('GET', '/networks');
  await send('GET', `/networks/${network.id}`);
  await send('GET', `/network-ip-availabilities/${network.id}`);
  await send('PUT', `/networks/${network.id}`, { network: { name: 'other' } });
  await tagCycle(send, `/networks/${network.id}`);
  const wire = { network_id: network.id, network_type: 'vlan', physical_network: 'rack', name: 'rack' };
  const { segment } = await send('POST', '/segments', { segment: wire });
  await send('GET', '/segments');
  await send('GET', `/segments/${segment.id}`);
  await send('PUT', `/segments/${segment.id}`, { segment: { name: 'row' } });
  await send('DELETE', `/segments/${segment.id}`);
  await portCycle(send, { network: network.id, subnet });
  await send('DELETE', `/subnets/${subnet}`);
  await send('DELETE', `/networks/${network.id}`);
}

async function groupCycle(send: Send): Promise<void> {
  const { security_group } = await send('POST', '/security-groups', { security_group: { name: 'web' } });
  const template = { direction: 'ingress', protocol: 'udp', used_in_default_sg: false, used_in_non_default_sg: true };
  const templates = '/default-security-group-rules';
  const made = await send('POST', templates, { default_security_group_rule: template });
  await send('GET', templates);
  await send('GET', `${templates}/${made.default_security_group_rule.id}`);
  await send('DELETE', `${templates}/${made.default_security_group_rule.id}`);
  const fields = { security_group_id: security_group.id, direction: 'ingress', protocol: 'tcp', port_range_min: 22 };
  const rule = { ...fields, port_range_max: 22, remote_ip_prefix: '10.0.0.0/8' };
  const { security_group_rule } = await send('POST', '/security-group-rules', { security_group_rule: rule });
  await send('GET', '/security-group-rules');
  await send('GET', `/security-group-rules/${security_group_rule.id}`);
  await send('DELETE', `/security-group-rules/${security_group_rule.id}`);
  await send('GET', '/security-groups');
  await send('GET', `/security-groups/${security_group.id}`);
  await send('PUT', `/security-groups/${security_group.id}`, { security_group: { description: 'for the web' } });
  await tagCycle(send, `/security-groups/${security_group.id}`);
  await send('DELETE', `/security-groups/${security_group.id}`);
}

async function sharingCycle(send: Send, project: string): Promise<void> {
  const addresses = ['10.0.0.0/24'];
  const { address_group } = await send('POST', '/address-groups', { address_group: { name: 'hosts', addresses } });
  const path = `/address-groups/${address_group.id}`;
  await send('GET', '/address-groups');
  await send('GET', path);
  await send('PUT', path, { address_group: { name: 'others' } });
  await send('PUT', `${path}/add_addresses`, { addresses: ['10.1.0.0/24'] });
  await send('PUT', `${path}/remove_addresses`, { addresses: ['10.1.0.0/24'] });
  const policy = { object_type: 'address_group', object_id: address_group.id, action: 'access_as_shared' };
  const { rbac_policy } = await send('POST', '/rbac-policies', { rbac_policy: { ...policy, target_tenant: project } });
  await send('GET', '/rbac-policies');
  await send('GET', `/rbac-policies/${rbac_policy.id}`);
  await send('PUT', `/rbac-policies/${rbac_policy.id}`, { rbac_policy: { target_tenant: '*' } });
  await send('DELETE', `/rbac-policies/${rbac_policy.id}`);
  await send('DELETE', path);
  await scopeCycle(send);
  await poolCycle(send);
  await qosCycle(send);
}

async function scopeCycle(send: Send): Promise<void> {
  const { address_scope } = await send('POST', '/address-scopes', { address_scope: { name: 'site', ip_version: 4 } });
  const path = `/address-scopes/${address_scope.id}`;
  await send('GET', '/address-scopes');
  await send('GET', path);
  await send('PUT', path, { address_scope: { name: 'other' } });
  await send('DELETE', path);
}

async function poolCycle(send: Send): Promise<void> {
  const fields = { name: 'pool', prefixes: ['10.40.0.0/16'], default_prefixlen: 24 };
  const { subnetpool } = await send('POST', '/subnetpools', { subnetpool: fields });
  const path = `/subnetpools/${subnetpool.id}`;
  await send('GET', '/subnetpools');
  await send('GET', path);
  await send('PUT', path, { subnetpool: { name: 'other' } });
  await send('PUT', `${path}/add_prefixes`, { prefixes: ['10.41.0.0/16'] });
  await send('PUT', `${path}/remove_prefixes`, { prefixes: ['10.41.0.0/16'] });
  await tagCycle(send, path);
  await send('DELETE', path);
}

const qosRules = {
  bandwidth_limit: { max_kbps: 1000, max_burst_kbps: 100 },
  dscp_marking: { dscp_mark: 8 },
  minimum_bandwidth: { min_kbps: 10 },
  minimum_packet_rate: { min_kpps: 10 },
  packet_rate_limit: { max_kpps: 1000 },
};

async function qosCycle(send: Send): Promise<void> {
  const { policy } = await send('POST', '/qos/policies', { policy: { name: 'gold' } });
  const path = `/qos/policies/${policy.id}`;
  for (const [type, fields] of Object.entries(qosRules)) {
    const noun = `${type}_rule`;
    const { id } = (await send('POST', `${path}/${noun}s`, { [noun]: fields }))[noun];
    await send('GET', `${path}/${noun}s`);
    await send('GET', `${path}/${noun}s/${id}`);
    await send('PUT', `${path}/${noun}s/${id}`, { [noun]: fields });
    const alias = `/qos/alias_${noun}s/${id}`;
    if (type !== 'packet_rate_limit') {
      await send('GET', alias);
      await send('PUT', alias, { [`alias_${noun}`]: fields });
      await send('DELETE', alias);
    } else await send('DELETE', `${path}/${noun}s/${id}`);
  }
  for (const [type, fields] of Object.entries(qosRules)) {
    const noun = `${type}_rule`;
    const { id } = (await send('POST', `${path}/${noun}s`, { [noun]: fields }))[noun];
    await send('DELETE', `${path}/${noun}s/${id}`);
  }
  await send('GET', '/qos/policies');
  await send('GET', path);
  await send('PUT', path, { policy: { name: 'silver' } });
  await tagCycle(send, path);
  await tagCycle(send, `/policies/${policy.id}`);
  await send('DELETE', path);
  await send('GET', '/qos/rule-types');
  await send('GET', '/qos/rule-types/bandwidth_limit');
}

async function trunkCycle(send: Send): Promise<void> {
  const { network } = await send('POST', '/networks', { network: { name: 'vlans' } });
  const port = async () => (await send('POST', '/ports', { port: { network_id: network.id } })).port.id;
  const [parent, subport] = [await port(), await port()];
  const sub_ports = [{ port_id: subport, segmentation_type: 'vlan', segmentation_id: 101 }];
  const { trunk } = await send('POST', '/trunks', { trunk: { port_id: parent, name: 'nic' } });
  const path = `/trunks/${trunk.id}`;
  await send('GET', '/trunks');
  await send('PUT', path, { trunk: { name: 'other' } });
  await send('PUT', `${path}/add_subports`, { sub_ports });
  await send('GET', path);
  await send('GET', `${path}/get_subports`);
  await send('GET', `/ports/${parent}`);
  await send('PUT', `${path}/remove_subports`, { sub_ports: [{ port_id: subport }] });
  await tagCycle(send, path);
  await send('DELETE', path);
}

async function routerCycle(send: Send): Promise<void> {
  const outside = (await send('POST', '/networks', { network: { name: 'outside', 'router:external': true } })).network.id;
  await send('POST', '/subnets', { subnet: { network_id: outside, cidr: '192.0.2.0/24', ip_version: 4 } });
  const inside = (await send('POST', '/networks', { network: { name: 'inside' } })).network.id;
  const subnet_id = (await send('POST', '/subnets', { subnet: { network_id: inside, cidr: '10.3.0.0/24', ip_version: 4 } }))
    .subnet.id;
  const { port } = await send('POST', '/ports', { port: { network_id: inside } });
  const { router } = await send('POST', '/routers', { router: { external_gateway_info: { network_id: outside } } });
  const path = `/routers/${router.id}`;
  await send('PUT', `${path}/add_router_interface`, { subnet_id });
  const routes = [{ destination: '10.30.0.0/24', nexthop: '10.3.0.9' }];
  await send('PUT', `${path}/add_extraroutes`, { router: { routes } });
  await send('PUT', `${path}/remove_extraroutes`, { router: { routes } });
  await send('PUT', path, { router: { name: 'other' } });
  await send('GET', '/routers');
  await send('GET', path);
  await tagCycle(send, path);
  const { floatingip } = await send('POST', '/floatingips', { floatingip: { floating_network_id: outside, port_id: port.id } });
  const floating = `/floatingips/${floatingip.id}`;
  await send('GET', '/floatingips');
  await send('GET', floating);
  await tagCycle(send, floating);
  await send('PUT', floating, { floatingip: { port_id: null } });
  const target = { internal_port_id: port.id, internal_ip_address: port.fixed_ips[0].ip_address };
  const fields = { ...target, internal_port: 80, external_port: 8080, protocol: 'tcp' };
  const { port_forwarding } = await send('POST', `${floating}/port_forwardings`, { port_forwarding: fields });
  await send('GET', `${floating}/port_forwardings`);
  await send('GET', `${floating}/port_forwardings/${port_forwarding.id}`);
  await send('PUT', `${floating}/port_forwardings/${port_forwarding.id}`, { port_forwarding: { external_port: 8081 } });
  await send('DELETE', `${floating}/port_forwardings/${port_forwarding.id}`);
  await send('DELETE', floating);
  await send('PUT', `${path}/remove_router_interface`, { subnet_id });
  await send('DELETE', path);
}

async function tagCycle(send: Send, path: string): Promise<void> {
  await send('PUT', `${path}/tags`, { tags: ['one'] });
  await send('PUT', `${path}/tags/two`);
  await send('GET', `${path}/tags`);
  await send('GET', `${path}/tags/two`);
  await send('DELETE', `${path}/tags/two`);
  await send('DELETE', `${path}/tags`);
}

async function subnetCycle(send: Send, network: string): Promise<string> {
  const fields = { network_id: network, cidr: '10.1.0.0/24', ip_version: 4, dns_nameservers: ['10.1.0.1'] };
  const { subnet } = await send('POST', '/subnets', { subnet: fields });
  await send('GET', '/subnets');
  await send('GET', `/subnets/${subnet.id}`);
  await send('PUT', `/subnets/${subnet.id}`, { subnet: { name: 'other' } });
  await tagCycle(send, `/subnets/${subnet.id}`);
  return subnet.id;
}

async function portCycle(send: Send, { network, subnet }: { network: string; subnet: string }): Promise<void> {
  const { port } = await send('POST', '/ports', { port: { network_id: network, fixed_ips: [{ subnet_id: subnet }] } });
  await send('GET', '/ports');
  await send('GET', `/ports/${port.id}`);
  await send('PUT', `/ports/${port.id}`, { port: { name: 'other' } });
  await tagCycle(send, `/ports/${port.id}`);
  await send('PUT', `/ports/${port.id}`, { port: { device_owner: 'compute:nova' } });
  for (const host of ['rack1', 'rack2']) await send('POST', `/ports/${port.id}/bindings`, { binding: { host } });
  await send('GET', `/ports/${port.id}/bindings`);
  await send('GET', `/ports/${port.id}/bindings/rack2`);
  await send('PUT', `/ports/${port.id}/bindings/rack2`, { binding: { profile: {} } });
  await send('PUT', `/ports/${port.id}/bindings/rack2/activate`);
  await send('DELETE', `/ports/${port.id}/bindings/rack1`);
  await send('DELETE', `/ports/${port.id}`);
}
