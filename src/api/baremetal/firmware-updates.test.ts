import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { nodeRequests } from '#test/node-requests.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const { ask, enrol } = nodeRequests(fixture);

test('an operator sees which firmware updates may not have ended, and says that they are over', async () => {
  const { store } = fixture;
  const { uuid, name } = await enrol();
  const row = { node_uuid: uuid, operation_id: 'o', url: 'http://u:s3cret@192.0.2.1/f', versions: {}, task: null };
  const [sent_at, expires_at] = ['2026-01-01T00:00:00.000Z', '9999-01-01T00:00:00.000Z'];
  await store.firmware_updates.insert({ ...row, id: '1', component: 'bmc', sent_at, expires_at });
  await store.firmware_updates.insert({ ...row, id: '2', component: 'bios', sent_at, expires_at: sent_at });

  const path = `${name}/firmware_updates`;
  assert.deepEqual((await ask('GET', path)).body, { firmware_updates: [{ component: 'bmc', sent_at, expires_at }] });
  const refused = await ask('PUT', `${uuid}/states/power`, { target: 'power off' });
  assert.equal(refused.status, 409);
  assert.match(JSON.stringify(refused.body), /the update of the firmware of bmc, sent at 2026-01-01/);
  assert.equal((await ask('DELETE', uuid)).status, 409);
  assert.equal((await ask('DELETE', path)).status, 204);
  assert.equal((await ask('DELETE', path)).status, 404);
  assert.equal((await ask('PUT', `${uuid}/states/power`, { target: 'power off' })).status, 202);
  const events = (await store.events.list({ node_uuid: uuid })).filter(({ subject }) => subject === 'firmware');
  assert.match(events[0]?.message ?? '', /firmware of bmc, sent at .*, is over: as \S+ \(user \S+\) says/);
});
