import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { LogicalDisk } from '#domain/raid.ts';
import type { PlannedVolume, RaidInterface, RaidProgress, RaidVolume } from '#drivers/interfaces.ts';
import { anAvailableNode, aServerRequest, aStep, testCloud, untilIdle, untilState } from '#test/a-cloud.ts';

const gib = 1024 ** 3;
const root: LogicalDisk = { size_gb: 100, raid_level: '1', is_root_volume: true, volume_name: 'root' };
const data: LogicalDisk = { size_gb: 'MAX', raid_level: '5', volume_name: 'data' };
const wanted = { logical_disks: [root, data] };
const create = (args = {}) => ({ interface: 'raid', step: 'create_configuration', args });
const remove = { interface: 'raid', step: 'delete_configuration' };
const hint = { wwn: '0x60001' };
const silence = new Fault('bmcUnreachable', { address: '192.0.2.7', attempts: 1, seconds: 1, detail: 'silence' });

/** A RAID controller. `asked`: the requests that it got. */
type Controller = {
  volumes: RaidVolume[];
  asked: string[];
  /** Changes wait for a restart of the machine. */
  isLate?: boolean;
  /** It numbers its volumes anew when one is deleted. */
  renumbers?: boolean;
  /** And it has no tasks by which they can be found. */
  isSecret?: boolean;
  /** The next change is made, and its reply lost. */
  losesReply?: boolean;
  /** The next request does not arrive. */
  losesRequest?: boolean;
  /** A volume is not listed by the first readings after its request. */
  hidesFor?: number;
  onRead?: () => void;
  fails?: string;
  /** The request that it refuses. */
  refuses?: string;
  task?: () => void;
  restarts: number;
};

function hide(at: Controller, readings: number, show: () => void): void {
  let left = readings;
  at.onRead = () => {
    if (left-- > 0) return;
    delete at.onRead;
    show();
  };
}

function aVolume(number: number, changes: Partial<RaidVolume> = {}): RaidVolume {
  const volume = { id: `/v/${number}`, name: `v${number}`, controller: 'c', size_bytes: 100 * gib, raid_level: '1' } as const;
  return { ...volume, drives: [], root_device_hint: hint, ...changes };
}

const newController = (): Controller => ({ volumes: [], asked: [], restarts: 0 });

function raidOf(at: Controller): RaidInterface {
  const begin = (request: string, act: () => void): RaidProgress | undefined => {
    at.asked.push(request);
    if (at.refuses === request) throw new Fault('bmcError', { address: '', command: request, detail: 'no' });
    if (at.losesRequest) {
      at.losesRequest = false;
      throw silence;
    }
    const isLost = at.losesReply;
    at.losesReply = false;
    if (at.isLate) at.task = act;
    else if (at.hidesFor) hide(at, at.hidesFor, act);
    else act();
    if (isLost) throw silence;
    return at.isLate ? { task: { id: '/t/1', request }, againIn: 0.001, needsRestart: true } : undefined;
  };
  return {
    properties: {},
    validate() {},
    checkConfig() {},
    applies: { nonroot: false, deletes: false },
    outOfBand: {
      readVolumes: async () => {
        at.onRead?.();
        return [...at.volumes];
      },
      plan: async (_node, { disks }) =>
        disks.map(({ raid_level, size_gb, volume_name: name }): PlannedVolume => {
          const size = size_gb === 'MAX' ? {} : { size_bytes: size_gb * gib };
          return { controller: 'c', at: '/v', raid_level, drives: ['d1', 'd2'], ...size, ...(name && { name }) };
        }),
      create: async (_node, { name = '', raid_level, size_bytes = 500 * gib }) =>
        begin(`create ${name}`, () => {
          if (at.fails) return;
          const number = Math.max(0, ...at.volumes.map(({ id }) => Number(id.slice(3)))) + 1;
          at.volumes.push(aVolume(number, { name, raid_level, size_bytes }));
        }),
      remove: async (_node, { id }) =>
        begin(`delete ${id}`, () => {
          const left = at.volumes.filter((volume) => volume.id !== id);
          at.volumes = at.renumbers ? left.map((volume, index) => ({ ...volume, id: `/v/${index + 1}` })) : left;
        }),
      async poll(_node, task) {
        if (at.fails) throw new Fault('bmcError', { address: '', command: task.request, detail: at.fails });
        if (at.task) return { task, againIn: 0.001, needsRestart: true };
        return undefined;
      },
      ...(at.isSecret && { appliesAtRestart: async () => true }),
      find: async () =>
        at.task && !at.isSecret ? { task: { id: '/t/1', request: 'found' }, againIn: 0.001, needsRestart: true } : undefined,
    },
  };
}

async function aFixture(t: TestContext, { controller = newController(), target = wanted as object, must_clean = false } = {}) {
  const deployed = aStep('work', async ({ power }) => {
    await power.set('power on');
    return { next: true };
  });
  const options = { raid: raidOf(controller), cleanTimes: { poll: 1, lastWords: 1, flash: 1 }, steps: [deployed] };
  const cloud = await testCloud(options);
  t.after(async () => {
    await cloud.engine.stop();
    await cloud.store.close();
  });
  const { engine, store, room } = cloud;
  // A machine that starts applies what its controller was told before.
  const set = room.power.set.bind(room.power);
  room.power.set = (uuid, state) => {
    if (state === 'power on') {
      controller.restarts++;
      controller.task?.();
      delete controller.task;
    }
    return set(uuid, state);
  };
  const { uuid } = await anAvailableNode(cloud, 'n1', { capabilities: 'boot_mode:uefi' });
  await store.nodes.update({ uuid }, { provision_state: 'manageable', must_clean });
  if (Object.keys(target).length > 0) await engine.setTargetRaid(uuid, target as never);
  const clean = (...clean_steps: object[]) => engine.setProvisionState(uuid, 'clean', { clean_steps });
  const node = async () => (await store.nodes.find({ uuid }))!;
  return { ...cloud, uuid, controller, clean, node, options };
}

test('makes the volumes of the target configuration, and says which one is the root device', async (t) => {
  const { clean, uuid, controller, store } = await aFixture(t);
  await store.nodes.update({ uuid }, { known_disks: [{ device: '/dev/sda', size_bytes: 1, model: '', serial: 's' }] });

  await clean(create());
  const { raid_config, properties, known_disks } = await untilState({ store }, uuid, 'manageable');

  assert.deepEqual(controller.asked, ['create root', 'create data']);
  assert.deepEqual(
    raid_config.logical_disks?.map(({ id, size_gb, raid_level, is_root_volume }) => [id, size_gb, raid_level, is_root_volume]),
    [
      ['1', 100, '1', true],
      ['2', 500, '5', undefined],
    ],
  );
  assert.ok('last_updated' in raid_config);
  assert.deepEqual(properties, {
    ...{ cpus: 4, memory_mb: 4096, local_gb: 100, cpu_arch: 'x86_64' },
    ...{ root_device: hint, capabilities: 'boot_mode:uefi,raid_level:1' },
  });
  assert.deepEqual(known_disks, [], 'the disks of before are missed at the next cleaning');
});

test('deletes volumes, and takes back what their root volume said', async (t) => {
  const { clean, uuid, controller, store } = await aFixture(t);
  await clean(create());
  await untilState({ store }, uuid, 'manageable');
  controller.asked.length = 0;

  await clean(remove);
  const { raid_config, properties } = await untilState({ store }, uuid, 'manageable');

  assert.deepEqual([controller.asked, controller.volumes], [['delete /v/1', 'delete /v/2'], []]);
  assert.deepEqual(raid_config, {});
  assert.deepEqual([properties['root_device'], properties['capabilities']], [undefined, 'boot_mode:uefi']);
});

test('deletes the volumes that it has chosen, though their numbers change meanwhile', async (t) => {
  const named = (number: number, durable_name?: string) => aVolume(number, durable_name ? { name: 'same', durable_name } : {});
  const passedThrough = aVolume(3);
  delete (passedThrough as { raid_level?: string }).raid_level;
  const volumes = [named(1), named(2, 'naa.2'), passedThrough, named(4, 'naa.4')];
  const controller = { ...newController(), renumbers: true, volumes };
  const { clean, uuid, store } = await aFixture(t, { controller });

  await clean(remove);
  await untilState({ store }, uuid, 'manageable');

  assert.deepEqual(controller.asked, ['delete /v/1', 'delete /v/1', 'delete /v/2']);
  assert.deepEqual(
    controller.volumes.map(({ name }) => name),
    [passedThrough.name],
  );
});

test('keeps the root device that an operator has chosen', async (t) => {
  const { clean, uuid, store } = await aFixture(t);
  await clean(create());
  await untilState({ store }, uuid, 'manageable');
  const own = { serial: 'nvme7' };
  const { properties } = (await store.nodes.find({ uuid }))!;
  await store.nodes.update({ uuid }, { properties: { ...properties, root_device: own } });

  await clean(remove);

  assert.deepEqual((await untilState({ store }, uuid, 'manageable')).properties['root_device'], own);
});

test('makes those volumes that the arguments choose, after deleting the others', async (t) => {
  const controller = newController();
  controller.volumes.push(aVolume(7), aVolume(8));
  const { volumes } = controller;
  delete (volumes[1] as { raid_level?: string }).raid_level;
  const { clean, uuid, store } = await aFixture(t, { controller });

  await clean(create({ create_root_volume: false, delete_existing: true }));
  const { raid_config } = await untilState({ store }, uuid, 'manageable');

  // A drive that the controller passes through is no RAID volume.
  assert.deepEqual(controller.asked, ['delete /v/7', 'create data']);
  assert.deepEqual(
    raid_config.logical_disks?.map(({ id }) => id),
    ['9'],
  );
});

test('restarts the machine once for each change that waits for it, and leaves it off', async (t) => {
  const controller = { ...newController(), isLate: true, volumes: [aVolume(7)] };
  const { clean, uuid, store, room } = await aFixture(t, { controller });

  await clean(create({ delete_existing: true }));
  await untilState({ store }, uuid, 'manageable');

  assert.deepEqual(controller.asked, ['delete /v/7', 'create root', 'create data']);
  assert.deepEqual([controller.restarts, room.power.get(uuid)], [3, 'power off']);
});

test('finds a volume whose creation was answered to nobody', async (t) => {
  const controller = { ...newController(), losesReply: true };
  const { clean, uuid, store } = await aFixture(t, { controller, target: { logical_disks: [root] } });

  await clean(create());
  await untilState({ store }, uuid, 'manageable');

  assert.deepEqual(controller.asked, ['create root']);
});

test('follows a task whose reply was lost', async (t) => {
  const controller = { ...newController(), isLate: true, losesReply: true };
  const { clean, uuid, store } = await aFixture(t, { controller, target: { logical_disks: [root] } });

  await clean(create());
  await untilState({ store }, uuid, 'manageable');

  assert.deepEqual([controller.asked, controller.restarts], [['create root'], 1]);
});

for (const loses of ['losesReply', 'losesRequest'] as const)
  test(`restarts the machine before it sends a request again that shows only then: ${loses}`, async (t) => {
    const controller = { ...newController(), isLate: true, isSecret: true, [loses]: true };
    const { clean, uuid, store } = await aFixture(t, { controller, target: { logical_disks: [root] } });

    await clean(create());
    await untilState({ store }, uuid, 'manageable');

    assert.deepEqual(
      controller.volumes.map(({ name }) => name),
      ['root'],
    );
    assert.deepEqual(controller.asked.length, loses === 'losesReply' ? 1 : 2);
  });

test('sends a request again that the BMC knows nothing of', async (t) => {
  const controller = { ...newController(), losesRequest: true };
  const { clean, uuid, store } = await aFixture(t, { controller, target: { logical_disks: [root] } });

  await clean(create());
  await untilState({ store }, uuid, 'manageable');

  assert.deepEqual([controller.asked, controller.volumes.length], [['create root', 'create root'], 1]);
});

test('gives each request that was sent again its time to appear', async (t) => {
  const controller = { ...newController(), losesRequest: true, losesReply: true, hidesFor: 1 };
  const { clean, uuid, store } = await aFixture(t, { controller, target: { logical_disks: [root] } });

  await clean(create());
  await untilState({ store }, uuid, 'manageable');

  assert.deepEqual([controller.asked, controller.volumes.length], [['create root', 'create root'], 1]);
});

test('goes on with a change after a restart of Ingot', async (t) => {
  const controller = { ...newController(), isLate: true };
  const { clean, uuid, store, engine, room, options } = await aFixture(t, { controller, target: { logical_disks: [root] } });
  room.bmcFault = (_node, command) => (command === 'power on' ? silence : undefined);
  await clean(create());
  for (;;) {
    const [operation] = await store.operations.list({ node_uuid: uuid });
    if (JSON.stringify(operation?.context).includes('"restart":"due"')) break;
    await new Promise(setImmediate);
  }
  await engine.stop();
  delete room.bmcFault;

  const again = await testCloud({ ...options, store, room });
  t.after(() => again.engine.stop());
  await again.engine.start();
  await untilState({ store }, uuid, 'manageable');

  assert.deepEqual([controller.asked, controller.volumes.length], [['create root'], 1]);
});

test('reports what the BMC says of a change that failed', async (t) => {
  const controller = { ...newController(), isLate: true, fails: 'the drives are foreign' };
  const { clean, uuid, store } = await aFixture(t, { controller });

  await clean(create());
  const { last_error, raid_config } = await untilState({ store }, uuid, 'clean failed');

  assert.match(last_error ?? '', /the drives are foreign/);
  assert.deepEqual(raid_config, {});
});

test('after a failure the configuration is what the machine has, whichever part failed', async (t) => {
  const controller = { ...newController(), volumes: [aVolume(7), aVolume(8)] };
  const { clean, uuid, store } = await aFixture(t, { controller });
  const ids = async () => (await untilState({ store }, uuid, 'clean failed')).raid_config.logical_disks?.map(({ id }) => id);
  const again = () => store.nodes.update({ uuid }, { provision_state: 'manageable', maintenance: false });

  controller.refuses = 'delete /v/8';
  await clean(create({ delete_existing: true }));
  assert.deepEqual(await ids(), ['8']);

  await again();
  controller.refuses = 'create data';
  await clean(create({ delete_existing: true }));
  assert.deepEqual(await ids(), ['1']);
  assert.deepEqual(
    controller.volumes.map(({ name }) => name),
    ['root'],
  );

  await again();
  controller.refuses = 'create root';
  await clean(create({ delete_existing: true }));
  assert.deepEqual(await ids(), undefined);
});

const refusals = [
  { name: 'no target', target: {}, steps: [create()], text: /has no target RAID configuration/ },
  {
    name: 'nothing chosen',
    steps: [create({ create_root_volume: false, create_nonroot_volumes: false })],
    text: /has empty target RAID configuration after skipping root volume and skipping non-root volumes/,
  },
  { name: 'an odd argument', steps: [create({ delete_existing: 'perhaps' })], text: /args of clean step/ },
  { name: 'an unknown argument', steps: [create({ force: true })], text: /unexpected arguments: force/ },
  {
    name: 'data on the disks',
    must_clean: true,
    steps: [remove],
    text: /may hold a tenant's data.*erase_devices must come before/,
  },
  {
    name: 'data on the disks that are to make room',
    must_clean: true,
    steps: [create({ delete_existing: true }), { interface: 'deploy', step: 'erase_devices' }],
    text: /may hold a tenant's data/,
  },
  {
    name: 'apply in a cleaning',
    steps: [{ interface: 'raid', step: 'apply_configuration' }],
    text: /does not support this clean step/,
  },
];
for (const { name, text, steps, ...options } of refusals) {
  test(`refuses a RAID step before anything starts: ${name}`, async (t) => {
    const { clean, node, controller } = await aFixture(t, options);

    await assert.rejects(clean(...steps), text);

    assert.deepEqual([controller.asked, (await node()).provision_state], [[], 'manageable']);
  });
}

test('a server keeps its volumes in a servicing, which may add others', async (t) => {
  const { engine, store, uuid, controller, node } = await aFixture(t, { target: {} });
  await store.nodes.update({ uuid }, { provision_state: 'available' });
  await engine.createServers(aServerRequest);
  await untilIdle({ engine, store });
  const service = (args: object) =>
    engine.setProvisionState(uuid, 'service', { service_steps: [{ interface: 'raid', step: 'apply_configuration', args }] });
  const raid_config = { logical_disks: [{ ...data, is_root_volume: false }] };

  await assert.rejects(service({ raid_config, create_nonroot_volumes: true, delete_existing: true }), /a tenant's data/);
  await assert.rejects(service({ raid_config }), /empty target RAID configuration after skipping non-root volumes/);
  await service({ raid_config, create_nonroot_volumes: true });
  const { target_raid_config, power_state } = await untilState({ store }, uuid, 'active');

  assert.deepEqual(controller.asked, ['create data']);
  assert.deepEqual([target_raid_config, power_state], [raid_config, 'power on']);
  assert.equal((await node()).raid_config.logical_disks?.length, 1);
});

test('a deployment makes its RAID before the ramdisk boots', async (t) => {
  const { engine, store, uuid, controller } = await aFixture(t, { target: {} });
  await store.nodes.update({ uuid }, { provision_state: 'available' });
  const apply = (priority: number) => [
    { interface: 'raid', step: 'apply_configuration', args: { raid_config: { logical_disks: [root] } }, priority },
  ];
  const info = { image_source: anImageId, root_gb: 10 };
  await store.nodes.update({ uuid }, { instance_info: info });
  const deploy = (priority: number) => engine.setProvisionState(uuid, 'active', { deploy_steps: apply(priority), user });

  await assert.rejects(deploy(50), /must be above 100, before the ramdisk boots/);
  await deploy(150);
  await untilState({ store }, uuid, 'active');

  assert.deepEqual(controller.asked, ['create root']);
});

const anImageId = '11111111-1111-4111-8111-111111111111';
const user = { project_id: 'p', is_admin: true };
