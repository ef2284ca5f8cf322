import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { JsonObject } from '#domain/json.ts';
import type { LogicalDisk } from '#domain/raid.ts';
import { collectionOf, startRedfishTree, type TreeRules } from '#test/a-redfish-tree.ts';
import { faultOf } from '#test/fault-of.ts';
import { createRedfishRaid } from './raid.ts';

const storage = '/redfish/v1/Systems/1/Storage';
const raid1 = `${storage}/RAID.1`;
const volumes = `${raid1}/Volumes`;
const link = (path: string) => ({ '@odata.id': path });
const tb = 10 ** 12;
const gib = 1024 ** 3;

type Given = {
  drives?: JsonObject[];
  volumes?: JsonObject[];
  collection?: JsonObject;
  controller?: JsonObject;
  more?: Record<string, JsonObject>;
};

const aDrive = (changes: JsonObject = {}): JsonObject => ({ CapacityBytes: tb, MediaType: 'HDD', Protocol: 'SAS', ...changes });
const fourDrives = [aDrive(), aDrive(), aDrive(), aDrive()];

/** A controller RAID.1 with drives D1, D2, … and volumes V1, V2, … */
function resources({ drives = fourDrives, volumes: there = [], collection = {}, controller = {}, more = {} }: Given) {
  const driveAt = (index: number) => `${raid1}/Drives/D${index + 1}`;
  const volumeAt = (index: number) => `${volumes}/V${index + 1}`;
  return {
    '/redfish/v1/Systems/1': { '@odata.id': '/redfish/v1/Systems/1', Storage: link(storage) },
    [storage]: collectionOf([raid1, `${storage}/AHCI`]),
    [`${storage}/AHCI`]: { '@odata.id': `${storage}/AHCI`, Id: 'AHCI', Drives: [link(`${storage}/AHCI/Drives/X`)] },
    [raid1]: {
      '@odata.id': raid1,
      Id: 'RAID.1',
      Drives: drives.map((_, index) => link(driveAt(index))),
      Volumes: link(volumes),
      StorageControllers: [{ MemberId: '0', ...controller }],
    },
    [volumes]: { ...collectionOf(there.map((_, index) => volumeAt(index))), ...collection },
    ...Object.fromEntries(
      drives.map((drive, index) => [driveAt(index), { '@odata.id': driveAt(index), Id: `D${index + 1}`, ...drive }]),
    ),
    ...Object.fromEntries(
      there.map((one, index) => [volumeAt(index), { '@odata.id': volumeAt(index), Id: `V${index + 1}`, ...one }]),
    ),
    ...more,
  };
}

async function setUp(t: TestContext, given: Given, rules: TreeRules = {}) {
  const tree = await startRedfishTree(t, resources(given), { rules });
  const raid = createRedfishRaid(tree.withSystem, { pauseMs: 10 });
  const { outOfBand } = raid;
  assert.ok(outOfBand);
  const plan = (disks: LogicalDisk[], gone: string[] = []) => outOfBand.plan(tree.node, { disks, gone });
  return { ...tree, raid, bmc: outOfBand, plan };
}

const names = (drives: readonly string[] | undefined) => drives?.map((path) => path.split('/').at(-1));

test('reads volumes by their level, also of the older schema, and how a system finds them', async (t) => {
  const drives = { Links: { Drives: [link(`${raid1}/Drives/D1`), link(`${raid1}/Drives/D2`)] } };
  const naa = (DurableName: string) => ({ Identifiers: [{ DurableNameFormat: 'NAA', DurableName }] });
  const { bmc, node } = await setUp(t, {
    volumes: [
      { RAIDType: 'RAID1', DisplayName: 'root', CapacityBytes: 100 * gib, ...drives, ...naa('600062B2218E23802FDC23942A65F7AA') },
      { VolumeType: 'StripedWithParity', Name: 'old', CapacityBytes: '7', ...naa('0x50014EE2B5A1C3F7') },
      { RAIDType: null, VolumeType: 'RawDevice', Name: 'passed through' },
      { RAIDType: 'RAID3', Name: 'odd', Identifiers: [{ DurableNameFormat: 'NAA', DurableName: 'x' }] },
    ],
  });

  const found = await bmc.readVolumes(node);

  assert.deepEqual(
    found.map(({ name, raid_level, size_bytes }) => [name, raid_level, size_bytes]),
    [
      ['root', '1', 100 * gib],
      ['old', '5', 7],
      ['passed through', undefined, 0],
      ['odd', undefined, 0],
    ],
  );
  assert.deepEqual(names(found[0]?.drives), ['D1', 'D2']);
  const hints = [
    { wwn_with_extension: '0x600062b2218e23802fdc23942a65f7aa' },
    { wwn: '0x50014ee2b5a1c3f7' },
    undefined,
    undefined,
  ];
  assert.deepEqual(
    found.map(({ root_device_hint }) => root_device_hint),
    hints,
  );
});

test('a volume that cannot be read is not gone', async (t) => {
  const { bmc, node } = await setUp(
    t,
    { volumes: [{ RAIDType: 'RAID0' }, { RAIDType: 'RAID0' }] },
    { [`GET ${volumes}/V2`]: () => ({ status: 403 }) },
  );

  const fault = await faultOf(bmc.readVolumes(node));

  assert.equal(fault.code, 'bmcMalformedReply');
});

test('takes the fewest drives, of one kind, and for the most space the largest', async (t) => {
  const small = aDrive({ MediaType: 'SSD', Protocol: 'SATA', CapacityBytes: 200 * gib });
  const { plan } = await setUp(t, { drives: [...fourDrives, small, small, aDrive({ CapacityBytes: 2 * tb })] });

  const [root, data] = await plan([
    { raid_level: '1', size_gb: 100, volume_name: 'root' },
    { raid_level: '5', size_gb: 'MAX' },
  ]);

  assert.deepEqual(names(root?.drives), ['D5', 'D6']);
  assert.deepEqual([root?.at, root?.controller, root?.size_bytes, root?.name], [volumes, 'RAID.1', 100 * gib, 'root']);
  assert.deepEqual([names(data?.drives)?.length, data?.size_bytes], [3, undefined]);
});

test('takes more drives where the size needs them, and shares them only where it may', async (t) => {
  const { plan } = await setUp(t, {});
  const half = Math.floor(tb / gib / 2);

  const [whole] = await plan([{ raid_level: '5', size_gb: Math.floor((2.5 * tb) / gib) }]);
  const shared = await plan([
    { raid_level: '1', size_gb: half, share_physical_disks: true, number_of_physical_disks: 2 },
    { raid_level: '1+0', size_gb: half, share_physical_disks: true },
  ]);

  assert.equal(whole?.drives.length, 4);
  assert.equal(shared[1]?.drives.length, 4);
  const tooMuch = await faultOf(
    plan([
      { raid_level: '1+0', size_gb: half },
      { raid_level: '1', size_gb: 1 },
    ]),
  );
  assert.match(tooMuch.message, /No drives for logical disk 2 \(RAID 1, 1 GiB\): RAID.1: it has no unused drives/);
});

test('uses the drives of volumes that are to be deleted, and no others', async (t) => {
  const Links = { Drives: [1, 2, 3].map((number) => link(`${raid1}/Drives/D${number}`)) };
  const { plan } = await setUp(t, { volumes: [{ RAIDType: 'RAID5', CapacityBytes: 2 * tb, Links }] });
  const disks: LogicalDisk[] = [{ raid_level: '1', size_gb: 10 }];

  assert.match((await faultOf(plan(disks))).message, /of at most 1 equal unused drives, 2 are needed/);
  assert.equal((await plan(disks, [`${volumes}/V1`]))[0]?.drives.length, 2);
});

const unusable = { Status: { State: 'Absent' } };
const refusals: readonly [string, LogicalDisk, Given, RegExp][] = [
  [
    'an unknown controller',
    { raid_level: '0', size_gb: 1, controller: 'RAID.2' },
    {},
    /no RAID controller 'RAID.2'; there are: RAID.1/,
  ],
  ['a controller without RAID', { raid_level: '0', size_gb: 1 }, { controller: { SupportedRAIDTypes: [] } }, /it has no RAID/],
  [
    'a level it does not make',
    { raid_level: '6', size_gb: 1 },
    { controller: { SupportedRAIDTypes: ['RAID0', 'RAID1'] } },
    /it makes RAID0, RAID1/,
  ],
  [
    'drives that fail',
    { raid_level: '1', size_gb: 1 },
    { drives: [aDrive(unusable), aDrive({ FailurePredicted: true }), aDrive({ HotspareType: 'Global' }), aDrive()] },
    /of at most 1 equal unused drives/,
  ],
  ['drives of another kind', { raid_level: '1', size_gb: 1, disk_type: 'ssd' }, {}, /no unused drives of that kind/],
  [
    'an unknown drive',
    { raid_level: '1', size_gb: 1, controller: 'RAID.1', physical_disks: ['D1', 'D9'] },
    {},
    /no drive D9; it has D1, D2/,
  ],
  [
    'a lone drive',
    { raid_level: '1', size_gb: 1, controller: 'RAID.1', physical_disks: ['D1', 'D1'] },
    {},
    /1 drives do not make this level, which needs 2/,
  ],
  ['too large a size', { raid_level: '0', size_gb: 4000, number_of_physical_disks: 2 }, {}, /its unused drives are too small/],
];
for (const [name, disk, given, text] of refusals) {
  test(`refuses before anything is changed: ${name}`, async (t) => {
    const { plan, changes } = await setUp(t, given);

    const fault = await faultOf(plan([disk]));

    assert.deepEqual([fault.code, changes.filter(({ path }) => path.includes('Storage'))], ['badRequest', []]);
    assert.match(fault.message, text);
  });
}

test('refuses of a configuration what Redfish does not have', async (t) => {
  const { raid } = await setUp(t, {});
  const check = (disk: LogicalDisk) => () => raid.checkConfig({ logical_disks: [disk] });

  assert.throws(check({ raid_level: 'JBOD', size_gb: 1 }), /JBOD is not supported/);
  assert.throws(check({ raid_level: '1', size_gb: 1, interface_type: 'scsi' }), /`scsi` not supported/);
  assert.throws(check({ raid_level: '1', size_gb: 1, controller: 'c', physical_disks: [{}, {}] }), /takes no hints/);
});

const applyTimes = (...SupportedValues: string[]) => ({ '@Redfish.OperationApplyTimeSupport': { SupportedValues } });
const aVolume = {
  controller: 'RAID.1',
  at: volumes,
  raid_level: '1',
  drives: [`${raid1}/Drives/D1`, `${raid1}/Drives/D2`],
} as const;
const wanted = { ...aVolume, drives: [...aVolume.drives], size_bytes: gib, name: 'root' };

test('creates a volume at once where the service can', async (t) => {
  const { bmc, node, changes } = await setUp(
    t,
    { collection: applyTimes('OnReset', 'Immediate') },
    { [`POST ${volumes}`]: () => ({ status: 201, body: {} }) },
  );

  assert.equal(await bmc.create(node, wanted), undefined);

  assert.deepEqual(changes.find(({ path }) => path === volumes)?.body, {
    RAIDType: 'RAID1',
    CapacityBytes: gib,
    Name: 'root',
    Links: { Drives: aVolume.drives.map(link) },
    '@Redfish.OperationApplyTime': 'Immediate',
  });
});

test('a volume that is made at the next start needs a restart, be it answered with a task or as done', async (t) => {
  const task = '/redfish/v1/TaskService/Tasks/7';
  const { bmc, node, rules } = await setUp(
    t,
    { collection: applyTimes('OnReset'), more: { [task]: { '@odata.id': task, TaskState: 'Running' } } },
    { [`POST ${volumes}`]: () => ({ status: 202, headers: { location: task }, body: {} }) },
  );

  const begun = await bmc.create(node, wanted);
  assert.deepEqual([begun?.task.id, begun?.needsRestart], [task, true]);
  assert.equal((await bmc.poll(node, begun!.task))?.task.id, task);
  rules.set(`POST ${volumes}`, () => ({ status: 201, body: {} }));
  const silent = await bmc.create(node, wanted);
  assert.deepEqual([silent?.task.id, silent?.needsRestart], ['', true]);
  assert.equal(await bmc.poll(node, silent!.task), undefined);
});

test('reports what a task says of its failure, and takes one that is gone as ended', async (t) => {
  const task = { id: '/redfish/v1/TaskService/Tasks/7', request: `POST ${volumes}` };
  const body = { '@odata.id': task.id, TaskState: 'Exception', Messages: [{ Message: 'The drives are foreign.' }] };
  const { bmc, node, resources: tree } = await setUp(t, { more: { [task.id]: body } });

  const fault = await faultOf(bmc.poll(node, task));
  assert.deepEqual([fault.code, /The drives are foreign/.test(fault.message)], ['bmcError', true]);
  tree.delete(task.id);
  assert.equal(await bmc.poll(node, task), undefined);
});

test('names the type as older schemas do, where the service knows no other', async (t) => {
  const messages = (id: string) => ({ error: { '@Message.ExtendedInfo': [{ MessageId: `Base.1.8.${id}`, Message: id }] } });
  const { bmc, node, changes } = await setUp(
    t,
    {},
    {
      [`POST ${volumes}`]: ({ body }) =>
        'RAIDType' in body ? { status: 400, body: messages('PropertyUnknown') } : { status: 201, body: {} },
    },
  );

  await bmc.create(node, wanted);

  assert.deepEqual(
    changes.filter(({ path }) => path === volumes).map(({ body }) => body['VolumeType']),
    [undefined, 'Mirrored'],
  );
});

test('keeps to what the capabilities of the service say', async (t) => {
  const at = `${volumes}/Capabilities`;
  const collection = {
    '@Redfish.CollectionCapabilities': { Capabilities: [{ UseCase: 'VolumeCreation', CapabilitiesObject: link(at) }] },
  };
  const more = {
    [at]: {
      '@odata.id': at,
      'RAIDType@Redfish.RequiredOnCreate': true,
      'RAIDType@Redfish.AllowableValues': ['RAID0', 'RAID1'],
      'DisplayName@Redfish.OptionalOnCreate': true,
    },
  };
  const { bmc, node, plan, changes } = await setUp(
    t,
    { collection, more },
    { [`POST ${volumes}`]: () => ({ status: 201, body: {} }) },
  );

  assert.match((await faultOf(plan([{ raid_level: '5', size_gb: 'MAX' }]))).message, /it makes RAID0, RAID1/);
  assert.match((await faultOf(plan([{ raid_level: '1', size_gb: 5 }]))).message, /it takes no size of a new volume: use MAX/);
  const [planned] = await plan([{ raid_level: '1', size_gb: 'MAX', volume_name: 'root' }]);
  await bmc.create(node, planned!);
  const body = changes.find(({ path }) => path === volumes)?.body;
  assert.deepEqual([body?.['DisplayName'], body?.['Name'], body?.['CapacityBytes']], ['root', undefined, undefined]);
});

test('deletes a volume; one that is gone is no error', async (t) => {
  const path = `${volumes}/V1`;
  const { bmc, node, changes, rules } = await setUp(
    t,
    { volumes: [{ RAIDType: 'RAID1' }], collection: applyTimes('Immediate') },
    { [`DELETE ${path}`]: () => ({ status: 204 }) },
  );

  assert.equal(await bmc.remove(node, { id: path }), undefined);
  assert.deepEqual(changes.find(({ method }) => method === 'DELETE')?.body, { '@Redfish.OperationApplyTime': 'Immediate' });
  rules.set(`DELETE ${path}`, () => ({ status: 404 }));
  assert.equal(await bmc.remove(node, { id: path }), undefined);
});

test('finds the task of a request whose reply was lost', async (t) => {
  const tasks = '/redfish/v1/TaskService/Tasks';
  const task = (id: number, TaskState: string, TargetUri: string): [string, JsonObject] => [
    `${tasks}/${id}`,
    { '@odata.id': `${tasks}/${id}`, Id: String(id), TaskState, Payload: { TargetUri, HttpOperation: 'POST' } },
  ];
  const listed = [
    task(1, 'Completed', volumes),
    task(2, 'Running', '/redfish/v1/UpdateService'),
    task(3, 'Running', `${volumes}/`),
  ];
  const more = {
    '/redfish/v1/TaskService': { Tasks: link(tasks) },
    [tasks]: collectionOf(listed.map(([path]) => path)),
    ...Object.fromEntries(listed),
  };
  const { bmc, node, resources: tree } = await setUp(t, { more, collection: applyTimes('OnReset') });

  const found = await bmc.find(node, { at: volumes });
  assert.deepEqual([found?.task, found?.needsRestart], [{ id: `${tasks}/3`, request: `POST ${volumes}` }, true]);
  tree.delete(`${tasks}/3`);
  assert.equal(await bmc.find(node, { at: volumes }), undefined);
});

test('says whether volumes are made and deleted only when the machine starts', async (t) => {
  for (const [times, expected] of [
    [applyTimes('OnReset'), true],
    [applyTimes('Immediate', 'OnReset'), false],
    [{}, false],
  ] as const) {
    const { bmc, node } = await setUp(t, { collection: times, volumes: [{ RAIDType: 'RAID1' }] });
    for (const at of [volumes, `${volumes}/V1`]) assert.equal(await bmc.appliesAtRestart?.(node, { at }), expected);
  }
});
