import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import { anAvailableNode, aServerRequest, aStep, newSharedState, testCloud, untilIdle } from '#test/a-cloud.ts';
import { aRequester } from '#test/an-agent.ts';

const go = async () => ({ next: true }) as const;

test('deploys a server step by step, and records each step', async () => {
  const order: string[] = [];
  const step = (name: string) =>
    aStep(name, async () => {
      order.push(name);
      return { next: true };
    });
  const cloud = await testCloud({ steps: [step('one'), step('two')] });
  const node = await anAvailableNode(cloud, 'n1');
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilIdle(cloud);

  assert.deepEqual(order, ['one', 'two']);
  const after = await cloud.store.servers.find({ id: server!.id });
  assert.equal(after?.vm_state, 'active');
  const held = await cloud.store.nodes.find({ uuid: node.uuid });
  assert.deepEqual([held?.provision_state, held?.instance_uuid, held?.operation_id], ['active', server!.id, null]);
  const steps = (await cloud.store.events.list({ server_id: server!.id })).filter((event) => event.kind === 'step');
  assert.deepEqual(
    steps.filter((event) => event.data['status'] === 'ended').map((event) => event.subject),
    ['claim node', 'bind ports', 'clear console', 'one', 'two'],
  );
  await cloud.store.close();
});

test('200 concurrent creates on 50 nodes give 50 builds and 150 errors with counted reasons', async () => {
  const cloud = await testCloud({ steps: [aStep('work', go)] });
  for (let index = 0; index < 50; index++) await anAvailableNode(cloud, `n${index}`);
  const created = await Promise.all(Array.from({ length: 200 }, () => cloud.engine.createServers(aServerRequest)));
  await untilIdle(cloud);

  const servers = await cloud.store.servers.list({ id: created.flat().map((server) => server.id) });
  const active = servers.filter((server) => server.vm_state === 'active');
  const failed = servers.filter((server) => server.vm_state === 'error');
  assert.deepEqual([active.length, failed.length], [50, 150]);
  assert.equal(new Set(active.map((server) => server.node_uuid)).size, 50);
  for (const server of failed) assert.match(server.fault?.message ?? '', /^No valid host was found\. Of 50 nodes: \d+ /);
  await cloud.store.close();
});

test('a failed step is rolled back and reported on the server, and the node is available again', async () => {
  const broken = aStep('break', async () => {
    throw new Fault('agentFailed', { command: 'write the image', detail: 'disk on fire' });
  });
  const cloud = await testCloud({
    steps: [
      simpleStep({ name: 'power on', title: 'power on', deadlineSeconds: 10, keepsDisk: true }, (task) =>
        task.power.set('power on'),
      ),
      broken,
    ],
  });
  const node = await anAvailableNode(cloud, 'n1');
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilIdle(cloud);

  const after = await cloud.store.servers.find({ id: server!.id });
  assert.equal(after?.vm_state, 'error');
  assert.deepEqual([after?.fault?.code, after?.fault?.step], ['agentFailed', 'break']);
  assert.match(after?.fault?.message ?? '', /disk on fire/);
  const freed = await cloud.store.nodes.find({ uuid: node.uuid });
  assert.deepEqual(
    [freed?.provision_state, freed?.instance_uuid, freed?.power_state, freed?.failures],
    ['available', null, 'power off', 1],
  );
  assert.equal(cloud.room.plans.has(node.uuid), false);
  await cloud.store.close();
});

test('puts a node into maintenance with the cause when its BMC stops responding', async () => {
  const cloud = await testCloud({
    steps: [simpleStep({ name: 'power on', title: 'power on', deadlineSeconds: 10 }, (task) => task.power.set('power on'))],
  });
  const node = await anAvailableNode(cloud, 'n1');
  cloud.room.bmcFault = () => new Fault('bmcUnreachable', { address: '192.0.2.9', attempts: 4, seconds: 7 });
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilIdle(cloud);

  assert.match((await cloud.store.servers.find({ id: server!.id }))?.fault?.message ?? '', /BMC at 192\.0\.2\.9 did not respond/);
  const lost = await cloud.store.nodes.find({ uuid: node.uuid });
  assert.deepEqual([lost?.provision_state, lost?.maintenance, lost?.instance_uuid], ['clean failed', true, null]);
  assert.match(lost?.maintenance_reason ?? '', /did not respond/);
  await cloud.store.close();
});

test('a wait fails at its deadline with the likely cause', async () => {
  const cloud = await testCloud({ steps: [aStep('listen', async () => ({ wait: 'the ramdisk to report' }), 1)] });
  const node = await anAvailableNode(cloud, 'n1');
  cloud.room.power.set(node.uuid, 'power on');
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilIdle(cloud);

  const fault = (await cloud.store.servers.find({ id: server!.id }))?.fault;
  assert.equal(fault?.code, 'stepTimeout');
  assert.match(fault?.message ?? '', /waited for the ramdisk to report\. Last activity: nothing from this machine/);
  assert.match(fault?.hint ?? '', /Nothing was heard of its MAC addresses/);
  await cloud.store.close();
});

test('a new engine resumes an operation from the database alone', async () => {
  const room = newSharedState();
  let isBlocked = true;
  const ran: string[] = [];
  const steps = [
    aStep('first', async () => {
      ran.push('first');
      return { next: true, context: { found: 42 } };
    }),
    aStep('second', async (task) => {
      ran.push(`second sees ${task.context['found']}`);
      return isBlocked ? { wait: 'a word' } : { next: true };
    }),
  ];
  const before = await testCloud({ room, steps });
  await anAvailableNode(before, 'n1');
  const [server] = await before.engine.createServers(aServerRequest);
  while (!ran.includes('second sees 42')) await new Promise(setImmediate);
  await before.engine.stop();

  isBlocked = false;
  const after = await testCloud({ room, steps, store: before.store });
  await after.engine.start();
  await untilIdle(after);
  assert.deepEqual(ran, ['first', 'second sees 42', 'second sees 42']);
  assert.equal((await after.store.servers.find({ id: server!.id }))?.vm_state, 'active');
  await after.engine.stop();
  await after.store.close();
});

test('deleting a server during its deployment aborts the deployment and leaves nothing behind', async () => {
  const cloud = await testCloud({ steps: [aStep('listen', async () => ({ wait: 'for ever' }), 600)] });
  const node = await anAvailableNode(cloud, 'n1');
  const [server] = await cloud.engine.createServers(aServerRequest);
  await cloud.engine.deleteServer(server!.id);
  await untilIdle(cloud);

  assert.equal((await cloud.store.servers.find({ id: server!.id }))?.vm_state, 'deleted');
  const freed = await cloud.store.nodes.find({ uuid: node.uuid });
  assert.deepEqual([freed?.provision_state, freed?.failures, freed?.operation_id], ['available', 0, null]);
  await cloud.store.close();
});

test('deleting a server during a rebuild aborts the rebuild and hands the node to the deletion', async () => {
  let isRebuild = false;
  const cloud = await testCloud({ steps: [aStep('work', async () => (isRebuild ? { wait: 'for ever' } : { next: true }), 600)] });
  const node = await anAvailableNode(cloud, 'n1');
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilIdle(cloud);
  isRebuild = true;
  await cloud.engine.rebuildServer(server!.id, { image: aServerRequest.image });
  await cloud.engine.deleteServer(server!.id);
  while ((await cloud.store.servers.find({ id: server!.id }))?.vm_state !== 'deleted') await new Promise(setImmediate);

  const kinds = (await cloud.store.operations.list({}, { orderBy: 'created_at' })).map((operation) => operation.kind);
  assert.deepEqual(kinds, ['deploy', 'rebuild', 'delete', 'clean']);
  const cleaning = await cloud.store.nodes.find({ uuid: node.uuid });
  assert.equal(cleaning?.instance_uuid, null);
  await cloud.engine.stop();
  await cloud.store.close();
});

test('never runs two operations on one node', async () => {
  const cloud = await testCloud({ steps: [aStep('work', go)] });
  const node = await anAvailableNode(cloud, 'n1');
  const results = await Promise.allSettled([
    cloud.engine.setPower(node.uuid, 'power on'),
    cloud.engine.setPower(node.uuid, 'power off'),
  ]);

  assert.deepEqual(results.map((result) => result.status).sort(), ['fulfilled', 'rejected']);
  const refused = results.find((result) => result.status === 'rejected');
  assert.match(String(refused?.reason), /Node n1 is locked by host .* It is held by power o(n|ff) of node n1/);
  await untilIdle(cloud);
  await cloud.store.close();
});

test('the classic POST rejects a wrong key, a missing field and another address, and ignores repeats', async () => {
  const key = 'k'.repeat(32);
  const posts: unknown[] = [];
  const steps = [
    aStep('make key', async () => ({ next: true, context: { deployment_key: key } })),
    aStep('listen', async (task) => {
      const post = task.message('deploy-post');
      if (post) posts.push(post);
      return post && posts.length > 0 ? { next: true } : { wait: 'the deploy POST' };
    }),
    aStep('hold', async () => ({ wait: 'the end of the test' }), 600),
  ];
  const cloud = await testCloud({ steps });
  const node = await anAvailableNode(cloud, 'n1');
  const [server] = await cloud.engine.createServers(aServerRequest);
  const waiting = async () => (await cloud.store.operations.find({ server_id: server!.id }))?.waiting_for;
  while ((await waiting()) !== 'the deploy POST') await new Promise(setImmediate);
  const fields = { i: String(node.id), k: key, a: '10.0.0.5', n: 'iqn.x' };

  await assert.rejects(cloud.engine.deployPost({ ...fields, k: 'wrong' }, aRequester('10.0.0.5')), /key is not match/);
  await assert.rejects(
    cloud.engine.deployPost({ i: fields.i, k: key, a: '10.0.0.5' }, aRequester('10.0.0.5')),
    /parameter 'n' is not defined/,
  );
  await assert.rejects(cloud.engine.deployPost(fields, aRequester('10.0.0.6')), /came from 10\.0\.0\.6/);
  await cloud.engine.deployPost(fields, aRequester('10.0.0.5'));
  await cloud.engine.deployPost(fields, aRequester('10.0.0.5'));
  await assert.rejects(cloud.engine.deployPost({ ...fields, n: 'iqn.y' }, aRequester('10.0.0.5')), /key is not match/);
  while ((await waiting()) !== 'the end of the test') await new Promise(setImmediate);
  assert.deepEqual(posts, [{ i: String(node.id), a: '10.0.0.5', n: 'iqn.x' }]);
  await cloud.engine.stop();
  await cloud.store.close();
});

test('resumes a deletion that was recorded just before the process ended', async () => {
  const room = newSharedState();
  const steps = [aStep('listen', async () => ({ wait: 'a word' }))];
  const before = await testCloud({ room, steps });
  const node = await anAvailableNode(before, 'n1');
  const [server] = await before.engine.createServers(aServerRequest);
  await before.engine.stop();
  // What a delete writes; the in-memory cancellation that follows was lost with the process.
  await before.store.servers.update({ id: server!.id }, { task_state: 'deleting' });

  const after = await testCloud({ room, steps, store: before.store });
  await after.engine.start();
  await untilIdle(after);
  assert.equal((await after.store.servers.find({ id: server!.id }))?.vm_state, 'deleted');
  const freed = await after.store.nodes.find({ uuid: node.uuid });
  assert.deepEqual([freed?.provision_state, freed?.instance_uuid, freed?.failures], ['available', null, 0]);
  await after.engine.stop();
  await after.store.close();
});

test('accepts a deploy kernel in a flavor by image id, and rejects a path of this host', async () => {
  const asked = aStep('ask', async (task) => {
    await task.deployRamdisk();
    return { next: true };
  });
  const cloud = await testCloud({ steps: [asked] });
  await anAvailableNode(cloud, 'n1');
  const flavor = { ...aServerRequest.flavor, extra_specs: { 'baremetal:deploy_kernel_id': '/etc/shadow' } };
  const [server] = await cloud.engine.createServers({ ...aServerRequest, flavor });
  await untilIdle(cloud);

  const fault = (await cloud.store.servers.find({ id: server!.id }))?.fault;
  assert.deepEqual([fault?.code, fault?.step], ['imageUnusable', 'ask']);
  assert.match(fault?.message ?? '', /'\/etc\/shadow' is no image id/);
  await cloud.store.close();
});
