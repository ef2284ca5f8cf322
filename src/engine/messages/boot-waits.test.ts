/** Operations that wait for a machine: what is shown at once, and what ends the wait. */
import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { createFileConsole } from '#drivers/console-file/index.ts';
import type { ConsoleInterface, Step } from '#drivers/interfaces.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import type { Operation } from '#store/tables/operations.ts';
import { anAvailableNode, aServerRequest, aStep, type Cloud, newSharedState, testCloud } from '#test/a-cloud.ts';
import { sayHello } from '#test/an-agent.ts';
import type { MachineMessages } from '../contract.ts';

const powerOn = simpleStep({ name: 'power on', title: 'Power on', deadlineSeconds: 60, keepsDisk: true }, (task) =>
  task.power.set('power on'),
);
const boot = (deadlineSeconds = 600): Step => ({
  ...aStep('boot', async (task) => (task.agent.heard() ? { next: true } : { wait: 'the ramdisk to report' }), deadlineSeconds),
  awaitsBoot: true,
});
const write = aStep(
  'write image',
  async (task) => ((await task.agent.ask('write-image', {})) ? { next: true } : { wait: 'the image' }),
  600,
);

type Request = Parameters<MachineMessages['machineRequest']>[0];
const dhcp = (type: string, message: string, more: Partial<Request> = {}): Request => ({
  ...{ kind: 'dhcp', subject: `DHCP${type}`, message },
  ...more,
});

async function aWait(t: TestContext, options: Parameters<typeof testCloud>[0] = {}) {
  const cloud = await testCloud({ steps: [powerOn, boot(), write], ...options });
  t.after(async () => {
    await cloud.engine.stop();
    await cloud.store.close();
  });
  await cloud.engine.start();
  const node = await anAvailableNode(cloud, 'n1');
  const [port] = await cloud.store.node_ports.list({ node_uuid: node.uuid });
  const [server] = await cloud.engine.createServers(aServerRequest);
  const operation = await untilWait(cloud, server!.id, /^the ramdisk to report/);
  return { cloud, node, server: server!, operation, mac: port!.address };
}

async function untilWait({ store }: Cloud, server_id: string, expected: RegExp): Promise<Operation> {
  for (;;) {
    const operation = await store.operations.find({ server_id });
    if (expected.test(operation?.waiting_for ?? '')) return operation!;
    await new Promise(setImmediate);
  }
}

async function messagesOf({ store }: Cloud, node_uuid: string): Promise<string[]> {
  return (await store.events.list({ node_uuid })).map(({ message }) => message);
}

/** Of the deployment, which a cleaning may follow. */
async function faultOf(cloud: Cloud, id: string) {
  const operation = await cloud.store.operations.find({ server_id: id });
  await cloud.engine.ended(operation!.id);
  return (await cloud.store.servers.find({ id }))?.fault;
}

const bounded = { timeout: 60_000 };

test('shows the boot progress of the machine in the wait', bounded, async (t) => {
  const { cloud, server, mac } = await aWait(t);
  await untilWait(cloud, server.id, /^the ramdisk to report; so far: nothing was heard of its MACs yet$/);
  cloud.engine.machineRequest(dhcp('ACK', 'gets 10.0.0.5', { mac, address: '10.0.0.5' }));
  await untilWait(cloud, server.id, /; so far: it has the address 10\.0\.0\.5$/);
  cloud.engine.machineRequest({ kind: 'tftp', mac, subject: 'undionly.kpxe', message: 'fetched it', data: { outcome: 'sent' } });
  await untilWait(cloud, server.id, /; so far: it took the boot loader$/);
  const nak = { mac, data: { reason: 'wrong server-ID' } };
  cloud.engine.machineRequest(dhcp('NAK', 'may not have 10.0.0.77 (wrong server-ID)', nak));
  await untilWait(cloud, server.id, /; so far: another DHCP server answers on the provisioning network$/);
});

test('records a diagnosis on the node once, as soon as it is known', bounded, async (t) => {
  const { cloud, node, server, mac } = await aWait(t);
  const nak = { mac, address: '10.0.0.77', data: { reason: 'wrong server-ID', vendor_class: 'PXEClient:Arch:00000' } };
  for (const _ of [1, 2]) cloud.engine.machineRequest(dhcp('NAK', 'may not have 10.0.0.77 (wrong server-ID)', nak));
  cloud.engine.machineRequest(dhcp('DECLINE', 'refuses 10.0.0.5', { mac, address: '10.0.0.5', data: nak.data }));
  cloud.engine.machineRequest(dhcp('ACK', 'gets 10.0.0.5', { mac, address: '10.0.0.5', data: { vendor_class: 'PXEClient' } }));
  await untilWait(cloud, server.id, /so far: it has the address 10\.0\.0\.5$/);
  const reported = (await cloud.store.events.list({ node_uuid: node.uuid })).filter(({ subject }) => subject === 'diagnosis');
  assert.equal(reported.length, 1);
  assert.match(
    reported[0]!.message,
    /^Another DHCP server answers on the provisioning network: the machine took its offer of 10\.0\.0\.77/,
  );
  assert.equal(reported[0]!.server_id, null);
});

test('records a dnsmasq failure on each waiting node, and on no other', bounded, async (t) => {
  const { cloud, node, server } = await aWait(t);
  const idle = await anAvailableNode(cloud, 'n2');
  const message = 'dnsmasq: no address range available for DHCP request via br0';
  cloud.engine.machineRequest({ kind: 'dhcp', subject: 'dnsmasq', message, concernsWaiting: true });
  await untilWait(cloud, server.id, /so far: dnsmasq: no address range available/);
  assert.ok((await messagesOf(cloud, node.uuid)).includes(message));
  assert.ok(!(await messagesOf(cloud, idle.uuid)).includes(message));
});

test(
  'records each unknown MAC once while the machine is silent, with the node of its port, hidden from tenants',
  bounded,
  async (t) => {
    const { cloud, node, server, mac } = await aWait(t);
    const other = await anAvailableNode(cloud, 'n2');
    const [port] = await cloud.store.node_ports.list({ node_uuid: other.uuid });
    const ask = (from: string) =>
      cloud.engine.machineRequest(dhcp('DISCOVER', 'sent DHCPDISCOVER (ignored: no plan)', { mac: from, isUnexpected: true }));
    for (const from of ['52:54:00:99:99:99', '52:54:00:99:99:99', port!.address]) ask(from);
    await untilWait(cloud, server.id, new RegExp(`unknown ones asked: 52:54:00:99:99:99, ${port!.address}$`));
    const reported = (await cloud.store.events.list({ node_uuid: node.uuid })).filter(({ subject }) => subject === 'unknown MAC');
    assert.deepEqual(
      reported.map(({ message, server_id, operation_id }) => [message, server_id, operation_id !== null]),
      [
        ['A machine with the MAC 52:54:00:99:99:99, no port of any node, requested an address and got none', null, true],
        [`A machine with the MAC ${port!.address}, a port of node n2, requested an address and got none`, null, true],
      ],
    );

    cloud.engine.machineRequest(dhcp('DISCOVER', 'sent DHCPDISCOVER', { mac }));
    await untilWait(cloud, server.id, /so far: an installed system/);
    ask('52:54:00:99:99:98');
    await cloud.engine.stop();
    assert.equal((await messagesOf(cloud, node.uuid)).filter((text) => text.includes('99:99:98')).length, 0);
  },
);

test('resumes the diagnosis from the events recorded before a restart', bounded, async (t) => {
  const room = newSharedState();
  const { cloud, server, mac } = await aWait(t, { room });
  cloud.engine.machineRequest({ kind: 'tftp', mac, subject: 'undionly.kpxe', message: 'fetched it', data: { outcome: 'sent' } });
  await untilWait(cloud, server.id, /so far: it took the boot loader/);
  await cloud.engine.stop();

  const after = await testCloud({ room, steps: [powerOn, boot(), write], store: cloud.store });
  await after.engine.start();
  const script = { kind: 'http', mac, subject: '/boot/ipxe/x', message: 'fetched its boot script', data: { bytes: 4 } } as const;
  await untilWait(after, server.id, /so far: it took the boot loader/);
  after.engine.machineRequest(script);
  await untilWait(after, server.id, /so far: it took its boot script/);
  await after.engine.stop();
});

test('reads the power state at the timeout, and reports a machine that is off', bounded, async (t) => {
  const room = newSharedState();
  const cloud = await testCloud({ room, steps: [powerOn, boot(1)] });
  t.after(() => cloud.store.close());
  const node = await anAvailableNode(cloud, 'n1');
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilWait(cloud, server!.id, /^the ramdisk to report/);
  room.power.set(node.uuid, 'power off');
  const fault = await faultOf(cloud, server!.id);
  assert.equal(fault?.code, 'stepTimeout');
  assert.match(
    fault?.message ?? '',
    /waited for the ramdisk to report\. Last activity: nothing from this machine; its BMC says "power off"\.$/,
  );
  assert.match(fault?.hint ?? '', /^The machine is off, as its BMC says/);
});

for (const [state, reported] of [
  ['power off', /fell silent 1 s ago; the machine is off, as its BMC says/],
  ['power on', /fell silent 1 s ago; the machine is on, as its BMC says: it crashed/],
] as const) {
  test(`fails the operation when the agent falls silent on a machine with ${state}`, bounded, async (t) => {
    const room = newSharedState();
    const { cloud, node, server, operation } = await aWait(t, { room, settings: { 'deploy.silence_timeout': '1' } });
    await sayHello(cloud.engine, operation);
    await untilWait(cloud, server.id, /^the image$/);
    room.power.set(node.uuid, state);
    assert.match((await faultOf(cloud, server.id))?.message ?? '', reported);
  });
}

const panic = '[    2.484512] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r\n';

/** As the console interface `file` reads it. */
function aConsoleFile(folder: string, console_file: string): Partial<ConsoleInterface> {
  const { log, position } = createFileConsole([folder]);
  return {
    log: (node, options) => log({ ...node, driver_info: { console_file } }, options),
    position: (node) => position({ ...node, driver_info: { console_file } }),
  };
}

async function expectPanic(cloud: Cloud, node: string, server: string): Promise<void> {
  const fault = await faultOf(cloud, server);
  assert.equal(fault?.code, 'kernelPanic');
  assert.equal(
    fault?.message,
    'The kernel that the machine booted stopped. Its console says: "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)".',
  );
  assert.match(fault?.hint ?? '', /no usable ramdisk/);
  assert.ok((await messagesOf(cloud, node)).some((message) => /^The console says: "Kernel panic/.test(message)));
}

test('a kernel panic on an open console fails the wait at once', bounded, async (t) => {
  const line = new Duplex({ read() {}, write: (_data, _encoding, done) => done() });
  const stateDir = await mkdtemp(join(tmpdir(), 'ingot-panic-'));
  t.after(() => rm(stateDir, { recursive: true, force: true }));
  const console: Partial<ConsoleInterface> = { open: async () => line };
  const { cloud, node, server } = await aWait(t, { console, settings: { state_dir: stateDir } });
  await cloud.engine.setConsole(node.uuid, true);
  line.push(panic.slice(0, 60));
  line.push(panic.slice(60));
  await expectPanic(cloud, node.uuid, server.id);
});

test('a kernel panic in a console file fails the wait at once; earlier content of the file is ignored', bounded, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-panic-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'n1.log');
  await writeFile(file, panic);
  const console = aConsoleFile(folder, file);
  const { cloud, node, server } = await aWait(t, { console, settings: { state_dir: folder } });
  await appendFile(file, '[    0.000000] Linux version 6.1\r\n');
  await appendFile(file, panic);
  await expectPanic(cloud, node.uuid, server.id);
});

test('reads what was added to a console file while the process was down', bounded, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-panic-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'n1.log');
  await writeFile(file, 'an earlier boot\r\n');
  const console = aConsoleFile(folder, file);
  const options = { console, settings: { state_dir: folder }, room: newSharedState() };
  const { cloud, node, server } = await aWait(t, options);
  await cloud.engine.stop();
  await appendFile(file, panic);
  const after = await testCloud({ ...options, steps: [powerOn, boot(), write], store: cloud.store });
  await after.engine.start();
  await expectPanic(after, node.uuid, server.id);
  await after.engine.stop();
});

test('ignores a kernel panic while no operation waits for a ramdisk', bounded, async (t) => {
  const line = new Duplex({ read() {}, write: (_data, _encoding, done) => done() });
  const stateDir = await mkdtemp(join(tmpdir(), 'ingot-panic-'));
  t.after(() => rm(stateDir, { recursive: true, force: true }));
  const cloud = await testCloud({
    console: { open: async () => line },
    steps: [aStep('think', async () => ({ wait: 'a word' }), 600)],
    settings: { state_dir: stateDir },
  });
  const node = await anAvailableNode(cloud, 'n1');
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilWait(cloud, server!.id, /^a word$/);
  await cloud.engine.setConsole(node.uuid, true);
  line.push(panic);
  const recorded = () => readFile(join(stateDir, 'consoles', `${node.uuid}.log`), 'utf8').catch(() => '');
  while (!(await recorded()).includes('panic')) await new Promise(setImmediate);
  assert.equal((await cloud.store.operations.find({ server_id: server!.id }))?.state, 'running');
  await cloud.engine.stop();
  await cloud.store.close();
});
