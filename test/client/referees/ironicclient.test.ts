/** Referee: python-ironicclient's own functional tests, which call `openstack baremetal` for each step. */
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { aSharedIngot } from '../whole-ingot.ts';
import { clientTestsByChance, clientTestsLeftOut } from './left-out.ts';
import { preparedProgram, prepareOpenstack } from './prepared-openstack.ts';
import { holdSuite, type Suite, whyNotRun } from './suite.ts';

const suite: Suite = {
  folder: 'ironicclient/tests/functional',
  needs: { ironicclient: 'python3-ironicclient', ddt: 'python3-ddt', 'tempest.lib': 'python3-tempest' },
};
const skip = whyNotRun(suite);

const ingot = aSharedIngot();

function settingsFor(url: string): string {
  const account = ['os_username = admin', 'os_password = pw', 'os_project_name = admin', 'os_identity_api_version = 3'];
  const domains = ['os_user_domain_id = default', 'os_project_domain_id = default'];
  return ['[functional]', `os_auth_url = ${url}`, ...account, ...domains, ''].join('\n');
}

test("python-ironicclient's functional tests", { skip }, async (t) => {
  const { env, directory } = ingot;
  // Where the tests expect the client.
  const programs = join(directory, '.tox/functional/bin');
  await mkdir(programs, { recursive: true });
  await symlink(preparedProgram, join(programs, 'openstack'));
  const settings = join(directory, 'test.conf');
  await writeFile(settings, settingsFor(String(env['OS_AUTH_URL'])));
  const client = await prepareOpenstack(directory);
  t.after(() => client.close());

  const own = { PATH: env['PATH'], HOME: directory, IRONICCLIENT_TEST_CONFIG: settings, ...client.env };
  await holdSuite(t, suite, { env: own, cwd: directory, leftOut: clientTestsLeftOut, notRun: clientTestsByChance });
});
