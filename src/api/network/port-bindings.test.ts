/** The hosts that a port is bound to. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTwoProjects } from '#test/two-projects.ts';

const { fixture, member, own } = await openTwoProjects();
after(() => fixture.close());

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
async function ask(method: Method, path: string, payload?: object, headers: object = {}) {
  const url = `/network/v2.0/ports${path}`;
  const { status, body } = await fixture.ask({ method, url, headers: { ...headers }, ...(payload && { payload }) });
  return { status, body, type: body?.NeutronError?.type };
}

async function aPort(device_owner = 'compute:nova'): Promise<string> {
  const port = { network_id: own['networks'], device_owner };
  return `/${(await ask('POST', '', { port })).body.port.id}`;
}
const bind = (port: string, host: string, more: object = {}) => ask('POST', `${port}/bindings`, { binding: { host, ...more } });
const hostsOf = async (port: string) => {
  const { bindings } = (await ask('GET', `${port}/bindings?fields=host&fields=status`)).body;
  return bindings.map((each: { host: string; status: string }) => `${each.host} ${each.status}`);
};

test('the first binding is that of the port, and others wait until they are activated', async () => {
  const port = await aPort();
  assert.deepEqual(await hostsOf(port), []);
  const first = await bind(port, 'one', { profile: { slot: 1 } });
  assert.deepEqual(
    [first.status, first.body.binding],
    [
      201,
      {
        ...{ host: 'one', vif_type: 'other', vnic_type: 'baremetal', status: 'ACTIVE', profile: { slot: 1 } },
        vif_details: { port_filter: false },
      },
    ],
  );
  assert.equal((await bind(port, 'two')).body.binding.status, 'INACTIVE');
  assert.equal((await bind(port, 'two')).type, 'PortBindingAlreadyExists');
  assert.equal((await ask('GET', port)).body.port['binding:host_id'], 'one');

  const activated = await ask('PUT', `${port}/bindings/two/activate`);
  assert.deepEqual([activated.status, activated.body.status], [200, 'ACTIVE']);
  assert.deepEqual(await hostsOf(port), ['two ACTIVE', 'one INACTIVE']);
  assert.equal((await ask('PUT', `${port}/bindings/two/activate`)).type, 'PortBindingAlreadyActive');
  assert.equal((await ask('PUT', `${port}/bindings/none/activate`)).type, 'PortBindingNotFound');
  assert.deepEqual((await ask('GET', `${port}/bindings/one`)).body.binding.profile, { slot: 1 });
});

test('bindings change and end, and the port with them', async () => {
  const port = await aPort();
  for (const host of ['one', 'two']) await bind(port, host);
  const changed = await ask('PUT', `${port}/bindings/one`, { binding: { profile: { slot: 2 } } });
  assert.deepEqual(changed.body.binding.profile, { slot: 2 });
  assert.equal((await ask('PUT', `${port}/bindings/two`, { binding: { host: 'one' } })).type, 'PortBindingAlreadyExists');
  assert.equal((await ask('PUT', `${port}/bindings/two`, { binding: { host: 'three' } })).body.binding.host, 'three');
  assert.equal((await ask('DELETE', `${port}/bindings/one`)).status, 204);
  assert.equal((await ask('GET', port)).body.port['binding:host_id'], '');
  assert.deepEqual(await hostsOf(port), ['three INACTIVE']);
  assert.equal((await ask('DELETE', `${port}/bindings/one`)).type, 'PortBindingNotFound');
  assert.equal((await ask('DELETE', port)).status, 204);
  assert.equal(await fixture.store.port_bindings.count({ port_id: port.slice(1) }), 0);
});

test('only ports of machines have them, within limits, and for administrators and services', async () => {
  assert.equal((await bind(await aPort(''), 'one')).type, 'BadRequest');
  const port = await aPort();
  for (let index = 0; index < 20; index++) assert.equal((await bind(port, `host-${index}`)).status, 201);
  assert.deepEqual([(await bind(port, 'more')).status, (await bind(port, '')).status], [409, 400]);
  assert.equal((await bind('/none', 'one')).type, 'PortNotFound');
  for (const method of ['GET', 'POST'] as const)
    assert.equal((await ask(method, `${port}/bindings`, method === 'POST' ? {} : undefined, member)).status, 403);
});
