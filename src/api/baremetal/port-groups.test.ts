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

let count = 0;
async function make(path: string, fields: object): Promise<string> {
  const { status, body } = await ask('POST', path, fields);
  assert.equal(status, 201, JSON.stringify(body));
  return body.uuid;
}
const aNode = (fields: object = {}) => make('/nodes', { driver: 'fake-hardware', ...fields });
const aGroup = (node_uuid: string, fields: object = {}) => make('/portgroups', { node_uuid, ...fields });
function aPort(node_uuid: string, fields: object = {}): Promise<string> {
  count += 1;
  return make('/ports', { node_uuid, address: `52:54:00:00:03:${String(count).padStart(2, '0')}`, ...fields });
}
const replace = (name: string, value: unknown) => [{ op: 'replace', path: `/${name}`, value }];
const messageOf = ({ body }: Answer): string => JSON.parse(body.error_message).faultstring;

test('creates, shows, changes and deletes a port group as Ironic does', async () => {
  const node_uuid = await aNode();
  const fields = { node_uuid, name: 'bond0', address: '52-54-00-00-02-AA', mode: '802.3ad', properties: { miimon: 100 } };
  const created = await ask('POST', '/portgroups', { ...fields, extra: { a: 1 }, category: 'fast', physical_network: 'east' });
  const uuid = created.body.uuid;
  const patch = [...replace('mode', 'active-backup'), { op: 'add', path: '/properties/updelay', value: 5 }];
  const changed = await ask('PATCH', '/portgroups/bond0', patch);
  const shown = await ask('GET', `/portgroups/${uuid}`);
  const deleted = await ask('DELETE', '/portgroups/bond0');
  const gone = await ask('GET', `/portgroups/${uuid}`);

  assert.match(String(created.headers['location']), new RegExp(`/baremetal/v1/portgroups/${uuid}$`));
  const { links, ports, created_at, updated_at, ...rest } = created.body;
  assert.deepEqual(rest, {
    ...{ uuid, node_uuid, name: 'bond0', address: '52:54:00:00:02:aa', mode: '802.3ad', properties: { miimon: 100 } },
    ...{ extra: { a: 1 }, category: 'fast', physical_network: 'east', standalone_ports_supported: true, internal_info: {} },
  });
  assert.deepEqual([typeof created_at, updated_at], ['string', null]);
  const pathsOf = (list: { href: string }[]) => list.map(({ href }) => new URL(href).pathname);
  assert.deepEqual(pathsOf(links), [`/baremetal/v1/portgroups/${uuid}`, `/baremetal/portgroups/${uuid}`]);
  assert.deepEqual(pathsOf(ports), [`/baremetal/v1/portgroups/${uuid}/ports`, `/baremetal/portgroups/${uuid}/ports`]);
  assert.deepEqual(changed.body, shown.body);
  assert.deepEqual([shown.body.mode, shown.body.properties], ['active-backup', { miimon: 100, updelay: 5 }]);
  assert.deepEqual([deleted.status, gone.status, messageOf(gone)], [204, 404, `Portgroup ${uuid} could not be found.`]);
});

test('shows and accepts the fields of the microversion', async () => {
  const node_uuid = await aNode();
  const uuid = await aGroup(node_uuid);
  const later = ['mode', 'properties', 'physical_network', 'category'];
  const shownAt = async (version: string) => {
    const { body } = await ask('GET', `/portgroups/${uuid}`, undefined, version);
    return later.filter((name) => name in body);
  };

  assert.deepEqual(await shownAt('1.25'), []);
  assert.deepEqual(await shownAt('1.26'), later.slice(0, 2));
  assert.deepEqual(await shownAt('1.102'), later.slice(0, 3));
  assert.deepEqual(await shownAt('1.103'), later);
  const statuses = [
    await ask('GET', `/portgroups/${uuid}?fields=mode`, undefined, '1.25'),
    await ask('GET', '/portgroups?sort_key=mode', undefined, '1.25'),
    await ask('POST', '/portgroups', { node_uuid, category: 'x' }, '1.102'),
    await ask('PATCH', `/portgroups/${uuid}`, replace('physical_network', 'x'), '1.101'),
    await ask('GET', '/portgroups?shard=a', undefined, '1.105'),
    await ask('GET', '/portgroups?conductor_groups=a', undefined, '1.98'),
  ].map(({ status }) => status);
  assert.deepEqual(new Set(statuses), new Set([406]));
});

test('lists port groups with the default, requested or all fields, filtered, sorted and page by page', async () => {
  const node_uuid = await aNode({ name: 'grouped', shard: 'one' });
  for (const name of ['c', 'a', 'b']) await aGroup(node_uuid, { name, ...(name === 'a' && { address: '52:54:00:00:02:01' }) });
  const namesOf = async (query: string) => {
    const { status, body } = await ask('GET', query);
    assert.equal(status, 200, JSON.stringify(body));
    return body.portgroups.map(({ name }: { name: string }) => name);
  };
  const listed = async (query: string) => (await ask('GET', query)).body;

  const brief = await listed('/portgroups?node=grouped');
  assert.deepEqual(Object.keys(brief.portgroups[0]).sort(), ['address', 'links', 'name', 'uuid']);
  const detailed = await listed('/nodes/grouped/portgroups/detail');
  assert.ok(detailed.portgroups.every((group: object) => 'properties' in group));
  assert.deepEqual(Object.keys((await listed('/nodes/grouped/portgroups?fields=mode')).portgroups[0]).sort(), ['links', 'mode']);
  assert.deepEqual((await namesOf('/portgroups?node=grouped')).sort(), ['a', 'b', 'c']);
  assert.deepEqual(await namesOf('/nodes/grouped/portgroups?sort_key=name&sort_dir=desc'), ['c', 'b', 'a']);
  assert.deepEqual(await namesOf('/portgroups?address=52:54:00:00:02:01'), ['a']);
  assert.deepEqual((await namesOf('/portgroups?shard=one,two')).sort(), ['a', 'b', 'c']);
  assert.deepEqual(await namesOf('/portgroups?shard=two'), []);
  assert.deepEqual(await namesOf('/portgroups?conductor_groups=x'), []);
  const first = await listed('/portgroups?node=grouped&sort_key=name&limit=2');
  assert.deepEqual(await namesOf(first.next.slice(first.next.indexOf('/portgroups'))), ['c']);
});

test('rejects invalid requests as Ironic does', async () => {
  const node_uuid = await aNode();
  const uuid = await aGroup(node_uuid, { name: 'known' });
  const rows: readonly [Method, string, object | undefined, number, RegExp][] = [
    ['POST', '/portgroups', {}, 400, /node_uuid/],
    ['POST', '/portgroups', { node_uuid: nobody }, 400, /Node .* could not be found/],
    ['POST', '/portgroups', { node_uuid, color: 'red' }, 400, /'color' was unexpected/],
    ['POST', '/portgroups', { node_uuid, address: 'x' }, 400, /MAC address/],
    ['POST', '/portgroups', { node_uuid, uuid: 'x' }, 400, /Expected UUID/],
    ['POST', '/portgroups', { node_uuid, name: 'a b' }, 400, /name/],
    ['POST', '/portgroups', { node_uuid, name: nobody }, 400, /invalid name/],
    ['POST', '/portgroups', { node_uuid, category: 'x'.repeat(81) }, 400, /category/],
    ['POST', '/portgroups', { node_uuid, standalone_ports_supported: 'perhaps' }, 400, /Unrecognized value/],
    ['POST', '/portgroups', { node_uuid, name: 'known' }, 409, /A portgroup with name known already exists/],
    ['POST', '/portgroups', { node_uuid, uuid }, 409, /A portgroup with UUID .* already exists/],
    ['PATCH', `/portgroups/${uuid}`, replace('uuid', nobody), 400, /Cannot patch \/uuid/],
    ['PATCH', `/portgroups/${uuid}`, replace('internal_info', {}), 400, /Cannot patch \/internal_info/],
    ['PATCH', `/portgroups/${uuid}`, [{ op: 'remove', path: '/mode' }], 400, /'mode' is a mandatory attribute/],
    ['PATCH', `/portgroups/${uuid}`, replace('node_uuid', nobody), 400, /Node .* could not be found/],
    ['PATCH', `/portgroups/${nobody}`, [], 404, /Portgroup .* could not be found/],
    ['DELETE', '/portgroups/unknown', undefined, 404, /Portgroup unknown could not be found/],
    ['GET', `/portgroups/${nobody}/ports`, undefined, 404, /Portgroup .* could not be found/],
    ['GET', '/nodes/unknown/portgroups', undefined, 404, /Node unknown could not be found/],
    ['GET', `/portgroups?marker=${nobody}`, undefined, 404, /Portgroup .* could not be found/],
    ['GET', '/portgroups?sort_key=properties', undefined, 400, /invalid field for sorting/],
    ['GET', '/portgroups?node=known&address=52:54:00:00:02:01', undefined, 400, /simultaneously is not supported/],
    ['GET', '/portgroups?detail=true&fields=uuid', undefined, 400, /subset of fields/],
    ['GET', `/portgroups/${uuid}?fields=color`, undefined, 400, /are not valid/],
  ];

  for (const [method, url, body, status, message] of rows) {
    const answer = await ask(method, url, body);
    assert.equal(answer.status, status, `${method} ${url}: ${JSON.stringify(answer.body)}`);
    assert.match(messageOf(answer), message);
  }
});

test('a port joins and leaves a port group of its node, which is deleted only when empty', async () => {
  const node_uuid = await aNode();
  const group = await aGroup(node_uuid, { name: 'joined' });
  const foreign = await aGroup(await aNode());
  const port = await aPort(node_uuid, { portgroup_uuid: group });
  const single = await aPort(node_uuid);
  const uuidsOf = async (url: string) => (await ask('GET', url)).body.ports.map(({ uuid }: { uuid: string }) => uuid);

  assert.deepEqual(await uuidsOf('/portgroups/joined/ports'), [port]);
  assert.deepEqual(await uuidsOf(`/ports?portgroup=${group}`), [port]);
  assert.equal((await ask('GET', '/portgroups/joined/ports/detail')).body.ports[0].portgroup_uuid, group);
  assert.equal('portgroup_uuid' in (await ask('GET', `/ports/${port}`, undefined, '1.23')).body, false);
  const moved = await ask('PATCH', `/ports/${single}`, replace('portgroup_uuid', group));
  assert.equal(moved.body.portgroup_uuid, group);
  const refusals: readonly [Answer, number, RegExp][] = [
    [await ask('PATCH', `/ports/${single}`, replace('portgroup_uuid', foreign)), 400, /belonging to a different node/],
    [await ask('PATCH', `/ports/${single}`, replace('portgroup_uuid', nobody)), 400, /Portgroup .* could not be found/],
    [await ask('PATCH', `/portgroups/${group}`, replace('node_uuid', await aNode())), 400, /there are ports associated/],
    [await ask('DELETE', `/portgroups/${group}`), 400, /portgroup .* contains ports/],
  ];
  for (const [answer, status, message] of refusals) {
    assert.equal(answer.status, status, JSON.stringify(answer.body));
    assert.match(messageOf(answer), message);
  }

  for (const each of [port, single]) {
    const left = await ask('PATCH', `/ports/${each}`, [{ op: 'remove', path: '/portgroup_uuid' }]);
    assert.equal(left.body.portgroup_uuid, null);
  }
  assert.equal((await ask('DELETE', `/portgroups/${group}`)).status, 204);
});

test('a port group without standalone ports has no PXE port', async () => {
  const node_uuid = await aNode();
  const group = await aGroup(node_uuid, { standalone_ports_supported: 'false' });
  const create = (fields: object) =>
    ask('POST', '/ports', { node_uuid, portgroup_uuid: group, address: '52:54:00:00:04:01', ...fields });

  const refused = await create({ pxe_enabled: true });
  const quiet = await create({ pxe_enabled: false });
  const boots = await ask('PATCH', `/ports/${quiet.body.uuid}`, replace('pxe_enabled', true));
  assert.deepEqual([refused.status, quiet.status, boots.status], [409, 201, 409]);
  assert.match(messageOf(boots), /doesn't support standalone ports/);

  assert.equal((await ask('PATCH', `/portgroups/${group}`, replace('standalone_ports_supported', true))).status, 200);
  assert.equal((await ask('PATCH', `/ports/${quiet.body.uuid}`, replace('pxe_enabled', true))).status, 200);
  const back = await ask('PATCH', `/portgroups/${group}`, replace('standalone_ports_supported', false));
  assert.equal(back.status, 409);
  assert.match(messageOf(back), /can not be set to False/);
});

test('the ports of a port group share its physical network', async () => {
  const node_uuid = await aNode();
  const group = await aGroup(node_uuid, { physical_network: 'east' });
  const address = '52:54:00:00:05:01';
  const other = await ask('POST', '/ports', { node_uuid, address, portgroup_uuid: group, physical_network: 'west' });
  const port = await aPort(node_uuid, { portgroup_uuid: group, physical_network: 'east' });
  const alone = await ask('PATCH', `/ports/${port}`, replace('physical_network', 'west'));
  const before = await ask('PATCH', `/ports/${port}`, replace('physical_network', 'east'), '1.101');
  await ask('PATCH', `/portgroups/${group}`, replace('physical_network', 'west'));

  assert.deepEqual([other.status, alone.status, before.status], [409, 400, 200]);
  assert.match(messageOf(other), /cannot become a member of port group/);
  assert.match(messageOf(alone), /cannot be changed while the port belongs to a portgroup/);
  assert.equal((await ask('GET', `/ports/${port}`)).body.physical_network, 'west');
});

test('port groups of an available node change only in maintenance, and are deleted with the node', async () => {
  const { uuid: node_uuid } = await fixture.engine.createNode({ driver: 'fake-hardware', provision_state: 'available' });
  const group = await aGroup(node_uuid);
  const port = await aPort(node_uuid);
  const join = () => ask('PATCH', `/ports/${port}`, replace('portgroup_uuid', group));

  const refused = await join();
  await fixture.engine.setMaintenance(node_uuid, true);
  const joined = await join();
  await fixture.engine.deleteNode(node_uuid);

  assert.deepEqual([refused.status, joined.status], [409, 200]);
  assert.match(messageOf(refused), /in maintenance mode/);
  assert.equal((await ask('GET', `/portgroups/${group}`)).status, 404);
});
