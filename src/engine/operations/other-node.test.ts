import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { Step, Task } from '#drivers/interfaces.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import { anAvailableNode, aServerRequest, aStep, type Cloud, testCloud, untilIdle, untilState } from '#test/a-cloud.ts';

const burnt = () => new Fault('agentFailed', { command: 'write the image', detail: 'disk on fire' });

const silentBmc = () => new Fault('bmcUnreachable', { address: '192.0.2.9', attempts: 4, seconds: 7 });

/** A step that fails on these nodes, and says where it ran. */
function failsOn(names: readonly string[], { ran = [], fault = burnt }: { ran?: string[]; fault?: () => Fault } = {}): Step {
  return aStep('write', async ({ node }: Task) => {
    ran.push(String(node.name));
    if (names.includes(String(node.name))) throw fault();
    return { next: true };
  });
}

async function withNodes(cloud: Cloud, count: number) {
  const nodes = [];
  for (let index = 1; index <= count; index++) nodes.push(await anAvailableNode(cloud, `n${index}`));
  return nodes;
}

async function end({ engine, store }: Cloud): Promise<void> {
  await engine.stop();
  await store.close();
}

test('a deployment that fails because of its machine goes on with another node, and the server stays in BUILD', async () => {
  const ran: string[] = [];
  const states: unknown[] = [];
  const cloud: Cloud = await testCloud({
    steps: [
      aStep('look', async (task) => {
        const server = await cloud.store.servers.find({ id: task.instance!.id });
        states.push([server?.vm_state, server?.task_state, server?.fault]);
        return { next: true };
      }),
      failsOn(['n1'], { ran }),
    ],
  });
  const [first, second] = await withNodes(cloud, 3);
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilIdle(cloud);

  const after = await cloud.store.servers.find({ id: server!.id });
  assert.deepEqual([ran, after?.vm_state, after?.node_uuid, after?.fault], [['n1', 'n2'], 'active', second!.uuid, null]);
  assert.deepEqual(states, Array(2).fill(['building', 'spawning', null]));
  const failed = await cloud.store.nodes.find({ uuid: first!.uuid });
  assert.deepEqual([failed?.provision_state, failed?.instance_uuid, failed?.failures], ['available', null, 1]);
  const held = await cloud.store.nodes.find({ uuid: second!.uuid });
  assert.deepEqual([held?.provision_state, held?.instance_uuid], ['active', server!.id]);
  const operations = await cloud.store.operations.list({ server_id: server!.id }, { orderBy: 'created_at' });
  assert.deepEqual(
    operations.map(({ node_uuid, state, purpose }) => [node_uuid, state, purpose]),
    [
      [first!.uuid, 'failed', 'deploy server web'],
      [second!.uuid, 'done', 'deploy server web (try 2 of 2)'],
    ],
  );
  await end(cloud);
});

test('the fault has each try with its node, its step and its cause, and why there was no other', async () => {
  const rows = [
    [2, '2', ['n1', 'n2'], '2 nodes were tried, which is the most (scheduler.max_attempts).'],
    [3, '3', ['n1', 'n2', 'n3'], '3 nodes were tried, which is the most (scheduler.max_attempts).'],
    [2, '9', ['n1', 'n2'], /^Of 2 nodes: 2 tried before\.$/],
    [2, '1', ['n1'], undefined],
  ] as const;
  for (const [count, most, wanted, why] of rows) {
    const cloud = await testCloud({ steps: [failsOn(['n1', 'n2', 'n3'])], settings: { 'scheduler.max_attempts': most } });
    await withNodes(cloud, count);
    const [server] = await cloud.engine.createServers(aServerRequest);
    await untilIdle(cloud);
    const after = await cloud.store.servers.find({ id: server!.id });
    assert.deepEqual([after?.vm_state, after?.node_uuid, after?.fault?.node?.name], ['error', null, wanted.at(-1)]);
    const tries = (after?.fault?.tries ?? [after!.fault!]).map(({ node, step, message }) => [node?.name, step, message]);
    assert.deepEqual(
      tries,
      wanted.map((name) => [name, 'write', burnt().message]),
    );
    if (why instanceof RegExp) assert.match(after?.fault?.no_other_node ?? '', why);
    else assert.equal(after?.fault?.no_other_node, why);
    await end(cloud);
  }
});

test('no other node is tried for a fault that would occur on each, or if the client named the node', async () => {
  const rows: readonly [() => Fault, object][] = [
    [() => new Fault('imageUnusable', { image: 'i', detail: 'it is empty' }), {}],
    [() => new Fault('conflict', { detail: 'Port p was deleted.' }), {}],
    [() => new Fault('ipAddressGenerationFailure', { network: 'n' }), {}],
    [burnt, { node: 'n1' }],
  ];
  for (const [fault, request] of rows) {
    const cloud = await testCloud({ steps: [failsOn(['n1'], { fault })] });
    const [first] = await withNodes(cloud, 2);
    const [server] = await cloud.engine.createServers({ ...aServerRequest, ...request });
    await untilIdle(cloud);
    const after = await cloud.store.servers.find({ id: server!.id });
    assert.deepEqual([after?.vm_state, after?.fault?.code, after?.fault?.tries], ['error', fault().code, undefined]);
    const failures = (await cloud.store.nodes.find({ uuid: first!.uuid }))?.failures;
    assert.equal(failures, fault === burnt ? 1 : 0);
    await end(cloud);
  }
});

test('no other node is tried if a machine with a system of the server may still run', async () => {
  const cloud: Cloud = await testCloud({
    steps: [
      simpleStep({ name: 'write', title: 'write', deadlineSeconds: 10 }, async ({ power, node }) => {
        await power.set('power on');
        cloud.room.bmcFault = (uuid) => (uuid === node.uuid ? silentBmc() : undefined);
        throw burnt();
      }),
    ],
  });
  await withNodes(cloud, 2);
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilIdle(cloud);
  const after = await cloud.store.servers.find({ id: server!.id });
  assert.match(after?.fault?.no_other_node ?? '', /could not be powered off/);
  await end(cloud);
});

test('no other node is tried after a machine with a system of the server that must not be powered off', async () => {
  const cloud = await testCloud({
    steps: [
      simpleStep({ name: 'write', title: 'write', deadlineSeconds: 10 }, async ({ power }) => {
        await power.set('power on');
        throw burnt();
      }),
    ],
  });
  const [first] = await withNodes(cloud, 2);
  await cloud.store.nodes.update({ uuid: first!.uuid }, { disable_power_off: true });
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilState(cloud, first!.uuid, 'clean wait');
  const after = await cloud.store.servers.find({ id: server!.id });
  assert.equal(after?.vm_state, 'error');
  assert.match(after?.fault?.no_other_node ?? '', /could not be powered off/);
  await end(cloud);
});

test('a deletion during the second try ends the server, and both nodes are cleaned', async () => {
  const ready = Promise.withResolvers<void>();
  const cloud = await testCloud({
    steps: [
      aStep('write', async ({ node }) => {
        if (node.name === 'n1') throw burnt();
        ready.resolve();
        return { wait: 'for ever' };
      }),
    ],
  });
  const nodes = await withNodes(cloud, 2);
  const [server] = await cloud.engine.createServers(aServerRequest);
  await ready.promise;
  await cloud.engine.deleteServer(server!.id);
  await untilIdle(cloud);
  assert.equal((await cloud.store.servers.find({ id: server!.id }))?.vm_state, 'deleted');
  const after = await cloud.store.nodes.list({ uuid: nodes.map(({ uuid }) => uuid) });
  assert.deepEqual(
    after.map(({ provision_state, instance_uuid, must_clean }) => [provision_state, instance_uuid, must_clean]),
    Array(2).fill(['available', null, false]),
  );
  await end(cloud);
});

test('a deletion during the rollback of the first try begins no second one', async () => {
  const ran: string[] = [];
  const cloud: Cloud = await testCloud({
    steps: [failsOn(['n1'], { ran })],
    onStep(when, { state, server_id }, step) {
      if (when === 'before' && state === 'rolling_back' && step === 'power off' && server_id)
        void cloud.engine.deleteServer(server_id);
    },
  });
  await withNodes(cloud, 2);
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilIdle(cloud);
  assert.deepEqual([ran, (await cloud.store.servers.find({ id: server!.id }))?.vm_state], [['n1'], 'deleted']);
  await end(cloud);
});

test('a restart between the two tries goes on with the second', async () => {
  const ran: string[] = [];
  const stopped = Promise.withResolvers<void>();
  const steps = [failsOn(['n1'], { ran })];
  const cloud: Cloud = await testCloud({
    steps,
    onStep(when, { purpose }) {
      if (when === 'before' && purpose.endsWith('(try 2 of 2)')) void cloud.engine.stop().then(stopped.resolve);
    },
  });
  await withNodes(cloud, 2);
  const [server] = await cloud.engine.createServers(aServerRequest);
  await stopped.promise;
  const later = await testCloud({ room: cloud.room, store: cloud.store, steps });
  await later.engine.start();
  await untilIdle(later);
  assert.equal((await later.store.servers.find({ id: server!.id }))?.vm_state, 'active');
  assert.deepEqual([...new Set(ran)], ['n1', 'n2']);
  await end(later);
});
