/** Identification of the machine from which an agent reports, before anything is written to it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Inventory } from '#agent-protocol/messages.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';
import { anAvailableNode, aServerRequest, aStep, type Cloud, testCloud } from '#test/a-cloud.ts';
import { aHello, aRequester, bootstrapOf } from '#test/an-agent.ts';
import { canonicalUuid, identityOf } from './machine-identity.ts';

const [uuidA, uuidB] = ['4c4c4544-0031-4d10-8052-b4c04f333231', '35303038-3936-5a43-3232-323830394b59'];
/** The same UUID from firmware that swaps the first three groups. */
const swappedA = '44454c4c-3100-104d-8052-b4c04f333231';

type Reported = { uuid?: string; serial?: string; macs?: string[] };
function inventoryOf({ uuid = '', serial = '', macs = [] }: Reported): Inventory {
  const { inventory } = aHello();
  const nic = { name: 'eth0', driver: 'd', link: true, speed_mbps: null, address: null };
  return {
    ...inventory,
    system: { vendor: 'v', product: 'p', serial, uuid },
    nics: macs.map((mac) => ({ ...nic, mac })),
  };
}

/** Two nodes with the given facts, and a deployment of the first that waits for its ramdisk. */
async function aDeployment(
  t: { after(end: () => Promise<void>): void },
  known: [Partial<Node>, Partial<Node>],
  isSystemUuidOfSmbios = true,
) {
  let wrote = false;
  const cloud = await testCloud({
    management: { isSystemUuidOfSmbios },
    steps: [
      aStep('make key', async () => ({ next: true, context: { deployment_key: 'k' } })),
      aStep(
        'wait for the ramdisk',
        async (task) => (task.agent.heard() || task.message('deploy-post') ? { next: true } : { wait: 'the ramdisk' }),
        600,
      ),
      aStep('write image', async () => {
        wrote = true;
        return { next: true };
      }),
    ],
  });
  t.after(async () => {
    await cloud.engine.stop();
    await cloud.store.close();
  });
  const nodes = [await anAvailableNode(cloud, 'node-a'), await anAvailableNode(cloud, 'node-b')] as const;
  for (const [index, { uuid, name }] of nodes.entries()) await cloud.store.nodes.update({ uuid }, { name, ...known[index] });
  await cloud.engine.setMaintenance(nodes[1].uuid, true);
  const [server] = await cloud.engine.createServers(aServerRequest);
  const operation = await untilWaiting(cloud, server!.id);
  const report = async (reported: Reported) => {
    const hello = aHello({ inventory: inventoryOf(reported) });
    const heard = await cloud.engine.agentHello(bootstrapOf(operation), hello, aRequester()).then(
      () => 'taken',
      (error: Error & { code: string }) => `${error.code}: ${error.message}`,
    );
    const { fault } = await cloud.engine.ended(operation.id);
    return { heard, fault: fault?.code, wrote };
  };
  const post = async (reported: { u?: string; s?: string }) => {
    const form = { i: String(nodes[0].id), k: 'k', a: '10.0.0.5', n: 'iqn.x', ...reported };
    const heard = await cloud.engine.deployPost(form, aRequester()).then(
      () => 'taken',
      (error: Error & { code: string }) => `${error.code}: ${error.message}`,
    );
    const { fault } = await cloud.engine.ended(operation.id);
    return { heard, fault: fault?.code, wrote };
  };
  return { cloud, nodes, operation, server: server!, report, post };
}

async function untilWaiting(cloud: Cloud, serverId: string): Promise<Operation> {
  for (;;) {
    const operation = await cloud.store.operations.find({ server_id: serverId });
    if (operation?.waiting_for === 'the ramdisk') return operation;
    await new Promise(setImmediate);
  }
}

const macOf = async ({ store }: Cloud, { uuid }: Node) => (await store.node_ports.list({ node_uuid: uuid }))[0]!.address;

test('detects swapped MACs by the UUIDs that the BMCs reported, names both nodes, and writes nothing', async (t) => {
  const { cloud, nodes, server, report } = await aDeployment(t, [{ system_uuid: uuidA }, { system_uuid: uuidB }]);

  const { heard, fault, wrote } = await report({ uuid: uuidB });

  assert.match(
    heard,
    /^wrongMachine: The agent that reported for node node-a runs on the machine of node node-b: .*Nothing was written/,
  );
  assert.deepEqual([fault, wrote], ['wrongMachine', false]);
  const node = (await cloud.store.nodes.find({ uuid: nodes[0].uuid }))!;
  assert.deepEqual([node.provision_state, node.inventory, node.machine_uuid], ['available', null, null]);
  const failed = (await cloud.store.servers.find({ id: server.id }))!;
  assert.equal(failed.vm_state, 'error');
  assert.doesNotMatch(failed.fault?.tenant_message ?? 'node-', /node-/);
  await cloud.store.events.flush();
  const [event] = (await cloud.store.events.list({ node_uuid: nodes[0].uuid })).filter(
    ({ subject }) => subject === 'wrong machine',
  );
  assert.match(event?.message ?? '', /node-a runs on the machine of node node-b/);
});

test('accepts an IPMI GUID that differs from the SMBIOS UUID, unless it is that of another node', async (t) => {
  const own = await aDeployment(t, [{ system_uuid: uuidB }, {}], false);
  assert.deepEqual((await own.report({ uuid: uuidA })).heard, 'taken');
  const others = await aDeployment(t, [{ system_uuid: uuidB }, lastReport({ uuid: uuidA })], false);
  assert.match((await others.report({ uuid: uuidA })).heard, /^wrongMachine: /);
});

type Case = { title: string; known: [Partial<Node>, Partial<Node>]; reported: Reported; isTaken: boolean };
const lastReport = (reported: Reported) => {
  const { uuid, serial } = identityOf(inventoryOf(reported));
  return { inventory: inventoryOf(reported) as never, machine_uuid: uuid, machine_serial: serial };
};
const cases: Case[] = [
  { title: 'nothing is known', known: [{}, {}], reported: { uuid: uuidA }, isTaken: true },
  {
    title: 'the BMC reported the same UUID',
    known: [{ system_uuid: uuidA }, {}],
    reported: { uuid: uuidA.toUpperCase() },
    isTaken: true,
  },
  {
    title: 'the BMC reported the UUID in the other byte order',
    known: [{ system_uuid: swappedA }, {}],
    reported: { uuid: uuidA },
    isTaken: true,
  },
  { title: 'the BMC reported another UUID', known: [{ system_uuid: uuidB }, {}], reported: { uuid: uuidA }, isTaken: false },
  {
    title: 'the other node has the UUID in the other byte order',
    known: [{}, { system_uuid: swappedA }],
    reported: { uuid: uuidA },
    isTaken: false,
  },
  {
    title: 'the last report of the node was of another',
    known: [lastReport({ uuid: uuidB }), {}],
    reported: { uuid: uuidA },
    isTaken: false,
  },
  {
    title: 'the last report of the other node was of this machine',
    known: [{}, lastReport({ uuid: uuidA })],
    reported: { uuid: uuidA },
    isTaken: false,
  },
  {
    title: 'the BMC has a UUID of its own, and the last report was of this machine',
    known: [{ system_uuid: uuidB, ...lastReport({ uuid: uuidA }) }, {}],
    reported: { uuid: uuidA },
    isTaken: true,
  },
  {
    title: 'the operator says that the mainboard was replaced',
    known: [{ system_uuid: uuidB, ...lastReport({ uuid: uuidB }), properties: { ...small(), system_uuid: uuidA } }, {}],
    reported: { uuid: uuidA },
    isTaken: true,
  },
  {
    title: 'the BMC was read again after the mainboard was replaced',
    known: [{ system_uuid: uuidA, ...lastReport({ uuid: uuidB }) }, {}],
    reported: { uuid: uuidA },
    isTaken: true,
  },
  {
    title: 'all machines have a placeholder UUID',
    known: [
      lastReport({ uuid: '03000200-0400-0500-0006-000700080009' }),
      lastReport({ uuid: '03000200-0400-0500-0006-000700080009' }),
    ],
    reported: { uuid: '03000200-0400-0500-0006-000700080009' },
    isTaken: true,
  },
  {
    title: 'without UUIDs the serial numbers differ',
    known: [lastReport({ serial: 'CZJ1' }), {}],
    reported: { serial: 'CZJ2' },
    isTaken: false,
  },
  {
    title: 'without UUIDs the serial number is that of the other node',
    known: [{}, lastReport({ serial: 'CZJ2' })],
    reported: { serial: 'CZJ2' },
    isTaken: false,
  },
  {
    title: 'the serial number is nobody',
    known: [lastReport({ serial: 'CZJ1' }), lastReport({ serial: 'To Be Filled By O.E.M.' })],
    reported: { serial: 'To Be Filled By O.E.M.' },
    isTaken: true,
  },
  {
    title: 'servers of one chassis share its serial number',
    known: [lastReport({ uuid: uuidA, serial: 'S1' }), lastReport({ uuid: uuidB, serial: 'S1' })],
    reported: { uuid: uuidA, serial: 'S1' },
    isTaken: true,
  },
  {
    title: 'several machines have one UUID, which the operator has declared',
    known: [{ properties: { ...small(), system_uuid_not_unique: 'True' } }, { system_uuid: uuidA }],
    reported: { uuid: uuidA },
    isTaken: true,
  },
];

function small() {
  return { cpus: 4, memory_mb: 4096, local_gb: 40, cpu_arch: 'x86_64' };
}

for (const { title, known, reported, isTaken } of cases) {
  test(`${isTaken ? 'accepts' : 'rejects'} a machine: ${title}`, async (t) => {
    const { report } = await aDeployment(t, known);
    const { heard, wrote } = await report(reported);
    assert.deepEqual([heard.split(':')[0], wrote], isTaken ? ['taken', true] : ['wrongMachine', false]);
  });
}

const taken = { heard: 'taken', fault: undefined, wrote: true };
const refused = { heard: 'badRequest: the key is that of another machine', fault: 'wrongMachine', wrote: false };

test('checks the identity in the classic POST before anything is written', async (t) => {
  const known = [{ system_uuid: uuidA }, { system_uuid: uuidB, ...lastReport({ serial: 'CZJ2' }) }] as [
    Partial<Node>,
    Partial<Node>,
  ];
  for (const reported of [{ u: uuidA, s: 'CZJ1' }, { u: swappedA }, { s: 'CZJ1' }, {}]) {
    const { post } = await aDeployment(t, known);
    assert.deepEqual(await post(reported), taken, JSON.stringify(reported));
  }
  for (const reported of [{ u: uuidB, s: 'CZJ1' }, { s: 'CZJ2' }]) {
    const { cloud, nodes, post } = await aDeployment(t, known);
    assert.deepEqual(await post(reported), refused, JSON.stringify(reported));
    await cloud.store.events.flush();
    const events = await cloud.store.events.list({ node_uuid: nodes[0].uuid });
    assert.ok(events.some(({ message }) => /node-a runs on the machine of node node-b/.test(message)));
  }
});

/** pxelinux requests a configuration by UUID first, which TFTP records as a missing file. */
async function askByUuid({ cloud, nodes, operation }: Awaited<ReturnType<typeof aDeployment>>, uuids: string[]): Promise<void> {
  const mac = await macOf(cloud, nodes[0]);
  for (const uuid of uuids) {
    cloud.engine.machineRequest({ kind: 'tftp', mac, subject: `pxelinux.cfg/${uuid}`, message: 'asked' });
    const isKept = async () =>
      JSON.stringify((await cloud.store.operations.find({ id: operation.id }))?.context['loader_uuids'])?.includes(uuid);
    while (!(await isKept())) await new Promise(setImmediate);
  }
}

test('falls back to the UUIDs in pxelinux requests for a ramdisk without identity; one match is enough', async (t) => {
  for (const [asked, outcome] of [
    [[uuidA], taken],
    [[swappedA], taken],
    [[uuidB], refused],
    [[uuidB, uuidA], taken],
  ] as const) {
    const deployment = await aDeployment(t, [{ system_uuid: uuidA }, { system_uuid: uuidB }]);
    await askByUuid(deployment, [...asked]);
    assert.deepEqual(await deployment.post({}), outcome, asked.join(' '));
  }
});

test('ignores the UUIDs in pxelinux requests if the ramdisk reports its own', async (t) => {
  const deployment = await aDeployment(t, [{ system_uuid: uuidA }, { system_uuid: uuidB }]);
  await askByUuid(deployment, [uuidB]);
  assert.deepEqual(await deployment.post({ u: uuidA }), taken);
});

test('rejects a machine with a NIC that is a port of another node', async (t) => {
  const { cloud, nodes, report } = await aDeployment(t, [{}, {}]);
  const mac = await macOf(cloud, nodes[1]);
  const { heard } = await report({ macs: [await macOf(cloud, nodes[0]), mac.toUpperCase()] });
  assert.match(heard, new RegExp(`wrongMachine: .*node-b: it has a NIC ${mac}`));
});

test('accepts a machine whose NICs are ports of the node or unknown', async (t) => {
  const { cloud, nodes, report } = await aDeployment(t, [{}, {}]);
  const { heard } = await report({ macs: [await macOf(cloud, nodes[0]), '52:54:00:77:77:77'] });
  assert.equal(heard, 'taken');
});

test('ignores blank, placeholder and malformed UUIDs', () => {
  for (const text of ['', 'none', '00000000-0000-0000-0000-000000000000', 'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF', 'Not Settable'])
    assert.equal(canonicalUuid(text), null);
  assert.equal(canonicalUuid(swappedA), canonicalUuid(uuidA));
  for (const serial of ['', 'Default string', 'System Serial Number', '0', '0123456789', 'None', 'Not Specified', 'N/A'])
    assert.equal(identityOf(inventoryOf({ serial })).serial, null, serial);
  assert.equal(identityOf(inventoryOf({ serial: ' INGOT0001 ' })).serial, 'INGOT0001');
});
