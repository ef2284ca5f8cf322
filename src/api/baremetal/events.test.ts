import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createPersonas, type PersonaName } from '#test/personas.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const personas = new Map((await createPersonas(fixture)).map((persona) => [persona.name, persona]));

const event = {
  event: 'network.bind_port',
  port_id: '9b1c6a3e-6d0e-4b4c-9f0e-0123456789ae',
  mac_address: '52:54:00:00:00:01',
  status: 'ACTIVE',
};

async function post(events: unknown, { version = '1.54', as = 'admin of the system' as PersonaName } = {}): Promise<number> {
  const headers = { ...personas.get(as)?.headers, 'x-openstack-ironic-api-version': version };
  return (await fixture.ask({ method: 'POST', url: '/baremetal/v1/events', headers, payload: { events } })).status;
}

test('takes events of a network service from administrators, since 1.54', async () => {
  assert.equal(await post([event, { ...event, device_id: null, 'binding:vnic_type': 'baremetal' }]), 204);
  assert.equal(await post([event], { version: '1.53' }), 404);
  assert.equal(await post([event], { as: 'reader of the system' }), 403);
});

test('refuses events that are none', async () => {
  for (const odd of [
    [],
    [{ ...event, event: 'network.explode' }],
    [{ ...event, port_id: 'x' }],
    [{ ...event, color: 'red' }],
    'x',
  ])
    assert.equal(await post(odd), 400, JSON.stringify(odd));
  const { status: _, ...incomplete } = event;
  assert.equal(await post([incomplete]), 400);
});
