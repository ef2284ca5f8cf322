import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const url = '/compute/v2.1/os-baremetal-nodes';
const classic = {
  service_host: 'host',
  cpus: 8,
  memory_mb: 8192,
  local_gb: 128,
  pm_address: '10.1.2.3',
  pm_user: 'pm_user',
  pm_password: 'pm_pass',
  terminal_port: 8000,
};

function create(node: object) {
  return fixture.ask({ method: 'POST', url, payload: { node } });
}
function act(id: number, action: object) {
  return fixture.ask({ method: 'POST', url: `${url}/${id}/action`, payload: action });
}

test('creates an available node, and shows all but the password', async () => {
  const { status, body } = await create({ ...classic, prov_mac_address: '12:34:56:AB:CD:EF' });
  const { uuid, updated_at, interfaces, ...node } = body.node;
  const row = await fixture.store.nodes.find({ uuid });

  assert.equal(status, 200);
  assert.deepEqual(node, {
    id: 1,
    service_host: 'host',
    cpus: 8,
    memory_mb: 8192,
    local_gb: 128,
    pm_address: '10.1.2.3',
    pm_user: 'pm_user',
    terminal_port: 8000,
    instance_uuid: null,
    task_state: null,
    pxe_config_path: null,
  });
  assert.ok(updated_at);
  assert.deepEqual(interfaces, [{ id: 1, address: '12:34:56:ab:cd:ef', datapath_id: null, port_no: null }]);
  assert.equal(row?.provision_state, 'available');
  assert.equal(row?.driver, 'ipmi');
  assert.deepEqual(row?.driver_info, {
    ipmi_address: '10.1.2.3',
    ipmi_username: 'pm_user',
    ipmi_password: 'pm_pass',
    ipmi_terminal_port: 8000,
  });
});

test('shows the node in the list and in the bare metal API', async () => {
  const shown = (await fixture.ask({ url: `${url}/1` })).body.node;
  const listed = (await fixture.ask({ url })).body.nodes;
  const modern = (await fixture.ask({ url: `/baremetal/v1/nodes/${shown.uuid}` })).body;

  assert.deepEqual(listed, [shown]);
  assert.equal(modern.driver_info.ipmi_password, '******');
  assert.equal(modern.properties.memory_mb, 8192);
});

test('adds and removes interfaces', async () => {
  const added = await act(1, { add_interface: { address: 'AA:AA:AA:AA:AA:AA', datapath_id: '0x1', port_no: 3 } });

  assert.deepEqual(added.body, { interface: { id: 2, address: 'aa:aa:aa:aa:aa:aa', datapath_id: '0x1', port_no: '3' } });
  assert.equal((await act(1, { add_interface: { address: 'aa:aa:aa:aa:aa:aa' } })).status, 409);
  assert.equal((await act(1, { add_interface: { address: 'aa:aa' } })).status, 400);
  assert.equal((await act(1, { remove_interface: { address: 'aa:aa:aa:aa:aa:aa', id: 1 } })).status, 404);
  assert.equal((await act(1, { remove_interface: {} })).status, 400);
  assert.equal((await act(1, { remove_interface: { address: 'aa:aa:aa:aa:aa:aa' } })).status, 202);
  assert.equal((await act(1, { remove_interface: { id: 2 } })).status, 404);
  assert.equal((await act(1, {})).status, 400);
});

test('rejects an invalid MAC and missing fields', async () => {
  const { cpus: _, ...without } = classic;

  assert.equal((await create({ ...classic, prov_mac_address: '12-34-56-ab-cd-ef' })).status, 400);
  assert.equal((await create({ ...classic, prov_mac_address: '12:34:56:ab:cd:ef' })).status, 409);
  const missing = await create(without);
  assert.equal(missing.status, 400);
  assert.match(missing.body.badRequest.message, /cpus/);
  assert.equal((await fixture.ask({ url })).body.nodes.length, 1);
});

test('does not delete a node in use, and deletes a free one', async () => {
  await fixture.store.nodes.update({ id: 1 }, { instance_uuid: 'server' });
  const remove = (id: string) => fixture.ask({ method: 'DELETE', url: `${url}/${id}` });

  assert.equal((await remove('1')).status, 409);
  await fixture.store.nodes.update({ id: 1 }, { instance_uuid: null });
  assert.equal((await remove('1')).status, 202);
  assert.equal((await remove('1')).status, 404);
  assert.equal((await remove('one')).status, 404);
});
