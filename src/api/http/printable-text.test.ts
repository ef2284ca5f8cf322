import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTwoProjects } from '#test/two-projects.ts';

const { fixture, member, own } = await openTwoProjects();
after(() => fixture.close());

type Ask = { method: 'POST' | 'PUT' | 'PATCH' | 'DELETE'; url: string; payload?: unknown };
const admin: Readonly<Record<string, string>> = {};
const patchType = { 'content-type': 'application/openstack-images-v2.1-json-patch' };

async function ask({ payload, ...request }: Ask, headers = admin) {
  const type = payload === undefined ? {} : { 'content-type': 'application/json' };
  const body = payload === undefined ? {} : { payload: JSON.stringify(payload) };
  return fixture.ask({ ...request, headers: { ...type, ...headers }, ...body });
}

const server = `/compute/v2.1/servers/${own['servers']}`;
const image = `/image/v2/images/${own['images']}`;
const network = { network_id: own['networks'] };

/** Requests that set a name, by the role that may send them. */
const asks: { headers: Readonly<Record<string, string>>; ask: (name: string) => Ask }[] = [
  ...[
    (name: string): Ask => ({
      method: 'POST',
      url: '/compute/v2.1/servers',
      payload: { server: { name, imageRef: own['images'], flavorRef: 'f1' } },
    }),
    (name: string): Ask => ({ method: 'PUT', url: server, payload: { server: { name } } }),
    (name: string): Ask => ({
      method: 'POST',
      url: `${server}/action`,
      payload: { rebuild: { imageRef: own['images'], name } },
    }),
    (name: string): Ask => ({ method: 'POST', url: `${server}/metadata`, payload: { metadata: { [name]: 'v' } } }),
    (name: string): Ask => ({ method: 'POST', url: '/compute/v2.1/os-keypairs', payload: { keypair: { name } } }),
    (name: string): Ask => ({ method: 'POST', url: '/image/v2/images', payload: { name } }),
    (name: string): Ask => ({ method: 'PUT', url: `${image}/tags/${encodeURIComponent(name)}` }),
    (name: string): Ask => ({ method: 'POST', url: '/network/v2.0/networks', payload: { network: { name } } }),
    (name: string): Ask => ({
      method: 'POST',
      url: '/network/v2.0/subnets',
      payload: { subnet: { ...network, name, ip_version: 4, cidr: '10.6.0.0/24' } },
    }),
    (name: string): Ask => ({ method: 'POST', url: '/network/v2.0/ports', payload: { port: { ...network, name } } }),
    (name: string): Ask => ({
      method: 'POST',
      url: `/identity/v3/users/${own['users']}/application_credentials`,
      payload: { application_credential: { name } },
    }),
  ].map((each) => ({ headers: member, ask: each })),
  ...[
    (name: string): Ask => ({ method: 'POST', url: '/identity/v3/projects', payload: { project: { name } } }),
    (name: string): Ask => ({ method: 'POST', url: '/identity/v3/users', payload: { user: { name, password: 'long enough' } } }),
    (name: string): Ask => ({
      method: 'POST',
      url: '/compute/v2.1/flavors',
      payload: { flavor: { name, vcpus: 1, ram: 1, disk: 1 } },
    }),
    (name: string): Ask => ({ method: 'POST', url: '/baremetal/v1/nodes', payload: { driver: 'fake-hardware', name } }),
  ].map((each) => ({ headers: admin, ask: each })),
];

const controls = ['\u001b]0;owned\u0007', 'a\u009b2Jb', 'a\u007fb', 'evil\u202egnp.exe', 'a\nb', 'a\rb', 'a\u2028b'];

for (const { headers, ask: of } of asks) {
  const { method, url } = of('n');
  test(`${method} ${url.replaceAll(/[0-9a-f-]{32,}/g, 'ID')} rejects names with terminal escape sequences`, async () => {
    for (const name of controls) {
      const { status, body } = await ask(of(name), headers);
      assert.equal(status, 400, `${JSON.stringify(name)}: ${JSON.stringify(body)}`);
    }
  });
}

const mayBeBlank = /^\/(network|image)\/|\/metadata$/;

for (const { headers, ask: of } of asks.filter((each) => !mayBeBlank.test(each.ask('n').url))) {
  const { method, url } = of('n');
  test(`${method} ${url.replaceAll(/[0-9a-f-]{32,}/g, 'ID')} rejects invisible names`, async () => {
    for (const name of [' ', '\u00a0 ', '\u200b', '\u00ad\u200d', '\u3164', '\u115f', '\u2800', '\ufeff', '\ue000'])
      assert.equal((await ask(of(name), headers)).status, 400, JSON.stringify(name));
  });
}

test('rejects a lone surrogate, which the database would replace', async () => {
  for (const { headers, ask: of } of asks.filter((each) => each.ask('n').payload))
    assert.equal((await ask(of('a\ud800b'), headers)).status, 400, of('n').url);
});

test('keeps a name with joined characters as it was sent', async () => {
  const { status, body } = await ask({
    method: 'POST',
    url: '/identity/v3/projects',
    payload: { project: { name: '\ud83d\udc69\u200d\ud83d\udcbb' } },
  });
  assert.deepEqual([status, body.project.name], [201, '\ud83d\udc69\u200d\ud83d\udcbb']);
});

test('the error has the format of its service and names the field', async () => {
  const name = 'a\u001b[2J';
  const compute = await ask({ method: 'PUT', url: server, payload: { server: { name } } }, member);
  const network = await ask({ method: 'POST', url: '/network/v2.0/networks', payload: { network: { name } } }, member);
  const said = 'Invalid input for field/attribute server.name: it must not contain control characters.';

  assert.deepEqual(compute.body, { badRequest: { code: 400, message: said } });
  assert.match(network.body.NeutronError.message, /network\.name/);
});

test('checks a JSON patch by the field that it changes', async () => {
  const headers = { ...member, ...patchType };
  const patch = (path: string, value: string): Ask => ({ method: 'PATCH', url: image, payload: [{ op: 'add', path, value }] });

  assert.equal((await ask(patch('/name', 'a\nb'), headers)).status, 400);
  assert.equal((await ask(patch('/os_distro', 'a\u001b[1m'), headers)).status, 400);
  assert.equal((await ask(patch('/name', 'über 名前 ok'), headers)).status, 200);
});

test('checks fields that are shown despite a secret-like name', async () => {
  const bell = 'a\u0007b';
  const asks: Ask[] = [
    { method: 'POST', url: `${server}/metadata`, payload: { metadata: { passage: bell } } },
    { method: 'PUT', url: `${server}/metadata/secret`, payload: { meta: { secret: bell } } },
    { method: 'POST', url: '/image/v2/images', payload: { compass: bell } },
    { method: 'PATCH', url: image, payload: [{ op: 'add', path: '/secretary', value: bell }] },
  ];

  for (const each of asks) {
    const headers = each.method === 'PATCH' ? { ...member, ...patchType } : member;
    assert.equal((await ask(each, headers)).status, 400, each.url);
  }
});

test('allows line breaks in descriptions, and does not check secrets', async () => {
  const description = 'two\nlines\r\n\tand a tab';
  const change = await ask(
    { method: 'PUT', url: `/network/v2.0/networks/${own['networks']}`, payload: { network: { description } } },
    member,
  );
  assert.equal(change.status, 200);

  const user = { name: 'bell', password: 'ding\u0007dong' };
  assert.equal((await ask({ method: 'POST', url: '/identity/v3/users', payload: { user } })).status, 201);
});

test('rejects an excessively nested body of any media type', async () => {
  const payload = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
  const reply = await fixture.app.inject({ method: 'PATCH', url: image, headers: { ...member, ...patchType }, payload });

  assert.equal(reply.statusCode, 400, reply.body);
});
