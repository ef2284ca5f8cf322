/** The boot server: publishes boot plans and serves them over DHCP, TFTP and HTTP. */
import { mkdir } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { join, resolve } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { BootAddresses, BootPlan, ImageSource } from '#drivers/interfaces.ts';
import type { BootPublisher, MachineMessages, PortAddress } from '#engine/contract.ts';
import { loadAgentCertificate, type PinnedCertificate } from './agent-certificate.ts';
import { awaitEngine } from './await-engine.ts';
import { ConnectionGuard, isPassing } from './connection-guard.ts';
import { type Connections, fitConnections } from './connection-limits.ts';
import { ConnectionTable } from './connection-table.ts';
import { createDeployHelper } from './deploy-helper.ts';
import { Dhcp } from './dhcp.ts';
import { checkDhcpSettings, checkInterface } from './dnsmasq-config.ts';
import { DnsmasqEvents } from './dnsmasq-events.ts';
import { isSelfMade, loadEventCertificate } from './event-certificate.ts';
import { createAgentHttps, createEventHttps, createHttp } from './http.ts';
import type { EventTakers, HttpParts } from './http-requests.ts';
import { openListener } from './listeners.ts';
import { MachineAddresses } from './machine-addresses.ts';
import type { Log, Report } from './parts.ts';
import { checkPlan, Plans } from './plans.ts';
import type { BootServerSettings } from './settings.ts';
import { Tftp } from './tftp.ts';
import { laidPaths, TftpFiles } from './tftp-files.ts';

export type BootServerOptions = {
  settings: BootServerSettings;
  /** Connection limits. Default: from the settings, as far as this process's limits allow. */
  connections?: Connections;
  images: Pick<ImageSource, 'disk' | 'extents'>;
  log: Log;
  stateDir: string;
  /** Handlers for events that a BMC posts to `/redfish-events/{token}`. Default: none. */
  eventTaker?: EventTakers | undefined;
};

/** A URL to which BMCs may post events. */
export type EventPlace = { readonly url: string /** No BMC can check its certificate. */; readonly selfSigned: boolean };

export type BootServer = BootPublisher & {
  /** Preferred first: HTTPS if it is enabled. Known after the start. */
  readonly eventPlaces: readonly EventPlace[];
  /**
   * Opens all listeners, the HTTP ones first; if one fails, closes all. Throws `cannotListen` or `toolFailed`.
   * @param ready resolves when the engine has resumed its operations; messages of machines wait for it
   */
  start(engine: MachineMessages, ready?: Promise<unknown>): Promise<void>;
  /** The addresses and options that DHCP gives to machines without a plan; replaces the former ones. Throws `toolFailed`. */
  assign(ports: readonly PortAddress[]): Promise<void>;
  /** Whether DHCP answers now. */
  servesDhcp(): boolean;
  /** Stops listeners and child processes. The plans stay on disk for the next start. */
  stop(): Promise<void>;
  /** Resolves when an open listener fails. */
  readonly failed: Promise<Error>;
};

export function createBootServer(options: BootServerOptions): BootServer {
  return options.settings['provisioning.address'] ? new LiveBootServer(options) : new SilentBootServer(options);
}

/** Used when no address is configured: plans are validated and kept in memory, for fake hardware. */
class SilentBootServer implements BootServer {
  readonly addresses: BootAddresses;
  readonly tftpRoot: string;
  readonly eventPlaces = [];
  readonly failed = new Promise<Error>(() => {});
  readonly #plans = new Plans(undefined);

  constructor({ settings, stateDir }: BootServerOptions) {
    this.addresses = { http_url: `http://127.0.0.1:${settings['provisioning.http_port']}`, tftp_address: '127.0.0.1' };
    this.tftpRoot = tftpRootOf(settings, stateDir);
  }

  async publish(plan: BootPlan): Promise<void> {
    checkPlan(plan);
    await this.#plans.put(plan);
  }

  async spend(nodeUuid: string): Promise<void> {
    const plan = this.#plans.get(nodeUuid);
    if (plan) await this.#plans.put(spentPlan(plan));
  }

  withdraw(nodeUuid: string): Promise<void> {
    return this.#plans.remove(nodeUuid);
  }

  plannedNodes(): readonly string[] {
    return this.#plans.all().map((plan) => plan.node_uuid);
  }

  async assign(): Promise<void> {}
  servesDhcp(): boolean {
    return false;
  }
  async start(): Promise<void> {}
  async stop(): Promise<void> {}
}

/** What machines talk to. */
type Front = {
  readonly parts: HttpParts;
  readonly http: FastifyInstance;
  readonly helper: Server;
  readonly events: DnsmasqEvents;
};

class LiveBootServer implements BootServer {
  readonly tftpRoot: string;
  readonly failed: Promise<Error>;
  readonly #options: BootServerOptions;
  readonly #directory: string;
  readonly #plans: Plans;
  readonly #files: TftpFiles;
  readonly #machines: MachineAddresses;
  readonly #connections: Connections;
  readonly #clients: ConnectionTable;
  readonly #fail: (error: Error) => void;
  /** Changes requested before the start wait for it, since the engine may start first. */
  readonly #started = Promise.withResolvers<void>();
  /** Serializes changes per node. */
  readonly #turns = new Map<string, Promise<void>>();
  /** Since the start. */
  #front: Front | undefined;
  #httpPort: number;
  #agentHttps: { readonly server: FastifyInstance; readonly port: number; readonly certificate: PinnedCertificate } | undefined;
  #eventHttps: { readonly server: FastifyInstance; readonly port: number } | undefined;
  #tftp: Tftp | undefined;
  #dhcp: Dhcp | undefined;
  #ports: readonly PortAddress[] = [];

  constructor(options: BootServerOptions) {
    const { settings, log, stateDir } = options;
    this.#options = options;
    this.#connections = options.connections ?? fitConnections(settings, log);
    this.#directory = join(stateDir, 'boot');
    this.tftpRoot = tftpRootOf(settings, stateDir);
    this.#httpPort = settings['provisioning.http_port'];
    this.#plans = new Plans(join(this.#directory, 'plans'));
    this.#files = new TftpFiles(this.tftpRoot, settings['images.reserve_mib'] * 1024 ** 2);
    this.#machines = new MachineAddresses({ plans: this.#plans, isServed: settings['provisioning.interface'] !== '' });
    this.#clients = new ConnectionTable(this.#connections.provisioning);
    const { promise, resolve: fail } = Promise.withResolvers<Error>();
    this.failed = promise;
    this.#fail = fail;
  }

  get addresses(): BootAddresses {
    const { settings } = this.#options;
    const address = settings['provisioning.address'];
    const plain = { http_url: `http://${address}:${this.#httpPort}`, tftp_address: address };
    if (!this.#agentHttps) return plain;
    const { port, certificate } = this.#agentHttps;
    const agent = { url: `https://${address}:${port}`, certificate: certificate.fingerprint };
    return { ...plain, agent, plain_images: !settings['provisioning.images_by_https'] };
  }

  get eventPlaces(): readonly EventPlace[] {
    const { settings } = this.#options;
    const plain = { url: this.addresses.http_url, selfSigned: false };
    if (!this.#eventHttps) return [plain];
    const url = `https://${settings['provisioning.address']}:${this.#eventHttps.port}`;
    return [{ url, selfSigned: isSelfMade(settings) }, plain];
  }

  async start(engine: MachineMessages, ready: Promise<unknown> = Promise.resolve()): Promise<void> {
    const { log, settings } = this.#options;
    const front = this.#makeFront(awaitEngine(engine, ready));
    this.#front = front;
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    await this.#files.prepare();
    await this.#plans.load(log);
    await this.#layAgain();
    try {
      await this.#listen(front);
      if (settings['provisioning.interface']) await this.#serveNetwork(front);
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#started.resolve();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#dhcp?.stop(), this.#tftp?.stop()]);
    await Promise.all([this.#front?.http.close(), this.#agentHttps?.server.close(), this.#eventHttps?.server.close()]);
    const helper = this.#front?.helper;
    helper?.closeAllConnections();
    await new Promise((closed) => (helper ? helper.close(closed) : closed(undefined)));
  }

  #makeFront(engine: MachineMessages): Front {
    const { images, log, settings, eventTaker } = this.#options;
    const report: Report = (request) => {
      try {
        engine.machineRequest(request);
      } catch (error) {
        log.error({ err: error }, 'could not record a request of a machine');
      }
    };
    const shared = { plans: this.#plans, addresses: this.#machines, tftpRoot: this.tftpRoot };
    const parts = { ...shared, engine, images, report, log, eventTaker };
    const http = createHttp(
      { ...parts, onAuthenticated: (socket: Socket) => this.#clients.prove(socket) },
      agentsByHttp(settings),
    );
    new ConnectionGuard(http.server, this.#clients);
    const helper = createDeployHelper(parts);
    new ConnectionGuard(helper, new ConnectionTable(this.#connections.deployHelper));
    return { parts, http, helper, events: new DnsmasqEvents(parts) };
  }

  publish(plan: BootPlan): Promise<void> {
    return this.#inTurn(plan.node_uuid, async () => {
      checkPlan(plan);
      const before = this.#plans.get(plan.node_uuid);
      if (this.#options.settings['provisioning.interface']) await this.#files.layFirmware(plan.firmware);
      // Record first, then files: files that a crash leaves in the root then belong to a known plan.
      await this.#plans.put(plan);
      await this.#files.lay(plan);
      if (before) await this.#files.remove(this.#unused(laidPaths(before)));
      await this.#dhcp?.sync();
    });
  }

  spend(nodeUuid: string): Promise<void> {
    return this.#inTurn(nodeUuid, async () => {
      const plan = this.#plans.get(nodeUuid);
      if (!plan || plan.spent) return;
      const spent = spentPlan(plan);
      await this.#plans.put(spent);
      await this.#files.remove(this.#unused(laidPaths(plan)));
    });
  }

  withdraw(nodeUuid: string): Promise<void> {
    return this.#inTurn(nodeUuid, async () => {
      const plan = this.#plans.get(nodeUuid);
      if (!plan) return;
      await this.#files.remove(this.#unused(laidPaths(plan), plan));
      await this.#plans.remove(nodeUuid);
      // If dnsmasq is not running, it will start without this plan.
      await this.#dhcp
        ?.sync()
        .catch((error) => this.#options.log.warn({ err: error, node: nodeUuid }, 'a boot plan was withdrawn late'));
    });
  }

  plannedNodes(): readonly string[] {
    return this.#plans.all().map((plan) => plan.node_uuid);
  }

  async assign(ports: readonly PortAddress[]): Promise<void> {
    this.#ports = ports;
    await this.#dhcp?.sync();
  }

  servesDhcp(): boolean {
    return this.#dhcp?.isUp ?? false;
  }

  async #listen({ parts, http, helper }: Front): Promise<void> {
    const { settings } = this.#options;
    const address = settings['provisioning.address'];
    this.#httpPort = await openListener(http, {
      address,
      port: settings['provisioning.http_port'],
      purpose: 'boot files, images and agents',
      setting: 'provisioning.http_port',
      addressSetting: 'provisioning.address',
    });
    await openListener(helper, {
      address,
      port: settings['provisioning.deploy_helper_port'],
      purpose: 'the deploy helper',
      setting: 'provisioning.deploy_helper_port',
      addressSetting: 'provisioning.address',
    });
    if (settings['provisioning.agent_https']) await this.#listenForAgents(parts, address);
    for (const server of [http.server, helper]) server.on('error', this.#failed);
    if (settings['redfish.events_https_port'] !== 0) await this.#listenForEvents(parts, address);
  }

  async #listenForAgents(shared: HttpParts, address: string): Promise<void> {
    const { settings, stateDir } = this.#options;
    const certificate = await loadAgentCertificate(join(stateDir, 'agents'), address);
    const parts = { ...shared, onAuthenticated: (socket: Socket) => this.#clients.prove(socket) };
    const server = createAgentHttps(parts, certificate);
    // Connections of both listeners count towards one limit.
    new ConnectionGuard(server.server, this.#clients);
    const port = await openListener(server, {
      address,
      port: settings['provisioning.https_port'],
      purpose: 'messages of agents',
      setting: 'provisioning.https_port',
      addressSetting: 'provisioning.address',
    });
    this.#agentHttps = { server, port, certificate };
    server.server.on('error', this.#failed);
  }

  async #listenForEvents(shared: HttpParts, address: string): Promise<void> {
    const { settings, stateDir } = this.#options;
    const senders = new ConnectionTable(this.#connections.events);
    const parts = { ...shared, onAuthenticated: (socket: Socket) => senders.prove(socket) };
    const server = createEventHttps(parts, await loadEventCertificate(settings, join(stateDir, 'events')));
    new ConnectionGuard(server.server, senders);
    const port = await openListener(server, {
      address,
      port: settings['redfish.events_https_port'],
      purpose: 'events of BMCs',
      setting: 'redfish.events_https_port',
      addressSetting: 'provisioning.address',
    });
    this.#eventHttps = { server, port };
    server.server.on('error', this.#failed);
  }

  readonly #failed = (error: Error): void => {
    if (isPassing(error)) this.#options.log.warn({ err: error }, 'could not accept a connection of a machine');
    else this.#fail(error);
  };

  async #serveNetwork({ parts, events }: Front): Promise<void> {
    const { settings, log } = this.#options;
    const { plans, report } = parts;
    checkDhcpSettings(settings);
    await checkInterface(settings);
    const child = {
      settings,
      directory: this.#directory,
      log,
      onLine: (line: string) => events.take(line),
    };
    const deathOf = (kind: 'dhcp' | 'tftp') => (message: string) =>
      report({ kind, subject: 'dnsmasq', message, concernsWaiting: true });
    this.#tftp = new Tftp({ ...child, root: this.tftpRoot, plans, report, onDeath: deathOf('tftp') });
    this.#dhcp = new Dhcp({
      ...child,
      plans: this.#plans,
      ports: () => this.#ports,
      http_url: this.addresses.http_url,
      onDeath: deathOf('dhcp'),
    });
    await this.#tftp.start();
    await this.#dhcp.start();
    for (const { address, mac } of await this.#dhcp.leases()) this.#machines.learn(address, mac);
  }

  /** After a start: if a plan's source files are gone, it is served from the files already in place. */
  async #layAgain(): Promise<void> {
    const { log, settings, stateDir } = this.#options;
    for (const plan of this.#plans.all()) {
      await this.#files
        .lay(plan)
        .catch((error) => log.warn({ err: error, node: plan.node_uuid }, 'could not restore boot files'));
    }
    if (tftpRootOf(settings, stateDir) === ownTftpRoot(stateDir)) await this.#files.sweep(this.#plans.all());
  }

  /** The paths that no live plan needs. */
  #unused(paths: readonly string[], except?: BootPlan): string[] {
    const plans = this.#plans.all().filter((plan) => plan !== except);
    const needed = new Set(plans.flatMap(laidPaths));
    return paths.filter((path) => !needed.has(path));
  }

  async #inTurn(nodeUuid: string, work: () => Promise<void>): Promise<void> {
    const before = this.#turns.get(nodeUuid) ?? this.#started.promise;
    const turn = before.catch(() => {}).then(work);
    this.#turns.set(nodeUuid, turn);
    try {
      await turn;
    } finally {
      if (this.#turns.get(nodeUuid) === turn) this.#turns.delete(nodeUuid);
    }
  }
}

function spentPlan({ ipxe_script: _script, pxelinux_config: _config, ...plan }: BootPlan): BootPlan {
  return { ...plan, spent: true };
}

function agentsByHttp(settings: BootServerSettings): Parameters<typeof createHttp>[1] {
  if (!settings['provisioning.agent_https']) return 'all';
  return settings['provisioning.images_by_https'] ? 'nothing' : 'images';
}

function ownTftpRoot(stateDir: string): string {
  return join(stateDir, 'boot', 'tftp');
}

function tftpRootOf(settings: BootServerSettings, stateDir: string): string {
  return settings['provisioning.tftp_root'] ? resolve(settings['provisioning.tftp_root']) : ownTftpRoot(stateDir);
}
