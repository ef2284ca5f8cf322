/** The composition root: builds every part in start order. The only file that imports them all. */

import { rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { createApi } from '#api/app.ts';
import { type BootServer, createBootServer } from '#boot-server/boot-server.ts';
import { ConnectionGuard } from '#boot-server/connection-guard.ts';
import { fitConnections } from '#boot-server/connection-limits.ts';
import { ConnectionTable } from '#boot-server/connection-table.ts';
import { checkDeployFiles } from '#boot-server/deploy-files.ts';
import { openListener } from '#boot-server/listeners.ts';
import { Fault } from '#domain/faults.ts';
import { EventPosts } from '#drivers/redfish/index.ts';
import { openDrivers } from '#drivers/registry.ts';
import { createEngine } from '#engine/engine.ts';
import { PortAddresses } from '#engine/servers/port-addresses.ts';
import type { StepHook } from '#engine/worker/bound-operations.ts';
import { removeDrafts, writeAtomically } from '#files/write-atomically.ts';
import { importRulesOf } from '#images/fetch/fetch-rules.ts';
import { openFetcher } from '#images/fetch/open-fetcher.ts';
import { createImageFiles } from '#images/image-files.ts';
import { endRouterPath, RouterPath } from '#routing/router-path.ts';
import { declaredSecrets } from '#services/baremetal/secrets.ts';
import { ensureAdmin, ensureTokenKey } from '#services/identity/bootstrap.ts';
import { openDirectory } from '#services/identity/directory/open-directory.ts';
import { ImageImports } from '#services/image/imports/image-imports.ts';
import { AgentReports, type ReportingPart } from '#services/network/agent-reports.ts';
import { dhcpFacts } from '#services/network/agents.ts';
import type { Settings } from '#settings.ts';
import { databaseAddress, secretsKeyFile } from '#store/database-address.ts';
import { RecordKeeper } from '#store/record-keeper.ts';
import { stateFiles } from '#store/state-files.ts';
import { openStateFolder } from '#store/state-folder.ts';
import { openStore, type Store } from '#store/store.ts';
import type { InspectionRule } from '#store/tables/inspection-rules.ts';
import { endLeftBehind } from '#tools/left-behind.ts';
import { readSmallFile } from '#tools/small-file.ts';
import { createLog } from './log.ts';

export type Running = {
  /** Base URL of the API for clients. */
  url: string;
  /** Resolves with the error when an essential part fails. */
  failed: Promise<Error>;
  close(): Promise<void>;
};

export type ServeHooks = { onStep?: StepHook };

/** Starts everything; if a part fails to start, those already started are closed. */
export async function serve(settings: Settings, hooks: ServeHooks = {}): Promise<Running> {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    return await build(settings, hooks, closers, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function build(
  settings: Settings,
  hooks: ServeHooks,
  closers: (() => Promise<unknown>)[],
  close: () => Promise<void>,
): Promise<Running> {
  const secrets = new Set<string>();
  const log = createLog(settings, { secrets });
  await checkDeployFiles(settings);
  const connections = fitConnections(settings, log);
  const state = settings.state_dir;
  openStateFolder(state);
  // Images, boot plans and TFTP files are swept by the parts that own them.
  for (const folder of [state, join(state, 'boot'), join(state, 'consoles')]) await removeDrafts(folder);
  // Config drives of ended operations; a running one rebuilds its own.
  await rm(join(state, 'work'), { recursive: true, force: true });

  const store = await openStore(databaseAddress(settings), secretsKeyFile(settings['secrets.key_file'], state));
  closers.push(() => store.close());
  const left = await endLeftBehind(state);
  if (left.length > 0) log.warn({ pids: left }, 'ended programs that a killed Ingot had left behind');
  if (!settings['keystone.auth_url']) await ensureAdmin(store, settings, state);

  const images = createImageFiles({
    store,
    directory: join(state, 'images'),
    log,
    confinement: settings['tools.confinement'],
    bounds: {
      maxBytes: settings['images.max_gib'] * 1024 ** 3,
      reserve: settings['images.reserve_mib'] * 1024 ** 2,
      stallMs: settings['images.upload_stall'] * 1000,
    },
  });
  closers.push(() => images.close());
  await images.tidy();

  const fetcher = await openFetcher({ store, files: images, directory: join(state, 'images'), settings, log });
  closers.push(async () => fetcher.close());

  // BMCs post events to the listener of the provisioning network, so that must exist.
  const events = settings['provisioning.address'] ? new EventPosts(() => boot.eventPlaces) : undefined;
  const { drivers, ...opened } = await openDrivers({
    settings,
    confirmPower: (uuid, power) => engine.confirmPower(uuid, power),
    ...(events && { events }),
  });
  closers.push(() => opened.close());
  for (const name of declaredSecrets(drivers)) secrets.add(name);

  const boot = createBootServer({
    settings,
    connections,
    images,
    log,
    stateDir: state,
    eventTaker: events && ((token) => events.taker(token)),
  });
  const builtInRules = await readBuiltInRules(settings['inspection.built_in_rules']);
  const engine = createEngine({ store, drivers, boot, images, fetcher, settings, builtInRules, log, ...hooks });

  closers.push(() => engine.stop());
  closers.push(() => boot.stop());
  // Tokens are unknown until the operations are resumed: a machine's message waits until then.
  const resumed = Promise.withResolvers<void>();
  closers.push(async () => resumed.resolve());
  await boot.start(engine, resumed.promise);
  await engine.start();
  resumed.resolve();

  await startNetwork({ settings, store, log, boot }, closers);

  const rules = { days: settings['records.keep'], perNode: settings['records.keep_per_node'] };
  const keeper = new RecordKeeper(store, rules, (result) => {
    if (result instanceof Error) log.error({ err: result }, 'could not remove old records; retrying in an hour');
    else log.info(result, 'removed old records');
  });
  closers.push(() => keeper.stop());
  keeper.start();

  const imports = new ImageImports({ store, images, rules: importRulesOf(settings), settings, log });
  const directory = await openDirectory({ store, settings, log });
  closers.push(async () => directory?.stop());
  directory?.start();
  const clients = new ConnectionTable(connections.api);
  const api = createApi({
    ...{ store, engine, drivers, images, imports, directory, settings, log, tokenKey: await ensureTokenKey(state) },
    onAuthenticated: (socket) => clients.prove(socket),
  });
  new ConnectionGuard(api.server, clients);
  closers.push(() => api.close());
  await listen(api, settings['api.listen']);
  api.server.on('error', (error) => log.error({ err: error }, 'the listener of the API has a fault'));

  const url = settings['api.public_url'] || urlOf(api.server.address());
  await writeAtomically(join(state, stateFiles.endpoint), `${url}\n`);
  return { url, failed: boot.failed, close };
}

type NetworkParts = { settings: Settings; store: Store; log: Logger; boot: BootServer };

/** What tells the network of ports and routers, and what tells operators of it. */
async function startNetwork({ settings, store, log, boot }: NetworkParts, closers: (() => Promise<unknown>)[]): Promise<void> {
  const reporting: ReportingPart[] = [];
  if (settings['provisioning.interface']) {
    reporting.push({ agent_type: 'DHCP agent', configurations: async () => (boot.servesDhcp() ? dhcpFacts(store) : undefined) });
    const portAddresses = new PortAddresses({ store, settings, log, assign: (ports) => boot.assign(ports) });
    closers.push(() => portAddresses.stop());
    portAddresses.start();
  }
  if (settings['network.router']) {
    const routerPath = new RouterPath({ store, settings, log });
    closers.push(() => routerPath.stop());
    await routerPath.start();
    reporting.push({ agent_type: 'L3 agent', configurations: () => routerPath.configurations() });
  } else await endRouterPath({ store, settings, log });

  const agentReports = new AgentReports({ store, log, host: hostname(), parts: reporting });
  closers.push(() => agentReports.stop());
  await agentReports.start();
}

/** @param where `HOST:PORT`, `[IPv6]:PORT`, or `fd:N` for a socket inherited from the parent process */
async function listen(api: FastifyInstance, where: string): Promise<void> {
  if (where.startsWith('fd:')) {
    await api.listen({ fd: Number(where.slice(3)) } as object);
    return;
  }
  const colon = where.lastIndexOf(':');
  const address = where.slice(0, colon).replace(/^\[|\]$/g, '');
  await openListener(api, { address, port: Number(where.slice(colon + 1)), purpose: 'the API', setting: 'api.listen' });
}

function urlOf(address: string | AddressInfo | null): string {
  if (!address || typeof address === 'string') throw new Error('the API has no address to print: set api.public_url');
  const isIpv6 = address.family === 'IPv6';
  const host = address.address === '0.0.0.0' || address.address === '::' ? 'localhost' : address.address;
  return `http://${isIpv6 && host !== 'localhost' ? `[${host}]` : host}:${address.port}`;
}

async function readBuiltInRules(path: string): Promise<InspectionRule[]> {
  if (path === '') return [];
  // It loads the package yaml.
  const { builtInRulesBytes, parseBuiltInRules } = await import('#services/baremetal/built-in-rules.ts');
  const text = await readSmallFile(path, builtInRulesBytes).catch((error: NodeJS.ErrnoException) => {
    throw new Fault('badRequest', { detail: `inspection.built_in_rules: ${path} cannot be read (${error.code})` });
  });
  return parseBuiltInRules(text, path);
}
