/** Referee test: the unmodified `openstack` client with users of Debian's slapd. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ldifGroup, ldifUser, startSlapd, withoutSlapd } from '#test/a-slapd.ts';
import { openApiFixture } from '#test/api-fixture.ts';
import { openstack, openstackJson, openstackSession, withoutClient } from './openstack.ts';

const skip = withoutClient || withoutSlapd;

type Row = Record<string, string>;

test('users of a directory log in, have the roles of their groups, and are read-only', { skip }, async (t) => {
  const slapd = await startSlapd(ldifUser('ann', '1') + ldifUser('bob', '2') + ldifGroup('staff', ['ann']));
  t.after(() => slapd.close());
  const fixture = await openApiFixture({ settings: slapd.settings });
  t.after(() => fixture.close());
  const { env } = await fixture.listen();
  const as = (name: string) => ({ ...env, OS_USERNAME: name, OS_PASSWORD: `secret of ${name}`, OS_USER_DOMAIN_NAME: 'people' });
  await fixture.directory?.refuseOutdated({ domain_id: fixture.directory.domain_id });

  const { replies, output } = await openstackSession(env, [
    'user list --domain people -f json',
    'group list --domain people -f json',
    'user list --group staff --domain people -f json',
    'user show --domain people ann -f json',
    'role add --project admin --group staff --group-domain people member',
    'role assignment list --user ann --user-domain people --effective --names -f json',
  ]);
  const [users, groups, members, ann, assigned] = replies as [Row[], Row[], Row[], Row, Row[]];
  const token = await openstackJson(as('ann'), ['token', 'issue']);

  assert.deepEqual(users.map((row) => row['Name']).sort(), ['ann', 'bob'], output);
  assert.deepEqual([groups.map((row) => row['Name']), members.map((row) => row['Name'])], [['staff'], ['ann']]);
  assert.match(ann['id'] ?? '', /^[0-9a-f]{64}$/);
  assert.deepEqual(
    assigned.map((row) => row['User']),
    ['ann@people', 'ann@people'],
  );
  assert.equal(token.user_id, ann['id']);
  await assert.rejects(openstack(as('bob'), ['token', 'issue']), /HTTP 401/);
  await assert.rejects(openstack({ ...as('ann'), OS_PASSWORD: 'wrong' }, ['token', 'issue']), /HTTP 401/);
  await assert.rejects(
    openstack(env, ['user', 'set', '--domain', 'people', '--email', 'x', 'ann']),
    /LDAP does not support write/,
  );
  await assert.rejects(openstack(env, ['user', 'delete', '--domain', 'people', 'ann']), /LDAP does not support write/);
});
