/** Owner and lessee of a node, as Ironic's own table of roles has it (test_rbac_project_scoped.yaml). */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { allocatePort } from '#engine/servers/addresses.ts';
import { nodeRequests, textOf } from '#test/node-requests.ts';
import { createPersonas, createProject, type Persona } from '#test/personas.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const { ask, enrol } = nodeRequests(fixture);
const own = await createProject(fixture, 'owner');
const other = await createProject(fixture, 'lessee');
const third = await createProject(fixture, 'third');
const personas = await createPersonas(fixture, { own, other, third });

/** The roles in Ironic's words. An administrator of any project administers Ingot (decision 0030): not in the table. */
const words = [
  ['owner reader', 'reader of the project'],
  ['owner member', 'member of the project'],
  ['owner manager', 'manager of the project'],
  ['lessee reader', 'reader of the other project'],
  ['lessee member', 'member of the other project'],
  ['lessee manager', 'manager of the other project'],
  ['third manager', 'manager of the third project'],
  ['system reader', 'reader of the system'],
  ['system member', 'member of the system'],
  ['system admin', 'admin of the system'],
] as const;
type Word = (typeof words)[number][0];
const personaOf = new Map<Word, Persona>(
  words.map(([word, name]) => [word, personas.find((persona) => persona.name === name) as Persona]),
);
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
const askAs = (word: Word, method: Method, path: string, payload?: object) =>
  fixture.ask({
    method,
    url: `/baremetal/v1/${path}`,
    headers: { ...personaOf.get(word)?.headers, 'x-openstack-ironic-api-version': '1.104' },
    ...(payload && { payload }),
  });

const systemOf = (least: 'reader' | 'member' | 'admin') =>
  (['reader', 'member', 'admin'] as const).slice(['reader', 'member', 'admin'].indexOf(least)).map((role) => `system ${role}`);
const ownerOf = (least: 'reader' | 'member' | 'manager') =>
  (['reader', 'member', 'manager'] as const).slice(['reader', 'member', 'manager'].indexOf(least)).map((role) => `owner ${role}`);
const lesseeOf = (least: 'reader' | 'member' | 'manager') => ownerOf(least).map((word) => word.replace('owner', 'lessee'));

const who: Readonly<Record<string, readonly string[]>> = {
  projectReader: [...systemOf('reader'), ...ownerOf('reader'), ...lesseeOf('reader')],
  ownerReader: [...systemOf('reader'), ...ownerOf('reader')],
  projectMember: [...systemOf('member'), ...ownerOf('member'), ...lesseeOf('member')],
  ownerMemberLesseeManager: [...systemOf('member'), ...ownerOf('member'), ...lesseeOf('manager')],
  ownerMember: [...systemOf('member'), ...ownerOf('member')],
  projectManager: [...systemOf('member'), ...ownerOf('manager'), ...lesseeOf('manager')],
  ownerManager: [...systemOf('member'), ...ownerOf('manager')],
  adminOwnerManager: [...systemOf('admin'), ...ownerOf('manager')],
  systemMember: systemOf('member'),
  systemAdmin: systemOf('admin'),
};

type Row = readonly [Method, path: string, mayDo: keyof typeof who, payload?: object];
const rows: readonly Row[] = [
  ['GET', 'nodes/{node}', 'projectReader'],
  ['GET', 'nodes/{node}/states', 'projectReader'],
  ['GET', 'nodes/{node}/traits', 'projectReader'],
  ['GET', 'nodes/{node}/vifs', 'projectReader'],
  ['GET', 'nodes/{node}/bios', 'projectReader'],
  ['GET', 'nodes/{node}/firmware', 'projectReader'],
  ['GET', 'nodes/{node}/management/indicators', 'projectReader'],
  ['GET', 'nodes/{node}/ports', 'projectReader'],
  ['GET', 'nodes/{node}/portgroups', 'projectReader'],
  ['GET', 'nodes/{node}/volume/connectors', 'projectReader'],
  ['GET', 'nodes/{node}/volume/targets', 'projectReader'],
  ['GET', 'nodes/{node}/locks', 'projectReader'],
  ['GET', 'ports/{port}', 'projectReader'],
  ['GET', 'portgroups/{portgroup}', 'projectReader'],
  ['GET', 'volume/connectors/{connector}', 'projectReader'],
  ['GET', 'volume/targets/{target}', 'projectReader'],
  ['GET', 'nodes/{node}/history', 'ownerReader'],
  ['GET', 'nodes/{node}/events', 'ownerReader'],
  ['GET', 'nodes/{node}/operations', 'ownerReader'],
  ['GET', 'nodes/{node}/validate', 'ownerMemberLesseeManager'],
  ['GET', 'nodes/{node}/states/console', 'ownerMember'],
  ['GET', 'nodes/{node}/management/boot_device', 'ownerManager'],
  ['GET', 'nodes/{node}/management/boot_device/supported', 'ownerManager'],
  ['GET', 'nodes/{node}/vendor_passthru/methods', 'systemAdmin'],
  ['PUT', 'nodes/{node}/states/power', 'projectMember', { target: 'power off' }],
  ['PUT', 'nodes/{node}/states/provision', 'ownerMemberLesseeManager', { target: 'manage' }],
  ['PUT', 'nodes/{node}/states/boot_mode', 'projectMember', { target: 'uefi' }],
  ['PUT', 'nodes/{node}/states/secure_boot', 'projectMember', { target: true }],
  ['PUT', 'nodes/{node}/states/console', 'ownerMember', { enabled: false }],
  ['PUT', 'nodes/{node}/maintenance', 'ownerMemberLesseeManager', {}],
  ['DELETE', 'nodes/{node}/maintenance', 'ownerMemberLesseeManager'],
  ['PUT', 'nodes/{node}/management/boot_device', 'ownerManager', { boot_device: 'pxe' }],
  ['PUT', 'nodes/{node}/management/inject_nmi', 'ownerManager', {}],
  ['PUT', 'nodes/{node}/traits', 'ownerManager', { traits: [] }],
  ['DELETE', 'nodes/{node}/traits', 'ownerManager'],
  ['POST', 'nodes/{node}/locks', 'ownerMemberLesseeManager', { kind: 'deploy', reason: 'a' }],
  ['POST', 'nodes/{node}/vendor_passthru?method=a', 'systemAdmin', {}],
  ['POST', 'ports', 'adminOwnerManager', { node_uuid: '{node}', address: '52:54:00:77:00:01' }],
  ['POST', 'portgroups', 'adminOwnerManager', { node_uuid: '{node}', name: 'taken' }],
  ['POST', 'volume/connectors', 'projectManager', { node_uuid: '{node}', type: 'iqn', connector_id: 'taken' }],
  ['PATCH', 'ports/{port}', 'ownerManager', [{ op: 'replace', path: '/extra', value: {} }]],
  ['PATCH', 'portgroups/{portgroup}', 'ownerManager', [{ op: 'replace', path: '/extra', value: {} }]],
  ['PATCH', 'volume/connectors/{connector}', 'ownerMemberLesseeManager', [{ op: 'replace', path: '/extra', value: {} }]],
];

const patch = (path: string, value: unknown) => [{ op: 'replace', path, value }];
/** By Ironic's `_validate_patch`: the field decides. */
const fields: readonly (readonly [path: string, value: unknown, mayDo: keyof typeof who])[] = [
  ['/extra', {}, 'projectMember'],
  ['/description', 'd', 'projectMember'],
  ['/instance_info', {}, 'ownerMemberLesseeManager'],
  ['/driver_info', {}, 'ownerMember'],
  ['/properties', {}, 'ownerMember'],
  ['/name', 'n', 'ownerMember'],
  ['/retired', false, 'ownerMember'],
  ['/lessee', other, 'ownerMember'],
  ['/driver', 'fake-hardware', 'ownerManager'],
  ['/boot_interface', 'fake', 'ownerManager'],
  ['/owner', own, 'systemMember'],
  ['/shard', 's', 'systemAdmin'],
  ['/maintenance', false, 'ownerMemberLesseeManager'],
  ['/automated_clean', false, 'systemAdmin'],
];
for (const [path, value, mayDo] of fields) (rows as Row[]).push(['PATCH', 'nodes/{node}', mayDo, patch(path, value)]);

const ids: Record<string, string> = {};

before(async () => {
  ids['node'] = (await enrol({ owner: own, lessee: other })).uuid;
  const make = async (path: string, payload: object) => {
    const reply = await ask('POST', `/baremetal/v1/${path}`, { node_uuid: ids['node'], ...payload });
    assert.equal(reply.status, 201, JSON.stringify(reply.body));
    return reply.body.uuid as string;
  };
  ids['port'] = await make('ports', { address: '52:54:00:77:00:01' });
  ids['portgroup'] = await make('portgroups', { name: 'taken' });
  ids['connector'] = await make('volume/connectors', { type: 'iqn', connector_id: 'taken' });
  ids['target'] = await make('volume/targets', { volume_type: 'iscsi', volume_id: '1', boot_index: 0 });
});

const filled = (text: string) => text.replace(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? '');
const isNamedByBody = (path: string) => !path.includes('{');

function expected(word: string, [, path, mayDo]: Row): number | 'allowed' {
  if (who[mayDo]?.includes(word)) return 'allowed';
  // Only administrators of the system have such a right: whoever asks is told so, whatever the node.
  if (mayDo === 'systemAdmin' && path.includes('vendor')) return 403;
  if (word !== 'third manager') return 403;
  return isNamedByBody(path) ? 400 : 404;
}

test('each role of owner, lessee, others and system may do what Ironic allows it', async () => {
  const wrong: string[] = [];
  for (const row of rows) {
    const [method, path, , payload] = row;
    for (const [word] of words) {
      const body = payload && JSON.parse(filled(JSON.stringify(payload)));
      const { status } = await askAs(word, method, filled(path), body);
      const wanted = expected(word, row);
      const isRight = wanted === 'allowed' ? status !== 403 && status !== 404 && status !== 401 : status === wanted;
      if (!isRight) wrong.push(`${word}: ${method} ${path} ${JSON.stringify(payload ?? '')} → ${status}, not ${wanted}`);
      await fixture.quiet();
    }
  }
  assert.deepEqual(wrong, []);
});

const listOf = async (word: Word, path: string) => {
  const { status, body } = await askAs(word, 'GET', path);
  return status === 200
    ? (Object.values(body as object).find(Array.isArray) as { uuid: string }[]).map(({ uuid }) => uuid)
    : status;
};

test('lists show what belongs to nodes that the project owns or leases', async () => {
  const { uuid: hidden } = await enrol({ owner: third });
  const { uuid: nobodys } = await enrol({});
  for (const [path, name] of [
    ['nodes', 'node'],
    ['nodes/detail', 'node'],
    ['nodes?fields=uuid', 'node'],
    ['ports', 'port'],
    ['ports/detail', 'port'],
    ['portgroups', 'portgroup'],
    ['volume/connectors', 'connector'],
    ['volume/targets', 'target'],
  ] as const) {
    for (const word of ['owner reader', 'lessee reader'] as const) assert.deepEqual(await listOf(word, path), [ids[name]], path);
    assert.deepEqual(await listOf('third manager', path), name === 'node' ? [hidden] : [], path);
    assert.ok(((await listOf('system reader', path)) as string[]).includes(ids[name] ?? ''), path);
  }
  assert.ok(!((await listOf('third manager', 'nodes')) as string[]).includes(nobodys));
  assert.equal(await listOf('third manager', `nodes?owner=${own}`), 403);
  assert.deepEqual(await listOf('third manager', `nodes?project=${own}`), []);
  assert.equal(await listOf('third manager', `ports?node=${ids['node']}`), 404);
  assert.equal(await listOf('third manager', `nodes?marker=${ids['node']}`), 404);
});

test('the children of a node are those that the caller may see', async () => {
  const parent = await enrol({ owner: own, lessee: other });
  const mine = await enrol({ owner: own, parent_node: parent.uuid });
  const leased = await enrol({ owner: third, lessee: other, parent_node: parent.uuid });
  const hidden = await enrol({ owner: third, parent_node: parent.uuid });

  const childrenFor = async (word: Word) => (await askAs(word, 'GET', `nodes/${parent.uuid}/children`)).body.children;

  assert.deepEqual(await childrenFor('owner reader'), [mine.uuid]);
  assert.deepEqual(await childrenFor('lessee reader'), [leased.uuid]);
  assert.equal(await childrenFor('third manager'), undefined);
  assert.deepEqual(await childrenFor('system reader'), [mine.uuid, leased.uuid, hidden.uuid]);
  for (const { uuid } of [mine, leased, hidden, parent]) await fixture.engine.deleteNode(uuid);
});

test('a step for child nodes needs the rights on each of them', async () => {
  const parent = await enrol({ owner: own });
  const mine = await enrol({ owner: own, parent_node: parent.uuid });
  const leased = await enrol({ owner: third, lessee: own, parent_node: parent.uuid });
  const hidden = await enrol({ owner: third, parent_node: parent.uuid });
  const nodes = [mine, leased, hidden, parent];
  for (const { uuid } of nodes) await fixture.store.nodes.update({ uuid }, { provision_state: 'manageable' });
  const clean = async (word: Word, ...limit: { uuid: string }[]) => {
    const limited = limit.length > 0 && { limit_child_node_execution: limit.map(({ uuid }) => uuid) };
    const step = { interface: 'power', step: 'power_on' };
    // A child is powered on after its parent, which its own step does before.
    const clean_steps = [step, { ...step, execute_on_child_nodes: true, ...limited }];
    const { status, body } = await askAs(word, 'PUT', `nodes/${parent.uuid}/states/provision`, { target: 'clean', clean_steps });
    await fixture.quiet();
    return status === 202 ? '202' : `${status} ${textOf(body)}`;
  };

  assert.match(await clean('owner manager'), /^403 The node has child nodes on which you may not execute steps/);
  assert.match(await clean('owner manager', mine, hidden), /^404 /);
  assert.match(await clean('owner manager', parent), /^404 /);
  assert.match(await clean('owner member', leased), /^403 .*set_provision_state/);
  assert.deepEqual(await powerOf(nodes), [null, null, null, null]);
  assert.equal(await clean('owner member', mine), '202');
  assert.deepEqual(await powerOf(nodes), ['power on', null, null, 'power on']);
  assert.equal(await clean('owner manager', leased), '202');
  assert.deepEqual(await powerOf(nodes), ['power on', 'power on', null, 'power on']);
  assert.equal(await clean('system admin'), '202');
  assert.deepEqual(await powerOf(nodes), ['power on', 'power on', 'power on', 'power on']);
  for (const { uuid } of nodes) await fixture.engine.deleteNode(uuid);
});

async function powerOf(nodes: readonly { uuid: string }[]): Promise<unknown[]> {
  return Promise.all(nodes.map(async ({ uuid }) => (await fixture.store.nodes.find({ uuid }))?.power_state));
}

test('a lessee does not see what tells about the site', async () => {
  await fixture.store.nodes.update({ uuid: ids['node'] as string }, { last_error: 'bmc7 is dead', driver_info: { a: 'b' } });
  const redacted = { content: '** Redacted - requires baremetal:node:get:driver_info permission. **' };
  for (const path of [`nodes/${ids['node']}`, 'nodes/detail']) {
    const shown = async (word: Word) => {
      const { body } = await askAs(word, 'GET', path);
      return body.nodes ? body.nodes[0] : body;
    };
    const lessees = await shown('lessee manager');
    assert.deepEqual(lessees.driver_info, redacted);
    assert.match(lessees.last_error, /^\*\* Value Redacted - Requires baremetal:node:get:last_error/);
    assert.match(lessees.reservation, /^\*\* Redacted/);
    assert.match(lessees.driver_internal_info.content, /^\*\* Redacted/);
    const owners = await shown('owner reader');
    assert.deepEqual([owners.driver_info, owners.last_error, owners.reservation], [{ a: 'b' }, 'bmc7 is dead', null]);
  }
  const states = await askAs('lessee reader', 'GET', `nodes/${ids['node']}/states`);
  assert.doesNotMatch(JSON.stringify(states.body), /bmc7/);
  await fixture.store.nodes.update({ uuid: ids['node'] as string }, { last_error: null, driver_info: {} });
});

test('only ports of the own project are attached, and nothing is moved to the node of another', async () => {
  const { uuid: hidden } = await enrol({ owner: third });
  const made = await fixture.ask({ method: 'POST', url: '/network/v2.0/networks', payload: { network: { name: 'n' } } });
  const network = (await fixture.store.networks.find({ id: made.body.network.id }))!;
  const [foreign, mine] = [
    await allocatePort(fixture.store, { network, project_id: third }),
    await allocatePort(fixture.store, { network, project_id: own }),
  ];
  const attach = (id: string) => askAs('owner member', 'POST', `nodes/${ids['node']}/vifs`, { id });
  const refused = await attach(foreign.id);
  assert.equal(refused.status, 400);
  assert.match(textOf(refused.body), /there is no network port with this id/);
  assert.equal((await attach(mine.id)).status, 204);
  const move = patch('/node_uuid', hidden);
  for (const path of [`ports/${ids['port']}`, `portgroups/${ids['portgroup']}`, `volume/connectors/${ids['connector']}`]) {
    const reply = await askAs('owner manager', 'PATCH', path, move);
    assert.match(`${reply.status} ${textOf(reply.body)}`, /^400 Node .* could not be found/, path);
    const copied = [
      { op: 'add', path: '/extra/a', value: hidden },
      { op: 'copy', from: '/extra/a', path: '/node_uuid' },
    ];
    assert.equal((await askAs('owner manager', 'PATCH', path, copied)).status, 400, path);
  }
});

test('an allocation of a project takes the nodes that it owns or leases', async () => {
  const { uuid } = await enrol({ owner: third, lessee: other, resource_class: 'leased' });
  await fixture.store.nodes.update({ uuid }, { provision_state: 'available', power_state: 'power off' });
  const allocate = async (word: Word) => {
    const { body } = await askAs(word, 'POST', 'allocations', { resource_class: 'leased' });
    return (await askAs(word, 'GET', `allocations/${body.uuid}`)).body;
  };
  assert.equal((await allocate('lessee member')).node_uuid, uuid);
  assert.equal((await allocate('owner member')).state, 'error');
});

test('a node and a lock that one may see of another are deleted by administrators only', async () => {
  const lock = await askAs('owner member', 'POST', `nodes/${ids['node']}/locks`, { kind: 'deploy', reason: 'mine' });
  const path = `nodes/${ids['node']}/locks/${lock.body.id}`;
  assert.equal((await askAs('lessee manager', 'DELETE', path)).status, 403);
  assert.equal((await askAs('third manager', 'DELETE', path)).status, 404);
  const unseen = await askAs('third manager', 'GET', `nodes/${ids['node']}`);
  assert.equal(textOf(unseen.body), `Node ${ids['node']} could not be found.`);
  assert.equal((await askAs('owner manager', 'DELETE', `nodes/${ids['node']}`)).status, 403);
  assert.equal((await askAs('owner member', 'DELETE', path)).status, 204);
  assert.equal((await askAs('owner manager', 'POST', 'nodes', { driver: 'fake-hardware' })).status, 403);
});

test('who may end a lease deletes the locks of the lessee, and no others', async () => {
  const { uuid } = await enrol({ owner: own, lessee: other });
  const lock = async (word: Word) => {
    const { status, body } = await askAs(word, 'POST', `nodes/${uuid}/locks`, { kind: 'all', reason: 'mine' });
    assert.equal(status, 201);
    return `nodes/${uuid}/locks/${body.id}`;
  };
  const [ofLessee, ofSystem, ofOwner] = [await lock('lessee manager'), await lock('system admin'), await lock('owner manager')];
  assert.equal((await askAs('owner member', 'DELETE', ofSystem)).status, 403);
  assert.equal((await askAs('lessee manager', 'DELETE', ofOwner)).status, 403);
  assert.equal((await askAs('owner reader', 'DELETE', ofLessee)).status, 403);
  assert.equal((await askAs('owner member', 'DELETE', ofLessee)).status, 204);
});
