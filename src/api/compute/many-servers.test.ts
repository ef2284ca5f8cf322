/** The effect of one large request of a member, and of many that find no machine. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { aFlavor, anImage } from '#test/a-task.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const { store, engine } = fixture;
const base = '/compute/v2.1/servers';
await store.flavors.insert(aFlavor());
const image = await store.images.insert(anImage());

async function addNodes(count: number): Promise<void> {
  const properties = { cpus: 4, memory_mb: 4096, local_gb: 20 };
  for (let index = 0; index < count; index++)
    await engine.createNode({ driver: 'fake-hardware', provision_state: 'available', properties });
}

function create(fields: object = {}) {
  const server = { name: 'many', imageRef: image.id, flavorRef: 'f1', ...fields };
  return fixture.ask({ method: 'POST', url: base, payload: { server } });
}

test('of a thousand servers, creates those that have a machine and one that reports the lack', async () => {
  await addNodes(2);

  const { status } = await create({ max_count: 1000, user_data: Buffer.alloc(40_000).toString('base64') });
  await fixture.quiet();

  const rows = await store.servers.list();
  assert.equal(status, 202);
  assert.deepEqual(rows.map(({ vm_state }) => vm_state).sort(), ['active', 'active', 'error']);
});

test('serves other requests while many servers are created', async () => {
  await addNodes(20);
  let turns = 0;
  let isDone = false;
  const turn = () => {
    turns++;
    if (!isDone) setImmediate(turn);
  };

  setImmediate(turn);
  await create({ max_count: 20 });
  const turnsMeanwhile = turns;
  isDone = true;
  await fixture.quiet();

  assert.ok(turnsMeanwhile >= 20, `${turnsMeanwhile} turns`);
});

test('rejects new servers of a project with many failed ones until some are deleted', async () => {
  const [failed] = await store.servers.list({ vm_state: 'error' });
  assert.ok(failed);
  for (let index = 1; index < 256; index++) await store.servers.insert({ ...failed, id: `failed-${index}` });

  const refused = await create();
  await fixture.ask({ method: 'DELETE', url: `${base}/failed-1` });
  const made = await create();

  assert.equal(refused.status, 403);
  assert.match(refused.body.forbidden.message, /^Quota exceeded for instances: 256 servers/);
  assert.equal(made.status, 202);
});

test('a deleted server keeps no large fields', async () => {
  const large = { user_data: 'AAAA', personality: [{ path: '/a', contents: 'AAAA' }], public_key: 'ssh-ed25519 AAAA' };
  await store.servers.update({ id: 'failed-2' }, { ...large, metadata: { key: 'v'.repeat(255) } });

  await fixture.ask({ method: 'DELETE', url: `${base}/failed-2` });

  const row = await store.servers.find({ id: 'failed-2' });
  assert.deepEqual([row?.user_data, row?.personality, row?.public_key, row?.metadata], [null, [], null, {}]);
});
