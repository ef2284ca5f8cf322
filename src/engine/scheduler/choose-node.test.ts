import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { Flavor } from '#store/tables/flavors.ts';
import type { Node } from '#store/tables/nodes.ts';
import { aStore } from '#test/a-store.ts';
import { type ChoiceRequest, chooseNode, describeReasons } from './choose-node.ts';

const big = { cpus: 64, memory_mb: 262144, local_gb: 2000, cpu_arch: 'x86_64' };
const small = { cpus: 8, memory_mb: 16384, local_gb: 100, cpu_arch: 'x86_64' };

test('takes the smallest node that is large enough', async () => {
  const nodes = [node(1, { properties: big }), node(2, { properties: small }), node(3, { properties: small })];

  assert.deepEqual(await ids(nodes, flavor()), [2, 3, 1]);
  assert.deepEqual(await ids(nodes, flavor({ ram: 16385 })), [1]);
});

test('prefers a larger node without failures to a fitting one that failed', async () => {
  const nodes = [node(1, { properties: small, failures: 2 }), node(2, { properties: big })];

  assert.deepEqual(await ids(nodes, flavor()), [2, 1]);
});

test('counts root, ephemeral and swap against the disk', async () => {
  const nodes = [node(1, { properties: small })];

  assert.deepEqual(await ids(nodes, flavor({ disk: 60, ephemeral: 39, swap: 1024 })), [1]);
  assert.deepEqual(await reasons(nodes, flavor({ disk: 60, ephemeral: 39, swap: 1025 })), { 'too little disk': 1 });
});

test('reads sizes that clients stored as text', async () => {
  const nodes = [node(1, { properties: { cpus: '8', memory_mb: '9000', local_gb: '100' } })];

  assert.deepEqual(await ids(nodes, flavor({ ram: 8192 })), [1]);
  assert.deepEqual(await reasons(nodes, flavor({ ram: 10000 })), { 'too little memory': 1 });
});

test('counts every node once, with the first cause', async () => {
  const nodes = [
    node(1, { instance_uuid: 'server-1', provision_state: 'active' }),
    node(2, { maintenance: true }),
    node(3, { provision_state: 'clean failed' }),
    node(4, { operation_id: 'operation-1' }),
    node(5, { properties: { ...small, cpus: 1 } }),
    node(6, { properties: { ...small, memory_mb: 1 } }),
    node(7, { properties: {} }),
  ];

  const counted = await reasons(nodes, flavor({ vcpus: 4 }));

  assert.deepEqual(counted, {
    'in use': 1,
    'in maintenance': 1,
    'in state clean failed': 1,
    'busy with another operation': 1,
    'too few CPUs': 1,
    'too little memory': 1,
    'without properties/cpus': 1,
  });
  assert.match(describeReasons(counted), /^Of 7 nodes: 1 in use, /);
});

test('reports that there are no nodes', async () => {
  const choice = await choose([], { flavor: flavor() });

  assert.deepEqual(choice, { reasons: {} });
  assert.equal(describeReasons({}), 'No nodes are enrolled.');
});

test('matches the resource class as Nova spells it, and lets it replace the sizes', async () => {
  const nodes = [
    node(1, { resource_class: 'baremetal.gold-2', properties: {} }),
    node(2, { resource_class: 'silver', properties: {} }),
    node(3, { resource_class: null, properties: {} }),
  ];
  const sizeless = { 'resources:VCPU': '0', 'resources:MEMORY_MB': '0', 'resources:DISK_GB': '0' };

  assert.deepEqual(await ids(nodes, flavor({ extra_specs: { ...sizeless, 'resources:CUSTOM_BAREMETAL_GOLD_2': '1' } })), [1]);
  assert.deepEqual(await ids(nodes, flavor({ extra_specs: { ...sizeless, 'resources:CUSTOM_SILVER': '2' } })), []);
  assert.deepEqual(await ids(nodes, flavor({ extra_specs: { ...sizeless, 'resources:CUSTOM_SILVER': '0' } })), [1, 2, 3]);
});

test('replaces a size by resources:MEMORY_MB', async () => {
  const nodes = [node(1, { properties: small })];

  assert.deepEqual(await ids(nodes, flavor({ ram: 999999, extra_specs: { 'resources:MEMORY_MB': '16384' } })), [1]);
  assert.deepEqual(await ids(nodes, flavor({ extra_specs: { 'resources:MEMORY_MB': '16385' } })), []);
});

test('filters by required and forbidden traits of the flavor and of the image', async () => {
  const nodes = [node(1, { traits: ['CUSTOM_RAID'] }), node(2, { traits: [] })];

  assert.deepEqual(await ids(nodes, flavor({ extra_specs: { 'trait:CUSTOM_RAID': 'required' } })), [1]);
  for (const group of ['trait1', 'trait-disks', 'trait_A'])
    assert.deepEqual(await ids(nodes, flavor({ extra_specs: { [`${group}:CUSTOM_RAID`]: 'forbidden' } })), [2]);
  const image = { min_disk: 0, min_ram: 0, properties: { 'trait:CUSTOM_RAID': 'required' } };
  assert.deepEqual(
    (await chosenInOrder(nodes, { flavor: flavor(), image })).map(({ id }) => id),
    [1],
  );
});

test('ignores extra specs of other scopes', async () => {
  const extra_specs = { 'baremetal:deploy_kernel_id': 'k', 'hw:cpu_policy': 'dedicated', 'quota:cpu_shares': '1' };

  assert.deepEqual(await ids([node(1)], flavor({ extra_specs })), [1]);
});

const operatorCases: [requirement: string, matches: boolean][] = [
  ['uefi', true],
  ['s== uefi', true],
  ['s== bios', false],
  ['s!= bios', true],
  ['s< zzz', true],
  ['<in> ef', true],
  ['<in> bios', false],
  ['<or> bios <or> uefi', true],
  ['<or> bios <or> none', false],
  ['<all-in> ue fi', true],
  ['<all-in> ue xx', false],
  ['s==', false],
  ['== uefi', false],
];
for (const [requirement, matches] of operatorCases) {
  test(`capability boot_mode 'uefi' ${matches ? 'satisfies' : 'does not satisfy'} '${requirement}'`, async () => {
    const nodes = [node(1, { properties: { ...small, capabilities: 'disk_label:gpt,boot_mode:uefi' } })];

    assert.equal((await ids(nodes, flavor({ extra_specs: { 'capabilities:boot_mode': requirement } }))).length, matches ? 1 : 0);
  });
}

const numberCases: [requirement: string, matches: boolean][] = [
  ['= 2', true],
  ['= 4', true],
  ['= 5', false],
  ['== 4', true],
  ['!= 4', false],
  ['>= 4', true],
  ['<= 3', false],
  ['>= x', false],
];
for (const [requirement, matches] of numberCases) {
  test(`property gpus 4 ${matches ? 'satisfies' : 'does not satisfy'} '${requirement}'`, async () => {
    const nodes = [node(1, { properties: { ...small, gpus: 4 } })];

    assert.equal((await ids(nodes, flavor({ extra_specs: { gpus: requirement } }))).length, matches ? 1 : 0);
  });
}

test('names the capability that is missing', async () => {
  const counted = await reasons([node(1)], flavor({ extra_specs: { cpu_arch: 's== aarch64' } }));

  assert.deepEqual(counted, { 'without capability cpu_arch s== aarch64': 1 });
});

test('filters by architecture, disk and memory of the image', async () => {
  const image = { min_disk: 0, min_ram: 0, properties: { hw_architecture: 'amd64' } };

  assert.ok('uuid' in (await choose([node(1)], { flavor: flavor(), image })));
  assert.deepEqual(await choose([node(1)], { flavor: flavor(), image: { ...image, properties: { hw_architecture: 'arm64' } } }), {
    reasons: { 'not of architecture arm64': 1 },
  });
  assert.deepEqual(await choose([node(1)], { flavor: flavor(), image: { ...image, min_disk: 101 } }), {
    reasons: { 'too little disk': 1 },
  });
});

test('filters by the hypervisor type and mode of the image, under their old names too', async () => {
  const asked = (properties: Record<string, string>) =>
    choose([node(1)], { flavor: flavor(), image: { min_disk: 0, min_ram: 0, properties } });

  assert.deepEqual(await asked({ img_hv_type: 'qemu' }), { reasons: { 'not of hypervisor type qemu': 1 } });
  assert.deepEqual(await asked({ hypervisor_type: 'vmware' }), { reasons: { 'not of hypervisor type vmware': 1 } });
  assert.deepEqual(await asked({ hw_vm_mode: 'xen' }), { reasons: { 'not of VM mode xen': 1 } });
  assert.ok('uuid' in (await asked({ img_hv_type: 'BareMetal', vm_mode: 'hvm' })));
});

test('takes only the node that was asked for, by uuid or name', async () => {
  const nodes = [node(1), node(2, { name: 'rack1-u2' })];

  assert.equal((await found(nodes, 'rack1-u2'))?.id, 2);
  assert.equal((await found(nodes, 'uuid-1'))?.id, 1);
  assert.deepEqual(await choose(nodes, { flavor: flavor(), node: 'absent' }), { reasons: { 'not the requested node': 2 } });
});

test('skips nodes whose driver cannot deploy the image, with the reason', async () => {
  const nodes = [node(1, { driver: 'old' }), node(2, { driver: 'old' }), node(3, { properties: big })];
  const refusal = new Fault('imageUnusable', { image: 'debian', detail: 'it is no partition image.' });
  const asked: string[] = [];
  const checkDriver: ChoiceRequest['checkDriver'] = ({ driver }) => {
    asked.push(driver);
    if (driver === 'old') throw refusal;
  };

  assert.deepEqual(await choose(nodes, { flavor: flavor(), checkDriver }), { uuid: 'uuid-3' });
  assert.deepEqual(asked, ['old', 'room']);
  const choice = await choose([...nodes.slice(0, 2), node(3, { maintenance: true })], { flavor: flavor(), checkDriver });
  assert.equal(
    describeReasons('reasons' in choice ? choice.reasons : {}),
    'Of 3 nodes: 2 whose driver refuses: Image debian cannot be deployed: it is no partition image, 1 in maintenance.',
  );
});

test('skips nodes with too few free NICs', async () => {
  const store = await aStore();
  for (const each of [node(1), node(2), node(3, { properties: big })]) await store.nodes.insert(each);
  const nic = { pxe_enabled: true, local_link_connection: {}, extra: {}, vif_port_id: null, created_at: '', updated_at: '' };
  for (const [index, node_uuid] of ['uuid-2', 'uuid-2', 'uuid-3', 'uuid-3'].entries()) {
    const vif_port_id = index === 0 ? 'port-1' : null;
    await store.node_ports.insert({ ...nic, uuid: `nic-${index}`, address: `52:54:00:00:00:0${index}`, node_uuid, vif_port_id });
  }

  const chosen = [];
  for (const nics of [0, 1, 2, 3]) chosen.push(await chooseNode(store, { flavor: flavor(), nics }));
  const [none, one] = [await chooseNode(store, { flavor: flavor(), nics: 1, node: 'uuid-1' }), chosen.pop()];

  assert.deepEqual(chosen, [{ uuid: 'uuid-1' }, { uuid: 'uuid-2' }, { uuid: 'uuid-3' }]);
  assert.deepEqual(one, { reasons: { 'with fewer than 3 NICs': 3 } });
  assert.deepEqual(none, { reasons: { 'not the requested node': 2, 'without a NIC': 1 } });
  await store.close();
});

test('matches a trait as a whole, whatever characters it has', async () => {
  const nodes = [
    node(1, { traits: ['CUSTOM_RAIDX', 'A_CUSTOM_RAID', 'CUSTOMXRAID'] }),
    node(2, { traits: ['X', 'CUSTOM_RAID'] }),
  ];

  assert.deepEqual(await ids(nodes, flavor({ extra_specs: { 'trait:CUSTOM_RAID': 'required' } })), [2]);
  assert.deepEqual(await ids(nodes, flavor({ extra_specs: { 'trait:%': 'required' } })), []);
});

test('finds the same nodes in a large fleet as a full scan, in the same order', async () => {
  const random = seededRandom(7);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  const fleet = Array.from({ length: 400 }, (_, index) =>
    node(index + 1, {
      failures: pick([0, 0, 0, 1, 2]),
      maintenance: pick([true, false, false, false]),
      instance_uuid: pick([null, null, null, `server-${index}`]),
      fault: pick([null, null, null, 'power failure']),
      operation_id: pick([null, null, null, 'operation']),
      provision_state: pick(['available', 'available', 'available', 'manageable']),
      properties: {
        cpus: pick([2, 8, '16']),
        memory_mb: pick([4096, '8192', 16384]),
        local_gb: pick([10, 100]),
        gpus: pick([0, 1]),
      },
    }),
  );
  const fits = ({ properties, ...rest }: Node) =>
    rest.provision_state === 'available' &&
    !(rest.maintenance || rest.fault || rest.instance_uuid || rest.operation_id) &&
    Number(properties['memory_mb']) >= 8192 &&
    properties['gpus'] === 1;
  const rank = ({ failures, properties, id }: Node) =>
    [failures, properties['memory_mb'], properties['cpus'], properties['local_gb'], id].map((value) =>
      String(value).padStart(8, '0'),
    );
  const expected = fleet.filter(fits).sort((a, b) => (rank(a).join() < rank(b).join() ? -1 : 1));

  const store = await aStore();
  for (const each of fleet) await store.nodes.insert(each);
  const wanted = { flavor: flavor({ ram: 8192, extra_specs: { gpus: '== 1' } }) };
  const found: string[] = [];
  for (;;) {
    const choice = await chooseNode(store, wanted);
    if (!('uuid' in choice)) break;
    found.push(choice.uuid);
    await store.nodes.update({ uuid: choice.uuid }, { operation_id: 'taken' });
  }
  const { reasons: left } = (await chooseNode(store, wanted)) as { reasons: Record<string, number> };

  assert.ok(expected.length > 20);
  assert.deepEqual(
    found,
    expected.map(({ uuid }) => uuid),
  );
  assert.equal(
    Object.values(left).reduce((sum, count) => sum + count, 0),
    fleet.length,
  );
  await store.close();
});

/** Park and Miller's generator. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

test('takes no node whose firmware may be being written, and none whose child node would lose its power', async () => {
  const store = await aStore();
  const children = [
    node(4, { provision_state: 'enroll', parent_node: 'uuid-2' }),
    node(5, { provision_state: 'enroll', parent_node: 'uuid-3', driver_info: { has_dedicated_power_supply: true } }),
  ];
  for (const each of [node(1), node(2), node(3), ...children]) await store.nodes.insert(each);
  const update = { component: '', operation_id: 'o', url: '', versions: {}, task: null, sent_at: '2026-01-01' };
  for (const node_uuid of ['uuid-1', 'uuid-4', 'uuid-5'])
    await store.firmware_updates.insert({ ...update, id: node_uuid, node_uuid, expires_at: '9999-01-01T00:00:00.000Z' });

  const unaffected = await chooseNode(store, { flavor: flavor() });
  const refused = await chooseNode(store, { flavor: flavor(), except: ['uuid-3'] });
  await store.firmware_updates.update({ id: 'uuid-1' }, { expires_at: '2026-01-01T00:00:00.000Z' });
  const over = await chooseNode(store, { flavor: flavor(), except: ['uuid-3'] });

  assert.deepEqual(unaffected, { uuid: 'uuid-3' });
  assert.deepEqual(refused, {
    reasons: { 'a child of another node': 2, 'tried before': 1, 'with a firmware update under way': 2 },
  });
  assert.deepEqual(over, { uuid: 'uuid-1' });
  await store.close();
});

async function choose(nodes: readonly Node[], request: ChoiceRequest): ReturnType<typeof chooseNode> {
  const store = await aStore();
  try {
    for (const each of nodes) await store.nodes.insert(each);
    return await chooseNode(store, request);
  } finally {
    await store.close();
  }
}

async function found(nodes: readonly Node[], wanted: string): Promise<Node | undefined> {
  const choice = await choose(nodes, { flavor: flavor(), node: wanted });
  return 'uuid' in choice ? nodes.find(({ uuid }) => uuid === choice.uuid) : undefined;
}

async function ids(nodes: readonly Node[], wanted: Flavor): Promise<number[]> {
  return (await chosenInOrder(nodes, { flavor: wanted })).map(({ id }) => id);
}

/** Each choice from the nodes that the previous ones left. */
async function chosenInOrder(nodes: readonly Node[], request: ChoiceRequest): Promise<Node[]> {
  const choice = await choose(nodes, request);
  if (!('uuid' in choice)) return [];
  const rest = nodes.filter(({ uuid }) => uuid !== choice.uuid);
  return [...nodes.filter(({ uuid }) => uuid === choice.uuid), ...(await chosenInOrder(rest, request))];
}

async function reasons(nodes: readonly Node[], wanted: Flavor): Promise<Record<string, number>> {
  const choice = await choose(nodes, { flavor: wanted });
  return 'reasons' in choice ? choice.reasons : {};
}

function flavor(fields: Partial<Flavor> = {}): Flavor {
  return { vcpus: 1, ram: 1024, disk: 10, ephemeral: 0, swap: 0, extra_specs: {}, ...fields } as Flavor;
}

function node(id: number, fields: Partial<Node> = {}): Node {
  const interfaces = { power_interface: 'room', management_interface: 'room', boot_interface: 'room', deploy_interface: 'room' };
  const bags = { driver_info: {}, extra: {}, instance_info: {} };
  const at = '2026-01-01T00:00:00.000Z';
  return {
    ...{ ...interfaces, console_interface: 'room', ...bags, driver: 'room', created_at: at, updated_at: at },
    id,
    uuid: `uuid-${id}`,
    name: null,
    properties: small,
    resource_class: null,
    traits: [],
    provision_state: 'available',
    maintenance: false,
    retired: false,
    fault: null,
    instance_uuid: null,
    operation_id: null,
    failures: 0,
    must_clean: false,
    ...fields,
  } as Node;
}

test('skips a node with invalid root device hints', async () => {
  const wrong = node(1, { properties: { ...small, root_device: '{"serial": "S1"}' } });
  const right = node(2, { properties: { ...small, root_device: { serial: 'S1' } } });

  assert.deepEqual(await ids([wrong, right], flavor()), [2]);
  assert.deepEqual(await reasons([wrong], flavor()), { 'with root device hints that cannot be used': 1 });
});
