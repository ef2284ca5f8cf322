import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import type { JsonObject } from '#domain/json.ts';
import { openDrivers } from '#drivers/registry.ts';
import { readSettings } from '#settings.ts';
import type { Store } from '#store/store.ts';
import type { Operation } from '#store/tables/operations.ts';
import { anImage, aServerRequest, fill, untilIdle } from '#test/a-cloud.ts';
import { aStore } from '#test/a-store.ts';
import { aNode } from '#test/a-task.ts';
import { createEngine } from '../engine.ts';

/** An engine with the project's own drivers, without boot files and images. */
async function aSite({ store: given, waitSeconds }: { store?: Store; waitSeconds?: number } = {}) {
  const store = given ?? (await aStore());
  await fill(store);
  const settings = readSettings({ flags: { 'power.poll_ms': '1', 'power.sync_interval': '0', state_dir: '/nonexistent' } });
  const { drivers } = await openDrivers({
    settings: { ...settings, ...(waitSeconds !== undefined && { 'manual.wait': waitSeconds }) },
    confirmPower: (uuid, state) => engine.confirmPower(uuid, state),
  });
  const addresses = { http_url: 'http://192.0.2.1:8088', tftp_address: '192.0.2.1' };
  const boot = {
    addresses,
    tftpRoot: '/nonexistent',
    publish: async () => {},
    spend: async () => {},
    withdraw: async () => {},
    plannedNodes: () => [],
  };
  const nothing = async (): Promise<never> => assert.fail('this needs no image file');
  const images = {
    get: async () => anImage,
    file: nothing,
    raw: nothing,
    disk: nothing,
    extents: nothing,
    kernel: nothing,
    recheck: nothing,
    configDrive: nothing,
    givenConfigDrive: nothing,
  };
  const fetcher = { fetch: nothing, configDrive: nothing };
  const engine = createEngine({ store, settings, drivers, boot, images, fetcher, log: pino({ level: 'silent' }) });
  const say = async (uuid: string, parameters: JsonObject = {}) => {
    await drivers.vendor['manual']!.methods['confirm']!.run({ ...aNode({ uuid }), ports: [] }, parameters);
  };
  const theNode = async () => (await store.nodes.list({}))[0]!;
  return { store, engine, say, theNode };
}

type Site = Awaited<ReturnType<typeof aSite>>;

async function aNodeByHand({ engine }: Site, driver = 'manual-management') {
  return engine.createNode({
    name: 'shelf-3',
    driver,
    boot_interface: 'fake',
    deploy_interface: 'fake',
    management_interface: 'fake',
    provision_state: 'available',
    properties: { cpus: 4, memory_mb: 4096, local_gb: 40, cpu_arch: 'x86_64' },
  });
}

/** Waits until the running operation asks for this change. */
async function untilAsked({ store }: Site, wanted: 'on' | 'off'): Promise<Operation> {
  for (;;) {
    const [running] = await store.operations.list({ state: ['running', 'rolling_back'] }, { limit: 1 });
    if (running?.waiting_for === `an operator to switch shelf-3 ${wanted} and confirm`) return running;
    await new Promise(setImmediate);
  }
}

test('a deployment asks once for each power change, and continues when it is confirmed, also after a restart', async () => {
  const before = await aSite();
  const node = await aNodeByHand(before);
  const [server] = await before.engine.createServers(aServerRequest);
  await untilAsked(before, 'on');
  await before.say(node.uuid);
  // The last step of the fake chain switches off and then on: it runs again from its start after each confirmation.
  const waiting = await untilAsked(before, 'off');
  await before.engine.stop();

  const after = await aSite({ store: before.store });
  await after.engine.start();
  await after.say(node.uuid);
  await untilAsked(after, 'on');
  assert.equal((await after.theNode()).target_power_state, 'power on');
  await after.say(node.uuid, { state: 'on' });
  await untilIdle(after);

  assert.equal(waiting.step, 'restart');
  assert.equal((await after.store.servers.find({ id: server!.id }))?.vm_state, 'active');
  const { provision_state, power_state, target_power_state } = await after.theNode();
  assert.deepEqual([provision_state, power_state, target_power_state], ['active', 'power on', null]);
  const asked = (await after.store.events.list({ server_id: server!.id })).filter(({ data }) => 'manual_power' in data);
  assert.deepEqual(
    asked.map(({ subject }) => subject),
    ['power on', 'power off', 'power on'],
  );
  await after.engine.stop();
  await after.store.close();
});

test('the wait has the operator timeout, also after a restart', async () => {
  const before = await aSite();
  const node = await aNodeByHand(before);
  await before.engine.setPower(node.uuid, 'power on');
  const first = await untilAsked(before, 'on');
  await before.engine.stop();
  const after = await aSite({ store: before.store });
  await after.engine.start();

  const deadline = async () => Date.parse((await after.store.operations.find({ id: first.id }))?.deadline_at ?? '') - Date.now();
  while ((await deadline()) < 80_000_000) await new Promise(setImmediate);

  assert.ok(Date.parse(first.deadline_at ?? '') - Date.parse(first.created_at) > 80_000_000);
  await after.engine.stop();
  await after.store.close();
});

test('a confirmation of the wrong state is recorded and does not end the wait', async () => {
  const site = await aSite();
  const node = await aNodeByHand(site);
  await site.engine.setPower(node.uuid, 'power on');
  const { id } = await untilAsked(site, 'on');
  await site.say(node.uuid, { state: 'off' });
  assert.equal((await untilAsked(site, 'on')).id, id);
  await site.say(node.uuid, { state: 'on' });
  assert.equal((await site.engine.ended(id)).state, 'done');
  await site.store.close();
});

test('a reset needs two confirmations: off, then on', async () => {
  const site = await aSite();
  const node = await aNodeByHand(site);
  await site.say(node.uuid, { state: 'on' });
  await site.engine.setPower(node.uuid, 'reset');
  await untilAsked(site, 'off');
  await site.say(node.uuid);
  const { id } = await untilAsked(site, 'on');
  await site.say(node.uuid);
  assert.equal((await site.engine.ended(id)).state, 'done');
  await site.store.close();
});

test('a soft power off asks for the same confirmation, and never reports a fallback to a hard one', async () => {
  const site = await aSite();
  const node = await aNodeByHand(site);
  await site.say(node.uuid, { state: 'on' });
  await site.engine.setPower(node.uuid, 'soft power off');
  const { id } = await untilAsked(site, 'off');
  await site.say(node.uuid);
  assert.equal((await site.engine.ended(id)).state, 'done');
  const reported = (await site.store.events.list({ node_uuid: node.uuid })).map(({ message }) => message);
  assert.ok(!reported.some((message) => message.includes('switching off hard')));
  await site.store.close();
});

test('fails the operation if no operator responds', async () => {
  const site = await aSite({ waitSeconds: 0.05 });
  const node = await aNodeByHand(site);
  await site.engine.setPower(node.uuid, 'power on');
  await untilIdle(site);
  const [operation] = await site.store.operations.list({});
  assert.deepEqual([operation?.state, operation?.fault?.code], ['failed', 'operatorTimeout']);
  assert.match(operation?.fault?.message ?? '', /an operator to switch shelf-3 on/);
  assert.equal((await site.theNode()).target_power_state, null);
  await site.store.close();
});

test('a cancelled deployment no longer waits for a confirmation', async () => {
  const site = await aSite();
  await aNodeByHand(site);
  const [server] = await site.engine.createServers(aServerRequest);
  await untilAsked(site, 'on');
  await site.engine.deleteServer(server!.id);
  await untilIdle(site);
  assert.equal((await site.store.servers.find({ id: server!.id }))?.vm_state, 'deleted');
  assert.equal((await site.theNode()).provision_state, 'available');
  await site.store.close();
});

test('rejects invalid confirmations', async () => {
  const site = await aSite();
  const node = await aNodeByHand(site);
  await assert.rejects(site.say(node.uuid), { code: 'badRequest', message: /No confirmation is pending on node shelf-3/ });
  await assert.rejects(site.say(node.uuid, { state: 'open' }), { code: 'badRequest', message: /'on' or 'off'/ });
  await assert.rejects(site.say(node.uuid, { stat: 'on' }), { code: 'badRequest', message: /no parameter 'stat'/ });
  await site.engine.updateNode(node.uuid, { power_interface: 'fake' });
  await assert.rejects(site.engine.confirmPower(node.uuid, 'power on'), { code: 'unsupportedByHardware' });
  await site.store.close();
});

test('a confirmation on an idle machine updates the state of its server', async () => {
  const site = await aSite();
  const node = await aNodeByHand(site);
  const [server] = await site.engine.createServers(aServerRequest);
  for (const state of ['on', 'off', 'on'] as const) {
    await untilAsked(site, state);
    await site.say(node.uuid);
  }
  await untilIdle(site);
  await site.say(node.uuid, { state: 'off' });
  assert.equal((await site.store.servers.find({ id: server!.id }))?.vm_state, 'stopped');
  await site.store.close();
});
