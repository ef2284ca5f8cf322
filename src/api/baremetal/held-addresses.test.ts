import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { nodeRequests } from '#test/node-requests.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const { ask, enrol } = nodeRequests(fixture);

test('an operator sees which addresses a machine may still use and why, and releases them', async () => {
  const { store } = fixture;
  const { uuid, name } = await enrol();
  const hold = { node_uuid: uuid, project_id: 'p', instance_uuid: null, reason: 'it was not powered off', created_at: 'now' };
  for (const ip_address of ['10.9.0.4', '2001:db8::4']) await store.held_addresses.insert({ ...hold, ip_address });

  const listed = (await ask('GET', `${name}/held_addresses`)).body.held_addresses;
  assert.deepEqual(
    listed.map((each: { ip_address: string; reason: string }) => [each.ip_address, each.reason]),
    ['10.9.0.4', '2001:db8::4'].map((address) => [address, hold.reason]),
  );
  assert.equal((await ask('DELETE', `${uuid}/held_addresses/2001:db8::4`)).status, 204);
  assert.equal((await ask('DELETE', `${uuid}/held_addresses/2001:db8::4`)).status, 404);
  assert.deepEqual(
    (await store.held_addresses.list()).map(({ ip_address }) => ip_address),
    ['10.9.0.4'],
  );
  const events = (await store.events.list({ node_uuid: uuid })).filter(({ subject }) => subject === 'addresses');
  assert.match(events[0]?.message ?? '', /2001:db8::4 is held no longer: released by /);
});
