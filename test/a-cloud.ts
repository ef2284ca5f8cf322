/** An engine on an in-memory database, with machines that are only a power state: for tests of the engine itself. */

import { pino } from 'pino';
import { Fault } from '#domain/faults.ts';
import { perKind, rowOf } from '#domain/interface-kinds.ts';
import type { PowerState } from '#domain/power-states.ts';
import type {
  BootPlan,
  ConsoleInterface,
  Drivers,
  FirmwareInterface,
  InspectInterface,
  ManagementInterface,
  RaidInterface,
  Step,
  Task,
} from '#drivers/interfaces.ts';
import { absentInterfaces, noFirmware } from '#drivers/noop.ts';
import type { BootPublisher, Engine, ImageFetcher, ImageFiles } from '#engine/contract.ts';
import { createEngine, type EngineParts } from '#engine/engine.ts';
import type { StepHook } from '#engine/worker/bound-operations.ts';
import type { CleanTimes } from '#engine/worker/define-operation.ts';
import { readSettings, type Settings } from '#settings.ts';
import type { Store } from '#store/store.ts';
import type { Flavor } from '#store/tables/flavors.ts';
import type { Image } from '#store/tables/images.ts';
import type { InspectionRule } from '#store/tables/inspection-rules.ts';
import type { Node } from '#store/tables/nodes.ts';
import { aStore } from '#test/a-store.ts';

/** State of a simulated room: each machine's power state and boot configuration. It outlives an engine. */
export type SharedState = {
  power: Map<string, PowerState>;
  plans: Map<string, BootPlan>;
  /** Nodes whose boot files no longer contain secrets. */
  spent: Set<string>;
  /** Throws instead of executing the power driver's request. */
  bmcFault?: (node: string, command: string) => Fault | undefined;
};

export const newSharedState = (): SharedState => ({ power: new Map(), plans: new Map(), spent: new Set() });

type CloudOptions = {
  fetcher?: Partial<ImageFetcher>;
  room?: SharedState;
  store?: Store;
  steps?: readonly Step[];
  settings?: Record<string, string>;
  onStep?: StepHook;
  /** Additional capabilities of the room's BMCs. */
  management?: Partial<ManagementInterface>;
  /** Default: the BMCs cannot update firmware. */
  firmware?: Partial<FirmwareInterface>;
  /** Default: the machines have no RAID. */
  raid?: RaidInterface;
  /** Inspection rules of a file. */
  builtInRules?: readonly InspectionRule[];
  /** Default: the BMCs know nothing of the hardware. */
  inspect?: Pick<InspectInterface, 'readHardware'>;
  cleanTimes?: CleanTimes;
  /** Of an image store that has no images. */
  images?: Partial<ImageFiles>;
  ipaTimes?: EngineParts['ipaTimes'];
  /** Recorder of their consoles; default: none. */
  console?: Partial<ConsoleInterface>;
};
export type Cloud = { store: Store; engine: Engine; room: SharedState; settings: Settings };

export async function testCloud(options: CloudOptions = {}): Promise<Cloud> {
  const store = options.store ?? (await aStore());
  await fill(store);
  const room = options.room ?? newSharedState();
  const flags = {
    'power.poll_ms': '1',
    'power.sync_interval': '0',
    'bmc.grace_period': '0',
    state_dir: '/nonexistent',
    'deploy.kernel': '/k',
    'deploy.ramdisk': '/r',
    ...options.settings,
  };
  const settings = readSettings({ flags });
  const engine = createEngine({
    store,
    settings,
    drivers: roomDrivers(room, options),
    boot: roomPublisher(room),
    images: { ...noImages, ...options.images },
    fetcher: { fetch: refuseImages, configDrive: refuseImages, ...options.fetcher },
    ...(options.ipaTimes && { ipaTimes: options.ipaTimes }),
    log: pino({ level: 'silent' }),
    ...(options.builtInRules && { builtInRules: options.builtInRules }),
    ...(options.onStep && { onStep: options.onStep }),
    ...(options.cleanTimes && { cleanTimes: options.cleanTimes }),
  });
  return { store, engine, room, settings };
}

/** The project and the image of `aServerRequest`. */
export async function fill(store: Store): Promise<void> {
  const { project_id } = aServerRequest;
  if (await store.projects.find({ id: project_id })) return;
  await store.projects.insert({ id: project_id, domain_id: 'default', name: project_id, description: '' });
  await store.images.insert(anImage);
}

function roomDrivers(
  room: SharedState,
  {
    steps = [],
    firmware,
    raid,
    inspect,
    ...more
  }: Pick<CloudOptions, 'steps' | 'management' | 'console' | 'firmware' | 'raid' | 'inspect'>,
): Drivers {
  const properties = {};
  const validate = () => {};
  const refuse = (node: string, command: string) => {
    const fault = room.bmcFault?.(node, command);
    if (fault) throw fault;
  };
  return {
    ...absentInterfaces,
    hardwareTypes: {
      room: {
        ...{
          name: 'room',
          ...perKind((kind) => [rowOf(kind).none ?? 'room']),
          console: ['room'],
          inspect: ['agent', ...(inspect ? ['room'] : [])],
        },
        ...(firmware && { firmware: ['room'] }),
        ...(raid && { raid: ['room', 'no-raid'] }),
      },
    },
    firmware: { ...absentInterfaces.firmware, ...(firmware && { room: { ...ableFirmware, ...firmware } }) },
    raid: { ...absentInterfaces.raid, ...(raid && { room: raid }) },
    inspect: { ...absentInterfaces.inspect, ...(inspect && { room: { properties, validate, ...inspect } }) },
    power: {
      room: {
        properties,
        validate,
        async getPower(node) {
          refuse(node.uuid, 'status');
          return room.power.get(node.uuid) ?? 'power off';
        },
        async setPower(node, target) {
          refuse(node.uuid, target);
          room.power.set(node.uuid, target === 'power on' || target === 'reset' ? 'power on' : 'power off');
        },
      },
    },
    management: {
      room: {
        properties,
        validate,
        bootDevices: ['pxe', 'disk'],
        setBootDevice: async () => {},
        getBootDevice: async () => ({ device: null, persistent: null }),
        ...more.management,
      },
    },
    boot: {
      room: {
        properties,
        validate,
        plan: (request) => ({
          node_uuid: request.node.uuid,
          folder: request.folder,
          macs: request.macs,
          firmware: 'none',
          files: [],
        }),
      },
    },
    deploy: { room: { properties, validate, boot: ['room'], checkImage: () => {}, steps, release: async () => {} } },
    console: { room: { properties, validate, log: async () => null, ...more.console } },
  };
}

const { unsupported: _unsupported, ...ableFirmware } = noFirmware;

function roomPublisher(room: SharedState): BootPublisher {
  return {
    addresses: { http_url: 'http://192.0.2.1:8088', tftp_address: '192.0.2.1' },
    tftpRoot: '/nonexistent/tftp',
    publish: async (plan) => void room.plans.set(plan.node_uuid, plan),
    spend: async (uuid) => void room.spent.add(uuid),
    withdraw: async (uuid) => void room.plans.delete(uuid),
    plannedNodes: () => [...room.plans.keys()],
  };
}

const refuseImages = async (): Promise<never> => {
  throw new Fault('imageUnusable', { image: 'any', detail: 'this cloud has no images' });
};
const noImages: ImageFiles = {
  get: refuseImages,
  file: async (id) => `/images/${id}`,
  raw: refuseImages,
  disk: refuseImages,
  extents: refuseImages,
  kernel: refuseImages,
  recheck: refuseImages,
  configDrive: refuseImages,
  givenConfigDrive: refuseImages,
};

/** A schedulable node with one NIC. */
export async function anAvailableNode(cloud: Cloud, name: string, properties: Node['properties'] = {}): Promise<Node> {
  const node = await cloud.engine.createNode({
    name,
    driver: 'room',
    provision_state: 'available',
    properties: { cpus: 4, memory_mb: 4096, local_gb: 40, cpu_arch: 'x86_64', ...properties },
  });
  const tail = node.id.toString(16).padStart(4, '0');
  await cloud.engine.createNodePort({ node_uuid: node.uuid, address: `52:54:00:00:${tail.slice(0, 2)}:${tail.slice(2)}` });
  return node;
}

export const aFlavor: Flavor = {
  id: '1',
  name: 'metal',
  vcpus: 1,
  ram: 1024,
  disk: 10,
  ephemeral: 0,
  swap: 0,
  is_public: true,
  description: null,
  extra_specs: {},
  created_at: '2026-01-01T00:00:00.000Z',
};

export const anImage: Image = {
  id: '11111111-1111-4111-8111-111111111111',
  name: 'debian',
  status: 'active',
  visibility: 'public',
  owner: 'p',
  disk_format: 'qcow2',
  container_format: 'bare',
  min_disk: 0,
  min_ram: 0,
  size: 1,
  virtual_size: 1,
  checksum: null,
  os_hash_algo: null,
  os_hash_value: null,
  protected: false,
  tags: [],
  properties: {},
  created_at: '2026-01-01T00:00:00.000Z',
  updated_at: '2026-01-01T00:00:00.000Z',
};

export const aServerRequest = {
  name: 'web',
  project_id: 'p',
  user_id: 'u',
  flavor: aFlavor,
  image: anImage,
  networks: 'none',
} as const;

/** A step made of a function that does not touch the disk; the function may return `wait` outcomes and throw faults. */
export function aStep(name: string, run: (task: Task) => ReturnType<Step['run']>, deadlineSeconds = 10): Step {
  return { name, title: name, deadlineSeconds, keepsDisk: true, run };
}

/** Resolves when the node is in this state. */
export async function untilState({ store }: Pick<Cloud, 'store'>, uuid: string, state: Node['provision_state']): Promise<Node> {
  const limit = AbortSignal.timeout(20_000);
  for (;;) {
    const node = await store.nodes.find({ uuid });
    if (node?.provision_state === state) return node;
    if (limit.aborted) throw new Error(`the node is ${node?.provision_state}, not ${state}: ${node?.last_error}`);
    await new Promise(setImmediate);
  }
}

/** Resolves when every operation has ended. */
export async function untilIdle(cloud: Pick<Cloud, 'store' | 'engine'>): Promise<void> {
  for (;;) {
    const [running] = await cloud.store.operations.list({ state: ['running', 'rolling_back'] }, { limit: 1 });
    if (!running) return;
    await cloud.engine.ended(running.id);
  }
}
