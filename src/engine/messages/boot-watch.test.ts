/** A server whose machine does not boot gets a fault; one that is merely restarted does not. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { JsonObject } from '#domain/json.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Server } from '#store/tables/servers.ts';
import { anAvailableNode, aServerRequest, aStep, testCloud, untilIdle } from '#test/a-cloud.ts';
import { BootWatch, bootsMax } from './boot-watch.ts';

type Ask = { kind: 'dhcp' | 'http'; subject: string; data?: JsonObject };
const bios = 'PXEClient:Arch:00000:UNDI:002001';
const uefi = 'PXEClient:Arch:00007:UNDI:003016';
const http = 'HTTPClient:Arch:00016:UNDI:003001';
const boots = (file: string, vendor_class: string): Ask => ({ kind: 'dhcp', subject: 'boot file', data: { file, vendor_class } });
const byPxe = boots('undionly.kpxe', bios);
const byEfi = boots('snponly.efi', uefi);
const byHttp = boots('http://192.0.2.1:8088/boot/firmware/snponly.efi', http);
const byScript: Ask = { kind: 'http', subject: '/boot/ipxe/52:54:00:00:00:01' };
const diskFailed: Ask = { kind: 'http', subject: 'disk failed' };
/** dnsmasq sends its boot file name to every client. */
const system: Ask[] = [
  { kind: 'dhcp', subject: 'DHCPACK', data: { vendor_class: 'dhcpcd-9.4.1:Linux' } },
  boots('undionly.kpxe', 'dhcpcd-9.4.1:Linux'),
];

/** An ACTIVE server on a machine with this many disks; the test controls the clock. */
async function anActiveServer(t: TestContext, { disks = 1, printed = null as string | null } = {}) {
  t.mock.timers.enable({ apis: ['Date'], now: Date.parse('2026-01-01T12:00:00Z') });
  const cloud = await testCloud({ steps: [aStep('work', async () => ({ next: true }))] });
  const { store, engine } = cloud;
  t.after(async () => {
    await engine.stop();
    await store.close();
  });
  const { uuid } = await anAvailableNode(cloud, 'n1');
  const inventory = { disks: Array.from({ length: disks }, () => ({})) };
  await store.nodes.update({ uuid }, { inventory });
  const [made] = await engine.createServers(aServerRequest);
  await untilIdle(cloud);
  const [port] = await store.node_ports.list({ node_uuid: uuid });
  const mac = port!.address;
  const server = async () => (await store.servers.find({ id: made!.id })) as Server;
  const node = async () => (await store.nodes.find({ uuid })) as Node;
  /** Each time in a new process, which loads its state from the database. */
  const ask = async ({ kind, subject, data }: Ask, nic = mac) => {
    store.events.append({ kind, node_uuid: uuid, subject, message: 'asks', data: { ...data, mac: nic } });
    const watch = new BootWatch({ store, consoles: { log: async () => printed } });
    await watch.consider({ kind, mac, subject, message: 'asks', ...(data && { data }) });
  };
  const wait = (seconds: number) => t.mock.timers.tick(seconds * 1000);
  const state = async () => [(await server()).vm_state, (await server()).fault?.code];
  return { cloud, store, engine, uuid, mac, server, node, ask, wait, state };
}
const sound = ['active', undefined];
const notStarting = ['error', 'systemNotStarting'];

test('reports a machine that keeps booting from the network, with the count, times and loader', async (t) => {
  const { server, node, ask, wait, state, store, uuid } = await anActiveServer(t, { printed: 'one\nNo bootable device\n' });
  for (let times = 1; times <= bootsMax; times++) {
    assert.deepEqual(await state(), sound);
    wait(60);
    await ask(byPxe);
  }

  assert.deepEqual(await state(), notStarting);
  const { fault } = await server();
  assert.match(fault?.message ?? '', /5 times in 4 min \(last at 2026-01-01T12:05:00.000Z, by undionly\.kpxe\)/);
  assert.equal(fault?.tenant_message, undefined);
  assert.deepEqual([fault?.node, fault?.console], [{ uuid, name: 'n1' }, 'one\nNo bootable device']);
  assert.match((await node()).last_error ?? '', /does not boot an operating system.*No bootable device$/s);
  const events = await store.events.list({ server_id: (await server()).id });
  assert.equal(events.at(-1)?.subject, 'system');
});

test('counts attempts by several NICs and protocols as one boot, and ignores repeated requests', async (t) => {
  const { ask, wait, state } = await anActiveServer(t);
  for (let times = 1; times < bootsMax; times++) {
    for (const way of [byEfi, byHttp]) {
      for (const nic of ['52:54:00:00:00:01', '52:54:00:00:00:02']) {
        await ask(way, nic);
        await ask(way, nic);
        wait(40);
      }
      await ask(byScript);
    }
  }
  assert.deepEqual(await state(), sound);
  await ask(byHttp, '52:54:00:00:00:02');
  assert.deepEqual(await state(), notStarting);
});

test('counts boots that are far apart as ordinary restarts', async (t) => {
  const { ask, wait, state } = await anActiveServer(t);
  for (let times = 1; times <= 3 * bootsMax; times++) {
    wait(8 * 60);
    await ask(byPxe);
  }
  assert.deepEqual(await state(), sound);
});

test('counts requests for boot scripts if another program serves DHCP', async (t) => {
  const { server, ask, wait } = await anActiveServer(t);
  for (let times = 1; times <= bootsMax; times++) {
    wait(60);
    await ask(byScript);
  }
  assert.match((await server()).fault?.message ?? '', /by iPXE/);
});

test('counts boots of firmware without a loader', async (t) => {
  const { ask, wait, state } = await anActiveServer(t);
  for (let times = 1; times <= bootsMax; times++) {
    wait(60);
    await ask({ kind: 'dhcp', subject: 'no loader', data: { vendor_class: 'PXEClient:Arch:00011:UNDI:003000' } });
  }
  assert.deepEqual(await state(), notStarting);
});

test('a DHCP request of an operating system resets the count and clears the fault', async (t) => {
  const { node, ask, wait, state } = await anActiveServer(t);
  const reboot = async () => {
    wait(60);
    await ask(byPxe);
  };
  for (let times = 1; times <= 2 * bootsMax; times++) {
    await reboot();
    if (times % 3 === 0) for (const each of system) await ask(each);
  }
  assert.deepEqual(await state(), sound);

  for (let times = 1; times <= bootsMax; times++) await reboot();
  assert.deepEqual(await state(), notStarting);
  for (const each of system) await ask(each);
  assert.deepEqual(await state(), sound);
  assert.equal((await node()).last_error, null);
});

test('a power change resets the count, and boots during an operation do not count', async (t) => {
  const { cloud, store, engine, uuid, server, ask, wait, state } = await anActiveServer(t);
  const boot = async (times: number) => {
    for (let each = 1; each <= times; each++) {
      wait(60);
      await ask(byPxe);
    }
  };
  await boot(bootsMax - 1);
  store.events.append({ kind: 'power', node_uuid: uuid, subject: 'power on', message: 'was found power on' });
  await boot(bootsMax - 1);
  await engine.rebootServer((await server()).id, 'HARD');
  await untilIdle(cloud);
  await boot(bootsMax - 1);
  assert.deepEqual(await state(), sound);

  await store.nodes.update({ uuid }, { operation_id: 'somebody' });
  await boot(1);
  assert.deepEqual(await state(), sound);
});

test('reports one failed disk boot if the machine has no other disk', async (t) => {
  const { server, ask, state } = await anActiveServer(t);
  await ask(byPxe);
  await ask(diskFailed);
  assert.deepEqual(await state(), notStarting);
  assert.match((await server()).fault?.message ?? '', /no bootable disk was found/);
});

test('does not report a failed boot of the first of several disks', async (t) => {
  const { ask, wait, state } = await anActiveServer(t, { disks: 2 });
  for (let times = 1; times < bootsMax; times++) {
    await ask(byPxe);
    await ask(diskFailed);
    wait(60);
  }
  assert.deepEqual(await state(), sound);
});

for (const [verb, after] of [
  ['reboot', 'active'],
  ['stop', 'stopped'],
  ['rebuild', 'active'],
] as const) {
  test(`clears the fault of a server that does not boot: ${verb}`, async (t) => {
    const { cloud, engine, node, server, ask } = await anActiveServer(t);
    await ask(diskFailed);
    const { id } = await server();
    await assert.rejects(engine.startServer(id), /Cannot 'start' instance .* in vm_state error/);
    await assert.rejects(engine.rebootServer(id, 'SOFT'), /Cannot 'reboot'/);

    if (verb === 'reboot') await engine.rebootServer(id, 'HARD');
    if (verb === 'stop') await engine.stopServer(id);
    if (verb === 'rebuild') await engine.rebuildServer(id, { image: aServerRequest.image });
    await untilIdle(cloud);

    assert.deepEqual([(await server()).vm_state, (await server()).fault], [after, null]);
    assert.equal((await node()).last_error, null);
    await ask(diskFailed);
    assert.equal((await server()).vm_state, after === 'active' ? 'error' : after);
  });
}

test('a failed power change leaves the server in ERROR with the new fault', async (t) => {
  const { cloud, engine, uuid, server, ask, state } = await anActiveServer(t);
  await ask(diskFailed);
  const { id } = await server();
  cloud.room.bmcFault = () => {
    throw new Error('the BMC is on fire');
  };
  await engine.rebootServer(id, 'HARD');
  await untilIdle(cloud);
  assert.deepEqual(await state(), notStarting);
  assert.deepEqual([(await server()).task_state, (await cloud.store.nodes.find({ uuid }))?.operation_id], [null, null]);
});

test('counts requests from the boot server, but not those of another machine', async (t) => {
  const { engine, mac, state } = await anActiveServer(t);
  const reported = { kind: 'http', mac: mac.toUpperCase(), subject: 'disk failed', message: 'tells' } as const;
  engine.machineRequest({ ...reported, isOtherMachine: true });
  engine.machineRequest({ ...reported, mac: '52:54:00:99:99:99' });
  engine.machineRequest({ ...reported, subject: '/boot/ipxe/x' });
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
  assert.deepEqual(await state(), sound);

  engine.machineRequest(reported);
  while ((await state())[0] === 'active') await new Promise(setImmediate);
  assert.deepEqual(await state(), notStarting);
});
