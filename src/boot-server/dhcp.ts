/**
 * DHCP for the machines of live plans and for network ports, by dnsmasq. `sync` applies them to dnsmasq with the least disruption:
 * nothing, SIGHUP, or a restart if the firmware of a MAC changed (a tag; see dnsmasq-config.ts) or a conflicting lease
 * cannot be released. Changes requested during a sync are batched into the next one.
 */

import { join } from 'node:path';
import { Fault } from '#domain/faults.ts';
import type { BootPlan } from '#drivers/interfaces.ts';
import type { PortAddress } from '#engine/contract.ts';
import { writeAtomically } from '#files/write-atomically.ts';
import { type Lease, readLeases, removeLeases, sendReleases, staleLeases } from './dhcp-leases.ts';
import { clientNames, type DhcpFiles, renderDhcpConfig, renderHosts, renderOptions } from './dnsmasq-config.ts';
import { DnsmasqProcess } from './dnsmasq-process.ts';
import type { Log } from './parts.ts';
import type { Plans } from './plans.ts';
import type { BootServerSettings } from './settings.ts';

export type DhcpOptions = {
  settings: BootServerSettings;
  http_url: string;
  plans: Plans;
  /** Of network ports of deployed machines. */
  ports: () => readonly PortAddress[];
  /** Folder of the configuration, hosts and options files, leases and pid file. */
  directory: string;
  log: Log;
  onLine(line: string): void;
  onDeath(message: string): void;
};

/** What dnsmasq reads. */
type Files = { config: string; hosts: string; options: string };

const syncMs = 30_000;
const reloadMs = 5_000;
const releaseMs = 1_000;

export class Dhcp {
  readonly #options: DhcpOptions;
  readonly #files: DhcpFiles & { config: string };
  readonly #process: DnsmasqProcess;
  /** By `clientNames`. Keeps clients without a plan: their tag is harmless, and its removal would cost a restart. */
  readonly #firmware = new Map<string, BootPlan['firmware']>();
  /** MACs with a tag for options: those of plans get it in the same restart, others when they first have options. */
  readonly #tagged = new Set<string>();
  #served: Files = { config: '', hosts: '', options: '' };
  #stopped = false;
  #running: Promise<void> | undefined;
  #queued: Promise<void> | undefined;

  constructor(options: DhcpOptions) {
    const { directory, log, onLine, onDeath } = options;
    const file = (name: string) => join(directory, name);
    this.#options = options;
    this.#files = {
      config: file('dhcp.conf'),
      hosts: file('dhcp-hosts'),
      options: file('dhcp-options'),
      leases: file('dhcp-leases'),
      pid: file('dhcp.pid'),
    };
    this.#process = new DnsmasqProcess({
      title: 'DHCP',
      capabilities: ['net_bind_service', 'net_raw', 'net_admin'],
      config: this.#files.config,
      pid: this.#files.pid,
      ready: this.#filesRead(),
      log,
      prepare: () => this.#prepare(),
      onLine,
      onDeath,
    });
  }

  start(): Promise<void> {
    return this.#process.start();
  }

  get isUp(): boolean {
    return this.#process.pid !== undefined;
  }

  leases(): Promise<Lease[]> {
    return readLeases(this.#files.leases);
  }

  /** Plans published from now on are served after the next start. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running?.catch(() => {});
    await this.#process.stop();
  }

  /** Resolves when dnsmasq serves the current plans. Throws `toolFailed` after 30 s. */
  sync(): Promise<void> {
    this.#queued ??= this.#after(this.#running);
    return this.#queued;
  }

  async #after(running: Promise<void> | undefined): Promise<void> {
    await running?.catch(() => {});
    const run = this.#sync(AbortSignal.timeout(syncMs));
    this.#running = run;
    this.#queued = undefined;
    await run;
  }

  async #sync(signal: AbortSignal): Promise<void> {
    while (!this.#stopped) {
      await this.#process.untilUp(signal).catch(() => {
        throw new Fault('toolFailed', { tool: 'dnsmasq (DHCP)', detail: 'it does not run; the log says why' });
      });
      if (await this.#bringUpToDate()) return;
      if (signal.aborted)
        throw new Fault('toolFailed', { tool: 'dnsmasq (DHCP)', detail: 'it does not take up the boot plans; the log says why' });
    }
  }

  /** @returns whether dnsmasq now serves the plans; false if it must first come up after a restart or crash */
  async #bringUpToDate(): Promise<boolean> {
    const wanted = this.#render();
    if (wanted.config !== this.#served.config) return this.#restart();
    if (wanted.hosts !== this.#served.hosts || wanted.options !== this.#served.options) {
      await this.#write(wanted);
      if (!(await this.#process.reload(this.#filesRead(), reloadMs))) return false;
      this.#served = wanted;
    }
    return (await this.#release()) || this.#restart();
  }

  async #restart(): Promise<false> {
    await this.#process.restart();
    return false;
  }

  /** While dnsmasq is stopped: writes the files it will read, without conflicting leases. */
  async #prepare(): Promise<void> {
    const wanted = this.#render();
    await this.#write(wanted);
    const stale = await this.#staleLeases();
    if (stale.length > 0) await removeLeases(this.#files.leases, stale);
    this.#served = wanted;
  }

  /** @returns whether no conflicting lease is left */
  async #release(): Promise<boolean> {
    const stale = await this.#staleLeases();
    if (stale.length === 0) return true;
    const last = stale.at(-1)?.address ?? '';
    const seen = this.#process.expect(new RegExp(`DHCPRELEASE\\(.*\\) ${last.replaceAll('.', '\\.')} `), releaseMs);
    await sendReleases(this.#options.settings['provisioning.address'], stale);
    // dnsmasq writes the file at the end of the loop iteration that logs; a lease not released by then stays.
    if (await seen) return true;
    this.#options.log.warn({ leases: stale.length }, 'could not release leases (is lo up?); restarting DHCP without them');
    return false;
  }

  async #staleLeases(): Promise<Lease[]> {
    return staleLeases(await this.leases(), this.#all());
  }

  /** Plans, which win over ports: later ones do. A port's MAC boots nothing from the network. */
  #all(): Pick<BootPlan, 'macs' | 'firmware'>[] {
    const { plans, ports } = this.#options;
    return [{ macs: ports(), firmware: 'none' }, ...plans.all()];
  }

  #render(): Files {
    const { settings, http_url, ports, plans } = this.#options;
    const all = this.#all();
    for (const { macs, firmware } of all) for (const name of macs.flatMap(clientNames)) this.#firmware.set(name, firmware);
    for (const { macs } of plans.all()) for (const { mac } of macs) this.#tagged.add(mac);
    for (const { mac, options } of ports()) if (options.length > 0) this.#tagged.add(mac);
    const tables = { files: this.#files, firmware: this.#firmware, tagged: this.#tagged };
    return {
      config: renderDhcpConfig({ settings, http_url, ...tables }),
      hosts: renderHosts(settings, all),
      options: renderOptions(ports(), plans.all()),
    };
  }

  async #write({ config, hosts, options }: Files): Promise<void> {
    await writeAtomically(this.#files.config, config);
    await writeAtomically(this.#files.hosts, hosts);
    await writeAtomically(this.#files.options, options);
  }

  /** dnsmasq reads the options after the hosts. */
  #filesRead(): RegExp {
    return new RegExp(`\\bread ${RegExp.escape(this.#files.options)}$`);
  }
}
