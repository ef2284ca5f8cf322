import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const token = await fixture.logIn('admin', 'correct horse');
const nobody = '00000000-0000-4000-8000-000000000000';

type Answer = { status: number; body: Record<string, unknown>; headers: Record<string, unknown> };

async function ask(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, body?: object): Promise<Answer> {
  const headers = { 'x-auth-token': token, 'x-openstack-ironic-api-version': '1.109' };
  return (await fixture.ask({ method, url: `/baremetal/v1${url}`, headers, ...(body && { payload: body }) })) as Answer;
}

async function aChassis(fields: object = {}): Promise<string> {
  const { status, body } = await ask('POST', '/chassis', fields);
  assert.equal(status, 201, JSON.stringify(body));
  return body['uuid'] as string;
}

test('creates, shows, changes and deletes a chassis as Ironic does', async () => {
  const created = await ask('POST', '/chassis', { description: 'row 4', extra: { rack: 'r1' } });
  const uuid = created.body['uuid'] as string;
  const patch = [
    { op: 'replace', path: '/description', value: 'row 5' },
    { op: 'add', path: '/extra/unit', value: 7 },
  ];
  const changed = await ask('PATCH', `/chassis/${uuid}`, patch);
  const shown = await ask('GET', `/chassis/${uuid}`);
  const deleted = await ask('DELETE', `/chassis/${uuid}`);
  const gone = await ask('GET', `/chassis/${uuid}`);

  assert.equal(created.status, 201);
  assert.match(String(created.headers['location']), new RegExp(`/baremetal/v1/chassis/${uuid}$`));
  assert.deepEqual(Object.keys(created.body).sort(), [
    'created_at',
    'description',
    'extra',
    'links',
    'nodes',
    'updated_at',
    'uuid',
  ]);
  assert.equal(created.body['updated_at'], null);
  assert.match(
    JSON.stringify(created.body['nodes']),
    new RegExp(`^\\[\\[{"href":"[^"]*/v1/chassis/${uuid}/nodes","rel":"self"}`),
  );
  assert.deepEqual(changed.body, shown.body);
  assert.deepEqual([shown.body['description'], shown.body['extra']], ['row 5', { rack: 'r1', unit: 7 }]);
  assert.deepEqual([deleted.status, gone.status], [204, 404]);
});

test('lists chassis with the default, requested or all fields, page by page', async () => {
  // Those of one millisecond are listed by UUID.
  const uuids = [1, 2, 3].map((last) => `00000000-0000-4000-8000-00000000000${last}`);
  for (const [index, description] of ['c', 'a', 'b'].entries()) await aChassis({ uuid: uuids[index], description });
  const listed = async (query: string) =>
    (await ask('GET', `/chassis${query}`)).body as unknown as { chassis: { uuid: string }[]; next?: string };

  const brief = await listed('');
  const named = await listed('?fields=extra');
  const detailed = await listed('/detail');
  const sorted = await listed('?sort_key=description&sort_dir=desc');
  const first = await listed('?limit=2');
  const second = await listed(`?limit=2&marker=${uuids[1]}`);

  assert.deepEqual(
    brief.chassis.map(({ uuid }) => uuid),
    uuids,
  );
  assert.deepEqual(Object.keys(brief.chassis[0] ?? {}), ['uuid', 'description', 'links']);
  assert.deepEqual(Object.keys(named.chassis[0] ?? {}), ['extra', 'links']);
  assert.ok('nodes' in (detailed.chassis[0] ?? {}));
  assert.deepEqual(
    sorted.chassis.map(({ uuid }) => uuid),
    [uuids[0], uuids[2], uuids[1]],
  );
  assert.match(String(first.next), new RegExp(`marker=${uuids[1]}`));
  assert.deepEqual([second.chassis.map(({ uuid }) => uuid), second.next], [[uuids[2]], undefined]);
  for (const uuid of uuids) await ask('DELETE', `/chassis/${uuid}`);
});

test('lists the nodes of a chassis, which prevent its deletion', async () => {
  const chassis = await aChassis();
  const inside = (await ask('POST', '/nodes', { driver: 'fake-hardware', name: 'inside', chassis_uuid: chassis })).body;
  const moved = (await ask('POST', '/nodes', { driver: 'fake-hardware', name: 'moved' })).body;
  const patch = (op: string, value?: string) =>
    ask('PATCH', '/nodes/moved', [{ op, path: '/chassis_uuid', ...(value && { value }) }]);
  const names = async (url: string) => ((await ask('GET', url)).body['nodes'] as { name: string }[]).map(({ name }) => name);

  assert.deepEqual([inside['chassis_uuid'], moved['chassis_uuid']], [chassis, null]);
  assert.equal((await patch('add', chassis)).body['chassis_uuid'], chassis);
  assert.deepEqual(await names(`/chassis/${chassis}/nodes`), ['inside', 'moved']);
  assert.deepEqual(await names(`/nodes?chassis_uuid=${chassis}`), ['inside', 'moved']);
  const { body } = await ask('GET', `/chassis/${chassis}/nodes/detail`);
  assert.equal((body['nodes'] as { chassis_uuid: string }[])[0]?.chassis_uuid, chassis);

  const refused = await ask('DELETE', `/chassis/${chassis}`);
  assert.equal(refused.status, 400);
  assert.match(JSON.stringify(refused.body), /chassis .* contains nodes/);
  assert.equal((await patch('remove')).body['chassis_uuid'], null);
  await ask('DELETE', '/nodes/inside');
  assert.equal((await ask('DELETE', `/chassis/${chassis}`)).status, 204);
  assert.equal((await patch('add', nobody)).status, 400);
});

const refusals: readonly [
  what: string,
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  url: string,
  body: object | undefined,
  status: number,
][] = [
  ['a UUID that is none', 'POST', '/chassis', { uuid: 'x' }, 400],
  ['an unknown field', 'POST', '/chassis', { name: 'x' }, 400],
  ['too long a description', 'POST', '/chassis', { description: 'x'.repeat(256) }, 400],
  ['no UUID in the path', 'GET', '/chassis/x', undefined, 400],
  ['an unknown chassis', 'PATCH', `/chassis/${nobody}`, [], 404],
  ['the nodes of an unknown chassis', 'GET', `/chassis/${nobody}/nodes`, undefined, 404],
  ['an unknown marker', 'GET', `/chassis?marker=${nobody}`, undefined, 404],
  ['an unknown sort key', 'GET', '/chassis?sort_key=extra', undefined, 400],
  ['fields of the detailed list', 'GET', '/chassis/detail?fields=uuid', undefined, 400],
];

for (const [what, method, url, body, status] of refusals) {
  test(`${what} is rejected: ${method} ${url.slice(0, 20)}`, async () => {
    assert.equal((await ask(method, url, body)).status, status);
  });
}

test('rejects patches of the UUID and of field types', async () => {
  const uuid = await aChassis();
  const patches = [
    [{ op: 'replace', path: '/uuid', value: nobody }],
    [{ op: 'replace', path: '/description', value: 7 }],
    [{ op: 'replace', path: '/extra', value: 'x' }],
  ];

  const statuses = [];
  for (const patch of patches) statuses.push((await ask('PATCH', `/chassis/${uuid}`, patch)).status);

  assert.deepEqual(statuses, [400, 400, 400]);
});
