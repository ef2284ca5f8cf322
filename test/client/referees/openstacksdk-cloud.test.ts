/** Referee: openstacksdk's own functional tests for identity, images and networks. */
import { describe, test } from 'node:test';
import { aDevstackCloud, sdkNeeds } from './devstack-clouds.ts';
import { sdkLayerLeftOut, sdkLayerNotBuilt, sdkNetworkLeftOut, sdkNetworkNotBuilt } from './sdk-left-out.ts';
import { holdSuite, type Reasons, type Suite, whyNotRun } from './suite.ts';

const functional = 'openstack/tests/functional';
const needs = sdkNeeds;
const layer = (...names: string[]): Suite => ({
  folder: `${functional}/cloud`,
  needs,
  modules: names.map((name) => `test_${name}`),
});

const suites: Readonly<Record<string, { suite: Suite; leftOut?: Reasons; notRun?: Reasons }>> = {
  identity: { suite: { folder: `${functional}/identity/v3`, needs } },
  images: { suite: { folder: `${functional}/image/v2`, needs } },
  // Its classes use the same addresses, which no two networks have at once.
  networks: { suite: { folder: `${functional}/network/v2`, needs }, leftOut: sdkNetworkLeftOut, notRun: sdkNetworkNotBuilt },
  // Its classes use the same names for what they make: they are not shared among processes.
  'the identity layer': {
    suite: layer('domain', 'endpoints', 'groups', 'identity', 'project', 'services', 'users'),
  },
};
/** After the others: they make ports on networks that they find. */
const networkLayer = layer(
  ...['image', 'network', 'port', 'router', 'security_groups', 'floating_ip', 'floating_ip_pool'],
  ...['qos_policy', 'qos_bandwidth_limit_rule', 'qos_dscp_marking_rule', 'qos_minimum_bandwidth_rule'],
);
const skip = whyNotRun({ folder: functional, needs });

const cloud = aDevstackCloud([
  'network create private',
  'subnet create --network private --subnet-range 10.1.0.0/24 private-subnet',
]);

describe("openstacksdk's functional tests", { concurrency: true, skip }, () => {
  for (const [name, { suite, leftOut = {}, ...how }] of Object.entries(suites)) {
    test(name, async (t) => holdSuite(t, suite, { ...(await cloud.prepare()), leftOut, ...how }));
  }
});

test("openstacksdk's functional tests: the network and image layers", { skip }, async (t) => {
  await holdSuite(t, networkLayer, { ...(await cloud.prepare()), leftOut: sdkLayerLeftOut, notRun: sdkLayerNotBuilt });
});
