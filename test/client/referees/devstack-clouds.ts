/** A cloud with what devstack has, in which openstacksdk's functional tests run. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openstackSession } from '../openstack.ts';
import { aSharedIngot } from '../whole-ingot.ts';

export type DevstackCloud = {
  /** Makes the records and `clouds.yaml`; the environment of the tests. */
  prepare(): Promise<{ env: NodeJS.ProcessEnv; cwd: string }>;
};

/** Debian's packages that the tests need, by the modules that they import. */
export const sdkNeeds = { openstack: 'python3-openstacksdk', oslotest: 'python3-oslotest', testtools: 'python3-testtools' };

/** One for all tests of a file. @param more commands of the `openstack` client */
export function aDevstackCloud(more: readonly string[] = []): DevstackCloud {
  const ingot = aSharedIngot((directory) => writeFile(join(directory, 'image'), Buffer.alloc(1_048_576, 1)));
  let prepared: Promise<void> | undefined;
  const lay = async () => {
    await openstackSession(ingot.env, [...records(join(ingot.directory, 'image')), ...more]);
    // A file of the SDK's own repository: the tests upload it.
    await writeFile(join(ingot.directory, 'CONTRIBUTING.rst'), Buffer.alloc(4096, 1));
    await writeFile(join(ingot.directory, 'clouds.yaml'), cloudsAt(String(ingot.env['OS_AUTH_URL'])));
  };
  return {
    async prepare() {
      prepared ??= lay();
      await prepared;
      const { env, directory } = ingot;
      const own = { PATH: env['PATH'], HOME: directory, OS_CLOUD: 'devstack-admin', OS_TEST_TIMEOUT: '60', OS_LOG_CAPTURE: '1' };
      return { env: own, cwd: directory };
    },
  };
}

/** The tests pick the smallest flavor and an image named for Cirros. */
const records = (image: string) => [
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
    identity_api_version: '3',
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
