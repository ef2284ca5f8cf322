import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import { aFlavor, anImage } from '#test/a-task.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const base = '/compute/v2.1';
await fixture.store.flavors.insert(aFlavor());
const image = await fixture.store.images.insert(anImage());
const properties = { cpus: 4, memory_mb: 4096, local_gb: 20 };
for (const _ of [1, 2]) await fixture.engine.createNode({ driver: 'fake-hardware', provision_state: 'available', properties });
const project = await makeProject('tenants');
const member = { 'x-auth-token': await tokenOf('tenant', 'member') };
const reader = { 'x-auth-token': await tokenOf('auditor', 'reader') };

async function makeProject(name: string): Promise<string> {
  const { body } = await fixture.ask({ method: 'POST', url: '/identity/v3/projects', payload: { project: { name } } });
  return body.project.id;
}

async function tokenOf(name: string, role: string): Promise<string> {
  const user = { name, password: 'a long password', default_project_id: project };
  const made = await fixture.ask({ method: 'POST', url: '/identity/v3/users', payload: { user } });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const url = `/identity/v3/projects/${project}/users/${made.body.user.id}/roles/${role}`;
  assert.equal((await fixture.ask({ method: 'PUT', url })).status, 204);
  return fixture.logIn(name, 'a long password', 'tenants');
}

async function create(headers?: Record<string, string>, flavorRef = 'f1'): Promise<string> {
  const server = { name: 'web', imageRef: image.id, flavorRef };
  const { body, status } = await fixture.ask({
    method: 'POST',
    url: `${base}/servers`,
    ...(headers && { headers }),
    payload: { server },
  });
  assert.equal(status, 202, JSON.stringify(body));
  await fixture.quiet();
  return body.server.id;
}

const adminServer = await create();
const memberServer = await create(member);

test('a member sees only the servers of the own project; an administrator sees one project by default', async () => {
  const ids = async (query: string, headers?: Record<string, string>) => {
    const { body } = await fixture.ask({ url: `${base}/servers${query}`, ...(headers && { headers }) });
    return body.servers?.map(({ id }: { id: string }) => id).sort();
  };

  assert.deepEqual(await ids('', member), [memberServer]);
  assert.deepEqual(await ids(''), [adminServer]);
  assert.deepEqual(await ids('?all_tenants=1'), [adminServer, memberServer].sort());
  assert.equal((await fixture.ask({ url: `${base}/servers?all_tenants=1`, headers: member })).status, 403);
});

test('replies 404 to a member for a server of another project', async () => {
  for (const path of ['', '/metadata', '/ips', '/os-interface', '/os-instance-actions', '/os-ingot-events']) {
    assert.equal((await fixture.ask({ url: `${base}/servers/${adminServer}${path}`, headers: member })).status, 404, path);
  }
  assert.equal((await fixture.ask({ method: 'DELETE', url: `${base}/servers/${adminServer}`, headers: member })).status, 404);
});

test('a reader sees the resources of the project and cannot change them', async () => {
  const url = `${base}/servers/${memberServer}`;
  assert.equal((await fixture.ask({ url, headers: reader })).status, 200);
  assert.equal((await fixture.ask({ method: 'DELETE', url, headers: reader })).status, 403);
  const makers = [`${base}/servers`, `${base}/os-keypairs`, '/network/v2.0/networks', '/image/v2/images'];
  for (const made of makers) {
    assert.equal((await fixture.ask({ method: 'POST', url: made, headers: reader, payload: {} })).status, 403, made);
  }
});

test('rejects an image that the member cannot see for a server or its kernel', async () => {
  const foreign = { owner: 'another', visibility: 'shared' as const };
  const hidden = await fixture.store.images.insert({ ...anImage(), ...foreign, id: 'hidden' });
  const properties = { kernel_id: hidden.id };
  const own = await fixture.store.images.insert({ ...anImage(), id: 'own', owner: project, visibility: 'private', properties });
  for (const imageRef of [hidden.id, own.id]) {
    const payload = { server: { name: 'web', imageRef, flavorRef: 'f1' } };
    const made = await fixture.ask({ method: 'POST', url: `${base}/servers`, headers: member, payload });
    assert.equal(made.status, 400, imageRef);
    assert.match(made.body.badRequest.message, /Can not find requested image hidden/);
  }
});

test('hides the host of a server from members', async () => {
  const { server } = (await fixture.ask({ url: `${base}/servers/${memberServer}`, headers: member })).body;

  assert.equal(
    Object.keys(server).some((key) => key.startsWith('OS-EXT-SRV-ATTR:')),
    false,
  );
  assert.match(server.hostId, /^[0-9a-f]{56}$/);
});

test('rejects actions on a locked server', async () => {
  await fixture.ask({ method: 'POST', url: `${base}/servers/${memberServer}/action`, headers: member, payload: { lock: null } });

  const stop = await fixture.ask({
    method: 'POST',
    url: `${base}/servers/${memberServer}/action`,
    headers: member,
    payload: { 'os-stop': null },
  });

  assert.equal(stop.status, 409);
  assert.match(stop.body.conflictingRequest.message, /is locked/);
});

test('what an administrator has locked, the project does not unlock; the other way round it may be', async () => {
  const url = `${base}/servers/${memberServer}/action`;
  const act = async (payload: object, headers?: Record<string, string>) =>
    (await fixture.ask({ method: 'POST', url, payload, headers: { 'x-openstack-nova-api-version': '2.73', ...headers } })).status;
  const shown = async () => (await fixture.ask({ url: url.replace('/action', ''), headers: { ...member, ...at } })).body.server;
  const at = { 'x-openstack-nova-api-version': '2.73' };
  assert.equal(await act({ unlock: null }), 202);
  assert.equal(await act({ lock: { locked_reason: 'under inquiry' } }), 202);
  assert.deepEqual([(await shown()).locked, (await shown()).locked_reason], [true, 'under inquiry']);

  // A second lock, by its owner, changes nothing.
  assert.equal(await act({ lock: null }, member), 202);
  assert.equal(await act({ unlock: null }, member), 403);
  assert.deepEqual([(await shown()).locked, (await shown()).locked_reason], [true, 'under inquiry']);

  assert.equal(await act({ unlock: null }), 202);
  assert.deepEqual([(await shown()).locked, (await shown()).locked_reason], [false, null]);
  assert.equal(await act({ lock: null }, member), 202);
  assert.equal(await act({ unlock: null }, member), 202);
});

const adminOnly = [
  ['GET', '/compute/v2.1/os-hypervisors/detail'],
  ['GET', '/compute/v2.1/os-services'],
  ['GET', '/compute/v2.1/os-availability-zone/detail'],
  ['GET', '/compute/v2.1/os-simple-tenant-usage'],
  ['GET', '/compute/v2.1/os-baremetal-nodes'],
  ['GET', '/baremetal/v1/drivers'],
  ['DELETE', '/baremetal/v1/nodes/x'],
  ['GET', '/baremetal/v1/nodes/x/vendor_passthru?method=sensors'],
  ['POST', '/baremetal/v1/nodes/x/vendor_passthru?method=rotate_password'],
  ['PUT', '/baremetal/v1/nodes/x/management/inject_nmi'],
  ['PUT', '/baremetal/v1/nodes/x/management/boot_device'],
] as const;
for (const [method, url] of adminOnly) {
  test(`${method} ${url} is for administrators`, async () => {
    assert.equal((await fixture.ask({ method, url, headers: member })).status, 403);
    assert.notEqual((await fixture.ask({ method, url })).status, 403);
  });
}

/** Members of a project use those of their own nodes, and find no others. */
const ownNodesOnly = [
  ['GET', '/baremetal/v1/ports/x'],
  ['GET', '/baremetal/v1/nodes/x/states/console'],
  ['PUT', '/baremetal/v1/nodes/x/states/console'],
  ['GET', '/baremetal/v1/nodes/x/bios'],
  ['GET', '/baremetal/v1/nodes/x/firmware'],
  ['GET', '/baremetal/v1/nodes/x/vmedia'],
  ['POST', '/baremetal/v1/nodes/x/vmedia'],
  ['DELETE', '/baremetal/v1/nodes/x/vmedia'],
  ['GET', '/baremetal/v1/nodes/x/management/indicators'],
  ['PUT', '/baremetal/v1/nodes/x/states/boot_mode'],
  ['PUT', '/baremetal/v1/nodes/x/states/secure_boot'],
] as const;
for (const [method, url] of ownNodesOnly) {
  test(`${method} ${url} is not found by members of other projects`, async () => {
    assert.equal((await fixture.ask({ method, url, headers: member })).status, 404);
  });
}

test('reports a BMC failure to members without its address, which only administrators see', async () => {
  fixture.breakDeployments(new Fault('bmcUnreachable', { address: '192.0.2.7', attempts: 3, seconds: 9 }));
  await fixture.engine.createNode({ driver: 'fake-hardware', provision_state: 'available', properties });
  const broken = await create(member);
  fixture.breakDeployments(undefined);

  for (const path of ['', '/os-instance-actions', '/os-ingot-events']) {
    const url = `${base}/servers/${broken}${path}`;
    const [reported, reportedAdmin] = [await fixture.ask({ url, headers: member }), await fixture.ask({ url })];
    assert.equal(reported.status, 200);
    assert.doesNotMatch(JSON.stringify(reported.body), /192\.0\.2\.7/, path);
    assert.match(JSON.stringify(reportedAdmin.body), /192\.0\.2\.7/, path);
  }
  const { body } = await fixture.ask({ url: `${base}/servers/${broken}`, headers: member });
  assert.match(body.server.fault.message, /BMC of the machine could not be used/);
});

test('without a valid host, shows a generic message to members and the reasons to administrators', async () => {
  await fixture.store.flavors.insert(aFlavor({ id: 'huge', name: 'huge', vcpus: 4096 }));
  const id = await create(member, 'huge');

  const { fault } = (await fixture.ask({ url: `${base}/servers/${id}`, headers: member })).body.server;
  assert.equal(fault.message, 'No valid host was found. There are not enough hosts available.');
  assert.doesNotMatch(JSON.stringify(fault), /\d+ in use|nodes?:/);
  assert.match((await fixture.ask({ url: `${base}/servers/${id}` })).body.server.fault.message, /Of \d+ nodes?: /);
});

test('hides node and operation of a busy machine from a member', async () => {
  const name = 'rack7-u12';
  const node = await fixture.engine.createNode({ name, driver: 'fake-hardware', provision_state: 'available', properties });
  const id = await create(member);
  // The node is used for another purpose than the server's own.
  const operation = { id: 'elsewhere', kind: 'clean', purpose: `clean node ${name} for audit`, node_uuid: node.uuid };
  const at = '2026-01-01T00:00:00.000Z';
  const more = {
    server_id: null,
    request: {},
    context: {},
    state: 'done',
    step: 's',
    step_started_at: at,
    created_at: at,
    updated_at: at,
  };
  await fixture.store.operations.insert({ ...operation, ...more });
  await fixture.store.nodes.update({ uuid: node.uuid }, { operation_id: operation.id });

  for (const [method, path, payload] of [
    ['DELETE', '', undefined],
    ['POST', '/action', { 'os-stop': null }],
    ['POST', '/action', { rebuild: { imageRef: image.id } }],
  ] as const) {
    const ask = { method, url: `${base}/servers/${id}${path}`, ...(payload && { payload }) };
    const [reported, reportedAdmin] = [await fixture.ask({ ...ask, headers: member }), await fixture.ask(ask)];
    assert.deepEqual([reported.status, reportedAdmin.status], [409, 409]);
    assert.doesNotMatch(JSON.stringify(reported.body), /rack7|audit|elsewhere/);
    assert.match(JSON.stringify(reportedAdmin.body), /rack7-u12 is locked by host .* It is held by clean node/);
  }
  await fixture.store.nodes.update({ uuid: node.uuid }, { operation_id: null });
});

test("hides nodes, addresses and operator actions from the project in a server's timeline", async () => {
  await fixture.engine.createNode({ name: 'rack9', driver: 'fake-hardware', provision_state: 'available', properties });
  const id = await create(member);
  const server = (await fixture.store.servers.find({ id }))!;
  const owner = { server_id: id, node_uuid: server.node_uuid };
  await fixture.engine.setPower(server.node_uuid ?? '', 'power off');
  await fixture.quiet();
  const said = 'BMC 10.9.9.9 of rack9';
  for (const kind of ['bmc', 'dhcp', 'tftp', 'http', 'state', 'agent', 'note'] as const)
    fixture.store.events.append({ ...owner, kind, subject: said, message: said, data: { address: said } });
  await fixture.store.events.flush();

  const { events } = (await fixture.ask({ url: `${base}/servers/${id}/os-ingot-events`, headers: member })).body;
  assert.ok(events.length > 3);
  assert.doesNotMatch(JSON.stringify(events), new RegExp(`rack9|10\\.9\\.9\\.9|${server.node_uuid}`));
  const admins = (await fixture.ask({ url: `${base}/servers/${id}/os-ingot-events` })).body.events;
  assert.match(JSON.stringify(admins), /10\.9\.9\.9/);
  assert.match(JSON.stringify(admins), /power off of node rack9/);
});
