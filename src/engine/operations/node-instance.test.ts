/** Instances of Ironic's API across a restart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ImageFetcher } from '#engine/contract.ts';
import type { FetchedImage } from '#store/tables/fetched-images.ts';
import { anAvailableNode, aServerRequest, aStep, testCloud } from '#test/a-cloud.ts';

async function aWaitingDeployment() {
  let isReady = false;
  const wait = aStep('work', async () => (isReady ? { next: true } : { wait: 'the machine' }));
  const cloud = await testCloud({ steps: [wait] });
  const { store, engine, room } = cloud;
  const { uuid } = await anAvailableNode(cloud, 'n1');
  await store.nodes.update({ uuid }, { instance_info: { image_source: aServerRequest.image.id } });
  await engine.setProvisionState(uuid, 'active', { user: { project_id: 'p', is_admin: true } });
  const id = (await store.nodes.find({ uuid }))?.operation_id ?? '';
  while ((await store.operations.find({ id }))?.waiting_for !== 'the machine') await new Promise(setImmediate);
  await engine.stop();
  return {
    ...{ store, uuid },
    async restart() {
      isReady = true;
      const { engine } = await testCloud({ store, room, steps: [wait] });
      await engine.start();
      await engine.ended(id);
      await engine.stop();
      return (await store.nodes.find({ uuid }))!;
    },
  };
}

test('a restart goes on with the deployment of an instance', async () => {
  const { store, restart } = await aWaitingDeployment();
  const { provision_state, must_clean } = await restart();
  assert.deepEqual([provision_state, must_clean], ['active', true]);
  await store.close();
});

test('a restart aborts the deployment of an instance whose deletion was recorded', async () => {
  const { store, uuid, restart } = await aWaitingDeployment();
  await store.nodes.update({ uuid }, { target_provision_state: 'available' });
  const { must_clean } = await restart();
  const operations = await store.operations.list({ node_uuid: uuid }, { orderBy: 'created_at' });
  assert.deepEqual(
    operations.slice(0, 2).map(({ kind }) => kind),
    ['deploy', 'delete'],
  );
  assert.deepEqual([operations[0]?.state, operations[0]?.fault?.code, must_clean], ['failed', 'cancelled', true]);
  await store.close();
});

test('a restart during a download begins it anew, and one after it does not', async () => {
  const fetches: string[] = [];
  const asked = Promise.withResolvers<void>();
  const hanging: ImageFetcher['fetch'] = ({ url }, signal) => {
    fetches.push(url);
    asked.resolve();
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  };
  const wait = aStep('work', async (task) => {
    uses.push((await task.imageIds()).image);
    return uses.length > 1 ? { next: true } : { wait: 'the machine' };
  });
  const uses: string[] = [];
  const first = await testCloud({ steps: [wait], fetcher: { fetch: hanging } });
  const { store, room } = first;
  const { uuid } = await anAvailableNode(first, 'n1');
  const url = 'http://192.0.2.1/image';
  await store.nodes.update({ uuid }, { instance_info: { image_source: url, image_checksum: 'a'.repeat(64) } });
  await first.engine.setProvisionState(uuid, 'active', { user: { project_id: 'p', is_admin: true } });
  const id = (await store.nodes.find({ uuid }))?.operation_id ?? '';
  await asked.promise;
  await first.engine.stop();

  const row = await store.fetched_images.insert(aFetchedImage(url));
  const fetch: ImageFetcher['fetch'] = async ({ url }) => {
    fetches.push(url);
    return row;
  };
  const second = await testCloud({ store, room, steps: [wait], fetcher: { fetch } });
  await second.engine.start();
  while ((await store.operations.find({ id }))?.waiting_for !== 'the machine') await new Promise(setImmediate);
  await second.engine.stop();
  const third = await testCloud({ store, room, steps: [wait], fetcher: { fetch } });
  await third.engine.start();
  await third.engine.ended(id);
  await third.engine.stop();

  assert.deepEqual(
    [fetches, uses],
    [
      [url, url],
      [row.id, row.id],
    ],
  );
  assert.equal((await store.nodes.find({ uuid }))?.provision_state, 'active');
  await store.close();
});

function aFetchedImage(name: string): FetchedImage {
  const at = '2026-01-01T00:00:00.000Z';
  const facts = { disk_format: 'raw', size: 1, virtual_size: 1, md5: 'a', sha256: 'b', sha512: 'c', version: null };
  const id = '22222222-2222-4222-8222-222222222222';
  return { id, source_key: 'key', name, status: 'active', ...facts, created_at: at, used_at: at };
}
