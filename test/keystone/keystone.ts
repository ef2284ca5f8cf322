/**
 * Debian's Keystone is the identity service of an Ingot: the `openstack` client logs in there, finds Ingot in its catalogue,
 * and has in each API the project and the roles that Keystone says. Needs root and, the first time, a Debian mirror.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { root as project } from '../../check/sources.ts';
import { ensureDebianRoot } from '../a-debian-root.ts';
import { openstackSession } from '../client/openstack.ts';
import { startWholeIngot, type WholeIngot } from '../client/whole-ingot.ts';
import { freePort } from '../free-port.ts';
import { adminPassword, KeystoneService, packages } from './keystone-service.ts';

const skip = process.getuid?.() !== 0 && 'needs root for a root folder of Debian';

let keystone: KeystoneService;
let ingot: WholeIngot;
/** Keeps for an hour what Keystone has said. */
let keeping: WholeIngot;

before(async () => {
  if (skip) return;
  const folder = join(project, '.cache/keystone');
  const root = await ensureDebianRoot({ folder, suite: 'bookworm', packages }, new AbortController().signal);
  keystone = new KeystoneService(root, await freePort());
  await keystone.install();
  await keystone.start();
  // A busy host is not taken for an absent Keystone.
  const settings = { 'keystone.auth_url': keystone.url, 'keystone.password': 'in-service', 'keystone.timeout': '300' };
  await createUsers();
  ingot = await startWholeIngot(undefined, { ...settings, 'keystone.token_cache_time': '0' });
  keeping = await startWholeIngot(undefined, { ...settings, 'keystone.token_cache_time': '3600' });
  await registerEndpoints();
});
after(async () => {
  await Promise.all([ingot?.close(), keeping?.close(), keystone?.stop()]);
});

const userOf = (name: string, password: string, scope: Readonly<Record<string, string>>): NodeJS.ProcessEnv => ({
  ...{ PATH: process.env['PATH'], HOME: '/nonexistent', OS_AUTH_URL: `${keystone.url}/v3`, OS_REGION_NAME: 'RegionOne' },
  ...{ OS_USERNAME: name, OS_PASSWORD: password, OS_USER_DOMAIN_NAME: 'Default', OS_IDENTITY_API_VERSION: '3' },
  ...{ OS_BAREMETAL_API_VERSION: 'latest', OS_COMPUTE_API_VERSION: '2.90', ...scope },
});
const inProject = (name: string) => ({ OS_PROJECT_NAME: name, OS_PROJECT_DOMAIN_NAME: 'Default' });
const asAdmin = () => userOf('admin', adminPassword, inProject('admin'));
const asAdminOfSystem = () => userOf('admin', adminPassword, { OS_SYSTEM_SCOPE: 'all' });
const as = (name: string) => userOf(name, 'secret', inProject('web'));

async function createUsers(): Promise<void> {
  const users = Object.entries({ ann: 'member', bob: 'reader', carl: 'member', dan: 'member' });
  const commands = [
    ...['project create service', 'role create service', 'user create --password in-service ingot'],
    ...['role add --user ingot --project service service', 'project create web'],
    ...users.flatMap(([name, role]) => [
      `user create --password secret ${name}`,
      `role add --user ${name} --project web ${role}`,
    ]),
  ];
  const { errors } = await openstackSession(asAdmin(), commands);
  assert.equal(errors, '');
}

async function registerEndpoints(): Promise<void> {
  const paths = { baremetal: '/baremetal', compute: '/compute/v2.1', image: '/image', network: '/network' };
  const commands = Object.entries(paths).flatMap(([type, path]) => [
    `service create --name ingot-${type} ${type}`,
    `endpoint create --region RegionOne ${type} public ${ingot.url}${path}`,
  ]);
  const { errors } = await openstackSession(asAdmin(), commands);
  assert.equal(errors, '');
}

const byPassword = (name: string, password: string) => ({
  methods: ['password'],
  password: { user: { name, domain: { id: 'default' }, password } },
});
const admin = () => newToken(byPassword('admin', adminPassword), { project: { name: 'admin', domain: { id: 'default' } } });
const tokenOf = (name: string) => newToken(byPassword(name, 'secret'), { project: { name: 'web', domain: { id: 'default' } } });

async function newToken(identity: object, scope?: object): Promise<string> {
  const auth = { identity, ...(scope && { scope }) };
  const { status, headers } = await askKeystone('POST', '/auth/tokens', { body: { auth } });
  assert.equal(status, 201);
  return headers.get('x-subject-token') ?? '';
}

type Asked = { readonly token?: string; readonly body?: object; readonly headers?: Readonly<Record<string, string>> };

function askKeystone(method: string, path: string, { token = '', body, headers }: Asked): Promise<Response> {
  return fetch(`${keystone.url}/v3${path}`, {
    ...{ method, headers: { 'content-type': 'application/json', ...(token && { 'x-auth-token': token }), ...headers } },
    ...(body && { body: JSON.stringify(body) }),
  });
}

async function statusAt({ url }: WholeIngot, token: string): Promise<number> {
  return (await fetch(`${url}/baremetal/v1/nodes`, { headers: { 'x-auth-token': token } })).status;
}

test('the client finds Ingot in the catalogue of Keystone, and the roles there decide', { skip }, async () => {
  const node = 'baremetal node create --driver fake-hardware';
  const [web] = (await openstackSession(asAdmin(), ['project show web -f json'])).replies as [{ id: string }];
  const byAdmin = await openstackSession(asAdminOfSystem(), [
    ...[`${node} --name free`, `${node} --name of-web`, `baremetal node set --owner ${web.id} of-web`],
  ]);
  const file = join(ingot.directory, 'image');
  await writeFile(file, Buffer.alloc(1024));
  const byAnn = await openstackSession(as('ann'), [
    ...['security group create web -f json', node],
    `image create --container-format bare --disk-format raw --file ${file} small`,
  ]);
  const lists = ['baremetal node list -f json', 'image list -f json', 'server list -f json'];
  const byBob = await openstackSession(as('bob'), [...lists, 'security group create more']);

  assert.equal(byAdmin.errors, '');
  const [group] = byAnn.replies as [{ project_id: string }];
  assert.equal(group.project_id, web.id);
  assert.match(byAnn.errors, /^[^\n]*403[^\n]*\n$/);
  const [nodes, images, servers] = byBob.replies as { Name: string }[][];
  assert.deepEqual(
    [nodes, images].map((rows) => rows?.map((row) => row.Name)),
    [['of-web'], ['small']],
  );
  assert.deepEqual(servers, []);
  assert.match(byBob.errors, /403/);
});

test('an application credential has the roles that it was given', { skip }, async () => {
  const token = await tokenOf('carl');
  const { user } = (
    (await (await askKeystone('GET', '/auth/tokens', { token, headers: { 'x-subject-token': token } })).json()) as {
      token: { user: { id: string } };
    }
  ).token;
  const create = async (name: string, access_rules?: object[]) => {
    const body = { application_credential: { name, secret: 'hidden', ...(access_rules && { access_rules }) } };
    const reply = await askKeystone('POST', `/users/${user.id}/application_credentials`, { token, body });
    assert.equal(reply.status, 201, await reply.clone().text());
    const { application_credential: made } = (await reply.json()) as { application_credential: { id: string } };
    return newToken({ methods: ['application_credential'], application_credential: { id: made.id, secret: 'hidden' } });
  };
  const nodes = { service: 'baremetal', method: 'GET', path: '/baremetal/v1/nodes' };

  assert.equal(await statusAt(ingot, await create('any')), 200);
  assert.equal(await statusAt(ingot, await create('of-nodes', [nodes])), 200);
  assert.equal(await statusAt(ingot, await create('of-ports', [{ ...nodes, path: '/baremetal/v1/ports' }])), 401);
});

test('what Keystone revokes is refused', { skip }, async () => {
  const [first, second] = [await tokenOf('dan'), await tokenOf('dan')];
  const statuses = async () => [await statusAt(ingot, first), await statusAt(keeping, first), await statusAt(ingot, second)];
  assert.deepEqual(await statuses(), [200, 200, 200]);

  const headers = { 'x-subject-token': first };
  assert.equal((await askKeystone('DELETE', '/auth/tokens', { token: first, headers })).status, 204);
  assert.deepEqual(await statuses(), [401, 200, 200]);
  const token = await admin();
  const { users } = (await (await askKeystone('GET', '/users?name=dan', { token })).json()) as { users: { id: string }[] };
  const body = { user: { enabled: false } };
  assert.equal((await askKeystone('PATCH', `/users/${users[0]?.id}`, { token, body })).status, 200);
  assert.deepEqual(await statuses(), [401, 200, 401]);
});

test('without a token the reply names Keystone', { skip }, async () => {
  const reply = await fetch(`${ingot.url}/baremetal/v1/nodes`);

  assert.equal(reply.status, 401);
  assert.equal(reply.headers.get('www-authenticate'), `Keystone uri="${keystone.url}"`);
});

test('without Keystone requests are refused for now, but what it has said is kept', { skip }, async () => {
  const [known, unknown] = [await admin(), await tokenOf('ann')];
  const statuses = async () => [await statusAt(keeping, known), await statusAt(keeping, unknown), await statusAt(ingot, known)];
  assert.equal(await statusAt(keeping, known), 200);
  await keystone.stop();

  assert.deepEqual(await statuses(), [200, 503, 503]);
  await keystone.start();
  assert.deepEqual(await statuses(), [200, 200, 200]);
});
