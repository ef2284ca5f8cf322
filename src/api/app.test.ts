import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';
import { replyWithFault } from './http/fault-replies.ts';

// biome-ignore lint/suspicious/noExplicitAny: bodies of five services, each of its own shape
type Body = any;

let fixture: ApiFixture;
before(async () => {
  fixture = await openApiFixture();
});
after(() => fixture.close());

const anonymous = { 'x-auth-token': '' };

test('version documents need no token, with or without a trailing slash', async () => {
  const cases: [path: string, status: number, poll: (body: Body) => unknown, expected: unknown][] = [
    ['/', 200, (body) => body.services.length, 5],
    ['/identity', 300, (body) => body.versions.values[0].id, 'v3.14'],
    ['/identity/v3/', 200, (body) => body.version.links[0].href, 'http://localhost:80/identity/v3/'],
    ['/compute/', 200, (body) => body.versions[0].min_version, '2.1'],
    ['/compute/v2.1', 200, (body) => body.version.id, 'v2.1'],
    ['/image', 300, (body) => body.versions[0].status, 'CURRENT'],
    ['/image/versions', 200, (body) => body.versions.at(-1).id, 'v2.0'],
    ['/network/', 200, (body) => body.versions[0].id, 'v2.0'],
    ['/baremetal', 200, (body) => body.default_version.min_version, '1.1'],
    ['/baremetal/v1/', 200, (body) => body.version.id, 'v1'],
  ];
  for (const [url, status, poll, expected] of cases) {
    const reply = await fixture.ask({ url, headers: anonymous });
    assert.equal(reply.status, status, url);
    assert.equal(poll(reply.body), expected, url);
  }
});

test('each service rejects a request without a token in its own format', async () => {
  const cases: [string, (body: Body) => unknown][] = [
    ['/identity/v3/users', (body) => body.error.title],
    ['/compute/v2.1/servers', (body) => body.unauthorized.code],
    ['/image/v2/images', (body) => body.error.code],
    ['/network/v2.0/networks', (body) => body.NeutronError.type],
    ['/baremetal/v1/nodes', (body) => JSON.parse(body.error_message).faultcode],
  ];
  const expected = ['Unauthorized', 401, 401, 'Unauthorized', 'Client'];
  for (const [index, [url, poll]] of cases.entries()) {
    const reply = await fixture.ask({ url, headers: anonymous });
    assert.equal(reply.status, 401, url);
    assert.equal(poll(reply.body), expected[index], url);
    assert.match(String(reply.headers['www-authenticate']), /^Keystone /);
  }
});

test('each service replies 404 for an unknown route in its own format', async () => {
  const cases: [string, (body: Body) => string][] = [
    ['/identity/v3/nowhere', (body) => body.error.message],
    ['/compute/v2.1/nowhere', (body) => body.itemNotFound.message],
    ['/image/v2/nowhere', (body) => body.error.message],
    ['/network/v2.0/nowhere', (body) => body.NeutronError.message],
    ['/baremetal/v1/nowhere', (body) => JSON.parse(body.error_message).faultstring],
  ];
  for (const [url, poll] of cases) {
    const reply = await fixture.ask({ url });
    assert.equal(reply.status, 404, url);
    assert.match(poll(reply.body), /GET .*nowhere could not be found/, url);
  }
});

test('names an invalid field and what it must be', async () => {
  const cases: [payload: object, expected: RegExp][] = [
    [{ project: { name: 5 } }, /project\.name: it must be string/],
    [{ project: {} }, /field\/attribute project: it must have 'name'/],
    [{ project: { name: 'x', parent_id: 5 } }, /project\.parent_id: it must be string or must be null/],
    [{}, /must have 'project'/],
  ];
  for (const [payload, expected] of cases) {
    const reply = await fixture.ask({ method: 'POST', url: '/identity/v3/projects', payload });
    assert.equal(reply.status, 400);
    assert.match(reply.body.error.message, expected);
  }
  const unknown = await fixture.ask({ method: 'POST', url: '/network/v2.0/networks', payload: { network: { color: 'red' } } });
  assert.match(unknown.body.NeutronError.message, /network\.color: it is not known/);
});

test('bodies that are malformed, too large or of another media type are client errors', async () => {
  const url = '/network/v2.0/networks';
  const json = { 'content-type': 'application/json' };

  const garbage = await fixture.ask({ method: 'POST', url, headers: json, payload: '{"network"' });
  const large = await fixture.ask({ method: 'POST', url, headers: json, payload: `"${'x'.repeat(5_000_000)}"` });
  const form = await fixture.ask({ method: 'POST', url, headers: { 'content-type': 'text/csv' }, payload: 'a=b' });
  const badUrl = await fixture.ask({ url: '/network/%zz' });

  assert.deepEqual([garbage.status, large.status, form.status, badUrl.status], [400, 413, 415, 400]);
  assert.equal(garbage.body.NeutronError.type, 'HTTPBadRequest');
});

test('DELETE may declare JSON and send no body', async () => {
  const reply = await fixture.ask({
    method: 'DELETE',
    url: '/network/v2.0/networks/none',
    headers: { 'content-type': 'application/json' },
  });

  assert.equal(reply.status, 404);
  assert.equal(reply.body.NeutronError.type, 'NetworkNotFound');
});

test('every reply has its own request id', async () => {
  const replies = await Promise.all(
    ['/', '/nowhere', '/compute/v2.1/servers'].map((url) => fixture.ask({ url, headers: anonymous })),
  );

  const ids = replies.map((reply) => String(reply.headers['x-openstack-request-id']));

  for (const id of ids) assert.match(id, /^req-[0-9a-f-]{36}$/);
  assert.equal(new Set(ids).size, ids.length);
});

test('an internal error shows its request id and no details', () => {
  let sent: Body;
  const reply = { code: () => reply, header: () => reply, send: (body: object) => (sent = body) };
  const request = { id: 'req-1', log: { error() {}, warn() {} }, raw: { destroyed: false, complete: true } };

  replyWithFault('compute')(new Error('password is hunter2') as never, request as never, reply as never);

  assert.equal(sent.computeFault.code, 500);
  assert.match(sent.computeFault.message, /req-1/);
  assert.doesNotMatch(JSON.stringify(sent), /hunter2/);
});

test('a client that disconnects during a body is no internal error', () => {
  const logged: string[] = [];
  const reply = { code: () => reply, header: () => reply, send: () => reply };
  const log = { error: () => logged.push('error'), warn: () => logged.push('warn') };
  const request = { id: 'req-1', log, raw: { destroyed: true, complete: false } };

  replyWithFault('compute')(new Error('aborted') as never, request as never, reply as never);

  assert.deepEqual(logged, ['warn']);
});

test('ignores headers that name a user or roles', async () => {
  const headers = {
    ...anonymous,
    'x-identity-status': 'Confirmed',
    'x-user-id': 'admin',
    'x-roles': 'admin',
    'x-project-id': 'admin',
    'x-is-admin-project': 'True',
  };
  for (const url of ['/identity/v3/users', '/compute/v2.1/servers', '/baremetal/v1/nodes'])
    assert.equal((await fixture.ask({ url, headers })).status, 401, url);
});

test('rejects a number that would lose precision, in the format of each service', async () => {
  const url = '/network/v2.0/networks';
  for (const number of ['12345678901234567890', '1e400']) {
    const payload = `{"network": {"name": "n", "mtu": ${number}}}`;
    const reply = await fixture.ask({ method: 'POST', url, headers: { 'content-type': 'application/json' }, payload });
    assert.equal(reply.status, 400);
    assert.match(reply.body.NeutronError.message, new RegExp(`The number ${number} cannot be kept exactly`));
  }
  const node = `{"driver": "fake-hardware", "extra": {"serial": 12345678901234567890}}`;
  const headers = { 'content-type': 'application/json', 'x-openstack-ironic-api-version': '1.80' };
  const reply = await fixture.ask({ method: 'POST', url: '/baremetal/v1/nodes', headers, payload: node });
  assert.match(reply.body.error_message, /12345678901234567890 cannot be kept exactly/);
  assert.equal((await fixture.store.nodes.list()).length, 0);
});

test('a reply to a malformed URL has a request id', async () => {
  const { status, headers } = await fixture.ask({ url: '/compute/v2.1/servers/%ff' });

  assert.equal(status, 400);
  assert.match(String(headers['x-openstack-request-id']), /^req-/);
});

for (const [url, member] of [
  ['/compute/v2.1/servers/%ff', 'badRequest'],
  ['/compute/v3/servers', 'itemNotFound'],
  ['/network/%zz', 'NeutronError'],
  ['/network/v3/ports', 'NeutronError'],
  ['/baremetal/v1/nodes/%ff', 'error_message'],
  [`/baremetal/v1/nodes/${'n'.repeat(300)}`, 'error_message'],
  ['/image/v2/images/%zz', 'error'],
  ['/%zz', 'error'],
] as const) {
  test(`an error before routing has the format of its service: ${url.slice(0, 40)}`, async () => {
    const { status, body } = await fixture.ask({ url });

    assert.ok(status === 400 || status === 404 || status === 414, String(status));
    assert.deepEqual(Object.keys(body), [member]);
  });
}
