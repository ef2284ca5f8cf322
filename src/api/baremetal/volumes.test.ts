import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const token = await fixture.logIn('admin', 'correct horse');
const nobody = '00000000-0000-4000-8000-000000000000';

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';
// biome-ignore lint/suspicious/noExplicitAny: replies of many shapes
type Answer = { status: number; body: any; headers: Record<string, unknown> };

async function ask(method: Method, url: string, body?: object, version = '1.109'): Promise<Answer> {
  const headers = { 'x-auth-token': token, 'x-openstack-ironic-api-version': version };
  return (await fixture.ask({ method, url: `/baremetal/v1${url}`, headers, ...(body && { payload: body }) })) as Answer;
}
const replace = (name: string, value: unknown) => [{ op: 'replace', path: `/${name}`, value }];
const messageOf = ({ body }: Answer): string => JSON.parse(body.error_message).faultstring;

async function make(path: string, fields: object): Promise<string> {
  const { status, body } = await ask('POST', path, fields);
  assert.equal(status, 201, JSON.stringify(body));
  return body.uuid;
}
/** A node whose power is known to be off. */
async function aNode(fields: object = {}): Promise<string> {
  const uuid = await make('/nodes', { driver: 'fake-hardware', ...fields });
  await fixture.store.nodes.update({ uuid }, { power_state: 'power off' });
  return uuid;
}

const kinds = [
  {
    noun: 'connector',
    fields: { type: 'iqn', connector_id: 'iqn.2026-01.com.example:n1' },
    change: { connector_id: 'iqn.2026-01.com.example:n2' },
    brief: ['connector_id', 'links', 'node_uuid', 'type', 'uuid'],
    lacks: 'connector_id',
    twin: /A volume connector with type iqn and connector ID iqn\.2026-01\.com\.example:n2 already exists/,
  },
  {
    noun: 'target',
    fields: { volume_type: 'iscsi', volume_id: 'volume-1', boot_index: 0, properties: { target_iqn: 'iqn.x' } },
    change: { boot_index: 1 },
    brief: ['boot_index', 'links', 'node_uuid', 'uuid', 'volume_id', 'volume_type'],
    lacks: 'boot_index',
    twin: /A volume target with boot index '1' for the same node already exists/,
  },
] as const;

for (const { noun, fields, change, brief, lacks, twin } of kinds) {
  const path = `/volume/${noun}s`;

  test(`a volume ${noun} is created, shown, changed and deleted, in the form that Ironic gives it`, async () => {
    const node_uuid = await aNode({ name: `with-${noun}` });
    const created = await ask('POST', path, { node_uuid, ...fields, extra: { a: 1 } });
    const { uuid, links, created_at, updated_at, ...rest } = created.body;
    const [name, value] = Object.entries(change)[0] ?? [];
    const changed = await ask('PATCH', `${path}/${uuid}`, replace(name ?? '', value));
    const shown = await ask('GET', `${path}/${uuid}`);
    const listed = await ask('GET', `${path}?node=with-${noun}`);
    const detailed = await ask('GET', `/nodes/with-${noun}/volume/${noun}s?detail=true`);
    const again = await ask('POST', path, { node_uuid, ...fields, ...change });
    const deleted = await ask('DELETE', `${path}/${uuid}`);
    const gone = await ask('GET', `${path}/${uuid}`);

    assert.match(String(created.headers['location']), new RegExp(`/baremetal/v1${path}/${uuid}$`));
    assert.deepEqual(rest, { node_uuid, ...fields, extra: { a: 1 } });
    assert.deepEqual([typeof created_at, updated_at], ['string', null]);
    const paths = links.map(({ href }: { href: string }) => new URL(href).pathname);
    assert.deepEqual(paths, [`/baremetal/v1${path}/${uuid}`, `/baremetal${path}/${uuid}`]);
    assert.deepEqual(changed.body, shown.body);
    assert.deepEqual({ ...rest, ...change }, Object.fromEntries(Object.keys(rest).map((key) => [key, shown.body[key]])));
    assert.deepEqual(Object.keys(listed.body[`${noun}s`][0]).sort(), brief);
    assert.deepEqual(detailed.body[`${noun}s`], [shown.body]);
    assert.equal(again.status, 409);
    assert.match(messageOf(again), twin);
    assert.deepEqual([deleted.status, gone.status], [204, 404]);
    assert.equal(messageOf(gone), `Volume ${noun} ${uuid} could not be found.`);
  });

  test(`requests for volume ${noun}s that mean nothing are refused as by Ironic`, async () => {
    const node_uuid = await aNode();
    const uuid = await make(path, { node_uuid, ...fields });
    const required = { node_uuid, ...fields } as Record<string, unknown>;
    const rows: readonly [Method, string, object | undefined, number, RegExp][] = [
      ['POST', path, { ...required, [lacks]: undefined }, 400, new RegExp(lacks)],
      ['POST', path, { ...required, color: 'red' }, 400, /'color' was unexpected/],
      ['POST', path, { ...required, node_uuid: nobody }, 400, /Node .* could not be found/],
      ['POST', path, { ...required, node_uuid: 'n1' }, 400, /Expected UUID for node_uuid/],
      ['POST', path, { ...required, uuid: 'x' }, 400, /Expected UUID/],
      ['POST', path, { ...required, extra: 'x' }, 400, /extra/],
      ['GET', `${path}/x`, undefined, 400, /Expected UUID/],
      ['GET', `${path}/${nobody}`, undefined, 404, /could not be found/],
      ['GET', `${path}/${uuid}?fields=color`, undefined, 400, /are not valid/],
      ['GET', `${path}?sort_key=extra`, undefined, 400, /invalid field for sorting/],
      ['GET', `${path}?marker=${nobody}`, undefined, 404, /could not be found/],
      ['GET', `${path}?detail=true&fields=uuid`, undefined, 400, /subset of fields/],
      ['GET', `/nodes/unknown/volume/${noun}s`, undefined, 404, /Node unknown could not be found/],
      ['PATCH', `${path}/${uuid}`, replace('uuid', nobody), 400, /Cannot patch \/uuid/],
      ['PATCH', `${path}/${uuid}`, replace('node_uuid', nobody), 400, /Node .* could not be found/],
      ['PATCH', `${path}/${uuid}`, [{ op: 'remove', path: `/${lacks}` }], 400, /Invalid value/],
      ['PATCH', `${path}/${nobody}`, [], 404, /could not be found/],
      ['DELETE', `${path}/${nobody}`, undefined, 404, /could not be found/],
    ];

    for (const [method, url, body, status, message] of rows) {
      const answer = await ask(method, url, body);
      assert.equal(answer.status, status, `${method} ${url}: ${JSON.stringify(answer.body)}`);
      assert.match(messageOf(answer), message);
    }
    assert.equal((await ask('DELETE', `${path}/${uuid}`)).status, 204);
  });

  test(`a volume ${noun} is changed while its node is off, and deleted with its node`, async () => {
    const node_uuid = await aNode();
    const uuid = await make(path, { node_uuid, ...fields });
    await fixture.store.nodes.update({ uuid: node_uuid }, { power_state: 'power on', provision_state: 'available' });
    const changed = await ask('PATCH', `${path}/${uuid}`, replace('extra', { a: 2 }));
    const deleted = await ask('DELETE', `${path}/${uuid}`);
    await fixture.store.nodes.update({ uuid: node_uuid }, { power_state: 'power off' });
    const later = await ask('PATCH', `${path}/${uuid}`, replace('extra', { a: 2 }));
    await fixture.engine.deleteNode(node_uuid);

    assert.deepEqual([changed.status, deleted.status, later.status], [400, 400, 200]);
    assert.match(messageOf(changed), new RegExp(`"volume ${noun} update" can not be performed .* in state "power on"`));
    assert.match(messageOf(deleted), new RegExp(`"volume ${noun} deletion" can not be performed`));
    assert.equal((await ask('GET', `${path}/${uuid}`)).status, 404);
  });
}

test('lists are sorted and read page by page', async () => {
  const node_uuid = await aNode();
  for (const id of ['c', 'a', 'b']) await make('/volume/connectors', { node_uuid, type: 'wwpn', connector_id: id });
  const listed = async (query: string) => (await ask('GET', `/nodes/${node_uuid}/volume/connectors${query}`)).body;
  const idsOf = ({ connectors }: { connectors: { connector_id: string }[] }) => connectors.map((each) => each.connector_id);

  const first = await listed('?sort_key=connector_id&limit=2');
  const second = await listed(new URL(first.next).search);

  assert.deepEqual([idsOf(first), idsOf(second), second.next], [['a', 'b'], ['c'], undefined]);
  assert.deepEqual(idsOf(await listed('?sort_key=connector_id&sort_dir=desc')), ['c', 'b', 'a']);
  assert.deepEqual(Object.keys((await listed('?fields=type')).connectors[0]).sort(), ['links', 'type']);
});

test('the secrets of a volume target are kept, but neither shown nor lost by a change of what is shown', async () => {
  const node_uuid = await aNode();
  const properties = { auth_username: 'me', auth_password: 's3cret-chap' };
  const made = await ask('POST', '/volume/targets', {
    ...{ node_uuid, volume_type: 'iscsi', volume_id: 'v', boot_index: 5, properties },
  });
  const { uuid } = made.body;
  const masked = { auth_username: 'me', auth_password: '******' };
  const changed = await ask('PATCH', `/volume/targets/${uuid}`, replace('properties', { ...masked, auth_username: 'you' }));

  assert.deepEqual([made.body.properties, changed.body.properties], [masked, { ...masked, auth_username: 'you' }]);
  const copy = [{ op: 'copy', from: '/properties/auth_password', path: '/extra/shown' }];
  assert.equal((await ask('PATCH', `/volume/targets/${uuid}`, copy)).status, 400);
  const stored = await fixture.store.volume_targets.find({ uuid });
  assert.deepEqual(stored?.properties, { auth_username: 'you', auth_password: 's3cret-chap' });
});

test('a locked node keeps its volume targets', async () => {
  const [node_uuid, other] = [await aNode(), await aNode()];
  const target = { node_uuid, volume_type: 'iscsi', volume_id: 'v', boot_index: 0 };
  const path = `/volume/targets/${await make('/volume/targets', target)}`;
  await make(`/nodes/${node_uuid}/locks`, { kind: 'all', reason: 'opened' });
  assert.equal((await ask('PATCH', path, replace('node_uuid', other))).status, 409);
});
