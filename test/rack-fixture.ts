/** An API with the real engine over machines that are only a power state. */
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { Fault } from '#domain/faults.ts';
import type { ImageToFetch } from '#domain/image-to-fetch.ts';
import type { PowerState } from '#domain/power-states.ts';
import type { Drivers, Task } from '#drivers/interfaces.ts';
import { absentInterfaces, noBios, noFirmware, noRaid, noVendor } from '#drivers/noop.ts';
import type { BootPublisher, Engine, ImageFetcher, ImageFiles } from '#engine/contract.ts';
import { createEngine } from '#engine/engine.ts';
import { readSettings } from '#settings.ts';
import type { Store } from '#store/store.ts';
import type { FetchedImage } from '#store/tables/fetched-images.ts';
import { anImage } from './a-task.ts';
import { type ApiFixture, type FixtureParts, openApiFixture } from './api-fixture.ts';

export type RackFixture = ApiFixture & {
  readonly engine: Engine;
  /** Serial console output of the machines. */
  readonly consoles: Map<string, string>;
  /** Deployments pause until the returned function is called. */
  hold(): () => void;
  /** Deployments wait for their machine. */
  waitInDeployments(waits: boolean): void;
  /** Called by each deployment at the end of its step. */
  onDeploy(use: ((task: Task) => Promise<void>) | undefined): void;
  /** Each deployment fails with this fault. */
  breakDeployments(fault: Fault | undefined): void;
  /** What was downloaded: images, and URLs of config drives. */
  readonly fetched: (ImageToFetch | string)[];
  /** Each download fails with this fault. */
  breakDownloads(fault: Fault | undefined): void;
  /** Resolves when every operation has ended. */
  quiet(): Promise<void>;
};

type Rack = {
  power: Map<string, PowerState>;
  consoles: Map<string, string>;
  held: Promise<void> | undefined;
  waits: boolean;
  fault: Fault | undefined;
  use: ((task: Task) => Promise<void>) | undefined;
  fetched: (ImageToFetch | string)[];
  fetchFault: Fault | undefined;
};

export async function openRackFixture(parts: Pick<FixtureParts, 'images' | 'settings'> = {}): Promise<RackFixture> {
  const rack: Rack = {
    power: new Map(),
    consoles: new Map(),
    held: undefined,
    waits: false,
    fault: undefined,
    use: undefined,
    fetched: [],
    fetchFault: undefined,
  };
  const drivers = rackDrivers(rack);
  let engine: Engine | undefined;
  const fixture = await openApiFixture({
    ...parts,
    drivers,
    engine: (store) => {
      engine = rackEngine(store, drivers, rack);
      return engine;
    },
  });
  if (!engine) throw new Error('the stage asked for no engine');
  const running = engine;
  return {
    ...fixture,
    engine: running,
    consoles: rack.consoles,
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      rack.held = promise;
      return () => {
        rack.held = undefined;
        resolve();
      };
    },
    waitInDeployments(waits) {
      rack.waits = waits;
    },
    onDeploy(use) {
      rack.use = use;
    },
    fetched: rack.fetched,
    breakDownloads(fault) {
      rack.fetchFault = fault;
    },
    breakDeployments(fault) {
      rack.fault = fault;
    },
    async quiet() {
      for (;;) {
        const [operation] = await fixture.store.operations.list({ state: ['running', 'rolling_back'] }, { limit: 1 });
        if (!operation) return;
        await running.ended(operation.id);
      }
    },
    async close() {
      await running.stop();
      await fixture.close();
    },
  };
}

/** As if it had been downloaded. */
async function fetchInto(store: Store, rack: Rack, wanted: ImageToFetch): Promise<FetchedImage> {
  rack.fetched.push(wanted);
  if (rack.fetchFault) throw rack.fetchFault;
  const at = '2026-01-01T00:00:00.000Z';
  const facts = { disk_format: wanted.disk_format ?? 'raw', size: 1, virtual_size: 1, md5: 'a', sha256: 'b', sha512: 'c' };
  const about = { id: randomUUID(), source_key: 'key', name: wanted.url, version: null, created_at: at, used_at: at };
  return store.fetched_images.insert({ ...about, ...facts, status: 'active' });
}

function rackEngine(store: Store, drivers: Drivers, rack: Rack): Engine {
  const flags = { 'power.poll_ms': '1', 'power.sync_interval': '0', state_dir: '/nonexistent' };
  const boot: BootPublisher = {
    addresses: { http_url: 'http://192.0.2.1:8088', tftp_address: '192.0.2.1' },
    tftpRoot: '/nonexistent/tftp',
    publish: async () => {},
    spend: async () => {},
    withdraw: async () => {},
    plannedNodes: () => [],
  };
  const refuse = async (): Promise<never> => {
    throw new Fault('imageUnusable', { image: 'any', detail: 'this rack has no image files' });
  };
  const images: ImageFiles = {
    get: async () => anImage(),
    file: async (id) => `/images/${id}`,
    raw: refuse,
    disk: refuse,
    extents: refuse,
    kernel: refuse,
    recheck: refuse,
    configDrive: refuse,
    givenConfigDrive: refuse,
  };
  const fetcher: ImageFetcher = {
    fetch: (wanted) => fetchInto(store, rack, wanted),
    async configDrive(url) {
      rack.fetched.push(url);
      return '/nonexistent/config-drive.iso';
    },
  };
  const settings = readSettings({ flags });
  return createEngine({ store, drivers, boot, images, fetcher, settings, log: pino({ level: 'silent' }) });
}

const slots = {
  ...{ power: ['fake'], management: ['fake'], boot: ['fake'], deploy: ['fake'], console: ['fake'] },
  ...{ bios: ['no-bios'], firmware: ['no-firmware'], vendor: ['no-vendor'], raid: ['no-raid'], inspect: ['agent', 'no-inspect'] },
};

function rackDrivers(rack: Rack): Drivers {
  const validate = () => {};
  const properties = {
    ipmi_address: { help: 'Address of the BMC.', required: true },
    ipmi_password: { help: 'Password.', secret: true },
    ipmi_magic: { help: 'Known to few.', secret: true },
  };
  return {
    bios: { 'no-bios': noBios },
    firmware: { 'no-firmware': noFirmware },
    vendor: { 'no-vendor': noVendor },
    raid: { 'no-raid': noRaid },
    inspect: absentInterfaces.inspect,
    hardwareTypes: { 'fake-hardware': { name: 'fake-hardware', ...slots }, ipmi: { name: 'ipmi', ...slots } },
    power: {
      fake: {
        properties,
        validate(node) {
          if (node.driver === 'ipmi' && !node.driver_info['ipmi_address'])
            throw new Fault('driverInfo', { node: node.name ?? node.uuid, detail: 'ipmi_address is missing' });
        },
        getPower: async (node) => rack.power.get(node.uuid) ?? 'power off',
        async setPower(node, target) {
          rack.power.set(node.uuid, target === 'power on' || target === 'reset' ? 'power on' : 'power off');
        },
      },
    },
    management: {
      fake: {
        properties: {},
        validate,
        bootDevices: ['pxe', 'disk'],
        setBootDevice: async () => {},
        getBootDevice: async () => ({ device: 'pxe', persistent: false }),
      },
    },
    boot: {
      fake: {
        simulated: true,
        properties: {},
        validate,
        plan: ({ node, folder, macs }) => ({ node_uuid: node.uuid, folder, macs, firmware: 'none', files: [] }),
      },
    },
    deploy: {
      fake: {
        simulated: true,
        properties: {},
        validate,
        boot: ['fake'],
        checkImage: validate,
        steps: deploySteps(rack),
        release: async () => {},
      },
    },
    console: { fake: { properties: {}, validate, log: async (node, { lines } = {}) => consoleOf(rack, node.uuid, lines) } },
  };
}

function deploySteps(rack: Rack): Drivers['deploy'][string]['steps'] {
  return [
    {
      name: 'write the image',
      title: 'Write the image',
      deadlineSeconds: 30,
      keepsDisk: true,
      async run(task) {
        if (rack.fault) throw rack.fault;
        if (rack.waits) return { wait: 'the machine' };
        await rack.held;
        await rack.use?.(task);
        await task.power.set('power on');
        return { next: true };
      },
    },
  ];
}

function consoleOf(rack: Rack, uuid: string, lines: number | undefined): string | null {
  const text = rack.consoles.get(uuid) ?? null;
  return lines === undefined || text === null ? text : text.split('\n').slice(-lines).join('\n');
}
