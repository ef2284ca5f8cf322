/** Requests and expectations that were reported of clients (docs/compatibility.md), over HTTP. */
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { after, before, test } from 'node:test';
import { nodeRequests, textOf } from '#test/node-requests.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
const { ask, enrol } = nodeRequests(fixture);
let base: URL;
let token: string;
before(async () => {
  base = new URL((await fixture.listen()).url);
  token = await fixture.logIn('admin', 'correct horse');
});
after(() => fixture.close());

type Sent = { method?: string; path: string; headers?: Record<string, string>; body?: string };

/** Sends the request unchanged: libraries would add a media type, or refuse to send what some clients send. */
function send({ method = 'GET', path, headers = {}, body }: Sent) {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; allow: string | undefined; text: string }>();
  const target = path.startsWith('/') ? new URL(path, base) : base;
  const sent = { method, path: path.startsWith('/') ? target.pathname + target.search : path };
  const call = httpRequest(target, { ...sent, headers: { 'x-auth-token': token, ...headers } }, (reply) => {
    let text = '';
    reply
      .on('data', (chunk) => (text += chunk))
      .on('end', () => {
        resolve({ status: reply.statusCode ?? 0, allow: reply.headers.allow, text });
      });
  });
  call.on('error', reject).end(body);
  return promise;
}

test('supports gophercloud, which uses bare metal paths without a version', async () => {
  const node = await enrol();

  const own = await send({ path: `/baremetal/nodes/${node.uuid}` });
  const listed = await send({ path: '/baremetal//nodes?fields=uuid', headers: { 'x-openstack-ironic-api-version': '1.9' } });
  const bookmark = node.links.find(({ rel }: { rel: string }) => rel === 'bookmark').href;
  const marked = await send({ path: new URL(bookmark).pathname });
  const others = await Promise.all(['/baremetal/v2/nodes', '/baremetal/nothing'].map((path) => send({ path })));
  const documents = await Promise.all(
    ['/baremetal', '/baremetal/', '/baremetal/v1', '/baremetal/v1/'].map((path) => send({ path })),
  );

  assert.equal(JSON.parse(own.text).uuid, node.uuid);
  assert.ok(JSON.parse(listed.text).nodes.some(({ uuid }: { uuid: string }) => uuid === node.uuid));
  assert.equal(JSON.parse(marked.text).uuid, node.uuid);
  assert.deepEqual(
    others.map(({ status }) => status),
    [404, 404],
  );
  assert.deepEqual(
    documents.map(({ status }) => status),
    [200, 200, 200, 200],
  );
  assert.match(documents[0]?.text ?? '', /OpenStack Ironic API/);
});

test('takes a whole URL where a path is usual, as proxies send it', async () => {
  const node = await enrol();

  for (const path of [
    `http://ingot.example/baremetal/nodes/${node.uuid}`,
    `HTTPS://a:1/baremetal/v1/nodes/${node.uuid}?fields=uuid`,
  ])
    assert.equal(JSON.parse((await send({ path })).text).uuid, node.uuid);
  assert.match((await send({ path: 'http://ingot.example' })).text, /"services"/);
  const { status, text } = await send({ path: 'http://ingot.example/compute/v2.1/servers/none' });
  assert.deepEqual([status, Object.keys(JSON.parse(text))], [404, ['itemNotFound']]);
});

const mediaTypes = [
  undefined,
  '',
  'application/json; charset=utf-8',
  'text/plain;charset=UTF-8',
  'application/x-www-form-urlencoded',
  'application/json-patch+json',
  'application/json, text/plain',
];
const creations: [path: string, body: (name: string) => object][] = [
  ['/identity/v3/projects', (name) => ({ project: { name } })],
  ['/network/v2.0/networks', (name) => ({ network: { name } })],
  ['/compute/v2.1/os-keypairs', (name) => ({ keypair: { name } })],
  ['/baremetal/v1/nodes', (name) => ({ name, driver: 'fake-hardware' })],
  ['/image/v2/images', (name) => ({ name })],
];
for (const [path, body] of creations) {
  test(`accepts a JSON body of any or no media type: ${path}`, async () => {
    const statuses: number[] = [];
    for (const [index, type] of mediaTypes.entries()) {
      const headers: Record<string, string> = { 'x-openstack-ironic-api-version': '1.50' };
      if (type !== undefined) headers['content-type'] = type;
      statuses.push((await send({ method: 'POST', path, headers, body: JSON.stringify(body(`odd-${index}`)) })).status);
    }
    const xml = await send({ method: 'POST', path, headers: { 'content-type': 'application/xml' }, body: '<x/>' });

    assert.ok(
      statuses.every((status) => status === 200 || status === 201),
      statuses.join(),
    );
    assert.equal(xml.status, 415);
  });
}

test('does not parse image data without a media type as JSON', async () => {
  const created = await send({
    method: 'POST',
    path: '/image/v2/images',
    body: '{"disk_format":"raw","container_format":"bare"}',
  });
  const path = `/image/v2/images/${JSON.parse(created.text).id}/file`;

  for (const headers of [{}, { 'content-type': 'application/x-raw-disk-image' }] as Record<string, string>[])
    assert.equal((await send({ method: 'PUT', path, headers, body: '{}' })).status, 415);
});

const wrongMethods: [method: string, path: string, allow: string, text: RegExp][] = [
  ['PUT', '/compute/v2.1/servers', 'GET, HEAD, POST', /"badMethod":\{"code":405/],
  ['DELETE', '/baremetal/v1/nodes/', 'GET, HEAD, POST', /There is no DELETE at/],
  ['POST', '/baremetal/nodes/a-name', 'DELETE, GET, HEAD, PATCH', /faultstring/],
  ['PATCH', '/network/v2.0/networks/x?fields=id', 'DELETE, GET, HEAD, PUT', /"type":"HTTPMethodNotAllowed"/],
  ['PUT', '/image/v2//images/x', 'DELETE, GET, HEAD, PATCH', /"title":"Method Not Allowed"/],
  ['OPTIONS', '/identity/v3/projects', 'GET, HEAD, POST', /"code":405/],
];
for (const [method, path, allow, text] of wrongMethods) {
  test(`replies 405 with the allowed methods, since clients retry on 404: ${method} ${path}`, async () => {
    const reply = await send({ method, path });

    assert.deepEqual([reply.status, reply.allow], [405, allow]);
    assert.match(reply.text, text);
  });
}

test('replies 404 for an unknown path, and reveals nothing without a token', async () => {
  const missing = await send({ method: 'PUT', path: '/compute/v2.1/nothing' });
  const anonymous = await send({ method: 'PUT', path: '/compute/v2.1/servers', headers: { 'x-auth-token': 'none' } });

  assert.deepEqual([missing.status, missing.allow], [404, undefined]);
  assert.deepEqual([anonymous.status, anonymous.allow], [401, undefined]);
});

test('accepts bare metal fields in one or several lists, with blanks and capitals', async () => {
  const { uuid, name, links } = await enrol();
  await ask('POST', '/baremetal/v1/ports', { node_uuid: uuid, address: '52:54:00:0d:d0:01' });
  const queries = ['fields=uuid&fields=name', 'fields=uuid,%20name', 'fields=UUID,Name,,uuid'];

  for (const query of queries) {
    assert.deepEqual((await ask('GET', `${uuid}?${query}`)).body, { uuid, name, links });
    const { nodes } = (await ask('GET', `?${query}`)).body;
    assert.deepEqual(Object.keys(nodes[0]).sort(), ['links', 'name', 'uuid']);
  }
  const { ports } = (await ask('GET', '/baremetal/v1/ports?fields=address&fields=node_uuid')).body;
  assert.deepEqual(Object.keys(ports[0]).sort(), ['address', 'links', 'node_uuid']);
  const { drivers } = (await ask('GET', '/baremetal/v1/drivers?fields=name&fields=hosts')).body;
  assert.deepEqual(Object.keys(drivers[0]).sort(), ['hosts', 'links', 'name']);
  assert.match(textOf((await ask('GET', '?fields=uuid&fields=colour')).body), /Field\(s\) "colour" are not valid/);
});

test('replies 406 with the range to an invalid Ironic version, and accepts latest in capitals', async () => {
  const headers = (version: string) => ({ 'x-openstack-ironic-api-version': version });
  const url = '/baremetal/v1/nodes?fields=uuid';

  const odd = await Promise.all(['abc', '1.50.1', '1', ''].map((version) => fixture.ask({ url, headers: headers(version) })));
  const latest = await fixture.ask({ url, headers: headers('LATEST') });

  assert.deepEqual(
    odd.map(({ status }) => status),
    [406, 406, 406, 200],
  );
  assert.equal(odd[0]?.headers['x-openstack-ironic-api-maximum-version'], latest.headers['x-openstack-ironic-api-version']);
});

test('removing maintenance resets it', async () => {
  const { uuid } = await enrol({ maintenance: true });

  const { status, body } = await ask('PATCH', uuid, [{ op: 'remove', path: '/maintenance' }]);

  assert.deepEqual([status, body.maintenance], [200, false]);
});

test('accepts a name with a file extension', async () => {
  for (const name of ['rack1.json', 'rack1.json.json', 'rack1.txt', 'rack1']) await enrol({ name });

  for (const name of ['rack1.json', 'rack1.json.json', 'rack1.txt', 'rack1']) {
    for (const minor of [5, 109]) assert.equal((await ask('GET', name, undefined, minor)).body.name, name);
  }
});
