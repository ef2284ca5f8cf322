import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Value } from 'typebox/value';
import { Inventory } from '#agent-protocol/messages.ts';
import { Fault } from '#domain/faults.ts';
import type { FoundHardware } from '#domain/found-hardware.ts';
import type { RuleAction, RuleCondition } from '#domain/inspection-rules/rule.ts';
import type { JsonObject } from '#domain/json.ts';
import type { InspectionRule } from '#store/tables/inspection-rules.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';
import { type Cloud, testCloud } from '#test/a-cloud.ts';
import { aDisk, aHello, aRequester, bootstrapOf } from '#test/an-agent.ts';

const gibibyte = 2 ** 30;

/** A manageable node with one NIC. */
async function aFixture(
  t: TestContext,
  properties: JsonObject = {},
  settings: Record<string, string> = {},
  found?: FoundHardware | Error,
  more: { builtInRules?: InspectionRule[] } = {},
) {
  const readHardware = async () => {
    if (found instanceof Error) throw found;
    return found as FoundHardware;
  };
  const cloud = await testCloud({ settings, ...more, ...(found && { inspect: { readHardware } }) });
  t.after(async () => {
    await cloud.engine.stop();
    await cloud.store.close();
  });
  const { uuid } = await cloud.engine.createNode({
    ...{ name: 'n1', driver: 'room', provision_state: 'manageable', properties },
    ...(found && { inspect_interface: 'room' }),
  });
  await cloud.engine.createNodePort({ node_uuid: uuid, address: '52:54:00:00:00:01' });
  const node = async () => (await cloud.store.nodes.find({ uuid }))!;
  const go = (verb: string) => cloud.engine.setProvisionState(uuid, verb);
  const untilState = async (state: Node['provision_state']): Promise<Node> => {
    for (;;) {
      const now = await node();
      if (now.provision_state === state && (state.endsWith(' wait') || now.operation_id === null)) return now;
      await new Promise(setImmediate);
    }
  };
  return { ...cloud, uuid, node, go, untilState };
}

async function report({ engine, store }: Cloud, { operation_id }: Node, changes: object = {}): Promise<void> {
  const operation = (await store.operations.find({ id: operation_id ?? '' })) as Operation;
  const { inventory, ...hello } = aHello();
  const found = {
    ...inventory,
    cpu: { ...inventory.cpu, count: 16 },
    memory_bytes: 64 * gibibyte,
    disks: [
      aDisk({ device: '/dev/sda', size_bytes: 480 * gibibyte, serial: 'A' }),
      aDisk({ device: '/dev/sdb', size_bytes: 100 * gibibyte, serial: 'B' }),
      aDisk({ device: '/dev/sdc', size_bytes: gibibyte, removable: true }),
    ],
    ...changes,
  };
  await engine.agentHello(bootstrapOf(operation), { ...hello, inventory: found }, aRequester());
}

test('inspection boots the ramdisk, takes its inventory, fills the properties and switches off', async (t) => {
  const fixture = await aFixture(t, { cpu_arch: 'aarch64' });
  await fixture.go('inspect');
  const waiting = await fixture.untilState('inspect wait');
  assert.equal(waiting.target_provision_state, 'manageable');
  assert.deepEqual([fixture.room.power.get(fixture.uuid), fixture.room.plans.has(fixture.uuid)], ['power on', true]);

  await report(fixture, waiting);
  const { properties, inventory, target_provision_state, last_error, power_state } = await fixture.untilState('manageable');
  // What an operator has given stays.
  assert.deepEqual(properties, { cpus: 16, cpu_arch: 'aarch64', memory_mb: 65_536, local_gb: 99 });
  assert.deepEqual([target_provision_state, last_error, power_state], [null, null, 'power off']);
  assert.equal(Value.Check(Inventory, inventory) && inventory.disks.length, 3);
  assert.deepEqual([fixture.room.power.get(fixture.uuid), fixture.room.plans.has(fixture.uuid)], ['power off', false]);
});

test('sets local_gb to the size of the disk that the hints select, and leaves it without one', async (t) => {
  for (const { hints, disks, expected } of [
    { hints: { root_device: { serial: 'A' } }, disks: undefined, expected: 479 },
    { hints: { root_device: { serial: 'Z' } }, disks: undefined, expected: undefined },
    { hints: {}, disks: [], expected: undefined },
  ]) {
    const fixture = await aFixture(t, hints);
    await fixture.go('inspect');
    await report(fixture, await fixture.untilState('inspect wait'), disks && { disks });
    assert.equal((await fixture.untilState('manageable')).properties['local_gb'], expected);
  }
});

test('a machine without a disk at inspection does not count as erased at the next cleaning', async (t) => {
  const fixture = await aFixture(t, {}, { 'clean.on_provide': 'true' });
  await fixture.go('inspect');
  await report(fixture, await fixture.untilState('inspect wait'), { disks: [] });
  await fixture.untilState('manageable');

  await fixture.go('provide');
  const { operation_id } = await fixture.untilState('clean wait');
  const operation = (await fixture.store.operations.find({ id: operation_id ?? '' })) as Operation;
  const { inventory, ...hello } = aHello();
  const helloWithout = { ...hello, inventory: { ...inventory, disks: [] } };
  const { session } = await fixture.engine.agentHello(bootstrapOf(operation), helloWithout, aRequester());
  const command = await fixture.engine.agentNext(session, 5000, AbortSignal.timeout(5000));
  await fixture.engine.agentResult(session, { command_id: command!.id, ok: true, result: { disks: [] } });
  assert.match((await fixture.untilState('clean failed')).last_error ?? '', /any disk/);
});

test('ignores values that the scheduler cannot use, and keeps those of the operator', async (t) => {
  const operators = { capabilities: 'boot_mode:uefi', memory_mb: '2048' };
  const fixture = await aFixture(t, operators);
  await fixture.go('inspect');
  const { inventory } = aHello();
  await report(fixture, await fixture.untilState('inspect wait'), {
    cpu: { ...inventory.cpu, count: Number.MAX_SAFE_INTEGER, architecture: ' ', __proto__: { count: 1 }, capabilities: 'x' },
    memory_bytes: Number.MAX_SAFE_INTEGER,
    capabilities: 'raid_level:1',
    disks: [aDisk({ device: '/dev/sda', size_bytes: Number.MAX_SAFE_INTEGER, serial: 'A' })],
  });
  assert.deepEqual((await fixture.untilState('manageable')).properties, { ...operators, local_gb: 8_388_606 });
});

test('rounds down fractions of a CPU', async (t) => {
  const fixture = await aFixture(t);
  await fixture.go('inspect');
  const { inventory } = aHello();
  await report(fixture, await fixture.untilState('inspect wait'), { cpu: { ...inventory.cpu, count: 1.5 } });
  assert.equal((await fixture.untilState('manageable')).properties['cpus'], 1);
});

test('rejects the inspection of a node with invalid root device hints', async (t) => {
  const fixture = await aFixture(t, { root_device: { serial: 7 } });
  await assert.rejects(fixture.go('inspect'), /properties\/root_device of node n1 cannot be used: .*'serial' must be text/);
  const { provision_state, operation_id } = await fixture.node();
  assert.deepEqual([provision_state, operation_id], ['manageable', null]);
});

test('an aborted inspection has failed, and can be retried or left', async (t) => {
  const fixture = await aFixture(t);
  await fixture.go('inspect');
  await fixture.untilState('inspect wait');
  await fixture.go('abort');
  const { last_error, target_provision_state, maintenance } = await fixture.untilState('inspect failed');
  assert.deepEqual(
    [last_error, target_provision_state, maintenance],
    ['Inspection was aborted by request.', 'manageable', false],
  );
  assert.deepEqual([fixture.room.power.get(fixture.uuid), fixture.room.plans.has(fixture.uuid)], ['power off', false]);

  await fixture.go('inspect');
  assert.equal((await fixture.untilState('inspect wait')).last_error, null);
  await fixture.go('abort');
  await fixture.untilState('inspect failed');
  await fixture.go('manage');
  assert.equal((await fixture.node()).provision_state, 'manageable');
});

test('a ramdisk that does not report fails the inspection with the reason', async (t) => {
  const fixture = await aFixture(t, {}, { 'deploy.agent_timeout': '1' });
  await fixture.go('inspect');
  const { last_error, properties } = await fixture.untilState('inspect failed');
  assert.match(last_error ?? '', /^Inspection failed at "Wait for the ramdisk": .*timed out after 1 s/);
  assert.deepEqual(properties, {});
});

test('resumes an inspection after a restart', async (t) => {
  const fixture = await aFixture(t);
  await fixture.go('inspect');
  await fixture.untilState('inspect wait');
  await fixture.engine.stop();
  const after = await testCloud({ room: fixture.room, store: fixture.store });
  await after.engine.start();
  await report({ ...fixture, engine: after.engine }, await fixture.node());
  assert.equal((await fixture.untilState('manageable')).properties['cpus'], 16);
  await after.engine.stop();
});

test('inspects only manageable nodes without a server', async (t) => {
  const fixture = await aFixture(t);
  await fixture.go('provide');
  await assert.rejects(fixture.go('inspect'), /can not be performed on node n1 while it is in state 'available'/);
});

/** The node after an inspection with one rule. */
async function inspected(t: TestContext, rule: Partial<InspectionRule>, state: Node['provision_state'] = 'manageable') {
  const fixture = await aFixture(t);
  await addRule(fixture.store, rule);
  await fixture.go('inspect');
  await report(fixture, await fixture.untilState('inspect wait'));
  return { ...fixture, after: await fixture.untilState(state) };
}

async function addRule(store: Cloud['store'], rule: Partial<InspectionRule>): Promise<void> {
  const plain = { description: null, priority: 0, sensitive: false, phase: 'main', conditions: [], actions: [] };
  const now = '2026-01-01T00:00:00.000Z';
  await store.inspection_rules.insert({ ...plain, uuid: 'r1', created_at: now, updated_at: null, ...rule });
}

const is16: RuleCondition = { op: 'eq', args: { values: ['{inventory[cpu][count]}', '16'] } };

test('inspection rules see what the ramdisk found, and change the node', async (t) => {
  const actions: RuleAction[] = [
    { op: 'set-attribute', args: { path: 'properties/size', value: '{inventory[cpu][count]} {node.properties[memory_mb]}' } },
    { op: 'set-attribute', args: { path: 'driver_info/ipmi_password', value: 'geheim' } },
    { op: 'add-trait', args: { name: 'CUSTOM_LARGE' } },
    { op: 'set-plugin-data', args: { path: 'class', value: 'large' } },
  ];

  const { after } = await inspected(t, { conditions: [is16], actions });

  assert.deepEqual([after.properties['size'], after.properties['cpus']], ['16 65536', 16]);
  assert.deepEqual([after.driver_info['ipmi_password'], after.traits], ['geheim', ['CUSTOM_LARGE']]);
  assert.deepEqual([after.plugin_data?.['class'], after.plugin_data?.['cpus']], ['large', 16]);
  assert.ok(
    after.inspection_started_at && after.inspection_finished_at && after.inspection_started_at <= after.inspection_finished_at,
  );
});

test('a rule that fails makes the inspection fail, and nothing else of the rules is written', async (t) => {
  const actions: RuleAction[] = [
    { op: 'set-attribute', args: { path: 'extra/seen', value: true } },
    { op: 'fail', args: { msg: 'no GPU' } },
  ];

  const { after, room, uuid } = await inspected(t, { conditions: [is16], actions }, 'inspect failed');

  assert.match(after.last_error ?? '', /Failed to inspect hardware. Reason: no GPU/);
  assert.deepEqual([after.extra, after.inspection_finished_at, room.power.get(uuid)], [{}, null, 'power off']);
});

test('rules whose result would be no valid node fail', async (t) => {
  for (const [path, value, words] of [
    ['name', 'a b', /not a name of a node/],
    ['name', '', /not a name of a node/],
    ['name', 'detail', /The word "detail" is reserved/],
    ['name', '00000000-0000-4000-8000-000000000001', /invalid name '00000000-0000-4000-8000-000000000001'/],
    ['traits', ['fast'], /fast is not a trait/],
    ['resource_class', 7, /'resource_class' is a text/],
    ['properties/root_device', { color: 'red' }, /root.device|hint/i],
  ] as const) {
    const { after } = await inspected(
      t,
      { actions: [{ op: 'set-attribute', args: { path, value } as JsonObject }] },
      'inspect failed',
    );
    assert.match(after.last_error ?? '', words);
  }
});

test('a machine of which no NIC is known gets a port for each, and another none', async (t) => {
  const nic = { name: 'eth0', driver: 'e1000', link: true, speed_mbps: null, address: null };
  const addressesAfter = async (macs: string[]) => {
    const fixture = await aFixture(t);
    await fixture.go('inspect');
    await report(fixture, await fixture.untilState('inspect wait'), { nics: macs.map((mac) => ({ ...nic, mac })) });
    await fixture.untilState('manageable');
    return (await fixture.store.node_ports.list({ node_uuid: fixture.uuid })).map(({ address }) => address);
  };

  assert.deepEqual(await addressesAfter(['52:54:00:00:00:01', '52:54:00:00:00:99']), ['52:54:00:00:00:01']);
  assert.deepEqual(await addressesAfter(['52:54:00:00:00:99']), ['52:54:00:00:00:01', '52:54:00:00:00:99']);
});

const reported: FoundHardware = {
  cpu: { count: 32, architecture: 'x86_64', model: 'Xeon' },
  memory_mb: 131_072,
  drives: [
    { name: 'Bay 1', size_bytes: 480 * gibibyte, serial: 'A' },
    { name: 'SD card', size_bytes: 2 * gibibyte },
    { name: 'Bay 2', size_bytes: 960 * gibibyte, serial: 'B' },
  ],
  disks: [
    { name: 'SD card', size_bytes: 2 * gibibyte },
    { name: 'Bay 1', size_bytes: 480 * gibibyte, serial: 'A' },
    { name: 'Bay 2', size_bytes: 960 * gibibyte, serial: 'B' },
  ],
  nics: [
    { name: '1', mac: '52:54:00:00:00:01' },
    { name: '2', mac: '52:54:00:00:00:02', ipv4: '192.0.2.9' },
  ],
  boot_mode: 'uefi',
  system: { manufacturer: 'Acme', serial: 'S1' },
  storage_controllers: [],
  pci_devices: [],
  lldp: { '1': { switch_port_id: 'Eth1/7' } },
};

async function addressesOf({ store, uuid }: Awaited<ReturnType<typeof aFixture>>): Promise<string[]> {
  return (await store.node_ports.list({ node_uuid: uuid })).map(({ address }) => address).toSorted();
}

test('out of band the BMC is asked: the machine is not switched, and keeps what the operator has given', async (t) => {
  const fixture = await aFixture(t, { memory_mb: 1024, capabilities: 'gpu:yes' }, {}, reported);

  await fixture.go('inspect');
  const node = await fixture.untilState('manageable');

  const { capabilities, ...sizes } = node.properties;
  assert.deepEqual(sizes, { memory_mb: 1024, cpus: 32, cpu_arch: 'x86_64', local_gb: 479 });
  assert.equal(capabilities, 'gpu:yes,boot_mode:uefi');
  assert.deepEqual(await addressesOf(fixture), ['52:54:00:00:00:01', '52:54:00:00:00:02']);
  assert.deepEqual([fixture.room.power.has(fixture.uuid), fixture.room.plans.has(fixture.uuid)], [false, false]);
  assert.deepEqual(node.found_hardware, reported);
  assert.deepEqual(node.plugin_data?.['parsed_lldp'], reported.lldp);
  // Disks that only the BMC has seen are not those that a cleaning must find.
  assert.deepEqual([node.inventory, node.known_disks, node.last_error], [null, null, null]);
  assert.ok(node.inspection_finished_at);

  await fixture.go('inspect');
  assert.equal((await fixture.untilState('manageable')).properties['capabilities'], 'gpu:yes,boot_mode:uefi');
});

test('rules see what the BMC reports', async (t) => {
  const fixture = await aFixture(t, {}, {}, reported);
  const value = '{inventory[system_vendor][manufacturer]} {plugin_data[parsed_lldp][1][switch_port_id]}';
  await addRule(fixture.store, { actions: [{ op: 'set-attribute', args: { path: 'extra/seen', value } }] });

  await fixture.go('inspect');

  assert.deepEqual((await fixture.untilState('manageable')).extra, { seen: 'Acme Eth1/7' });
});

test('a disk is chosen by the root device hints among those that the BMC reports', async (t) => {
  for (const [hint, expected] of [
    [{ serial: 'B' }, 959],
    [{ name: '/dev/sda' }, undefined],
  ] as const) {
    const fixture = await aFixture(t, { root_device: hint }, {}, reported);
    await fixture.go('inspect');
    assert.equal((await fixture.untilState('manageable')).properties['local_gb'], expected);
  }
});

test('an inspection out of band fails without what the scheduler needs, unless the operator gives it', async (t) => {
  const { memory_mb: _, ...without } = reported;
  const fixture = await aFixture(t, {}, {}, { ...without, cpu: {} });

  await fixture.go('inspect');
  const failed = await fixture.untilState('inspect failed');

  assert.match(failed.last_error ?? '', /Failed to discover the following properties: cpu_arch, memory_mb on node n1/);
  assert.deepEqual([failed.properties, failed.maintenance], [{}, false]);
  await fixture.store.nodes.update({ uuid: fixture.uuid }, { properties: { cpu_arch: 'aarch64', memory_mb: 4096 } });
  await fixture.go('inspect');
  assert.equal((await fixture.untilState('manageable')).properties['local_gb'], 479);
});

test('a BMC that refuses fails the inspection with its reason', async (t) => {
  const refused = new Fault('bmcRefused', { address: '192.0.2.1', command: 'GET', detail: '401', attempts: 1, seconds: 1 });
  const fixture = await aFixture(t, {}, {}, refused);

  await fixture.go('inspect');

  const { last_error, found_hardware } = await fixture.untilState('inspect failed');
  assert.match(last_error ?? '', /^Inspection failed at "Ask the BMC for the hardware": /);
  assert.equal(found_hardware, null);
});

test('adds and removes ports as the settings say', async (t) => {
  const [own, other, gone] = ['52:54:00:00:00:01', '52:54:00:00:00:02', '52:54:00:00:00:77'];
  for (const [add, keep, expected] of [
    ['pxe', 'all', [own, other, gone]],
    ['active', 'all', [own, other, gone]],
    ['active', 'added', [other]],
    ['disabled', 'present', [own]],
    ['disabled', 'added', [own, gone]],
    ['all', 'present', [own, other]],
  ] as const) {
    const settings = { 'inspection.add_ports': add, 'inspection.keep_ports': keep };
    const fixture = await aFixture(t, {}, settings, reported);
    await fixture.engine.createNodePort({ node_uuid: fixture.uuid, address: gone });

    await fixture.go('inspect');
    await fixture.untilState('manageable');

    assert.deepEqual(await addressesOf(fixture), expected, `${add} ${keep}`);
  }
});

test('a port in use is not removed by an inspection', async (t) => {
  const fixture = await aFixture(t, {}, { 'inspection.keep_ports': 'present' }, reported);
  const port = await fixture.engine.createNodePort({ node_uuid: fixture.uuid, address: '52:54:00:00:00:77' });
  await fixture.store.node_ports.update({ uuid: port.uuid }, { vif_port_id: 'vif' });

  await fixture.go('inspect');
  await fixture.untilState('manageable');

  assert.ok((await addressesOf(fixture)).includes('52:54:00:00:00:77'));
});

test('the next inspection in band replaces what the BMC has reported', async (t) => {
  const fixture = await aFixture(t, {}, {}, reported);
  await fixture.go('inspect');
  await fixture.untilState('manageable');
  await fixture.store.nodes.update({ uuid: fixture.uuid }, { inspect_interface: 'agent' });

  await fixture.go('inspect');
  await report(fixture, await fixture.untilState('inspect wait'));

  const node = await fixture.untilState('manageable');
  assert.deepEqual([node.found_hardware, node.plugin_data], [null, null]);
  assert.equal(node.properties['cpus'], 32);
});

test('a node without inspection refuses the verb', async (t) => {
  const fixture = await aFixture(t);
  await fixture.store.nodes.update({ uuid: fixture.uuid }, { inspect_interface: 'no-inspect' });

  await assert.rejects(fixture.go('inspect'), { code: 'unsupportedByHardware' });

  assert.equal((await fixture.node()).provision_state, 'manageable');
});

test('rules of a file are applied with those of the API, in the order of their priorities', async (t) => {
  const rule = (uuid: string, priority: number, value: string): InspectionRule => ({
    ...{ uuid, priority, description: null, sensitive: false, phase: 'main', conditions: [], created_at: '', updated_at: null },
    actions: [{ op: 'set-attribute', args: { path: 'extra/seen', value: `{node.extra[seen]}${value}` } }],
  });
  const builtInRules = [rule('b1', 20_000, 'first'), rule('b2', -1, 'last')];
  const fixture = await aFixture(t, {}, {}, reported, { builtInRules });
  await fixture.store.nodes.update({ uuid: fixture.uuid }, { extra: { seen: '' } });
  await fixture.store.inspection_rules.insert(rule('a', 0, ' middle '));

  await fixture.go('inspect');

  assert.deepEqual((await fixture.untilState('manageable')).extra, { seen: 'first middle last' });
});
