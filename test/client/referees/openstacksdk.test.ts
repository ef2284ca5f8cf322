/** Referee: openstacksdk's own functional tests. They wait for most of their time: several processes share them. */
import { test } from 'node:test';
import { aDevstackCloud, sdkNeeds } from './devstack-clouds.ts';
import { sdkBaremetalLeftOut } from './left-out.ts';
import { holdSuite, type Suite, whyNotRun } from './suite.ts';

const suite: Suite = { folder: 'openstack/tests/functional/baremetal', needs: sdkNeeds };
const skip = whyNotRun(suite);

const cloud = aDevstackCloud();

test("openstacksdk's functional tests for bare metal", { skip }, async (t) => {
  await holdSuite(t, suite, { ...(await cloud.prepare()), shares: 6, leftOut: sdkBaremetalLeftOut });
});
