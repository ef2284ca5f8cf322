/** Everything that the Redfish driver reads from a machine, on resources with arbitrary JSON. */

import { Fault } from '#domain/faults.ts';
import type { NodeFacts } from '#drivers/interfaces.ts';
import { createRedfishAccounts } from '#drivers/redfish/accounts.ts';
import { type AskRedfish, toFault } from '#drivers/redfish/ask-redfish.ts';
import { createRedfishBios } from '#drivers/redfish/bios.ts';
import { createWatchPower } from '#drivers/redfish/events.ts';
import { createWithSystem, type WithSystem } from '#drivers/redfish/find-system.ts';
import { createRedfishFirmware } from '#drivers/redfish/firmware.ts';
import { createRedfishLog } from '#drivers/redfish/log.ts';
import { createRedfishManagement } from '#drivers/redfish/management.ts';
import { createRedfishPower } from '#drivers/redfish/power.ts';
import { createRedfishSecureBoot } from '#drivers/redfish/secure-boot.ts';
import { createRedfishSensors } from '#drivers/redfish/sensors.ts';
import { createRedfishVendor } from '#drivers/redfish/vendor.ts';
import { createBmcModel } from '#lab/bmc/create-bmc-model.ts';
import { createMemoryChassis } from '#lab/bmc/memory-chassis.ts';
import { startRedfishService } from '#lab/bmc/redfish/redfish-service.ts';
import { loadBmcProfiles } from '#lab/bmc-profile-files.ts';
import { completeUpdate } from '#test/complete-update.ts';
import type { RedfishService } from '#wire/redfish/client.ts';
import { readMembers } from '#wire/redfish/collection.ts';
import { isObject } from '#wire/redfish/messages.ts';
import { type Json, RedfishError, type RedfishReply, type Resource } from '#wire/redfish/redfish-client.ts';
import { readReply } from '#wire/redfish/reply.ts';
import { followTask } from '#wire/redfish/task-monitor.ts';
import { pick, type Roll } from './dice.ts';
import { mutateJson } from './json-mutations.ts';
import { checkPlain, diceOf, reasonOf, seedInput, type Target } from './target.ts';

type Tree = ReadonlyMap<string, Resource>;

const node: NodeFacts = {
  ...{ id: 1, uuid: '5f1f7c2e-0c7e-4b7e-9a4e-2f7f5b1d0001', name: 'n1', driver: 'redfish' },
  driver_info: { redfish_address: 'https://192.0.2.1', redfish_username: 'admin', redfish_password: 'password1' },
  ...{ properties: {}, extra: {}, power_state: null, ports: [] },
};
const maxWait = { pollMs: 1, retryMs: 1, effectMs: 4 };
const times = { taskMs: 20, pauseMs: 1 };

/** All linked resources of a service with this vendor's shape. */
async function crawl(profile: Parameters<typeof startRedfishService>[0]['profile']): Promise<Tree> {
  const users = [{ name: 'admin', password: 'password1', privilege: 'administrator' }] as const;
  const bmcModel = createBmcModel({ chassis: createMemoryChassis('on'), users, media: ['cdrom', 'floppy'] });
  const service = await startRedfishService({ address: '127.0.0.1', port: 0, bmcModel, profile: profile ?? {} });
  const tree = new Map<string, Resource>();
  const headers = { authorization: `Basic ${Buffer.from('admin:password1').toString('base64')}` };
  const waiting = ['/redfish/v1/'];
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    if (tree.has(plain(path)) || /\/(Sessions|Subscriptions)\/./.test(path)) continue;
    const reply = await fetch(service.url + path, { headers });
    if (!reply.ok || !/json/.test(reply.headers.get('content-type') ?? '')) continue;
    const body = (await reply.json()) as Json;
    if (!isObject(body)) continue;
    tree.set(plain(path), body);
    waiting.push(...linksIn(body));
  }
  await service.close();
  return tree;
}

function plain(path: string): string {
  return path.replace(/[?#].*$/, '').replace(/\/+$/, '');
}

function linksIn(value: Json | Resource): string[] {
  if (typeof value === 'string') return /^\/redfish\/v1\/[^?#{]*$/.test(value) ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap((inner) => linksIn(inner as Json));
}

/** A driver with this many reads of one machine is in an endless loop. */
const mostRequests = 5_000;

type Memory = { readonly client: RedfishService; readonly reads: Set<string> };

/** A client of an in-memory tree. Changes are acknowledged and discarded. */
function memoryClient(tree: Tree, roll: Roll): Memory {
  const reads = new Set<string>();
  let requests = 0;
  const count = () => {
    if (++requests > mostRequests) throw new Error(`more than ${mostRequests} requests`);
  };
  const get = async (path: string): Promise<RedfishReply> => {
    count();
    const at = plain(path);
    reads.add(at);
    const body = tree.get(at);
    if (!body) throw new RedfishError('answered', { request: `GET ${path}`, detail: '404 Not Found', status: 404 });
    const bytes = Buffer.from(JSON.stringify(body) ?? 'null');
    return readReply({ status: 200, headers: { 'content-type': 'application/json' }, body: bytes }, { request: `GET ${path}` });
  };
  const change = async (request: string): Promise<RedfishReply> => {
    count();
    const kind = roll(6);
    const tasks = [...tree.values()].filter((resource) => isObject(resource) && 'TaskState' in resource);
    const body =
      kind > 2 || tasks.length === 0 ? { TaskState: 'Completed', '@odata.id': '/redfish/v1/TaskService' } : pick(tasks, roll);
    const bytes = kind === 5 ? Buffer.alloc(0) : Buffer.from(JSON.stringify(mutateJson(body, roll)) ?? 'null');
    const status = pick([200, 201, 202, 202, 204, 400, 409, 500], roll);
    const reply = readReply({ status, headers: { location: '/redfish/v1/TaskService' }, body: bytes }, { request });
    return status === 202 ? await followTask(reply, { request, get, timeout: 10, pause: 0 }) : reply;
  };
  const client: RedfishService = {
    leniencies: new Set(),
    peer: { url: 'https://192.0.2.1', user: 'admin', password: 'password1', auth: 'auto', trust: { by: 'nothing' } },
    get,
    members: (path) => readMembers(path, { get, expand: undefined, cannotExpand: () => {}, leftOut: () => {} }),
    patch: (path) => change(`PATCH ${path}`),
    post: (path) => change(`POST ${path}`),
    delete: (path) => change(`DELETE ${path}`),
    upload: (path) => change(`POST ${path}`),
    push: (path) => change(`POST ${path}`),
    stream: async (path) => {
      throw new RedfishError('unfit', { request: `GET ${path}`, detail: 'the reply is no stream of events' });
    },
    close: async () => {},
  };
  return { client, reads };
}

type Parts = { readonly withSystem: WithSystem; readonly ask: AskRedfish };

/** One row per method of the driver. */
const methodTable: Readonly<Record<string, (parts: Parts) => Promise<unknown>>> = {
  getPower: (parts) => power(parts).getPower(node),
  powerOn: (parts) => power(parts).setPower(node, 'power on'),
  softOff: (parts) => power(parts).setPower(node, 'soft power off'),
  reset: (parts) => power(parts).setPower(node, 'reset'),
  watchPower: async (parts) => (await power(parts).watchPower?.(node, () => {}, { signal: AbortSignal.abort() }))?.(),
  getBootDevice: (parts) => management(parts).getBootDevice(node),
  setBootDevice: (parts) => management(parts).setBootDevice(node, 'pxe', { persistent: false, mode: 'uefi' }),
  setBootUri: (parts) => management(parts).setBootDevice(node, 'uefihttp', { persistent: false, uri: 'http://192.0.2.9/x.efi' }),
  getBootMode: async (parts) => management(parts).getBootMode?.(node),
  setBootMode: async (parts) => management(parts).setBootMode?.(node, 'uefi'),
  slots: async (parts) => management(parts).media?.slots(node),
  insert: async (parts) => management(parts).media?.insert(node, 'cdrom', 'http://192.0.2.9/x.iso'),
  eject: async (parts) => management(parts).media?.eject(node, 'cdrom'),
  nmi: async (parts) => management(parts).injectNmi?.(node),
  getIndicator: async (parts) => management(parts).getIndicator?.(node),
  setIndicator: async (parts) => management(parts).setIndicator?.(node, 'on'),
  identify: async (parts) => management(parts).identify?.(node),
  bmcInfo: async (parts) => management(parts).bmcInfo?.(node),
  resetBmc: async (parts) => management(parts).resetBmc?.(node, 'cold'),
  readSensors: ({ withSystem }) => createRedfishSensors(withSystem).readSensors(node),
  readLog: ({ withSystem }) => createRedfishLog(withSystem).readLog(node),
  clearLog: ({ withSystem }) => createRedfishLog(withSystem).clearLog(node),
  getSecureBoot: async ({ withSystem }) => createRedfishSecureBoot(withSystem).getSecureBoot?.(node),
  setSecureBoot: async ({ withSystem }) => createRedfishSecureBoot(withSystem).setSecureBoot?.(node, true),
  changePassword: ({ ask }) => createRedfishAccounts(ask).changePassword(node, 'another password'),
  biosSettings: ({ withSystem }) => createRedfishBios(withSystem).readSettings(node),
  biosChange: ({ withSystem }) =>
    createRedfishBios(withSystem).applySettings(node, {
      BootMode: 'Uefi',
      ProcTurboMode: 'Disabled',
      AssetTag: `${'a'.repeat(40)}!`,
      NumCores: 7,
    }),
  biosReset: ({ withSystem }) => createRedfishBios(withSystem).factoryReset(node),
  firmware: ({ withSystem }) => createRedfishFirmware(withSystem, times).readComponents(node),
  updateFirmware: ({ withSystem }) =>
    completeUpdate(createRedfishFirmware(withSystem, times), node, { component: 'BMC', url: 'http://192.0.2.9/x.bin' }),
  subscriptions: async ({ withSystem }) =>
    createRedfishVendor({ withSystem, rawPaths: 'read' }).methods['get_all_subscriptions']?.run(node, {}),
  rawPath: async ({ withSystem }) =>
    createRedfishVendor({ withSystem, rawPaths: 'read' }).methods['get']?.run(node, { path: '/redfish/v1/AccountService' }),
};

const power = ({ withSystem }: Parts) =>
  createRedfishPower(
    withSystem,
    createWatchPower(withSystem, {
      destinations: (token) => [{ url: `https://192.0.2.9/${token}`, selfSigned: true }],
      onEvent: () => () => {},
    }),
    maxWait,
  );
const management = ({ withSystem }: Parts) => createRedfishManagement(withSystem, maxWait);

function partsOf(client: RedfishService): Parts {
  const ask: AskRedfish = async (_question, work) => {
    try {
      return await work(client);
    } catch (error) {
      throw error instanceof RedfishError ? toFault(error, { address: '192.0.2.1' }) : error;
    }
  };
  return { ask, withSystem: createWithSystem(ask) };
}

const isFault = (error: Error) => error instanceof Fault && error.code !== 'internal';
const vendors = ['sound', 'vendor-ilo', 'vendor-idrac', 'vendor-openbmc', 'vendor-supermicro'];
/** Response bytes, as JSON. */
const longestAnswer = 32 * 1024 * 1024;

export const redfishDriverTarget: Target = {
  name: 'redfish driver, mutated resources',
  share: 8,
  slowMs: 500,
  async open() {
    const known = loadBmcProfiles();
    const trees = await Promise.all(vendors.map((name) => crawl(known.get(name)?.behaviour)));
    const scenes = await findScenes([
      ...trees,
      ...trees.slice(0, 1).flatMap((tree) => shapeTable.map((shape) => reshape(tree, shape))),
    ]);
    return {
      make: seedInput,
      async feed(input) {
        const roll = diceOf(input);
        const { tree, reads, run } = pick(scenes, roll);
        const changed = new Map(tree);
        for (let times = 1 + roll(4); times > 0; times -= 1) {
          const path = pick(reads, roll);
          const resource = changed.get(path);
          if (resource) changed.set(path, misshape(changed, resource, roll));
        }
        try {
          const reported = await run(partsOf(memoryClient(changed, roll).client));
          checkPlain(reported);
          const answer = JSON.stringify(reported) ?? '';
          if (answer.length > longestAnswer) throw new Error(`an answer of ${answer.length} characters`);
          return { read: true };
        } catch (error) {
          return { read: false, reason: reasonOf(error, isFault) };
        }
      },
    };
  },
};

type Shape = (resource: Record<string, unknown>) => unknown;

/**
 * Deviations in recordings of real BMCs that no profile of the virtual BMC has; the driver's `readme.md`, "Real BMCs".
 */
const shapeTable: readonly Shape[] = [
  // AMI: drives without supported media types, log entries without a severity, and times in a human format.
  ({ MediaTypes: _, Severity: __, ...others }) => ('Created' in others ? { ...others, Created: '11/22/2026 16:00' } : others),
  // Supermicro: BIOS settings with different display names, options given by the names of values, values as text.
  (resource) =>
    'AttributeName' in resource
      ? { ...resource, AttributeName: `${resource['AttributeName']}_0012`, DisplayName: ` ${resource['DisplayName']}\t` }
      : resource,
  // Readings as text, and states expressed only as health.
  ({ Status, ...others }) => {
    const read = ['Reading', 'ReadingCelsius', 'PowerInputWatts'].find((name) => name in others);
    const text = read ? { ...others, [read]: `${others[read]} C`, ReadingUnits: null } : others;
    return Status === undefined ? text : { ...text, Status: { Health: 'OK' } };
  },
  // Node cards: no resource links to their system.
  ({ Links: _, ...others }) => others,
  // Without the lists of allowable values.
  (resource) => Object.fromEntries(Object.entries(resource).filter(([name]) => !name.includes('@Redfish.'))),
];

function reshape(tree: Tree, shape: Shape): Tree {
  const each = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(each);
    if (typeof value !== 'object' || value === null) return value;
    return shape(Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, each(inner)])));
  };
  return new Map([...tree].map(([path, resource]) => [path, each(resource) as Resource]));
}

/** A corrupted part of it, or another resource in its place. */
function misshape(tree: Tree, resource: Resource, roll: Roll): Resource {
  if (roll(12) === 0) return pick([...tree.values()], roll);
  return mutateJson(resource, roll) as Resource;
}

type Scene = { readonly tree: Tree; readonly reads: readonly string[]; readonly run: (parts: Parts) => Promise<unknown> };

/** The resources that each method reads from each tree, so that mutations hit relevant ones. */
async function findScenes(trees: readonly Tree[]): Promise<Scene[]> {
  const scenes: Scene[] = [];
  for (const tree of trees) {
    for (const run of Object.values(methodTable)) {
      const { client, reads } = memoryClient(tree, () => 4);
      await run(partsOf(client)).catch((error: Error) => {
        if (!isFault(error)) throw error;
      });
      scenes.push({ tree, run, reads: [...reads].filter((path) => tree.has(path)) });
    }
  }
  return scenes;
}
