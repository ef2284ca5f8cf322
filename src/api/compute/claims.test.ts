import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { aFlavor, anImage } from '#test/a-task.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const base = '/compute/v2.1';

test('200 concurrent creates on 50 nodes give 50 builds and 150 errors with the reason', async () => {
  await fixture.store.flavors.insert(aFlavor());
  const image = await fixture.store.images.insert(anImage());
  const properties = { cpus: 4, memory_mb: 4096, local_gb: 20 };
  for (let index = 0; index < 50; index++)
    await fixture.engine.createNode({ driver: 'fake-hardware', provision_state: 'available', properties });
  // Logs in once, before the test starts.
  await fixture.ask({ url: `${base}/servers` });
  const server = { name: 'web', imageRef: image.id, flavorRef: 'f1' };

  const replies = await Promise.all(
    Array.from({ length: 200 }, () => fixture.ask({ method: 'POST', url: `${base}/servers`, payload: { server } })),
  );
  await fixture.quiet();
  const { servers } = (await fixture.ask({ url: `${base}/servers/detail` })).body;

  assert.ok(replies.every(({ status }) => status === 202));
  const active = servers.filter(({ status }: { status: string }) => status === 'ACTIVE');
  const failed = servers.filter(({ status }: { status: string }) => status === 'ERROR');
  assert.deepEqual([active.length, failed.length, servers.length], [50, 150, 200]);
  const hosts = new Set(active.map((each: Record<string, unknown>) => each['OS-EXT-SRV-ATTR:hypervisor_hostname']));
  assert.equal(hosts.size, 50);
  for (const { fault } of failed) assert.match(fault.message, /^No valid host was found\. Of 50 nodes: \d+ in use/);
});
