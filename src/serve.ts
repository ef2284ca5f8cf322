/** The composition root: builds every part in start order. The only file that knows them all. */
import { rename, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { createApi } from '#api/app.ts';
import { ensureAdmin, ensureTokenKey } from '#api/identity/admin.ts';
import { createBootServer } from '#boot-server/boot-server.ts';
import { openListener } from '#boot-server/listeners.ts';
import { createIpmiDriver, type RawPolicy } from '#drivers/ipmi/index.ts';
import { ipxeBoot } from '#drivers/ipxe/index.ts';
import { createManualDriver } from '#drivers/manual/index.ts';
import { pxeBoot } from '#drivers/pxe/index.ts';
import { createEventPosts, createRedfishDriver, type RawPaths } from '#drivers/redfish/index.ts';
import { createDrivers } from '#drivers/registry.ts';
import { createSnmpDriver } from '#drivers/snmp/index.ts';
import { createTileraPduDriver, type TileraPduDriver } from '#drivers/tilera-pdu/index.ts';
import { createVirtualPowerDriver, type VirtualPowerDriver } from '#drivers/virtual-power/index.ts';
import type { MachineMessages } from '#engine/contract.ts';
import { createEngine } from '#engine/engine.ts';
import type { StepHook } from '#engine/operation-kinds.ts';
import { createImageFiles } from '#images/image-files.ts';
import type { Settings } from '#settings.ts';
import { stateFiles } from '#store/state-files.ts';
import { openStateFolder } from '#store/state-folder.ts';
import { databaseFile, openStore } from '#store/store.ts';
import { createLog } from './log.ts';

export type Running = {
  /** How clients reach the API. */
  url: string;
  /** Resolves with the error when a part fails that Ingot cannot run without. */
  failed: Promise<Error>;
  close(): Promise<void>;
};

export type ServeHooks = { onStep?: StepHook };

/** Starts everything; what was started is closed again when a later part refuses. */
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
  const log = createLog(settings);
  const state = settings.state_dir;
  openStateFolder(state);
  // Config drives of operations that are over; a running one builds its own again.
  await rm(join(state, 'work'), { recursive: true, force: true });

  const store = await openStore(databaseFile(state));
  closers.push(() => store.close());
  await ensureAdmin(store, settings, state);

  const images = createImageFiles({ store, directory: join(state, 'images'), log });
  closers.push(() => images.close());
  await images.tidy();

  const ipmi = createIpmiDriver({
    packetsPerSecond: settings['ipmi.packets_per_second'],
    sessions: settings['ipmi.sessions'],
    rawCommands: settings['ipmi.raw_commands'] as RawPolicy,
  });
  closers.push(() => ipmi.close());
  const manual = createManualDriver({
    waitSeconds: settings['manual.wait'],
    confirm: (uuid, state) => engine.confirmPower(uuid, state),
  });
  const virtualPower = await openVirtualPower(settings, closers);
  const snmp = createSnmpDriver();
  closers.push(() => snmp.close());
  const tileraPdu = openTileraPdu(settings, closers);
  // BMCs post to the listener of the provisioning network, so there must be one.
  const events = settings['provisioning.address'] ? createEventPosts(() => boot.addresses.http_url) : undefined;
  const redfish = createRedfishDriver({ events, rawPaths: settings['redfish.raw_paths'] as RawPaths });
  closers.push(() => redfish.close());
  const drivers = createDrivers({ ipmi, manual, virtualPower, snmp, tileraPdu, redfish, pxe: pxeBoot, ipxe: ipxeBoot, settings });

  // Machines talk to the engine through the boot server, and the engine publishes through it: one has to come first.
  const messages = {} as MachineMessages;
  const engineUp = Promise.withResolvers<void>();
  const boot = createBootServer({
    settings,
    engine: messages,
    images,
    log,
    stateDir: state,
    engineReady: engineUp.promise,
    takeEvent: events?.take,
  });
  const engine = createEngine({ store, drivers, boot, images, settings, log, ...hooks });
  // Before the operations are taken up again no token is known: a machine that asks in that moment waits for it.
  const resumed = Promise.withResolvers<void>();
  Object.assign(messages, engine, {
    agentOperation: (token) => resumed.promise.then(() => engine.agentOperation(token)),
    deployPost: (fields, from) => resumed.promise.then(() => engine.deployPost(fields, from)),
  } satisfies Partial<MachineMessages>);

  closers.push(() => engine.stop());
  closers.push(() => boot.stop());
  closers.push(async () => resumed.resolve());
  await boot.start();
  await engine.start();
  resumed.resolve();
  engineUp.resolve();

  const api = createApi({ store, engine, drivers, images, settings, log, tokenKey: await ensureTokenKey(state) });
  closers.push(() => api.close());
  await listen(api, settings['api.listen']);

  const url = settings['api.public_url'] || urlOf(api.server.address());
  await writeEndpoint(join(state, stateFiles.endpoint), url);
  return { url, failed: boot.failed, close };
}

async function openVirtualPower(settings: Settings, closers: (() => Promise<unknown>)[]): Promise<VirtualPowerDriver> {
  const directory = join(settings.state_dir, 'ssh');
  // Sockets and, after a kill in the wrong moment, secrets of connections that have ended.
  await rm(directory, { recursive: true, force: true });
  const virtualPower = createVirtualPowerDriver(directory, {
    ssh_host: settings['virtual_power.ssh_host'],
    ssh_port: settings['virtual_power.ssh_port'],
    type: settings['virtual_power.type'],
    host_user: settings['virtual_power.host_user'],
    host_pass: settings['virtual_power.host_pass'],
    host_key: settings['virtual_power.host_key'],
    known_hosts: settings['virtual_power.known_hosts'],
    libvirt_uri: settings['virtual_power.libvirt_uri'],
  });
  closers.push(() => virtualPower.close());
  return virtualPower;
}

function openTileraPdu(settings: Settings, closers: (() => Promise<unknown>)[]): TileraPduDriver {
  const tileraPdu = createTileraPduDriver({
    manager: settings['tilera.pdu_mgr'],
    modes: {
      on: settings['tilera.pdu_on'],
      off: settings['tilera.pdu_off'],
      reboot: settings['tilera.pdu_reboot'],
      status: settings['tilera.pdu_status'],
    },
    timeout: settings['tilera.timeout'],
  });
  closers.push(() => tileraPdu.close());
  return tileraPdu;
}

/** @param where `HOST:PORT`, `[IPv6]:PORT`, or `fd:N` for a socket that whoever started us has opened */
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

async function writeEndpoint(path: string, url: string): Promise<void> {
  await writeFile(`${path}.part`, `${url}\n`, { mode: 0o600 });
  await rename(`${path}.part`, path);
}
