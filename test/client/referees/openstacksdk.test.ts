/** Referee: openstacksdk's own functional tests for bare metal. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openstackSession } from '../openstack.ts';
import { aSharedIngot } from '../whole-ingot.ts';
import { sdkTestsLeftOut } from './left-out.ts';
import { holdSuite, type Suite, whyNotRun } from './suite.ts';

const suite: Suite = {
  folder: 'openstack/tests/functional/baremetal',
  needs: { openstack: 'python3-openstacksdk', oslotest: 'python3-oslotest', testtools: 'python3-testtools' },
};
const skip = whyNotRun(suite);

const ingot = aSharedIngot((directory) => writeFile(join(directory, 'image'), Buffer.alloc(1_048_576, 1)));

/** The clouds, projects and users that devstack has; the tests pick the smallest flavor and an image named for Cirros. */
const prepared = (image: string) => [
  'project create demo',
  'project create alt_demo',
  'user create --project demo --password pw demo',
  'user create --project alt_demo --password pw alt_demo',
  'role add --project demo --user demo member',
  'role add --project alt_demo --user alt_demo member',
  'flavor create --ram 1024 --disk 1 --vcpus 1 metal',
  `image create --public --disk-format raw --container-format bare --file ${image} cirros`,
];

function cloudsAt(url: string): string {
  const domain = { user_domain_id: 'default', auth_url: url, password: 'pw' };
  const ofProject = (name: string, project: string) => ({
    auth: { ...domain, username: name, project_name: project, project_domain_id: 'default' },
    region_name: 'RegionOne',
    force_ipv4: true,
  });
  const ofSystem = { ...ofProject('admin', 'admin'), auth: { ...domain, username: 'admin', system_scope: 'all' } };
  const clouds = {
    devstack: ofProject('demo', 'demo'),
    'devstack-alt': ofProject('alt_demo', 'alt_demo'),
    'devstack-admin': ofProject('admin', 'admin'),
    'devstack-system-admin': ofSystem,
  };
  return JSON.stringify({ clouds, functional: { image_name: 'cirros', flavor_name: 'metal' } });
}

test("openstacksdk's functional tests for bare metal", { skip }, async (t) => {
  const { env, directory } = ingot;
  await openstackSession(env, prepared(join(directory, 'image')));
  await writeFile(join(directory, 'clouds.yaml'), cloudsAt(String(env['OS_AUTH_URL'])));

  const own = { PATH: env['PATH'], HOME: directory, OS_CLOUD: 'devstack-admin', OS_TEST_TIMEOUT: '60', OS_LOG_CAPTURE: '1' };
  // They wait for most of their time: the SDK polls every few seconds.
  await holdSuite(t, suite, { env: own, cwd: directory, shares: 6, leftOut: sdkTestsLeftOut });
});
