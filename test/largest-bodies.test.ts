/** Request bodies are bounded on every route: bytes, values, depth. `npm run bench -- bodies` measures the rest. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openFullApi } from './fuzz/api-requests.ts';
import { largestBodies } from './fuzz/largest-bodies.ts';

const api = await openFullApi();
after(() => api.fixture.close());

const largestLimit = 512 * 1024;
const large = new Map(largestBodies(api).map((each) => [`${each.method} ${each.route}`, each]));

/** @returns routes with a different response */
async function others(payload: Buffer, status: number): Promise<string[]> {
  const found: string[] = [];
  for (const [route, { method, url }] of large) {
    if (!takesJson(url)) continue;
    const type =
      method === 'PATCH' && url.startsWith('/image') ? 'application/openstack-images-v2.1-json-patch' : 'application/json';
    const ask = (version: string) =>
      api.fixture.ask({ method, url, payload, headers: { 'content-type': type, ...versionHeaders(version) } });
    // Some routes begin at a later microversion, others end at one.
    const [first, last] = [await ask(''), await ask('latest')];
    const reply = first.status === 404 ? last : first;
    if (reply.status !== status) found.push(`${route}: ${reply.status}`);
  }
  return found;
}

const versionHeaders = (version: string) => version && { 'openstack-api-version': `compute ${version}, baremetal ${version}` };

/** Image data is a stream. */
const takesJson = (url: string) => !url.endsWith('/file');

test('covers every route with a body, none of which reads more than 512 KiB', () => {
  const changing = api.routes.filter(({ method }) => !['GET', 'HEAD', 'OPTIONS'].includes(method));

  assert.ok(large.size > 90, `${large.size} routes`);
  assert.deepEqual(
    changing.filter(({ bodyLimit }) => bodyLimit > largestLimit || bodyLimit <= 0).map(({ url }) => url),
    [],
  );
});

test('every route rejects a body that is too large (413)', async () => {
  assert.deepEqual(await others(Buffer.from(`"${'x'.repeat(largestLimit)}"`), 413), []);
});

test('every route rejects a body with too many values before reading any (413)', async () => {
  assert.deepEqual(await others(Buffer.from(`[${'0,'.repeat(10_000)}0]`), 413), []);
  assert.deepEqual(await others(Buffer.from(`[${'{"a":[{}]},'.repeat(4_000)}0]`), 413), []);
});

test('every route rejects a body that is nested too deeply (400)', async () => {
  assert.deepEqual(await others(Buffer.from(`${'['.repeat(5_000)}${']'.repeat(5_000)}`), 400), []);
});

test('limits a filter of servers to 50 values, counting duplicates once', async () => {
  const query = (values: number[]) => values.map((value) => `name=n${value}`).join('&');
  const statusOf = async (text: string) => (await api.fixture.ask({ url: `/compute/v2.1/servers?${text}` })).status;

  const counted = Array.from({ length: 51 }, (_, at) => at);

  assert.equal(await statusOf(query(counted)), 400);
  assert.equal(await statusOf(query(counted.slice(1))), 200);
  assert.equal(await statusOf(query(Array(500).fill(1))), 200);
});

test('limits the growth of a node by patches, and of a flavor by extra specs', async () => {
  const patch = (op: string, path: string, value?: string) =>
    api.fixture.ask({ method: 'PATCH', url: '/baremetal/v1/nodes/n1', payload: [{ op, path, value }] });
  const text = 'x'.repeat(150_000);
  const extra_specs = Object.fromEntries(Array.from({ length: 129 }, (_, at) => [`k${at}`, 'v']));
  const payload = { extra_specs };

  const statuses = [
    (await patch('add', '/extra/a', text)).status,
    (await patch('add', '/extra/b', text)).status,
    (await patch('remove', '/extra/a')).status,
    (await api.fixture.ask({ method: 'POST', url: '/compute/v2.1/flavors/f1/os-extra_specs', payload })).status,
  ];

  assert.deepEqual(statuses, [200, 413, 200, 400]);
});
