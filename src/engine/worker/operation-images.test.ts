import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Task } from '#drivers/interfaces.ts';
import type { Image } from '#store/tables/images.ts';
import { anAvailableNode, anImage, aServerRequest, aStep, type Cloud, testCloud, untilIdle } from '#test/a-cloud.ts';

const idOf = (digit: number) => `${String(digit).repeat(8)}-1111-4111-8111-111111111111`;
const own = idOf(2);
const kernel = idOf(3);
const ramdisk = idOf(4);
const foreign = idOf(5);
const digest = { os_hash_algo: 'sha512', os_hash_value: 'aa' };

/** A cloud whose deployments block until `goOn`, then use their kernel; with a partition image of the project. */
async function aHeldCloud(use: (task: Task) => Promise<unknown> = useKernel) {
  const { promise, resolve: goOn } = Promise.withResolvers<void>();
  const used: string[] = [];
  const cloud = await testCloud({
    steps: [
      aStep('hold', async (task) => {
        await promise;
        used.push(String(await use(task)));
        return { next: true };
      }),
    ],
  });
  const insert = (id: string, changes: Partial<Image>) =>
    cloud.store.images.insert({ ...anImage, ...digest, id, visibility: 'private', ...changes });
  await insert(kernel, {});
  await insert(ramdisk, {});
  await insert(foreign, { owner: 'another' });
  const image = await insert(own, { properties: { kernel_id: kernel, ramdisk_id: ramdisk } });
  await anAvailableNode(cloud, 'n1');
  return { cloud, goOn, used, image };
}

async function useKernel(task: Task): Promise<string> {
  const { kernel } = await task.imageIds();
  return task.images.file(kernel ?? '');
}

async function faultOf(cloud: Cloud): Promise<string | undefined> {
  const [server] = await cloud.store.servers.list();
  return server?.fault?.message;
}

async function closed(cloud: Cloud): Promise<void> {
  await cloud.engine.stop();
  await cloud.store.close();
}

test('deploys the kernel_id that was checked, even if it is changed afterwards', async () => {
  const { cloud, goOn, used, image } = await aHeldCloud();
  await cloud.engine.createServers({ ...aServerRequest, image });
  await cloud.store.images.update({ id: own }, { properties: { kernel_id: foreign, ramdisk_id: foreign } });
  goOn();
  await untilIdle(cloud);

  assert.deepEqual(used, [`/images/${kernel}`]);
  await closed(cloud);
});

const changes: { title: string; id: string; patch: Partial<Image>; says: RegExp }[] = [
  { title: 'made private', id: kernel, patch: { owner: 'another' }, says: /no longer visible to the project/ },
  { title: 'deleted', id: kernel, patch: { status: 'deleted' }, says: /it was deleted, since/ },
  { title: 'emptied', id: kernel, patch: { status: 'queued' }, says: /its status is queued, not active/ },
  { title: 'filled anew', id: kernel, patch: { os_hash_value: 'bb' }, says: /its data was replaced/ },
  { title: 'hashed otherwise', id: kernel, patch: { os_hash_algo: 'md5' }, says: /its data was replaced/ },
];
for (const { title, id, patch, says } of changes) {
  test(`an image that is ${title} during its deployment fails it with that reason`, async () => {
    const { cloud, goOn, used, image } = await aHeldCloud();
    await cloud.engine.createServers({ ...aServerRequest, image });
    await cloud.store.images.update({ id }, patch);
    goOn();
    await untilIdle(cloud);

    assert.deepEqual(used, []);
    assert.match((await faultOf(cloud)) ?? '', says);
    await closed(cloud);
  });
}

test('an image that is no longer shared during its deployment fails it; one that is shared is used', async () => {
  for (const isRevoked of [false, true]) {
    const { cloud, goOn, used } = await aHeldCloud();
    const theirs = { owner: 'another', visibility: 'shared' } as const;
    for (const id of [own, kernel, ramdisk]) await cloud.store.images.update({ id }, theirs);
    const image = (await cloud.store.images.find({ id: own }))!;
    const request = { ...aServerRequest, image };
    await assert.rejects(cloud.engine.createServers(request), /Can not find requested image/);
    const at = '2026-01-01T00:00:00.000Z';
    const member = { id: 'm', image_id: own, member_id: request.project_id, status: 'rejected', created_at: at, updated_at: at };
    await cloud.store.image_members.insert(member);
    await cloud.engine.createServers(request);
    if (isRevoked) await cloud.store.image_members.remove({ id: 'm' });
    goOn();
    await untilIdle(cloud);

    assert.deepEqual(used, isRevoked ? [] : [`/images/${kernel}`]);
    if (!isRevoked) assert.equal(await faultOf(cloud), undefined);
    await closed(cloud);
  }
});

test('gives a step only the images with which the operation was started', async () => {
  const { cloud, goOn, used, image } = await aHeldCloud((task) => task.images.file(foreign));
  await cloud.engine.createServers({ ...aServerRequest, image });
  goOn();
  await untilIdle(cloud);

  assert.deepEqual(used, []);
  assert.match((await faultOf(cloud)) ?? '', /not one of the images with which this operation was started/);
  await closed(cloud);
});

test('repeats the checks of a build or rebuild inside its transaction', async () => {
  const { cloud, goOn, image } = await aHeldCloud();
  goOn();
  const [server] = await cloud.engine.createServers({ ...aServerRequest, image });
  await untilIdle(cloud);
  const refused = { code: 'badRequest', message: new RegExp(`Can not find requested image ${foreign}, the kernel_id`) };
  await cloud.store.images.update({ id: own }, { properties: { kernel_id: foreign, ramdisk_id: ramdisk } });
  await assert.rejects(cloud.engine.createServers({ ...aServerRequest, image }), refused);
  await assert.rejects(cloud.engine.rebuildServer(server!.id, { image }), refused);
  await cloud.store.images.update({ id: own }, { owner: 'another' });
  await assert.rejects(cloud.engine.rebuildServer(server!.id, { image }), /Can not find requested image/);

  assert.equal((await cloud.store.servers.find({ id: server!.id }))?.task_state, null);
  await cloud.engine.rebuildServer(server!.id, { image, is_admin: true });
  await untilIdle(cloud);
  await closed(cloud);
});

test('checks an operation started by another version as if it started now', async () => {
  const { cloud, goOn, used, image } = await aHeldCloud();
  await cloud.engine.createServers({ ...aServerRequest, image });
  const [operation] = await cloud.store.operations.list();
  await cloud.engine.stop();
  const { images: _, ...request } = operation!.request;
  await cloud.store.operations.update({ id: operation!.id }, { request });
  await cloud.store.images.update({ id: own }, { properties: { kernel_id: foreign, ramdisk_id: ramdisk } });
  const record = async (task: Task) => void used.push(await useKernel(task));
  const steps = [aStep('hold', async (task) => record(task).then(() => ({ next: true })))];
  const after = await testCloud({ steps, store: cloud.store, room: cloud.room });
  await after.engine.start();
  goOn();
  await untilIdle(after);

  assert.deepEqual(used, []);
  assert.match((await faultOf(after)) ?? '', new RegExp(`Can not find requested image ${foreign}`));
  await closed(after);
});

test('rejects a deploy kernel at its use unless an administrator published or owns it', async () => {
  const { cloud, goOn, image } = await aHeldCloud((task) => task.deployRamdisk());
  const extra_specs = { 'baremetal:deploy_kernel_id': kernel };
  await cloud.engine.createServers({ ...aServerRequest, image, flavor: { ...aServerRequest.flavor, extra_specs } });
  goOn();
  await untilIdle(cloud);

  assert.match((await faultOf(cloud)) ?? '', /must be an administrator's image/);
  await closed(cloud);
});
