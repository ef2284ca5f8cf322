/** Use of the bootstrap token: by the machine, by another machine at another address, and by one that came first. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { imageToken } from '#agent-protocol/image-token.ts';
import { routes } from '#agent-protocol/routes.ts';
import type { Operation } from '#store/tables/operations.ts';
import { anAvailableNode, aServerRequest, aStep, type Cloud, testCloud } from '#test/a-cloud.ts';
import { aHello, aRequester, bootstrapOf, sayHello } from '#test/an-agent.ts';

const image = `${routes.images}/an-image`;

/** A deployment that waits for its ramdisk, and is then commanded to write an image and a config drive. */
async function aDeployment() {
  const steps = [
    aStep('wait for the ramdisk', async (task) => (task.agent.heard() ? { next: true } : { wait: 'the ramdisk' }), 600),
    aStep(
      'write image',
      async (task) => {
        const reply = await task.agent.ask('write-image', { path: image });
        return reply ? { next: true } : { wait: 'the image' };
      },
      600,
    ),
    aStep(
      'write config drive',
      async (task) => {
        const reply = await task.agent.ask('write-config-drive', { path: routes.configDrive });
        return reply ? { next: true } : { wait: 'the config drive' };
      },
      600,
    ),
  ];
  const cloud = await testCloud({ steps });
  const node = await anAvailableNode(cloud, 'n1');
  const [port] = await cloud.store.node_ports.list({ node_uuid: node.uuid });
  const [server] = await cloud.engine.createServers(aServerRequest);
  const operation = await untilWaiting(cloud, server!.id, 'the ramdisk');
  const mac = port!.address;
  const machine = aRequester('172.30.0.20', { macs: [mac], isServed: true });
  return { cloud, node, server: server!, operation, mac, machine };
}

async function untilWaiting(cloud: Cloud, serverId: string, wait: string): Promise<Operation> {
  for (;;) {
    const operation = await cloud.store.operations.find({ server_id: serverId });
    if (operation?.waiting_for === wait) return operation;
    await new Promise(setImmediate);
  }
}

async function othersOf({ store }: Cloud, nodeUuid: string): Promise<string[]> {
  await store.events.flush();
  const events = await store.events.list({ node_uuid: nodeUuid });
  return events.filter(({ subject }) => subject === 'other machine' || subject === 'second agent').map(({ message }) => message);
}

async function closed({ engine, store }: Cloud): Promise<void> {
  await engine.stop();
  await store.close();
}

test('refuses another machine that presents the token, and reports it on the node', async () => {
  const { cloud, node, server, operation, machine, mac } = await aDeployment();
  const others = [
    aRequester('172.30.0.99', { isServed: true }),
    aRequester('172.30.0.98', { macs: ['52:54:00:99:99:99'], isServed: true }),
    // At the machine's address, with another MAC on the wire.
    aRequester(machine.address, { macs: [mac, '52:54:00:99:99:99'], isServed: true }),
    aRequester('172.30.0.97', { macs: ['52:54:00:99:99:99'] }),
  ];
  for (const other of others)
    await assert.rejects(cloud.engine.agentAdmit(bootstrapOf(operation), other, 'hello'), { code: 'forbidden' });

  const session = await sayHello(cloud.engine, operation, machine);
  await untilWaiting(cloud, server.id, 'the image');
  const reported = await othersOf(cloud, node.uuid);
  assert.equal(reported.length, 4);
  assert.equal(reported[0], 'Another machine at 172.30.0.99 presented the agent token of this operation; it was refused');
  assert.match(reported[1] ?? '', /^Another machine at 172\.30\.0\.98 \(MAC 52:54:00:99:99:99\)/);
  assert.equal((await cloud.engine.agentNext(session, 0, AbortSignal.timeout(1000)))?.name, 'write-image');
  await closed(cloud);
});

test('admits one agent per token, however often it repeats its hello, and stops serving the token to the machine', async () => {
  const { cloud, node, operation, machine } = await aDeployment();
  const session = await sayHello(cloud.engine, operation, machine);
  assert.equal(await sayHello(cloud.engine, operation, machine), session);
  assert.ok(cloud.room.spent.has(node.uuid));
  await assert.rejects(cloud.engine.agentAdmit(bootstrapOf(operation), machine, 'other'), { code: 'unauthorized' });
  await assert.rejects(cloud.engine.agentNext(bootstrapOf(operation), 0, AbortSignal.timeout(1000)), { code: 'unauthorized' });
  await assert.rejects(cloud.engine.agentAdmit(session, machine, 'hello'), { code: 'unauthorized' });
  const row = (await cloud.store.operations.find({ id: operation.id }))!;
  assert.ok(!JSON.stringify(await cloud.store.events.list({})).includes(session.split('.')[1] as string));
  assert.equal((row.context['agent'] as { address: string }).address, machine.address);
  await closed(cloud);
});

for (const [title, second] of [
  ['from the same address: the machine restarted, or its address was taken', aRequester('10.0.0.5')],
  ['from another address, where nobody can tell whose it is', aRequester('10.0.0.6')],
] as const) {
  test(`a second agent with the token fails the operation at once, ${title}`, async () => {
    const { cloud, server, node, operation } = await aDeployment();
    const session = await sayHello(cloud.engine, operation);
    const hello = aHello({ instance: 'the-instance-of-another-agent' });
    await assert.rejects(cloud.engine.agentHello(bootstrapOf(operation), hello, second), { code: 'secondAgent' });

    const { state, fault } = await cloud.engine.ended(operation.id);
    assert.deepEqual([state, fault?.code], ['failed', 'secondAgent']);
    assert.match(fault?.message ?? '', /the first at 10\.0\.0\.5, another at 10\.0\.0\.[56]/);
    assert.equal((await cloud.store.servers.find({ id: server.id }))?.vm_state, 'error');
    await assert.rejects(cloud.engine.agentNext(session, 0, AbortSignal.timeout(1000)), { code: 'unauthorized' });
    assert.match((await othersOf(cloud, node.uuid))[0] ?? '', /^Two agents presented the token/);
    await closed(cloud);
  });
}

test('fails both of two agents that say hello at the same time', async () => {
  const { cloud, operation } = await aDeployment();
  const say = (instance: string) => cloud.engine.agentHello(bootstrapOf(operation), aHello({ instance }), aRequester());
  const both = await Promise.allSettled([say('the-instance-of-one-agent'), say('the-instance-of-another-agent')]);
  assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  assert.equal((await cloud.engine.ended(operation.id)).fault?.code, 'secondAgent');
  await closed(cloud);
});

test('keeps the session of a bound agent after a restart', async () => {
  const { cloud, server, operation, machine } = await aDeployment();
  const session = await sayHello(cloud.engine, operation, machine);
  await cloud.engine.stop();
  const steps = [aStep('wait for the ramdisk', async () => ({ wait: 'the ramdisk again' }), 600)];
  const later = await testCloud({ room: cloud.room, store: cloud.store, steps });
  const { id, step } = (await cloud.store.operations.find({ id: operation.id }))!;
  await cloud.store.operations.update({ id }, { step: 'wait for the ramdisk' });
  await later.engine.start();
  await untilWaiting(later, server.id, 'the ramdisk again');
  assert.equal(typeof step, 'string');
  assert.equal(await sayHello(later.engine, operation, machine), session);
  const other = aHello({ instance: 'the-instance-of-another-agent' });
  await assert.rejects(later.engine.agentHello(bootstrapOf(operation), other, machine), { code: 'secondAgent' });
  await closed(later);
});

test('serves image and config drive only to the bound address, and only while its command names them', async () => {
  const { cloud, server, operation, machine } = await aDeployment();
  const session = await sayHello(cloud.engine, operation, machine);
  await untilWaiting(cloud, server.id, 'the image');
  const forImage = imageToken(session, image);
  const outsider = aRequester('172.30.0.99', { isServed: true });

  await cloud.engine.agentImage(forImage, image, machine);
  await assert.rejects(cloud.engine.agentImage(forImage, image, outsider), { code: 'forbidden' });
  await assert.rejects(cloud.engine.agentImage(session, image, machine), { code: 'unauthorized' });
  await assert.rejects(cloud.engine.agentImage(forImage, `${routes.images}/other`, machine), { code: 'unauthorized' });
  const other = `${routes.images}/other`;
  await assert.rejects(cloud.engine.agentImage(imageToken(session, other), other, machine), { code: 'forbidden' });
  // A cloud without images rejects this later, with another fault.
  await assert.rejects(cloud.engine.agentConfigDrive(session), { code: 'forbidden' });
  await assert.rejects(cloud.engine.agentAdmit(session, outsider, 'other'), { code: 'forbidden' });

  const command = await cloud.engine.agentNext(session, 0, AbortSignal.timeout(1000));
  await cloud.engine.agentResult(session, { command_id: command!.id, ok: true, result: {} });
  await untilWaiting(cloud, server.id, 'the config drive');
  await assert.rejects(cloud.engine.agentConfigDrive(session), { code: 'imageUnusable' });
  await assert.rejects(cloud.engine.agentImage(forImage, image, machine), { code: 'forbidden' });
  await closed(cloud);
});

test('an outdated ramdisk fails the operation at once with the advice to rebuild it', async () => {
  for (const report of ['outdated', 'hello'] as const) {
    const { cloud, operation, machine } = await aDeployment();
    const token = bootstrapOf(operation);
    const reported =
      report === 'outdated'
        ? cloud.engine.agentOutdated(token, machine)
        : cloud.engine.agentHello(token, aHello({ protocol: 3 }), machine);
    await assert.rejects(reported, { code: 'agentOutdated' });
    const { fault } = await cloud.engine.ended(operation.id);
    assert.match(`${fault?.message} ${fault?.hint}`, /protocol [13]; this Ingot needs 2.*Rebuild the ramdisk/);
    await closed(cloud);
  }
});

test('an outdated agent on another machine does not fail the operation', async () => {
  const { cloud, operation } = await aDeployment();
  const outsider = aRequester('172.30.0.99', { isServed: true });
  await assert.rejects(cloud.engine.agentOutdated(bootstrapOf(operation), outsider), { code: 'forbidden' });
  assert.equal((await cloud.store.operations.find({ id: operation.id }))?.state, 'running');
  await closed(cloud);
});

test('limits the requests and records of an agent that floods, and reports the limit once', async () => {
  const { cloud, server, node, operation, machine } = await aDeployment();
  const session = await sayHello(cloud.engine, operation, machine);
  await untilWaiting(cloud, server.id, 'the image');
  const { id } = (await cloud.engine.agentNext(session, 0, AbortSignal.timeout(1000)))!;
  const before = (await cloud.store.operations.find({ id: operation.id }))?.updated_at;
  let admitted = 0;
  for (let round = 0; round < 2000; round++) {
    const isIn = await cloud.engine.agentAdmit(session, machine, 'other').then(
      () => true,
      (error: { code: string }) => (error.code === 'tooManyRequests' ? false : Promise.reject(error)),
    );
    if (isIn) admitted++;
    // As if each request were admitted.
    await cloud.engine.agentProgress(session, { command_id: id, done_bytes: 5, total_bytes: 5, message: 'all of it' });
    await cloud.engine.agentProgress(session, { command_id: 'other', done_bytes: 5, total_bytes: 5, message: 'x'.repeat(256) });
    await cloud.engine.agentResult(session, { command_id: 'other', ok: true, result: { x: 'x'.repeat(60_000) } });
    await cloud.engine.agentLog(session, ['x'.repeat(1000), 'y'.repeat(1000)]);
    await sayHello(cloud.engine, operation, machine);
  }
  await cloud.store.events.flush();
  const events = await cloud.store.events.list({ node_uuid: node.uuid, limit: 10_000 });
  const bytes = events.reduce((sum, event) => sum + event.message.length + JSON.stringify(event.data).length, 0);
  const count = (subject: string) => events.filter((event) => event.subject === subject).length;
  assert.ok(admitted <= 600, `${admitted} requests were let in`);
  assert.ok(bytes < 3 * 1024 ** 2 && events.length < 3200, `${events.length} lines of ${bytes} bytes are kept`);
  assert.deepEqual([count('hello'), count('budget'), count('record budget')], [1, 1, 1]);
  assert.ok(count('progress') < 30);
  assert.equal((await cloud.store.operations.find({ id: operation.id }))?.updated_at, before);
  await closed(cloud);
});
