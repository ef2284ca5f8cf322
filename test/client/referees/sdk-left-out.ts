/** Like left-out.ts, for openstacksdk's tests of identity, images and networks. A row may name a class or a module. */
import type { Reasons } from './suite.ts';

const reasons = {
  notBuilt: 'not built yet: docs/limits.md has the routes',
  otherProjects: 'an extension from outside Neutron (FWaaS, VPNaaS): the tests skip themselves',
  novaNetwork: 'pools of floating IPs are an extension of nova-network: the test skips itself',
  dns: 'the tests name an address in the DNS service: they skip themselves',
  servers: 'not tried: the tests need an external network and boot a server each',
  agents: 'no agent runs in this cloud, which serves neither DHCP nor routers; the one of each kind hosts everything',
  segment: 'the tests look for their segment only if a constant that is None says so',
  flat: 'every network of this cloud is flat: the test skips itself where one exists',
} as const;

const notBuilt = (...tests: string[]) => Object.fromEntries(tests.map((test) => [test, reasons.notBuilt]));

/** Not run, as are the next: a test of what is not there says nothing. */
export const sdkNetworkNotBuilt: Reasons = {
  test_agent: reasons.agents,
  test_agent_add_remove_network: reasons.agents,
  test_agent_add_remove_router: reasons.agents,
  ...notBuilt(
    ...['test_network_segment_range'],
    ...['test_auto_allocated_topology', 'test_service_provider'],
    ...['test_dvr_router'],
    ...['test_l3_conntrack_helper', 'test_local_ip', 'test_local_ip_association', 'test_ndp_proxy'],
    ...['test_flavor', 'test_service_profile'],
  ),
};

export const sdkLayerNotBuilt: Reasons = {
  test_floating_ip: reasons.servers,
};

export const sdkNetworkLeftOut: Reasons = {
  test_floating_ip: reasons.dns,
  test_firewall_group: reasons.otherProjects,
  test_firewall_policy: reasons.otherProjects,
  test_firewall_rule: reasons.otherProjects,
  test_firewall_rule_insert_remove_policy: reasons.otherProjects,
  test_vpnaas: reasons.otherProjects,
  'test_segment.TestSegment.test_find': reasons.segment,
  'test_segment.TestSegment.test_get': reasons.segment,
  'test_segment.TestSegment.test_list': reasons.segment,
  'test_segment.TestSegment.test_update': reasons.segment,
};

export const sdkLayerLeftOut: Reasons = {
  test_floating_ip_pool: reasons.novaNetwork,
  'test_network.TestNetwork.test_create_network_provider_flat': reasons.flat,
};
