import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Flavor, Node } from '#domain/records.ts';
import { type ChoiceRequest, chooseNode, describeReasons } from './choose-node.ts';

const big = { cpus: 64, memory_mb: 262144, local_gb: 2000, cpu_arch: 'x86_64' };
const small = { cpus: 8, memory_mb: 16384, local_gb: 100, cpu_arch: 'x86_64' };

test('takes the smallest node that is large enough', () => {
  const nodes = [node(1, { properties: big }), node(2, { properties: small }), node(3, { properties: small })];

  assert.deepEqual(ids(nodes, flavor()), [2, 3, 1]);
  assert.deepEqual(ids(nodes, flavor({ ram: 16385 })), [1]);
});

test('prefers a larger node without failures to a fitting one that failed', () => {
  const nodes = [node(1, { properties: small, failures: 2 }), node(2, { properties: big })];

  assert.deepEqual(ids(nodes, flavor()), [2, 1]);
});

test('counts root, ephemeral and swap against the disk', () => {
  const nodes = [node(1, { properties: small })];

  assert.deepEqual(ids(nodes, flavor({ disk: 60, ephemeral: 39, swap: 1024 })), [1]);
  assert.deepEqual(reasons(nodes, flavor({ disk: 60, ephemeral: 39, swap: 1025 })), { 'too little disk': 1 });
});

test('reads sizes that clients stored as text', () => {
  const nodes = [node(1, { properties: { cpus: '8', memory_mb: '9000', local_gb: '100' } })];

  assert.deepEqual(ids(nodes, flavor({ ram: 8192 })), [1]);
  assert.deepEqual(reasons(nodes, flavor({ ram: 10000 })), { 'too little memory': 1 });
});

test('counts every node once, with the first cause', () => {
  const nodes = [
    node(1, { instance_uuid: 'server-1', provision_state: 'active' }),
    node(2, { maintenance: true }),
    node(3, { provision_state: 'clean failed' }),
    node(4, { operation_id: 'operation-1' }),
    node(5, { properties: { ...small, cpus: 1 } }),
    node(6, { properties: { ...small, memory_mb: 1 } }),
    node(7, { properties: {} }),
  ];

  const counted = reasons(nodes, flavor({ vcpus: 4 }));

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

test('tells when there is no node at all', () => {
  const choice = chooseNode([], { flavor: flavor() });

  assert.deepEqual(choice, { reasons: {} });
  assert.equal(describeReasons({}), 'There are no nodes enrolled.');
});

test('matches the resource class as Nova spells it, and lets it replace the sizes', () => {
  const nodes = [
    node(1, { resource_class: 'baremetal.gold-2', properties: {} }),
    node(2, { resource_class: 'silver', properties: {} }),
    node(3, { resource_class: null, properties: {} }),
  ];
  const sizeless = { 'resources:VCPU': '0', 'resources:MEMORY_MB': '0', 'resources:DISK_GB': '0' };

  assert.deepEqual(ids(nodes, flavor({ extra_specs: { ...sizeless, 'resources:CUSTOM_BAREMETAL_GOLD_2': '1' } })), [1]);
  assert.deepEqual(ids(nodes, flavor({ extra_specs: { ...sizeless, 'resources:CUSTOM_SILVER': '2' } })), []);
  assert.deepEqual(ids(nodes, flavor({ extra_specs: { ...sizeless, 'resources:CUSTOM_SILVER': '0' } })), [1, 2, 3]);
});

test('replaces a size by resources:MEMORY_MB', () => {
  const nodes = [node(1, { properties: small })];

  assert.deepEqual(ids(nodes, flavor({ ram: 999999, extra_specs: { 'resources:MEMORY_MB': '16384' } })), [1]);
  assert.deepEqual(ids(nodes, flavor({ extra_specs: { 'resources:MEMORY_MB': '16385' } })), []);
});

test('obeys required and forbidden traits of the flavor and of the image', () => {
  const nodes = [node(1, { traits: ['CUSTOM_RAID'] }), node(2, { traits: [] })];

  assert.deepEqual(ids(nodes, flavor({ extra_specs: { 'trait:CUSTOM_RAID': 'required' } })), [1]);
  assert.deepEqual(ids(nodes, flavor({ extra_specs: { 'trait1:CUSTOM_RAID': 'forbidden' } })), [2]);
  const image = { min_disk: 0, min_ram: 0, properties: { 'trait:CUSTOM_RAID': 'required' } };
  assert.deepEqual(
    chosenInOrder(nodes, { flavor: flavor(), image }).map(({ id }) => id),
    [1],
  );
});

test('ignores extra specs of other scopes', () => {
  const extra_specs = { 'baremetal:deploy_kernel_id': 'k', 'hw:cpu_policy': 'dedicated', 'quota:cpu_shares': '1' };

  assert.deepEqual(ids([node(1)], flavor({ extra_specs })), [1]);
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
  test(`capability boot_mode 'uefi' ${matches ? 'satisfies' : 'does not satisfy'} '${requirement}'`, () => {
    const nodes = [node(1, { properties: { ...small, capabilities: 'disk_label:gpt,boot_mode:uefi' } })];

    assert.equal(ids(nodes, flavor({ extra_specs: { 'capabilities:boot_mode': requirement } })).length, matches ? 1 : 0);
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
  test(`property gpus 4 ${matches ? 'satisfies' : 'does not satisfy'} '${requirement}'`, () => {
    const nodes = [node(1, { properties: { ...small, gpus: 4 } })];

    assert.equal(ids(nodes, flavor({ extra_specs: { gpus: requirement } })).length, matches ? 1 : 0);
  });
}

test('names the capability that is missing', () => {
  const counted = reasons([node(1)], flavor({ extra_specs: { cpu_arch: 's== aarch64' } }));

  assert.deepEqual(counted, { 'without capability cpu_arch s== aarch64': 1 });
});

test('obeys architecture, disk and memory that the image asks for', () => {
  const image = { min_disk: 0, min_ram: 0, properties: { hw_architecture: 'amd64' } };

  assert.ok('node' in chooseNode([node(1)], { flavor: flavor(), image }));
  assert.deepEqual(chooseNode([node(1)], { flavor: flavor(), image: { ...image, properties: { hw_architecture: 'arm64' } } }), {
    reasons: { 'not of architecture arm64': 1 },
  });
  assert.deepEqual(chooseNode([node(1)], { flavor: flavor(), image: { ...image, min_disk: 101 } }), {
    reasons: { 'too little disk': 1 },
  });
});

test('takes only the node that was asked for, by uuid or name', () => {
  const nodes = [node(1), node(2, { name: 'rack1-u2' })];

  assert.equal(found(nodes, 'rack1-u2')?.id, 2);
  assert.equal(found(nodes, 'uuid-1')?.id, 1);
  assert.deepEqual(chooseNode(nodes, { flavor: flavor(), node: 'absent' }), { reasons: { 'not the requested node': 2 } });
});

function found(nodes: Node[], wanted: string): Node | undefined {
  const choice = chooseNode(nodes, { flavor: flavor(), node: wanted });
  return 'node' in choice ? choice.node : undefined;
}

function ids(nodes: Node[], wanted: Flavor): number[] {
  return chosenInOrder(nodes, { flavor: wanted }).map(({ id }) => id);
}

/** Each choice from what the ones before left. */
function chosenInOrder(nodes: Node[], request: ChoiceRequest): Node[] {
  const choice = chooseNode(nodes, request);
  if (!('node' in choice)) return [];
  return [
    choice.node,
    ...chosenInOrder(
      nodes.filter((node) => node !== choice.node),
      request,
    ),
  ];
}

function reasons(nodes: Node[], wanted: Flavor): Record<string, number> {
  const choice = chooseNode(nodes, { flavor: wanted });
  return 'reasons' in choice ? choice.reasons : {};
}

function flavor(fields: Partial<Flavor> = {}): Flavor {
  return { vcpus: 1, ram: 1024, disk: 10, ephemeral: 0, swap: 0, extra_specs: {}, ...fields } as Flavor;
}

function node(id: number, fields: Partial<Node> = {}): Node {
  return {
    id,
    uuid: `uuid-${id}`,
    name: null,
    properties: small,
    resource_class: null,
    traits: [],
    provision_state: 'available',
    maintenance: false,
    fault: null,
    instance_uuid: null,
    operation_id: null,
    failures: 0,
    must_clean: false,
    ...fields,
  } as Node;
}
