/** Referee test: trusts by the unmodified `openstack` client, and keystoneauth's logins for a trust. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';
import { openstack, openstackJson, openstackSession, withoutClient as skip } from './openstack.ts';

let fixture: ApiFixture;
let env: NodeJS.ProcessEnv;
before(async () => {
  fixture = await openApiFixture({ clock: () => 0 });
  ({ env } = await fixture.listen());
});
after(() => fixture.close());

type Row = Record<string, string>;

test('a trust lets a service act for a user, as Heat does', { skip }, async () => {
  const { replies } = await openstackSession(env, [
    'project create stacks -f json',
    'user create --password pw olga -f json',
    'user create --password pw heat -f json',
    'role add --project stacks --user olga member',
  ]);
  const [project, olga, heat] = replies as [Row, Row, Row];
  const asOlga = { ...env, OS_USERNAME: 'olga', OS_PASSWORD: 'pw', OS_PROJECT_NAME: 'stacks' };
  // A member cannot look up users by their names: the client then takes what it was given for ids.
  const parties = [olga['id'] ?? '', heat['id'] ?? ''];
  const create = ['trust', 'create', '--project', project['id'] ?? '', '--role', 'member', '--impersonate'];
  const trust = await openstackJson(asOlga, [...create, ...parties]);
  const { OS_PROJECT_NAME: _name, OS_PROJECT_DOMAIN_NAME: _domain, ...unscoped } = env;
  const asHeat = { ...unscoped, OS_USERNAME: 'heat', OS_PASSWORD: 'pw', OS_TRUST_ID: trust.id };

  const token = await openstackJson(asHeat, ['token', 'issue']);
  const shown = await openstackJson(asOlga, ['trust', 'show', trust.id]);
  const listed = (await openstackJson(env, ['trust', 'list'])) as unknown as Row[];

  assert.deepEqual([token.user_id, token.project_id], [olga['id'], project['id']]);
  assert.deepEqual([shown.trustor_user_id, shown.trustee_user_id, shown.project_id], [olga['id'], heat['id'], project['id']]);
  assert.equal(shown.roles, 'member');
  assert.deepEqual(
    listed.map((row) => row['ID']),
    [trust.id],
  );
  assert.deepEqual(await openstackJson(asHeat, ['network', 'list']), []);
  await openstack(asOlga, ['trust', 'delete', trust.id]);
  await assert.rejects(openstack(asHeat, ['token', 'issue']), /HTTP 401/);
  assert.deepEqual(await openstackJson(env, ['trust', 'list']), []);
});

test('an unrestricted application credential makes others', { skip }, async () => {
  const { replies } = await openstackSession(env, ['application credential create --unrestricted manager -f json']);
  const [manager] = replies as [Row];
  const asManager = {
    ...{ PATH: env['PATH'], OS_AUTH_URL: env['OS_AUTH_URL'], OS_AUTH_TYPE: 'v3applicationcredential' },
    ...{ OS_APPLICATION_CREDENTIAL_ID: manager['ID'] ?? manager['id'] },
    ...{ OS_APPLICATION_CREDENTIAL_SECRET: manager['Secret'] ?? manager['secret'] },
  };

  await openstack(asManager, ['application', 'credential', 'create', 'worker']);
  const listed = (await openstackJson(env, ['application', 'credential', 'list'])) as unknown as Row[];

  assert.deepEqual(listed.map((row) => row['Name']).sort(), ['manager', 'worker']);
});
