/** Referee test: further resources of the network service by the unmodified `openstack` client. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AgentReports } from '#services/network/agent-reports.ts';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';
import { openstackSession, withoutClient as skip } from './openstack.ts';

let fixture: ApiFixture;
let env: NodeJS.ProcessEnv;
before(async () => {
  fixture = await openApiFixture({ clock: () => 0 });
  ({ env } = await fixture.listen());
});
after(() => fixture.close());

// biome-ignore lint/suspicious/noExplicitAny: each command prints a shape of its own
async function session(commands: readonly string[]): Promise<{ replies: any[]; output: string }> {
  const { replies, output, errors } = await openstackSession(env, commands);
  return { replies, output: `${output}\n${errors}` };
}

test('subnet pools, and subnets from them', { skip }, async () => {
  const { replies, output } = await session([
    'project create guests -f json',
    'address scope create --ip-version 4 site -f json',
    'subnet pool create --pool-prefix 10.70.0.0/24 --default-prefix-length 26 --min-prefix-length 25 --address-scope site --tag red site -f json',
    'subnet pool set --pool-prefix 10.70.1.0/24 --default-quota 384 site',
    'subnet pool show site -f json',
    'subnet pool list --long -f json',
    'network create pooled',
    'subnet create --network pooled --subnet-pool site one -f json',
    'subnet create --network pooled --subnet-pool site --prefix-length 25 two -f json',
    'subnet create --network pooled --subnet-pool site --subnet-range 10.70.1.0/25 three -f json',
    'subnet create --network pooled --subnet-pool site --prefix-length 24 four',
    'subnet create --network pooled --subnet-pool site --prefix-length 25 five',
    'network show pooled -f json',
    'network rbac create --type subnetpool --action access_as_shared --target-project guests site',
    'subnet pool delete site',
    'subnet pool create --pool-prefix fd70::/48 --default --share six -f json',
    'subnet create --network pooled --ip-version 6 --use-default-subnet-pool six -f json',
    'subnet delete one two three six',
    'subnet pool delete site six',
    'subnet pool list -f json',
  ]);
  const [, scope, made, shown, listed, one, two, three, network, six, ofSix, left] = replies;

  assert.deepEqual(
    [made.prefixes, made.default_prefixlen, made.address_scope_id, made.tags],
    [['10.70.0.0/24'], 26, scope.id, ['red']],
    output,
  );
  assert.deepEqual([shown.prefixes, shown.default_quota], [['10.70.0.0/23'], 384]);
  assert.equal(listed.length, 1);
  assert.deepEqual([one.cidr, two.cidr, three.cidr], ['10.70.0.0/26', '10.70.0.128/25', '10.70.1.0/25'], output);
  assert.equal(one.subnetpool_id, made.id);
  assert.match(output, /minimum allowed prefix is 25/);
  assert.match(output, /Per-project subnet pool prefix quota exceeded/);
  assert.equal(network.ipv4_address_scope, scope.id);
  assert.match(output, /target project doesn't have access to associated address scope/);
  assert.match(output, /Subnet pool has existing allocations/);
  assert.deepEqual([six.is_default, six.shared, ofSix.cidr], [true, true, 'fd70::/64']);
  assert.deepEqual(left, []);
});

test('QoS policies and their rules', { skip }, async () => {
  const { replies, output } = await session([
    'project create tenants -f json',
    'network qos policy create --description fast gold -f json',
    'network qos rule create --type bandwidth-limit --max-kbps 1500 --max-burst-kbits 1100 --egress gold -f json',
    'network qos rule create --type dscp-marking --dscp-mark 26 gold -f json',
    'network qos rule create --type minimum-bandwidth --min-kbps 100 --egress gold -f json',
    'network qos rule create --type minimum-packet-rate --min-kpps 100 --ingress gold -f json',
    'network qos rule create --type minimum-bandwidth --min-kbps 9000 --egress gold',
    'network qos rule list gold -f json',
    'network qos policy show gold -f json',
    'network create --qos-policy gold shaped -f json',
    'port create --network shaped --qos-policy gold shaped -f json',
    'port unset --qos-policy shaped',
    'port show shaped -f json',
    'network qos policy delete gold',
    'network set --no-qos-policy shaped',
    'network qos policy set --share --default gold',
    'network qos policy list -f json',
    'network qos rule type list -f json',
    'network qos rule type show bandwidth_limit -f json',
    'network rbac create --type qos_policy --action access_as_shared --target-project tenants gold -f json',
    'network qos policy delete gold',
    'network qos policy list -f json',
  ]);
  const [, policy, limit, mark, minimum, packets, rules, shown, network, port, free, listed, types, type, rbac, left] = replies;

  assert.deepEqual([policy.shared, policy.is_default, policy.description], [false, false, 'fast'], output);
  assert.deepEqual([limit.max_kbps, limit.max_burst_kbps, limit.direction, mark.dscp_mark], [1500, 1100, 'egress', 26]);
  assert.deepEqual([minimum.min_kbps, packets.min_kpps, packets.direction], [100, 100, 'ingress']);
  assert.match(output, /Unable to add the rule with value 9000/);
  assert.deepEqual([rules.length, shown.rules.length], [4, 4]);
  assert.deepEqual([network.qos_policy_id, port.qos_policy_id, port.qos_network_policy_id], [policy.id, policy.id, policy.id]);
  assert.equal(free.qos_policy_id, null);
  assert.match(output, /is used by network/);
  assert.deepEqual([listed[0].Shared, listed[0].Default], [true, true]);
  assert.deepEqual(
    [types.length, type.rule_type_name, rbac.object_type, left.length],
    [5, 'bandwidth_limit', 'qos_policy', 0],
    output,
  );
});

test('provider networks, availability zones and addresses in use', { skip }, async () => {
  const { replies, output } = await session([
    'network create --provider-network-type vlan --provider-physical-network tor --provider-segment 120 --availability-zone-hint nova vlan -f json',
    'network create --provider-network-type vlan --provider-physical-network tor --provider-segment 120 twice',
    'network create --provider-network-type vxlan --provider-segment 7000 vxlan -f json',
    'network set --provider-segment 121 vlan',
    'network list --provider-segment 121 -f json',
    'subnet create --network vlan --subnet-range 10.92.0.0/28 vlan',
    'port create --network vlan one',
    'ip availability list -f json',
    'ip availability show vlan -f json',
    'availability zone list --network -f json',
    'router create --availability-zone-hint nova edge -f json',
    'network create --availability-zone-hint mars lost',
  ]);
  const [vlan, vxlan, listed, availability, shown, zones, router] = replies;

  assert.deepEqual([vlan['provider:segmentation_id'], vlan.availability_zone_hints], [120, ['nova']], output);
  assert.match(output, /The VLAN 120 on physical network tor is in use/);
  assert.deepEqual([vxlan['provider:network_type'], vxlan['provider:segmentation_id'], vxlan.mtu], ['vxlan', 7000, 1450]);
  assert.deepEqual([listed.length, listed[0].Name], [1, 'vlan']);
  const row = availability.find((each: Record<string, unknown>) => each['Network Name'] === 'vlan');
  assert.deepEqual([row['Total IPs'], row['Used IPs'], shown.used_ips], [13, 1, 1]);
  assert.deepEqual([zones[0]['Zone Name'], router.availability_zone_hints], ['nova', ['nova']]);
  assert.match(output, /AvailabilityZone mars could not be found/);
});

test('segments of a network', { skip }, async () => {
  const { replies, output } = await session([
    'network create wide -f json',
    'network segment create --network wide --network-type geneve --segment 2055 --description tunnel row -f json',
    'network segment list --network wide --long -f json',
    'network segment set --name column --description rack row',
    'network segment show column -f json',
    'subnet create --network wide --subnet-range 10.93.0.0/28 --network-segment column -f json wide',
    'network segment delete column',
    'subnet delete wide',
    'network segment delete column',
    'network segment list --network wide -f json',
  ]);
  const [network, made, listed, shown, subnet, left] = replies;

  assert.deepEqual([made.network_id, made.network_type, made.segmentation_id], [network.id, 'geneve', 2055], output);
  assert.deepEqual(
    listed.map((row: Record<string, unknown>) => [row['Name'], row['Network Type'], row['Physical Network']]),
    [
      [null, 'flat', 'provisioning'],
      ['row', 'geneve', null],
    ],
  );
  assert.deepEqual([shown.name, shown.description, subnet.segment_id], ['column', 'rack', made.id]);
  assert.match(output, /it has the subnets/);
  assert.equal(left.length, 1);
});

test('IPv6 subnets whose hosts make their addresses', { skip }, async () => {
  const { replies, output } = await session([
    'network create six',
    'subnet create --network six --ip-version 6 --subnet-range fd80::/64 --ipv6-ra-mode slaac --ipv6-address-mode slaac six -f json',
    'port create --network six --mac-address fa:16:3e:33:44:55 six -f json',
    'subnet create --network six --ip-version 6 --subnet-range fd81::/64 --ipv6-ra-mode slaac --ipv6-address-mode dhcpv6-stateful seven',
    'subnet list --ip-version 6 --long -f json',
    'subnet delete six',
    'port show six -f json',
  ]);
  const [subnet, port, listed, after] = replies;

  assert.deepEqual([subnet.ipv6_ra_mode, subnet.ipv6_address_mode], ['slaac', 'slaac'], output);
  assert.equal(port.fixed_ips[0].ip_address, 'fd80::f816:3eff:fe33:4455');
  assert.match(output, /If both attributes are set, they must be the same value/);
  assert.deepEqual([listed.length, after.fixed_ips], [1, []]);
});

test('security groups with rules from the templates of the cloud', { skip }, async () => {
  const uses = { used_in_default_sg: true, used_in_non_default_sg: true };
  const template = { direction: 'ingress', protocol: 'tcp', port_range_min: 22, port_range_max: 22, ...uses };
  const url = '/network/v2.0/default-security-group-rules';
  const made = await fixture.ask({ method: 'POST', url, payload: { default_security_group_rule: template } });
  assert.equal(made.status, 201, JSON.stringify(made.body));

  const { replies, output } = await session([
    'security group create templated -f json',
    'security group rule list --protocol tcp templated -f json',
    'project create closed -f json',
    'security group list --project closed -f json',
    'extension show security-groups-default-rules -f json',
    'security group delete templated',
  ]);

  const [group, rules, , listed, extension] = replies;
  assert.equal(group.rules.length, 3, output);
  assert.deepEqual([rules.length, rules[0]['Port Range'], listed[0].Name], [1, '22:22', 'default'], output);
  assert.equal(extension.name, 'Default rules for security groups');
  const { status } = await fixture.ask({ method: 'DELETE', url: `${url}/${made.body.default_security_group_rule.id}` });
  assert.equal(status, 204);
});

test('names in DNS of ports and floating IPs, and domains of networks', { skip }, async () => {
  const { replies, output } = await session([
    'network create --dns-domain example.org. dns -f json',
    'subnet create --network dns --subnet-range 10.95.0.0/28 dns',
    'port create --network dns --dns-name Web-1 web -f json',
    'port create --network dns --dns-name web_1 bad',
    'port set --dns-name db web',
    'port show web -f json',
    'network set --dns-domain example.net. dns',
    'network show dns -f json',
    'network create --external dns-outside',
    'subnet create --network dns-outside --subnet-range 198.51.100.0/28 --no-dhcp dns-outside',
    'floating ip create --dns-name www --dns-domain example.org. dns-outside -f json',
    'floating ip create --dns-name www dns-outside',
  ]);
  const [network, port, renamed, changed, floating] = replies;

  assert.deepEqual([network.dns_domain, port.dns_name], ['example.org.', 'web-1'], output);
  assert.equal(port.dns_assignment[0].fqdn, 'web-1.openstacklocal.');
  assert.match(output, /can only be alphanumeric or a hyphen/);
  assert.equal(renamed.dns_assignment[0].hostname, 'db');
  assert.equal(changed.dns_domain, 'example.net.');
  assert.deepEqual([floating.dns_name, floating.dns_domain], ['www', 'example.org.']);
  assert.match(output, /dns_name cannot be specified without a dns_domain/);
});

test('flavors of network services, of which there are none', { skip }, async () => {
  const lists = ['network flavor list -f json', 'network flavor profile list -f json', 'network service provider list -f json'];
  const { replies, output } = await session([...lists, 'network flavor create --service-type L3_ROUTER_NAT gold']);
  assert.deepEqual(replies, [[], [], []], output);
  assert.match(output, /501/);
});

test('agents, and what they host', { skip }, async () => {
  const { store } = fixture;
  const configurations = async () => ({ failing_routers: {} });
  const parts = (['DHCP agent', 'L3 agent'] as const).map((agent_type) => ({ agent_type, configurations }));
  const reports = new AgentReports({ store, host: 'rack1', log: { warn: () => assert.fail('could not be recorded') }, parts });
  await reports.start();
  await reports.stop();
  const [dhcp, l3] = await store.network_agents.list({}, { orderBy: 'agent_type' });
  const { replies, output } = await session([
    'network agent list -f json',
    'network agent list --agent-type l3 -f json',
    `network agent set --description rack ${dhcp?.id}`,
    `network agent show ${dhcp?.id} -f json`,
    'network create hosted',
    'subnet create --network hosted --subnet-range 10.96.0.0/28 hosted',
    'router create hosted',
    'router add subnet hosted hosted',
    'network agent list --network hosted -f json',
    'network agent list --router hosted -f json',
    `network list --agent ${dhcp?.id} -f json`,
    `router list --agent ${l3?.id} -f json`,
    `network agent add network --dhcp ${dhcp?.id} hosted`,
    `network agent remove router --l3 ${l3?.id} hosted`,
    `network agent set --disable ${dhcp?.id}`,
    `network agent delete ${l3?.id}`,
    'network agent list -f json',
  ]);
  const [all, routing, shown, ofNetwork, ofRouter, networks, routers, left] = replies;
  const typesOf = (rows: Record<string, unknown>[]) => rows.map((row) => row['Agent Type']);
  const namesOf = (rows: Record<string, unknown>[]) => rows.map((row) => row['Name']);

  assert.deepEqual([typesOf(all), typesOf(routing)], [['DHCP agent', 'L3 agent'], ['L3 agent']], output);
  assert.deepEqual([all[0].Host, all[0].Alive, all[0].State, all[0].Binary], ['rack1', true, true, 'neutron-dhcp-agent'], output);
  assert.deepEqual([shown.description, shown.configuration], ['rack', { failing_routers: {} }], output);
  assert.deepEqual([typesOf(ofNetwork), typesOf(ofRouter)], [['DHCP agent'], ['L3 agent']], output);
  assert.ok(namesOf(networks).includes('hosted') && namesOf(routers).includes('hosted'), output);
  // The SDK does not look at the replies to the additions.
  assert.match(output, /agent\.admin_state_up/);
  assert.deepEqual(typesOf(left), ['DHCP agent']);
});
