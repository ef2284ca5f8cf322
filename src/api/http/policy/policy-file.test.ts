import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openApiFixture } from '#test/api-fixture.ts';
import { createPolicies } from '../../policies.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-policy-'));
after(() => rmSync(folder, { recursive: true }));

function fileOf(text: string): string {
  const file = join(folder, 'policy.yaml');
  writeFileSync(file, text);
  return file;
}

const create = 'os_compute_api:os-flavor-manage:create';
const flavor = { name: 'f', vcpus: 1, ram: 1, disk: 1 };

for (const [format, text] of [
  ['YAML', `# Members create flavors.\n"${create}": "role:member"\n`],
  ['JSON', JSON.stringify({ [create]: 'role:member' })],
] as const)
  test(`a policy file in ${format} overrides rules`, async (t) => {
    const ask = async (settings: Readonly<Record<string, string>>) => {
      const fixture = await openApiFixture({ settings });
      t.after(() => fixture.close());
      const token = await aMember(fixture);
      const request = { method: 'POST', url: '/compute/v2.1/flavors', headers: token, payload: { flavor } } as const;
      return (await fixture.ask(request)).status;
    };

    assert.equal(await ask({}), 403);
    assert.equal(await ask({ 'policy.file': fileOf(text) }), 200);
  });

async function aMember(fixture: Awaited<ReturnType<typeof openApiFixture>>) {
  const { body: project } = await fixture.ask({
    method: 'POST',
    url: '/identity/v3/projects',
    payload: { project: { name: 'p' } },
  });
  const user = { name: 'm', password: 'a long password', default_project_id: project.project.id };
  const { body: made } = await fixture.ask({ method: 'POST', url: '/identity/v3/users', payload: { user } });
  const grant = `/identity/v3/projects/${project.project.id}/users/${made.user.id}/roles/member`;
  await fixture.ask({ method: 'PUT', url: grant });
  return { 'x-auth-token': await fixture.logIn('m', 'a long password', 'p') };
}

const mistakes: readonly [string, string, RegExp][] = [
  ['an unknown rule', '\n"os_compute_api:nothing": "@"\n', /line 2: there is no rule 'os_compute_api:nothing'/],
  ['an invalid check', `"${create}": "role:member or"\n`, /line 1: the check 'role:member or' of .*:create is invalid: it ends/],
  ['a reference to no rule', `"${create}": "rule:nobody"\n`, /line 1: .* is invalid: there is no rule 'nobody'/],
  ['a check of blanks', `"${create}": " "\n`, /line 1: the check ' ' of .*:create is invalid/],
  ['a circle of rules', 'project_reader_api: "rule:project_reader_or_admin"\n', /line 1: .*the rules refer to each other/],
  ['a check that is no text', `"${create}":\n  - ["role:member"]\n`, /line 1: the check of .* must be text/],
  ["an unquoted '!'", `"${create}": !\n`, /line 1: the check of .*:create' has the YAML tag !: write it in quotes/],
  ['a tagged check', `"${create}": !role:admin\n`, /line 1: the check of .*:create' has the YAML tag !role:admin/],
  ['a list', '- "@"\n', /line 1: it must be one map/],
  ['broken YAML', `"${create}": "role:member\n\n  or more\n`, /line \d+: Missing closing "quote/],
];

for (const [what, text, message] of mistakes)
  test(`${what} in a policy file stops the start with its line`, () => {
    assert.throws(() => createPolicies(fileOf(text)), message);
  });

test('a missing policy file stops the start', () => {
  assert.throws(() => createPolicies(join(folder, 'absent')), /Policy file .*absent, line 1: ENOENT/);
});

test('reads no more of an oversized or endless file than the size limit', () => {
  // A megabyte of bytes, in half as many characters.
  assert.throws(() => createPolicies(fileOf(`# ${'ü'.repeat(600_000)}\n`)), /it is larger than 1048576 bytes/);
  assert.throws(() => createPolicies('/dev/zero'), /it is larger than 1048576 bytes/);
});

test('a file of comments, as oslopolicy-sample-generator writes it, changes nothing', () => {
  assert.equal(createPolicies(fileOf('# nothing\n')).compute.checkOf(create), 'rule:context_is_admin');
});
