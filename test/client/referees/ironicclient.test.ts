/** Referee: python-ironicclient's own functional tests, which call `openstack baremetal` for each step. */
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { clientFor } from '../openstack.ts';
import { aSharedIngot } from '../whole-ingot.ts';
import { clientTestsByChance, clientTestsLeftOut } from './left-out.ts';
import { holdSuite, type Place, type Suite, whyNotRun } from './suite.ts';

const suite: Suite = {
  folder: 'ironicclient/tests/functional',
  needs: { ironicclient: 'python3-ironicclient', ddt: 'python3-ddt', 'tempest.lib': 'python3-tempest' },
};
const skip = whyNotRun(suite);

// The client sleeps for most of the time. Some of the tests list all resources, thus each process has its own Ingot.
const first = aSharedIngot();
const more = [aSharedIngot(), aSharedIngot()];

function settingsFor(url: string): string {
  const account = ['os_username = admin', 'os_password = pw', 'os_project_name = admin', 'os_identity_api_version = 3'];
  const domains = ['os_user_domain_id = default', 'os_project_domain_id = default'];
  return ['[functional]', `os_auth_url = ${url}`, ...account, ...domains, ''].join('\n');
}

/** A folder with the client and the settings where the tests expect them. */
async function layPlace({ env, directory }: typeof first): Promise<Place> {
  const programs = join(directory, '.tox/functional/bin');
  await mkdir(programs, { recursive: true });
  const settings = join(directory, 'test.conf');
  await writeFile(settings, settingsFor(String(env['OS_AUTH_URL'])));
  const client = clientFor({ PATH: env['PATH'], HOME: directory, IRONICCLIENT_TEST_CONFIG: settings });
  await symlink(client.program, join(programs, 'openstack'));
  return { env: client.env, cwd: directory };
}

test("python-ironicclient's functional tests", { skip }, async (t) => {
  const [place, ...others] = await Promise.all([layPlace(first), ...more.map(layPlace)]);
  await holdSuite(t, suite, { ...place, others, leftOut: clientTestsLeftOut, notRun: clientTestsByChance });
});
