import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { nodeRequests, textOf } from '#test/node-requests.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const nodes = '/baremetal/v1/nodes';

const { ask, enrol } = nodeRequests(fixture);

test('enrols a node, and finds it by name and UUID', async () => {
  const uuid = 'aaaaaaaa-1111-4111-8111-111111111111';
  const node = await enrol({
    uuid,
    name: 'rack1.u2',
    driver_info: { ipmi_address: 'bmc' },
    properties: { cpus: 4 },
    resource_class: 'gold',
  });

  assert.equal(node.provision_state, 'enroll');
  assert.equal(node.resource_class, 'gold');
  assert.deepEqual((await ask('GET', uuid)).body, node);
  assert.deepEqual((await ask('GET', 'rack1.u2')).body, node);
  assert.equal((await ask('GET', 'other')).status, 404);
});

test('before 1.11 a new node is available; before 1.2 available is null', async () => {
  assert.equal((await enrol({}, 10)).provision_state, 'available');
  assert.equal((await enrol({}, 1)).provision_state, null);
});

test('shows fields by microversion and on request', async () => {
  const { name, uuid, links } = await enrol({ description: 'd' });

  const old = (await ask('GET', uuid, undefined, 5)).body;
  const few = (await ask('GET', `${uuid}?fields=name,description`)).body;

  assert.equal('resource_class' in old || 'traits' in old || 'deploy_interface' in old, false);
  assert.equal(old.name, name);
  assert.deepEqual(few, { name, description: 'd', links });
  assert.equal((await ask('GET', `${uuid}?fields=nonsense`)).status, 400);
});

test('no patch shows a secret under another name, nor makes a node unreadable', async () => {
  const settings = [
    { name: 'Boot', value: 'Uefi' },
    { name: 'AdminPassword', value: 'geheim' },
  ];
  const { uuid } = await enrol({ driver_info: { ipmi_address: 'bmc', settings } });
  const patch = (...operations: object[]) => ask('PATCH', uuid, operations);
  const name = '/driver_info/settings/1/name';

  const replies = [
    await patch({ op: 'replace', path: name, value: 'Boot' }),
    await patch({ op: 'add', path: name, value: 'Boot' }),
    await patch({ op: 'remove', path: name }),
    await patch(
      { op: 'add', path: '/driver_info/settings/0', value: {} },
      { op: 'replace', path: '/driver_info/settings/2/name', value: 'Boot' },
    ),
    await patch({ op: 'replace', path: '/driver_info/settings/1', value: { name: 'Boot', value: '******' } }),
    await patch({ op: 'replace', path: '/driver_info', value: { settings: [settings[0], { value: '******' }] } }),
  ];
  assert.deepEqual(new Set(replies.map(({ status }) => status)), new Set([400]));
  assert.doesNotMatch(JSON.stringify(replies), /geheim/);

  const odd = await patch({ op: 'add', path: '/instance_info/odd', value: { name: { toString: 1 }, value: 'v' } });
  assert.equal(odd.status, 200);
  assert.equal((await ask('GET', '/baremetal/v1/nodes/detail')).status, 200);
});

test('masks secrets, and keeps them when the mask is sent back', async () => {
  const driver_info = {
    ipmi_address: 'bmc',
    ipmi_password: 'secret',
    ipmi_magic: 'words',
    some_token: 't',
    nested: { api_secret: 's' },
    empty_password: '',
  };
  const { uuid, driver_info: shown } = await enrol({ driver_info });

  assert.deepEqual(shown, {
    ipmi_address: 'bmc',
    ipmi_password: '******',
    ipmi_magic: '******',
    some_token: '******',
    nested: { api_secret: '******' },
    empty_password: '',
  });
  const patch = [
    { op: 'replace', path: '/driver_info', value: { ...shown, ipmi_address: 'other' } },
    { op: 'add', path: '/driver_info/ipmi_magic', value: 'new words' },
    { op: 'add', path: '/driver_info/unknown_password', value: '******' },
  ];
  const patched = await ask('PATCH', uuid, patch);
  assert.doesNotMatch(JSON.stringify(patched.body), /new words|"(secret|words|t|s)"/);
  assert.deepEqual((await fixture.store.nodes.find({ uuid }))?.driver_info, {
    ...driver_info,
    ipmi_address: 'other',
    ipmi_magic: 'new words',
  });
});

test('patches the writable fields', async () => {
  const { uuid } = await enrol();

  const { status, body } = await ask('PATCH', uuid, [
    { op: 'replace', path: '/name', value: 'renamed' },
    { op: 'add', path: '/properties/memory_mb', value: 1024 },
    { op: 'add', path: '/extra/a', value: { b: 1 } },
    { op: 'add', path: '/resource_class', value: 'gold' },
    { op: 'add', path: '/description', value: 'first' },
    { op: 'remove', path: '/owner' },
    { op: 'replace', path: '/driver', value: 'ipmi' },
  ]);

  assert.equal(status, 200, JSON.stringify(body));
  const { name, properties, extra, resource_class, description, driver } = body;
  assert.deepEqual(
    { name, properties, extra, resource_class, description, driver },
    {
      name: 'renamed',
      properties: { memory_mb: 1024 },
      extra: { a: { b: 1 } },
      resource_class: 'gold',
      description: 'first',
      driver: 'ipmi',
    },
  );
});

test('applies a patch of several operations once', async () => {
  const { uuid } = await enrol();

  const { body } = await ask('PATCH', uuid, [
    { op: 'add', path: '/extra/list', value: [1] },
    { op: 'add', path: '/extra/list/-', value: 2 },
    { op: 'copy', from: '/extra/list', path: '/extra/copy' },
    { op: 'add', path: '/extra/copy/0', value: 0 },
    { op: 'move', from: '/extra/copy', path: '/extra/moved' },
    { op: 'test', path: '/extra/moved/2', value: 2 },
  ]);

  assert.deepEqual(body.extra, { list: [1, 2], moved: [0, 1, 2] });
});

test('an empty patch changes nothing', async () => {
  const { uuid, extra } = await enrol({ extra: { a: 1 } });

  const { status, body } = await ask('PATCH', uuid, []);

  assert.deepEqual([status, body.extra], [200, extra]);
});

for (const operation of [
  { op: 'copy', from: '/driver_info/ipmi_password', path: '/extra/shown' },
  { op: 'move', from: '/driver_info/ipmi_password', path: '/driver_info/shown' },
  { op: 'copy', from: '/driver_info', path: '/extra/shown' },
  { op: 'test', path: '/driver_info/ipmi_password', value: 'guess' },
]) {
  test(`a secret cannot be read by ${operation.op} of ${operation.from ?? operation.path}`, async () => {
    const { uuid } = await enrol({ driver_info: { ipmi_password: 'guess' } });

    const { status, body } = await ask('PATCH', uuid, [operation]);

    assert.equal(status, 400);
    assert.match(textOf(body), /may hold secrets/);
    assert.equal(JSON.stringify((await ask('GET', uuid)).body).includes('guess'), false);
  });
}

test('rejects a patch of the whole node', async () => {
  const { uuid } = await enrol();

  const { status, body } = await ask('PATCH', uuid, [{ op: 'replace', path: '', value: {} }]);

  assert.equal(status, 400);
  assert.match(textOf(body), /Cannot patch \/\. Only the following/);
});

const patchRefusals: [path: string, value: unknown, status: number, text: RegExp][] = [
  ['/provision_state', 'active', 400, /states\/provision/],
  ['/uuid', 'x', 400, /Cannot patch \/uuid\. Only the following can be updated: automated_clean, /],
  ['/toString', 'x', 400, /Cannot patch \/toString\./],
  ['/maintenance', 'perhaps', 400, /Invalid maintenance: Unrecognized value "perhaps", acceptable values are: '0', '1', /],
  ['/maintenance', null, 400, /maintenance/],
  ['/maintenance_reason', 'r', 400, /maintenance/],
  ['/name', 'with space', 400, /name/],
  ['/name', 'aaaaaaaa-2222-4222-8222-222222222222', 400, /invalid name/],
  ['/driver', 'none', 400, /No valid host was found. Reason: No conductor service registered which supports driver none/],
  ['/deploy_interface', 'none', 400, /deploy interface/],
  ['/network_interface', 'neutron', 501, /network_interface/],
  ['/protected', true, 409, /can only be made protected in provision states 'active' or 'rescue'/],
  ['/protected_reason', 'why', 400, /can only be set when protected is True/],
  ['/retired_reason', 'why', 400, /can only be set when retired is True/],
  ['/automated_clean', 5, 400, /automated_clean/],
  ['/protected', 'x', 400, /Invalid protected/],
  ['/driver_info/a/b', 1, 400, /Couldn't apply patch 'add \/driver_info\/a\/b'\. Reason: member 'a' not found/],
];
for (const [path, value, status, text] of patchRefusals) {
  test(`rejects ${path} = ${JSON.stringify(value)}`, async () => {
    const { uuid } = await enrol();

    const reply = await ask('PATCH', uuid, [{ op: 'add', path, value }]);

    assert.equal(reply.status, status);
    assert.match(textOf(reply.body), text);
  });
}

test('rejects a name in use, an unknown driver and unsupported fields', async () => {
  const { name } = await enrol();
  const create = async (fields: object) => (await ask('POST', '', { driver: 'fake-hardware', ...fields })).status;

  assert.equal(await create({ name }), 409);
  assert.equal(await create({ driver: 'none' }), 400);
  assert.equal(await create({ network_interface: 'neutron' }), 501);
  assert.equal(await create({ network_interface: 'noop' }), 201);
});

test('lists with filters, order and pages', async () => {
  const a = await enrol({ resource_class: 'listing', name: 'list-b' });
  const b = await enrol({ resource_class: 'listing', name: 'list-a' });
  await ask('PUT', `${b.uuid}/maintenance`, { reason: 'broken' });
  const uuids = async (query: string) =>
    (await ask('GET', `${nodes}?resource_class=listing&${query}`)).body.nodes.map(({ uuid }: { uuid: string }) => uuid);

  assert.deepEqual(await uuids(''), [a.uuid, b.uuid]);
  assert.equal((await ask('GET', `${nodes}?hasOwnProperty=x&valueOf=x`)).status, 400);
  assert.deepEqual(await uuids('sort_key=name'), [b.uuid, a.uuid]);
  assert.deepEqual(await uuids('maintenance=True'), [b.uuid]);
  assert.deepEqual(await uuids('provision_state=available'), []);
  assert.deepEqual(await uuids('associated=true'), []);
  assert.deepEqual(await uuids(`limit=1&marker=${a.uuid}`), [b.uuid]);
  const first = (await ask('GET', `${nodes}?resource_class=listing&limit=1`)).body;
  assert.match(first.next, new RegExp(`marker=${a.uuid}`));
  assert.deepEqual(Object.keys(first.nodes[0]).sort(), [
    'instance_uuid',
    'links',
    'maintenance',
    'name',
    'power_state',
    'provision_state',
    'uuid',
  ]);
  assert.equal((await ask('GET', `${nodes}/detail?resource_class=listing`)).body.nodes[1].maintenance_reason, 'broken');
});

test('goes from enroll to available and back, and power on and off', async () => {
  const { uuid } = await enrol();
  const state = async () => (await ask('GET', `${uuid}/states`)).body;
  const go = (target: string) => ask('PUT', `${uuid}/states/provision`, { target });

  const wrong = await go('provide');
  assert.equal(wrong.status, 400);
  assert.match(textOf(wrong.body), /while it is in state 'enroll'/);
  assert.equal((await go('manage')).status, 202);
  await fixture.quiet();
  assert.equal((await go('provide')).status, 202);
  assert.equal((await state()).provision_state, 'available');
  assert.equal((await ask('PUT', `${uuid}/states/power`, { target: 'power on' })).status, 202);
  await fixture.quiet();
  assert.equal((await state()).power_state, 'power on');
  assert.equal((await ask('PUT', `${uuid}/states/power`, { target: 'soft rebooting' })).status, 202);
  await fixture.quiet();
  assert.equal((await ask('GET', uuid)).body.power_state, 'power on');
  assert.equal((await ask('PUT', `${uuid}/states/power`, { target: 'sideways' })).status, 400);
  assert.equal((await go('adopt')).status, 400);
  assert.equal((await go('rescue')).status, 501);
  assert.equal((await go('nonsense')).status, 400);
  assert.equal((await ask('PUT', `${uuid}/states/provision`, { target: 'manage' }, 3)).status, 406);
});

test('boot device, validation, traits, maintenance', async () => {
  const { uuid } = await enrol({ driver: 'ipmi' });

  assert.deepEqual((await ask('GET', `${uuid}/management/boot_device`)).body, { boot_device: 'pxe', persistent: false });
  assert.equal((await ask('PUT', `${uuid}/management/boot_device`, { boot_device: 'disk', persistent: true })).status, 204);
  assert.equal((await ask('PUT', `${uuid}/management/boot_device`, { boot_device: 'floppy' })).status, 400);
  const validation = (await ask('GET', `${uuid}/validate`)).body;
  assert.equal(validation.power.result, false);
  assert.match(validation.power.reason, /ipmi_address is missing/);
  assert.deepEqual([validation.deploy, validation.storage], [{ result: true }, { result: true }]);
  assert.equal((await ask('PUT', `${uuid}/traits`, { traits: ['CUSTOM_B', 'HW_CPU_X86_VMX'] })).status, 204);
  assert.equal((await ask('PUT', `${uuid}/traits/CUSTOM_A`)).status, 204);
  assert.deepEqual((await ask('GET', `${uuid}/traits`)).body, { traits: ['CUSTOM_A', 'CUSTOM_B', 'HW_CPU_X86_VMX'] });
  assert.equal((await ask('PUT', `${uuid}/traits/lower`)).status, 400);
  assert.equal((await ask('DELETE', `${uuid}/traits/CUSTOM_A`)).status, 204);
  assert.equal((await ask('DELETE', `${uuid}/traits/CUSTOM_A`)).status, 404);
  assert.equal((await ask('PUT', `${uuid}/maintenance`, {})).status, 202);
  assert.equal((await ask('DELETE', `${uuid}/maintenance`)).status, 202);
  assert.equal((await ask('GET', uuid)).body.maintenance, false);
});

test('records failures as history, and everything as events and operations', async () => {
  const { uuid } = await enrol();
  await ask('PUT', `${uuid}/states/provision`, { target: 'manage' });
  await fixture.quiet();
  fixture.store.events.append({
    kind: 'operation',
    node_uuid: uuid,
    subject: 'clean',
    message: 'clean node: failed: disk is gone',
    data: { status: 'failed', state: 'cleaning', target_provision_state: 'available', duration_seconds: 7 },
  });

  const { history } = (await ask('GET', `${uuid}/history`)).body;
  const entry = (await ask('GET', `${uuid}/history/${history[0].uuid}`)).body;
  const newer = (await ask('GET', `${uuid}/history/${history[0].uuid}`, undefined, 115)).body;
  const [of114] = (await ask('GET', `${uuid}/history?detail=true`, undefined, 114)).body.history;
  const gone = await ask('GET', `${uuid}/history/00000000-0000-4000-8000-00000000ffff`);
  assert.equal(gone.status, 404);
  assert.match(JSON.stringify(gone.body), /never existed or has expired \(records\.keep is 90 days\)/);
  const { events } = (await ask('GET', `${uuid}/events`)).body;
  const { operations } = (await ask('GET', `${uuid}/operations`)).body;

  assert.deepEqual(
    history.map(({ event }: { event: string }) => event),
    ['clean node: failed: disk is gone'],
  );
  assert.equal(entry.event_type, 'clean');
  assert.deepEqual([newer.state, newer.target_provision_state, newer.duration_seconds], ['cleaning', 'available', 7]);
  assert.deepEqual([newer.project, of114.project, 'state' in of114, 'project' in entry], [null, null, false, false]);
  assert.equal(
    events.some(({ kind, subject }: { kind: string; subject: string }) => kind === 'step' && subject === 'ask the BMC'),
    true,
  );
  assert.deepEqual(
    operations.map(({ kind, state }: { kind: string; state: string }) => ({ kind, state })),
    [{ kind: 'verify', state: 'done' }],
  );
  assert.equal('context' in operations[0], false);
});

test('accepts DELETE with an empty octet-stream body, as the client sends it', async () => {
  const { uuid } = await enrol();
  const headers = { 'content-type': 'application/octet-stream' };

  const empty = await fixture.ask({ method: 'DELETE', url: `${nodes}/${uuid}/maintenance`, headers });
  const bytes = await fixture.ask({ method: 'PUT', url: `${nodes}/${uuid}/maintenance`, headers, payload: 'bytes' });

  assert.equal(empty.status, 202);
  assert.equal(bytes.status, 415);
});

test('deletes a node once', async () => {
  const { uuid } = await enrol();

  assert.equal((await ask('DELETE', uuid)).status, 204);
  assert.equal((await ask('DELETE', uuid)).status, 404);
});

test('shows drivers and their properties', async () => {
  const { drivers } = (await ask('GET', '/baremetal/v1/drivers')).body;
  const ipmi = (await ask('GET', '/baremetal/v1/drivers/ipmi')).body;

  assert.deepEqual(
    drivers.map(({ name }: { name: string }) => name),
    ['fake-hardware', 'ipmi'],
  );
  assert.deepEqual(ipmi.enabled_power_interfaces, ['fake']);
  assert.equal(ipmi.default_raid_interface, 'no-raid');
  assert.equal((await ask('GET', '/baremetal/v1/drivers/ipmi/properties')).body.ipmi_address, 'Address of the BMC. Required.');
  assert.equal((await ask('GET', '/baremetal/v1/drivers/none')).status, 404);
});

for (const path of [
  'allocations',
  'chassis',
  'conductors',
  'portgroups',
  'deploy_templates',
  'volume/connectors',
  'volume/targets',
]) {
  test(`GET ${path} answers`, async () => {
    assert.equal((await ask('GET', `/baremetal/v1/${path}`)).status, 200);
  });
}

test('refuses the RAID of a node whose interface has none, and shows none', async () => {
  const { uuid } = await enrol();
  const wanted = { logical_disks: [{ size_gb: 100, raid_level: '1' }] };

  const refused = await ask('PUT', `${uuid}/states/raid`, wanted);

  assert.equal(refused.status, 404);
  assert.match(textOf(refused.body), /Driver \S+ does not support raid \(disabled or not implemented\)/);
  assert.equal((await ask('PUT', `${uuid}/states/raid`, [])).status, 400);
  assert.equal((await ask('PUT', `${uuid}/states/raid`, {})).status, 204);
  const { raid_interface, raid_config, target_raid_config } = (await ask('GET', uuid)).body;
  assert.deepEqual([raid_interface, raid_config, target_raid_config], ['no-raid', {}, {}]);
  const { raid } = (await ask('GET', `${uuid}/validate`)).body;
  assert.deepEqual([raid.result, /does not support raid/.test(raid.reason)], [false, true]);
});

test('shows what a logical disk of a RAID may have', async () => {
  const { status, body } = await ask('GET', '/baremetal/v1/drivers/ipmi/raid/logical_disk_properties');

  assert.equal(status, 200);
  assert.match(body.raid_level, /1\+0/);
  assert.deepEqual(Object.keys(body).toSorted(), [
    ...['controller', 'disk_type', 'interface_type', 'is_root_volume', 'number_of_physical_disks'],
    ...['physical_disks', 'raid_level', 'share_physical_disks', 'size_gb', 'volume_name'],
  ]);
});

test('masks the secrets of every driver, whichever the node has, and those in URLs', async () => {
  const driver_info = {
    next_redfish_password: 'hidden-1',
    snmp_community_write: 'hidden-2',
    snmp_priv_key: 'hidden-3',
    ssh_key_contents: 'hidden-4',
    ssh_host_key: 'ssh-ed25519 AAAA',
    power_pass: 'hidden-5',
    iboot_password: 'hidden-6',
    redfish_address: 'https://root:hidden-7@bmc.example',
    power_on_uri: 'https://rack.example/on?id=7&api_token=hidden-8',
  };
  const { uuid, driver_info: shown } = await enrol({ driver_info });

  assert.doesNotMatch(JSON.stringify(shown), /hidden/);
  assert.equal(shown.ssh_host_key, 'ssh-ed25519 AAAA');
  assert.equal(shown.power_on_uri, 'https://rack.example/on?id=7&api_token=******');
  await ask('PATCH', uuid, [{ op: 'replace', path: '/driver_info', value: { ...shown, more: 1 } }]);
  assert.deepEqual((await fixture.store.nodes.find({ uuid }))?.driver_info, { ...driver_info, more: 1 });
});

test('shows the request of an operation without passwords', async () => {
  const { uuid } = await enrol();
  const clean_steps = [
    { interface: 'bios', step: 'apply_configuration', args: { settings: [{ name: 'AdminPassword', value: 'hidden-1' }] } },
    { interface: 'firmware', step: 'update', args: { settings: [{ url: 'https://me:hidden-2@files/bios.bin' }] } },
  ];
  await fixture.store.operations.insert({
    ...{ id: 'op-secret', kind: 'clean', purpose: 'clean', node_uuid: uuid, server_id: null, request: { clean_steps } },
    ...{
      state: 'done',
      step: 'x',
      step_started_at: '',
      waiting_for: null,
      again_at: null,
      deadline_at: null,
      context: {},
      fault: null,
    },
    ...{ created_at: '2026-01-01T00:00:00.000Z', updated_at: '', ended_at: '' },
  } as never);

  const { body } = await ask('GET', `${uuid}/operations`);
  assert.equal(body.operations.length, 1);
  assert.doesNotMatch(JSON.stringify(body), /hidden/);
});

test('rejects overlong boot URIs and image URLs, and control characters in them', async () => {
  const { uuid } = await enrol();
  for (const url of ['http://files/a\r\nX: y', `http://files/${'x'.repeat(3000)}`, 'file:///etc/shadow']) {
    assert.equal((await ask('POST', `${uuid}/vmedia`, { device_type: 'cdrom', image_url: url })).status, 400);
    const boot = { boot_device: 'uefihttp', uri: url };
    assert.equal((await ask('PUT', `${uuid}/management/boot_device`, boot)).status, 400);
  }
});

test('rejects an excessively nested body, at once and piece by piece', async () => {
  const nested = (levels: number): object => JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`);
  const { uuid } = await enrol({ driver_info: nested(60) });
  assert.equal((await ask('POST', '', { driver: 'fake-hardware', driver_info: nested(5000) })).status, 400);
  const path = `/driver_info${'/a'.repeat(59)}`;
  assert.equal((await ask('PATCH', uuid, [{ op: 'add', path, value: nested(60) }])).status, 400);
  assert.equal((await ask('GET', 'detail')).status, 200);
});

test('resets an interface to its default when it is removed or null', async () => {
  const created = await ask('POST', '/baremetal/v1/nodes', { driver: 'fake-hardware', name: 'defaults' });
  const path = '/power_interface';
  const patches = [
    { op: 'remove', path },
    { op: 'replace', path, value: null },
  ];

  const interfaces = [];
  for (const patch of patches)
    interfaces.push((await ask('PATCH', '/baremetal/v1/nodes/defaults', [patch])).body.power_interface);

  assert.equal(created.body.power_interface, 'fake');
  assert.deepEqual(interfaces, ['fake', 'fake']);
});
