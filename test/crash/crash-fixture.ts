/** The setup of a whole-system test without hardware: simulated machines, an Ingot that is restarted, small images. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CloudClient, CloudEvent } from '#demo/cloud-client.ts';
import { logIn } from '#demo/lab-cloud.ts';
import { createNetwork, enrolNode } from '#demo/main-job.ts';
import type { SettingName } from '#settings.ts';
import { databaseFile } from '#store/database-address.ts';
import { openStore, type Store } from '#store/store.ts';
import { layPrivateNetwork, type PrivateNetwork, provisioningCidr, serverAddress } from './private-network.ts';
import { RestartingIngot } from './restarting-ingot.ts';
import { type RackMachine, SimulatedRack } from './simulated-rack.ts';
import { makeBootFile, type SmallFile } from './small-images.ts';

export type FixtureOptions = {
  /** Keeps the namespaces of two stages apart. */
  readonly name: string;
  readonly machines?: number;
  readonly settings?: Partial<Record<SettingName, string>>;
  readonly crashKinds?: readonly string[];
};

export type CrashFixture = {
  readonly folder: string;
  readonly stateDir: string;
  readonly network: PrivateNetwork;
  readonly rack: SimulatedRack;
  readonly ingot: RestartingIngot;
  readonly cloud: CloudClient;
  readonly deployFiles: { kernel: SmallFile; ramdisk: SmallFile };
  readonly networkId: string;
  enrol(machine: RackMachine): Promise<string>;
  /** Through the Redfish front end of its BMC; the node stays manageable. */
  enrolByRedfish(machine: RackMachine): Promise<string>;
  server(id: string): Promise<ServerFacts>;
  node(uuid: string): Promise<NodeFacts>;
  /** Follows the server's events until it is in the wanted state. */
  untilServer(id: string, fits: (server: ServerFacts) => boolean): Promise<ServerFacts>;
  untilNode(uuid: string, fits: (node: NodeFacts) => boolean): Promise<NodeFacts>;
  /** Stops Ingot for good and opens its database. */
  openDatabase(): Promise<Store>;
  close(): Promise<void>;
};

export type ServerFacts = { id: string; status: string; fault?: { message: string; details?: string } };
export type NodeFacts = {
  uuid: string;
  provision_state: string;
  power_state: string | null;
  instance_uuid: string | null;
  maintenance: boolean;
  maintenance_reason: string | null;
  fault: string | null;
  last_error: string | null;
  reservation: string | null;
};

/** Long-poll timeout in seconds; short, as the last events may be lost with a killed Ingot. */
const newsSeconds = 2;

export async function openCrashFixture(options: FixtureOptions): Promise<CrashFixture> {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    return await build(options, closers, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function build(
  options: FixtureOptions,
  closers: (() => Promise<unknown>)[],
  close: () => Promise<void>,
): Promise<CrashFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-crash-'));
  if (!process.env['CRASH_KEEP']) closers.push(() => rm(folder, { recursive: true, force: true }));
  const network = await layPrivateNetwork(options.name, options.machines ?? 1);
  closers.push(() => network.close());
  const stateDir = join(folder, 'state');
  const rack = await SimulatedRack.start({ network, folder, tftpRoot: join(stateDir, 'boot', 'tftp') });
  closers.push(() => rack.close());
  const deployFiles = {
    kernel: await makeBootFile(folder, 'deploy-kernel'),
    ramdisk: await makeBootFile(folder, 'deploy-ramdisk'),
  };
  const ingot = new RestartingIngot({
    namespace: network.server,
    stateDir,
    settings: {
      ...fixtureSettings,
      'deploy.kernel': deployFiles.kernel.path,
      'deploy.ramdisk': deployFiles.ramdisk.path,
      ...options.settings,
    },
    ...(options.crashKinds && { crashKinds: options.crashKinds }),
  });
  closers.push(() => ingot.stop());
  await ingot.start();
  const cloud = await logIn(ingot.url, stateDir);
  const networkId = await createNetwork(cloud, 'provisioning', subnetFor(network));
  const server = (id: string) => ingot.ask(async () => (await cloud.compute<{ server: ServerFacts }>(`/servers/${id}`)).server);
  const node = (uuid: string) => ingot.ask(() => cloud.bareMetal<NodeFacts>(`/nodes/${uuid}`));
  const newsOf = (path: (after: number) => Promise<{ events: CloudEvent[] }>) => {
    let after = 0;
    return async () => {
      const { events } = await ingot.ask(() => path(after));
      after = events.at(-1)?.id ?? after;
    };
  };
  const untilNode: CrashFixture['untilNode'] = async (uuid, fits) => {
    const news = newsOf((after) => cloud.bareMetal(`/nodes/${uuid}/events?after=${after}&limit=500&wait=${newsSeconds}`));
    for (;;) {
      const seen = await node(uuid);
      if (fits(seen)) return seen;
      await news();
    }
  };
  return {
    folder,
    stateDir,
    network,
    rack,
    ingot,
    cloud,
    deployFiles,
    networkId,
    enrol: (machine) => enrolNode(cloud, enrolFacts(machine)),
    enrolByRedfish: async (machine) => {
      const uuid = await enrolByRedfish(cloud, machine);
      await untilNode(uuid, ({ reservation }) => reservation === null);
      return uuid;
    },
    server,
    node,
    untilNode,
    async untilServer(id, fits) {
      const news = newsOf(async (after) => ({ events: await cloud.serverEvents(id, after, newsSeconds) }));
      for (;;) {
        const seen = await server(id);
        if (fits(seen)) return seen;
        await news();
      }
    },
    async openDatabase() {
      await ingot.stop();
      const store = await openStore(databaseFile(stateDir));
      closers.push(() => store.close());
      return store;
    },
    close,
  };
}

const fixtureSettings: Partial<Record<SettingName, string>> = {
  'provisioning.address': serverAddress,
  'provisioning.interface': '',
  'provisioning.cidr': provisioningCidr,
  'provisioning.pool': '',
  'power.poll_ms': '20',
  'power.sync_interval': '0',
};

/** A single machine is assigned the address that it already has, so that its requests are attributed to it. */
function subnetFor({ nodes, addressOf }: PrivateNetwork) {
  const first = nodes.length === 1 ? addressOf(0) : '172.29.0.50';
  return { cidr: provisioningCidr, gateway: serverAddress, first, last: '172.29.0.99' };
}

function enrolFacts({ plan }: RackMachine) {
  const bmc = { address: '127.0.0.1', ...plan.bmc };
  return { name: plan.name, mac: plan.mac, bmc, cpus: 2, memory_mb: 2048, local_gb: 8 };
}

async function enrolByRedfish(cloud: CloudClient, { plan }: RackMachine): Promise<string> {
  const { redfishPort, user, password } = plan.bmc;
  const driver_info = {
    ...{ redfish_address: `http://127.0.0.1:${redfishPort}`, redfish_username: user, redfish_password: password },
  };
  const body = { name: plan.name, driver: 'redfish', driver_info };
  const { uuid } = await cloud.bareMetal<{ uuid: string }>('/nodes', { method: 'POST', body });
  await cloud.bareMetal(`/nodes/${uuid}/states/provision`, { method: 'PUT', body: { target: 'manage' } });
  return uuid;
}

/** Resolves once the record of a server contains such an event. */
export async function untilEvent(
  { ingot, cloud }: Pick<CrashFixture, 'ingot' | 'cloud'>,
  serverId: string,
  fits: (event: CloudEvent) => boolean,
): Promise<void> {
  for (let after = 0; ; ) {
    const events = await ingot.ask(() => cloud.serverEvents(serverId, after, newsSeconds));
    if (events.some(fits)) return;
    after = events.at(-1)?.id ?? after;
  }
}
