import assert from 'node:assert/strict';
import { once } from 'node:events';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Fault } from '#domain/faults.ts';
import { createFileConsole } from '#drivers/console-file/index.ts';
import type { ConsoleInterface, Drivers } from '#drivers/interfaces.ts';
import { anAvailableNode, testCloud } from '#test/a-cloud.ts';
import { aServer } from '#test/a-task.ts';
import { Consoles } from './consoles.ts';

/** A machine whose serial line is controlled by the test. */
async function aFixture(t: TestContext) {
  const { store, ...cloud } = await testCloud();
  const node = await anAvailableNode({ store, ...cloud }, 'n1');
  const directory = await mkdtemp(join(tmpdir(), 'ingot-consoles-'));
  const machine = { opened: 0, refuse: undefined as Fault | undefined, line: new Duplex(), typed: [] as string[] };
  const driver: ConsoleInterface = {
    properties: {},
    validate() {},
    async open() {
      if (machine.refuse) throw machine.refuse;
      machine.opened += 1;
      machine.line = new Duplex({
        read() {},
        write(data: Buffer, _, done) {
          machine.typed.push(data.toString());
          done();
        },
      });
      return machine.line;
    },
  };
  const none = { properties: {}, validate() {}, log: async () => null };
  const drivers = { console: { room: driver, file: createFileConsole([directory]), 'no-console': none } };
  const make = () => new Consoles({ store, drivers: drivers as unknown as Drivers, stateDir: directory });
  const consoles = make();
  t.after(async () => {
    await consoles.stop();
    await store.close();
    await rm(directory, { recursive: true });
  });
  const messages = async () => (await store.events.list({ node_uuid: node.uuid })).map(({ message }) => message);
  return { store, node, machine, driver, directory, consoles, make, messages };
}

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const end = AbortSignal.timeout(10_000);
  while (!(await isTrue())) {
    end.throwIfAborted();
    await delay(5);
  }
}

/** The line is open and in use. */
const isHeard = (line: Duplex) => line.listenerCount('data') + line.listenerCount('readable') > 0;

test('opens and records an enabled console, and returns its last lines', async (t) => {
  const { node, machine, consoles } = await aFixture(t);
  await consoles.setEnabled(node.uuid, true);
  await until(() => machine.opened === 1);
  machine.line.push('one\ntwo\nthree\n');
  await until(async () => (await consoles.log(node.uuid))?.includes('three') === true);
  assert.equal(await consoles.log(node.uuid), 'one\ntwo\nthree\n');
  assert.equal(await consoles.log(node.uuid, 2), 'two\nthree\n');
});

test('two viewers share one console session; input of either reaches the machine', async (t) => {
  const { node, machine, consoles } = await aFixture(t);
  const [first, second] = [await consoles.attach(node.uuid), await consoles.attach(node.uuid)];
  await until(() => isHeard(machine.line));
  const heard: string[] = [];
  for (const viewer of [first, second]) viewer.on('data', (data: Buffer) => void heard.push(data.toString()));
  machine.line.push('login: ');
  await until(() => heard.filter((text) => text.endsWith('login: ')).length === 2);
  second.write('root\r');
  await until(() => machine.typed.includes('root\r'));
  assert.equal(machine.opened, 1);
});

test('closes the BMC session when the last viewer disconnects', async (t) => {
  const { node, machine, consoles } = await aFixture(t);
  const viewer = await consoles.attach(node.uuid);
  await until(() => isHeard(machine.line));
  const closed = once(machine.line, 'close');
  viewer.destroy();
  await closed;
});

test('reopens a console that closed, and records it', async (t) => {
  const { node, machine, consoles, messages } = await aFixture(t);
  await consoles.setEnabled(node.uuid, true);
  await until(() => machine.opened === 1);
  machine.line.push(null);
  await until(() => machine.opened === 2);
  await until(async () => (await messages()).length >= 3);
  assert.deepEqual(await messages(), [
    'the serial console is open',
    'the serial console is closed: the BMC ended it',
    'the serial console is open',
  ]);
});

test('reports a BMC that refuses the console once, and tells a viewer the reason', async (t) => {
  const { node, machine, consoles, messages } = await aFixture(t);
  machine.refuse = new Fault('bmcError', { address: '192.0.2.7', command: 'Activate Payload', detail: 'already active' });
  await consoles.setEnabled(node.uuid, true);
  await until(async () => (await messages()).length === 1);
  assert.match((await messages())[0] ?? '', /closed: Activate Payload failed on the BMC at 192\.0\.2\.7: already active/);
  const viewer = await consoles.attach(node.uuid);
  const [text] = (await once(viewer, 'data')) as [Buffer];
  assert.match(text.toString(), /not open: Activate Payload failed on the BMC at 192\.0\.2\.7/);
});

test('opens an enabled console again after a restart', async (t) => {
  const { node, machine, consoles, make } = await aFixture(t);
  await consoles.setEnabled(node.uuid, true);
  await until(() => machine.opened === 1);
  await consoles.stop();
  const next = make();
  await next.start();
  await until(() => machine.opened === 2);
  await next.stop();
});

test('rejects a viewer if the node has no interactive console', async (t) => {
  const { store, node, consoles } = await aFixture(t);
  await store.nodes.update({ uuid: node.uuid }, { console_interface: 'no-console' });
  await assert.rejects(consoles.setEnabled(node.uuid, true), { code: 'unsupportedByHardware' });
  await assert.rejects(consoles.attach(node.uuid), { code: 'unsupportedByHardware' });
  assert.equal(await consoles.log(node.uuid), null);
});

/** Gives the machine to a tenant's server. */
async function aTenant({ store, node }: Awaited<ReturnType<typeof aFixture>>, id = 'server-1') {
  await store.servers.insert(aServer({ id, node_uuid: node.uuid, vm_state: 'active', task_state: null }));
  await store.nodes.update({ uuid: node.uuid }, { instance_uuid: id });
  return id;
}

const endings = {
  'it is being deleted': { task_state: 'deleting' },
  'it is deleted': { vm_state: 'deleted', node_uuid: null },
} as const;
for (const [how, change] of Object.entries(endings)) {
  test(`disconnects the owner of a server when ${how}, and keeps an administrator connected`, async (t) => {
    const fixture = await aFixture(t);
    const { store, node, consoles } = fixture;
    const server = await aTenant(fixture);
    const [tenant, operator] = [await consoles.attach(node.uuid, server), await consoles.attach(node.uuid)];
    await store.servers.update({ id: server }, change);
    store.events.append({ kind: 'operation', node_uuid: node.uuid, subject: 'delete', message: 'started' });
    await once(tenant, 'close');
    await assert.rejects(consoles.attach(node.uuid, server), { code: 'conflict' });
    assert.equal(operator.destroyed, false);
  });
}

test('closes console sessions when the machine passes to another server', async (t) => {
  const fixture = await aFixture(t);
  const { store, node, consoles } = fixture;
  const former = await aTenant(fixture, 'server-1');
  const viewer = await consoles.attach(node.uuid, former);
  const next = await aTenant(fixture, 'server-2');
  store.events.append({ kind: 'operation', node_uuid: node.uuid, subject: 'deploy', message: 'started' });
  await once(viewer, 'close');
  await assert.rejects(consoles.attach(node.uuid, former), { code: 'conflict' });
  assert.equal((await consoles.attach(node.uuid, next)).destroyed, false);
});

test('a cleared console log has only later output', async (t) => {
  const { node, machine, consoles } = await aFixture(t);
  await consoles.setEnabled(node.uuid, true);
  await until(() => machine.opened === 1);
  machine.line.push('of the former owner\n');
  await until(async () => (await consoles.log(node.uuid))?.includes('former') === true);
  await consoles.clearRecord(node.uuid);
  assert.equal(await consoles.log(node.uuid), null);
  machine.line.push('of the new one\n');
  await until(async () => (await consoles.log(node.uuid)) === 'of the new one\n');
});

test('reports a closed console to the owner without details of the BMC', async (t) => {
  const fixture = await aFixture(t);
  const { node, machine, consoles, messages } = fixture;
  const server = await aTenant(fixture);
  machine.refuse = new Fault('bmcError', { address: '192.0.2.7', command: 'Activate Payload', detail: 'already active' });
  await consoles.setEnabled(node.uuid, true);
  await until(async () => (await messages()).length === 1);
  const [text] = (await once(await consoles.attach(node.uuid, server), 'data')) as [Buffer];
  assert.equal(text.toString(), '\r\n[the serial line is not open]\r\n');
});

test('drops console input that exceeds the speed of the machine', async (t) => {
  const { node, machine, consoles } = await aFixture(t);
  const viewer = await consoles.attach(node.uuid);
  await until(() => isHeard(machine.line));
  machine.line._write = () => {};
  for (let count = 0; count < 100; count++) viewer.write(Buffer.alloc(16 * 1024));
  assert.ok(machine.line.writableLength <= 128 * 1024);
});

test('a console that never opens does not delay the stop, and is closed if it opens later', async (t) => {
  const { node, consoles, driver } = await aFixture(t);
  const { promise, resolve } = Promise.withResolvers<Duplex>();
  const opened = Promise.withResolvers<void>();
  driver.open = () => {
    opened.resolve();
    return promise;
  };
  await consoles.setEnabled(node.uuid, true);
  await opened.promise;
  await consoles.stop();
  const late = new Duplex({ read() {}, write: (_, __, done) => done() });
  resolve(late);
  await once(late, 'close');
});

test('reopens a console when its interface supports consoles again', async (t) => {
  const { store, node, machine, consoles } = await aFixture(t);
  await consoles.setEnabled(node.uuid, true);
  await until(() => machine.opened === 1);
  await store.nodes.update({ uuid: node.uuid }, { console_interface: 'no-console' });
  await consoles.reopen(node.uuid);
  await store.nodes.update({ uuid: node.uuid }, { console_interface: 'room' });
  await consoles.reopen(node.uuid);
  await until(() => machine.opened === 2);
});

test('shows the next owner only later lines of a log file kept by another program, also after a restart', async (t) => {
  const { store, node, directory, consoles, make } = await aFixture(t);
  const console_file = join(directory, 'conserver.log');
  await writeFile(console_file, 'of the former owner\n');
  await store.nodes.update({ uuid: node.uuid }, { console_interface: 'file', driver_info: { console_file } });
  await consoles.clearRecord(node.uuid);
  await appendFile(console_file, 'of the new one\n');
  assert.equal(await consoles.log(node.uuid), 'of the new one\n');
  const next = make();
  assert.equal(await next.log(node.uuid), 'of the new one\n');
  await next.stop();
});
