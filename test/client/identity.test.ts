/** Referee test: the identity commands of the unmodified `openstack` client. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
const column = (rows: readonly Row[], name: string) => rows.map((row) => row[name]);

test('domains and a tree of projects with tags', { skip }, async () => {
  const { replies, output } = await openstackSession(env, [
    'domain create --description second d2 -f json',
    'project create --domain d2 --tag blue top -f json',
    'project create --domain d2 --parent top below -f json',
    'project show --domain d2 --children --parents below -f json',
    'project set --domain d2 --tag green --immutable top',
    'project list --domain d2 --tags blue,green -f json',
    'user create --domain d2 --password pw fred -f json',
    'role add --project top --project-domain d2 --user fred --user-domain d2 member',
    'domain list -f json',
  ]);
  const [domain, top, below, shown, tagged, , domains] = replies as [Row, Row, Row, Row, Row[], Row, Row[]];
  const asFred = {
    ...{ ...env, OS_USERNAME: 'fred', OS_PASSWORD: 'pw', OS_USER_DOMAIN_NAME: 'd2' },
    ...{ OS_PROJECT_NAME: 'top', OS_PROJECT_DOMAIN_NAME: 'd2' },
  };

  assert.equal(below['parent_id'], top['id'], output);
  assert.equal(shown['domain_id'], domain['id']);
  assert.deepEqual(column(tagged, 'Name'), ['top']);
  assert.deepEqual(column(domains, 'Name').sort(), ['Default', 'd2']);
  assert.equal((await openstackJson(asFred, ['token', 'issue'])).project_id, top['id']);
  await assert.rejects(openstack(env, ['project', 'delete', top['id'] ?? '']), /immutable project resource/);
  await assert.rejects(openstack(env, ['domain', 'delete', 'd2']), /please disable it first/);
  await openstackSession(env, ['project set --no-immutable top --domain d2', 'domain set --disable d2', 'domain delete d2']);
  assert.deepEqual(column(await openstackJson(env, ['domain', 'list']), 'Name'), ['Default']);
  await assert.rejects(openstack(asFred, ['token', 'issue']), /HTTP 401/);
});

test('groups, their members and roles', { skip }, async () => {
  const { replies, output } = await openstackSession(env, [
    'project create staff -f json',
    'group create --description together crew -f json',
    'user create --password pw gina -f json',
    'group add user crew gina',
    'group contains user crew gina',
    'role add --project staff --group crew member',
    'role assignment list --group crew --names -f json',
    'role assignment list --user gina --effective --names -f json',
    'group list --user gina -f json',
    'user list --group crew -f json',
    'group set --name team crew',
  ]);
  const [, , , assigned, effective, groups, users] = (replies as (Row & Row[])[]).filter((each) => typeof each === 'object');
  const asGina = { ...env, OS_USERNAME: 'gina', OS_PASSWORD: 'pw', OS_PROJECT_NAME: 'staff' };

  assert.deepEqual([column(assigned ?? [], 'Group'), column(assigned ?? [], 'Role')], [['crew@Default'], ['member']], output);
  assert.deepEqual(column(effective ?? [], 'Role'), ['member', 'reader']);
  assert.deepEqual([column(groups ?? [], 'Name'), column(users ?? [], 'Name')], [['crew'], ['gina']]);
  assert.ok((await openstackJson(asGina, ['token', 'issue'])).id);
  await openstack(env, ['group', 'remove', 'user', 'team', 'gina']);
  await assert.rejects(openstack(asGina, ['token', 'issue']), /HTTP 401/);
});

test('custom and implied roles, and inherited ones', { skip }, async () => {
  const { replies, output } = await openstackSession(env, [
    'role create --description looks observer -f json',
    'implied role create observer --implied-role reader -f json',
    'project create parent -f json',
    'project create --parent parent child -f json',
    'user create --password pw hugo -f json',
    'role add --project parent --user hugo --inherited observer',
    'role assignment list --user hugo --project child --effective --names -f json',
    'role list -f json',
    'role set --name spectator observer',
    'role add --domain default --user hugo --inherited spectator',
    'role remove --domain default --user hugo --inherited spectator',
  ]);
  const [, implied, , , , effective, roles] = (replies as (Row & Row[])[]).filter((each) => typeof each === 'object');
  const asHugo = { ...env, OS_USERNAME: 'hugo', OS_PASSWORD: 'pw', OS_PROJECT_NAME: 'child' };

  assert.ok(implied?.['implies'] && implied['prior_role'], output);
  assert.deepEqual(column(effective ?? [], 'Role').sort(), ['observer', 'reader']);
  assert.ok(column(roles ?? [], 'Name').includes('observer'));
  assert.ok((await openstackJson(asHugo, ['token', 'issue'])).id);
  await openstackSession(env, ['role remove --project parent --user hugo --inherited spectator', 'role delete spectator']);
  await assert.rejects(openstack(asHugo, ['token', 'issue']), /HTTP 401/);
});

test('services, endpoints and regions', { skip }, async () => {
  const { replies, output } = await openstackSession(env, [
    'region create north -f json',
    'service create --name swift --description objects object-store -f json',
    'endpoint create --region north swift public http://swift:8080/v1/AUTH_%(project_id)s -f json',
    'endpoint list --service swift -f json',
    'service set --disable swift',
    'service delete swift',
    'region delete north',
    'endpoint list -f json',
  ]);
  const [, service, endpoint, endpoints, left] = replies as [Row, Row, Row, Row[], Row[]];

  assert.equal(endpoint['service_id'], service['id'], output);
  assert.deepEqual(column(endpoints, 'Region'), ['north']);
  assert.equal(left.length, 15);
  await assert.rejects(openstack(env, ['service', 'delete', 'nova']), /HTTP 403|1 of 1 services failed/);
});

test('credentials and EC2 keys', { skip }, async () => {
  const { replies, output } = await openstackSession(env, [
    'user create --password pw ida -f json',
    'credential create --type cert ida text -f json',
    'credential list --type cert -f json',
    'ec2 credentials create --project admin -f json',
    'ec2 credentials list -f json',
  ]);
  const [user, credential, credentials, keys, list] = replies as [Row, Row, Row[], Row, Row[]];

  assert.deepEqual([credential['user_id'], column(credentials, 'Data')], [user['id'], ['text']], output);
  assert.deepEqual(column(list, 'Access'), [keys['access']]);
  await openstackSession(env, [`ec2 credentials delete ${keys['access']}`, `credential delete ${credential['id']}`]);
  assert.deepEqual(await openstackJson(env, ['credential', 'list']), []);
});

test('options of a user, and a login with two methods', { skip }, async () => {
  const { replies, output } = await openstackSession(env, [
    'project create factors -f json',
    'user create --password pw --multi-factor-auth-rule password,totp --enable-lock-password jo -f json',
    'role add --project factors --user jo member',
    'credential create --type totp jo GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ -f json',
    'user show jo -f json',
  ]);
  const shown = replies.at(-1) as { options: object };
  const asJo = { ...env, OS_USERNAME: 'jo', OS_PASSWORD: 'pw', OS_PROJECT_NAME: 'factors' };

  assert.deepEqual(shown.options, { lock_password: true, multi_factor_auth_rules: [['password', 'totp']] }, output);
  await assert.rejects(openstack(asJo, ['token', 'issue']), /Not all required auth rules were satisfied/);
  // The client takes several methods from a file of clouds only.
  const auth = { auth_url: env['OS_AUTH_URL'], username: 'jo', password: 'pw', passcode: passcodeNow() };
  const place = { user_domain_name: 'Default', project_name: 'factors', project_domain_name: 'Default' };
  const cloud = { auth_type: 'v3multifactor', auth_methods: ['v3password', 'v3totp'], auth: { ...auth, ...place } };
  const file = join(fixture.stateDir, 'clouds.json');
  await writeFile(file, JSON.stringify({ clouds: { ingot: cloud } }));
  const asCloud = { PATH: env['PATH'], HOME: env['HOME'], OS_CLIENT_CONFIG_FILE: file, OS_CLOUD: 'ingot' };
  assert.ok((await openstackJson(asCloud, ['token', 'issue'])).id);
});

/** For the secret "12345678901234567890". */
function passcodeNow(): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const digest = createHmac('sha1', '12345678901234567890').update(counter).digest();
  return String((digest.readUInt32BE((digest.at(-1) ?? 0) & 15) & 0x7fffffff) % 1e6).padStart(6, '0');
}

test('application credentials with access rules', { skip }, async () => {
  const rules = [
    { service: 'compute', method: 'GET', path: '/v2.1/flavors/**' },
    { service: 'compute', method: 'GET', path: '/compute/v2.1' },
  ];
  const file = join(fixture.stateDir, 'rules.json');
  await writeFile(file, JSON.stringify(rules));
  const made = await openstackJson(env, ['application', 'credential', 'create', '--access-rules', file, 'flavors']);
  const asProgram = {
    ...{ PATH: env['PATH'], OS_AUTH_URL: env['OS_AUTH_URL'], OS_AUTH_TYPE: 'v3applicationcredential' },
    ...{ OS_APPLICATION_CREDENTIAL_ID: made.id, OS_APPLICATION_CREDENTIAL_SECRET: made.secret },
  };

  const listed = await openstackJson(env, ['access', 'rule', 'list']);
  const { ID: id } = listed.find((row: Row) => row['Path'] === rules[0]?.path);
  assert.equal((await openstackJson(env, ['access', 'rule', 'show', id])).method, 'GET');
  await openstack(asProgram, ['flavor', 'list']);
  await assert.rejects(openstack(asProgram, ['server', 'list']), /HTTP 401/);
  await assert.rejects(openstack(asProgram, ['image', 'list']), /401/);
  await assert.rejects(openstack(env, ['access', 'rule', 'delete', id]), /May not delete access rule in use/);
  await openstackSession(env, ['application credential delete flavors', `access rule delete ${id}`]);
});

test('registered limits and limits', { skip }, async () => {
  const { replies, output } = await openstackSession(env, [
    'registered limit create --service compute --default-limit 10 --region RegionOne cores -f json',
    'project create bounded -f json',
    'limit create --service compute --project bounded --region RegionOne --resource-limit 4 cores -f json',
    'limit list --project bounded -f json',
    'registered limit list --service compute -f json',
  ]);
  const [registered, , limit, limits, all] = replies as [Row, Row, Row, Row[], Row[]];

  assert.deepEqual([column(limits, 'Resource Limit'), column(all, 'Default Limit')], [[4], [10]], output);
  await assert.rejects(
    openstack(env, ['registered', 'limit', 'delete', registered['id'] ?? '']),
    /1 of 1 registered limits failed/,
  );
  const changed = await openstackJson(env, ['limit', 'set', '--resource-limit', '6', limit['id'] ?? '']);
  assert.equal(changed.resource_limit, 6);
  await openstackSession(env, [
    `limit delete ${limit['id']}`,
    `registered limit delete ${registered['id']}`,
    'project delete bounded',
  ]);
});

test('endpoint groups and the catalogue of a project', { skip }, async () => {
  const filters = join(fixture.stateDir, 'filters.json');
  await writeFile(filters, JSON.stringify({ service_id: 'compute', interface: 'public' }));
  const { replies, output } = await openstackSession(env, [
    `endpoint group create compute-only ${filters} -f json`,
    'project create narrow -f json',
    'endpoint group add project compute-only narrow',
    'endpoint add project identity-public narrow',
    'endpoint list --project narrow -f json',
    'endpoint group list --project narrow -f json',
    'role add --project narrow --user admin member',
  ]);
  const [, , endpoints, groups] = (replies as (Row & Row[])[]).filter((each) => typeof each === 'object');

  assert.deepEqual(column(endpoints ?? [], 'ID').sort(), ['compute-public', 'identity-public'], output);
  assert.deepEqual(column(groups ?? [], 'Name'), ['compute-only']);
  const shown = await openstackJson({ ...env, OS_PROJECT_NAME: 'narrow' }, ['catalog', 'list']);
  assert.deepEqual(column(shown, 'Type').sort(), ['compute', 'identity']);
  await openstackSession(env, [
    'endpoint remove project identity-public narrow',
    'endpoint group remove project compute-only narrow',
    'endpoint group delete compute-only',
    'project delete narrow',
  ]);
});
