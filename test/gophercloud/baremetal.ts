/**
 * gophercloud's own acceptance tests for bare metal against a whole Ingot on fake hardware: by Keystone's token, by HTTP
 * basic authentication, and without any. They change no provision state, so a program of our own deploys a node. Needs root and, the first time, a Debian mirror with sid.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aSharedIngot } from '../client/whole-ingot.ts';
import { leftOut } from './left-out.ts';
import { Acceptance, runLifecycle } from './suite.ts';

const skip = process.getuid?.() !== 0 && 'needs root for a root folder of Debian';
const suites = ['baremetal/v1', 'baremetal/httpbasic', 'baremetal/noauth'];
const maxWaitMs = 1_800_000;

const ingot = aSharedIngot();

function environment(): Record<string, string> {
  const { env } = ingot;
  const names = ['OS_AUTH_URL', 'OS_USERNAME', 'OS_PASSWORD', 'OS_PROJECT_NAME', 'OS_PROJECT_DOMAIN_NAME'];
  return {
    ...Object.fromEntries(names.map((name) => [name, String(env[name])])),
    // gophercloud takes one domain for the user and the project.
    ...{ OS_DOMAIN_NAME: 'Default', OS_REGION_NAME: 'RegionOne', OS_BRANCH: 'master' },
    IRONIC_ENDPOINT: new URL('/baremetal/v1', env['OS_AUTH_URL']).href,
  };
}

const seen = new Set<string>();

for (const suite of suites)
  test(`gophercloud's acceptance tests: ${suite}`, { skip }, async (t) => {
    const acceptance = await Acceptance.compile(suite, AbortSignal.timeout(maxWaitMs));
    const names = await acceptance.list();
    assert.ok(names.length > 0, 'there are no tests');
    for (const name of names) {
      const row = `${suite} ${name}`;
      seen.add(row);
      await t.test(name, async () => {
        const { outcome, words } = await acceptance.run(name, environment());
        if (leftOut[row] === undefined) assert.equal(outcome, 'passed', words);
        else assert.notEqual(outcome, 'passed', `it passes: it need not be left out for this reason: ${leftOut[row]}`);
      });
    }
  });

test('a program that uses gophercloud uploads an image, and enrols, deploys, releases and deletes a node', { skip }, async () => {
  const printed = await runLifecycle(environment(), AbortSignal.timeout(maxWaitMs));
  assert.deepEqual(printed.trim().split('\n'), ['enroll', 'manageable', 'available', 'active', 'available', 'gone']);
});

test('the tests that are left out are there', { skip }, () => {
  assert.deepEqual(
    Object.keys(leftOut).filter((row) => !seen.has(row)),
    [],
  );
});
