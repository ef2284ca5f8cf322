/** Lists of many large records do not block other requests while they are read and serialized. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { adminPassword, openLargeRecords } from '#test/large-records.ts';
import { jsonPieces } from './http/sliced-json.ts';

const count = 300;
const { fixture, serverIds } = await openLargeRecords({ servers: count, images: 30 });
after(() => fixture.close());
// The administrator logs in before the count starts.
await fixture.ask({ url: '/identity/v3' });

/** How many small sequential requests are answered before the list. */
async function answeredDuring(url: string): Promise<{ body: unknown; answered: number }> {
  let [isOver, answered] = [false, 0];
  const headers = { 'openstack-api-version': 'compute 2.90' };
  const list = fixture.ask({ url, headers }).finally(() => {
    isOver = true;
  });
  while (!isOver) {
    await fixture.app.inject({ url: '/identity/v3' });
    if (!isOver) answered += 1;
    await new Promise(setImmediate);
  }
  return { body: (await list).body, answered };
}

const lists: readonly (readonly [url: string, atLeast: number])[] = [
  ['/compute/v2.1/servers', count / 75],
  ['/compute/v2.1/servers?sort_key=name', count / 75],
  ['/compute/v2.1/servers?flavor=none', count / 40],
  ['/compute/v2.1/servers?ip=10.', count / 40],
  ['/compute/v2.1/servers/detail', count / 40],
  // Three batches: 8 images, then twice as many, then the rest.
  ['/image/v2/images?limit=1000&none=such', 2],
];
for (const [url, atLeast] of lists) {
  test(`serves other requests during GET ${url}`, async () => {
    const { answered } = await answeredDuring(url);

    assert.ok(answered >= atLeast, `${answered} of at least ${atLeast}`);
  });
}

test('a list read in parts is complete and in order', async () => {
  const ids = async (query: string) => {
    const { body } = await fixture.ask({ url: `/compute/v2.1/servers/detail${query}` });
    return (body.servers as { id: string }[]).map(({ id }) => id);
  };
  const newestFirst = serverIds.toReversed();

  assert.deepEqual(await ids(''), newestFirst);
  assert.deepEqual(await ids('?flavor=f1'), newestFirst);
  assert.deepEqual(
    await ids('?limit=120&name=name-3'),
    newestFirst.filter((_, index) => (count - 1 - index) % 7 === 3),
  );
  assert.deepEqual(await ids(`?limit=120&marker=${serverIds[200]}`), newestFirst.slice(100, 220));
});

test('a long reply has a content length, and a HEAD of it no body', async () => {
  const token = await fixture.logIn('admin', adminPassword);
  const request = { url: '/compute/v2.1/servers/detail', headers: { 'x-auth-token': token } };
  const whole = await fixture.app.inject(request);
  const head = await fixture.app.inject({ ...request, method: 'HEAD' });

  assert.equal(whole.headers['content-type'], 'application/json; charset=utf-8');
  assert.equal(Number(whole.headers['content-length']), whole.rawPayload.length);
  assert.deepEqual([head.statusCode, head.rawPayload.length], [200, 0]);
});

test('sliced JSON is valid', async () => {
  const items: unknown[] = [undefined, null, 'é\ud800"', { a: undefined, b: [1] }, () => 0, new Date(0)];
  const many = Array.from({ length: 200 }, (_, index) => items[index % items.length]);
  const answers = [
    { many },
    { none: undefined, many },
    { a: 1, many, b: { c: many }, d: [] },
    { many, more: many, f: () => 0 },
    {},
  ];

  for (const answer of answers) {
    const pieces = await Array.fromAsync(jsonPieces(answer));
    assert.equal(Buffer.concat(pieces).toString(), JSON.stringify(answer));
  }
});
