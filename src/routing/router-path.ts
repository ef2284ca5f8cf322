/**
 * The data path of routers: a network namespace of this host for each, kept as the rows say. Woken by writes to the rows, by a
 * timer, and after failures. See docs/decisions/0077-routers-in-namespaces.md.
 */
import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import { Semaphore } from '#async/semaphore.ts';
import { LongTimer } from '#async/timers.ts';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import type { Store } from '#store/store.ts';
import type { FloatingIp } from '#store/tables/floating-ips.ts';
import type { Port } from '#store/tables/ports.ts';
import { type Applied, failed, firstRetryMs, isDue, longestRetryMs } from './applied.ts';
import { bringUp, type HostLink, readHostLinks } from './bring-up.ts';
import { checkHost, hostAddresses, wiresOf } from './host-check.ts';
import { Namespaces } from './namespace.ts';
import { type Limits, rulesetOf } from './ruleset.ts';
import type { RoutingSettings } from './settings.ts';
import { type RouterRows, readRouters, type WantedRouter } from './wanted.ts';

const tables = ['routers', 'router_ports', 'ports', 'subnets', 'floating_ips', 'port_forwardings'] as const;
/** What is written together is applied together. */
const gatherMs = 50;
/** Ports are also written for other reasons. */
const shortestIntervalMs = 1000;
/** Each runs a few programs, one after another. */
const routersAtOnce = 2;
const removeMs = 10_000;
const mostFailuresShown = 20;

type Pass = { readonly host: ReadonlyMap<string, HostLink>; readonly limits: Limits; readonly isCheck: boolean };
type Parts = { readonly store: Store; readonly settings: RoutingSettings; readonly log: Pick<Logger, 'info' | 'warn' | 'error'> };

export class RouterPath {
  readonly #parts: Parts;
  readonly #namespaces: Namespaces;
  readonly #known = new Map<string, Applied>();
  readonly #stop = new AbortController();
  readonly #next = new LongTimer();
  readonly #check = new LongTimer();
  #unlisten = () => {};
  #running: Promise<void> | undefined;
  /** When the next run begins, as `performance.now()`, and what for; undefined: nothing is due. */
  #due: { readonly at: number; readonly isCheck: boolean } | undefined;
  #lastStart = Number.NEGATIVE_INFINITY;
  #retryMs = firstRetryMs;
  /** The last run came to its end. */
  #works = true;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#namespaces = new Namespaces(parts.settings.state_dir);
  }

  /** Begins; does not wait for the routers. @throws Fault `badRequest` if this host lacks something */
  async start(): Promise<void> {
    await checkHost(this.#parts.settings);
    this.#unlisten = this.#parts.store.onWrite(tables, () => this.#wake(gatherMs));
    this.#wake(0, true);
    this.#checkLater();
  }

  /** The namespaces stay, and go on forwarding. */
  async stop(): Promise<void> {
    this.#unlisten();
    this.#stop.abort(new Error('Ingot ends'));
    this.#next.clear();
    this.#check.clear();
    await this.#running;
  }

  #checkLater(): void {
    const seconds = this.#parts.settings['network.router_check_interval'];
    if (seconds === 0) return;
    this.#check.set(seconds * 1000, () => {
      this.#wake(0, true);
      this.#checkLater();
    });
  }

  /** A run that is due later begins earlier, such as one that repeats what failed. */
  #wake(ms: number, isCheck = false): void {
    if (this.#stop.signal.aborted) return;
    const at = Math.max(performance.now() + ms, this.#lastStart + shortestIntervalMs);
    const before = this.#due;
    this.#due = { at: Math.min(at, before?.at ?? at), isCheck: isCheck || (before?.isCheck ?? false) };
    if (!this.#running && this.#due.at !== before?.at) this.#next.set(this.#due.at - performance.now(), () => this.#begin());
  }

  #begin(): void {
    const isCheck = this.#due?.isCheck ?? false;
    this.#due = undefined;
    this.#lastStart = performance.now();
    this.#running = this.#run(isCheck)
      .then((isDone) => {
        this.#works = true;
        return isDone;
      })
      .catch((error: unknown) => {
        this.#works = false;
        if (!this.#stop.signal.aborted)
          this.#parts.log.error({ err: error }, 'could not compare the routers with their data path; retrying');
        return false;
      })
      .then((isDone) => {
        this.#running = undefined;
        if (isDone) this.#retryMs = firstRetryMs;
        else this.#retry();
        this.#retryRouters();
        const due = this.#due;
        this.#due = undefined;
        if (due) this.#wake(due.at - performance.now(), due.isCheck);
      });
  }

  #retry(): void {
    this.#wake(this.#retryMs);
    this.#retryMs = Math.min(2 * this.#retryMs, longestRetryMs);
  }

  #retryRouters(): void {
    const due = [...this.#known.values()].flatMap(({ retry }) => retry?.at ?? []);
    if (due.length > 0) this.#wake(Math.max(0, Math.min(...due) - performance.now()));
  }

  /** What operators see of it; undefined: it does not work. */
  async configurations(): Promise<JsonObject | undefined> {
    if (!this.#works) return undefined;
    const { store, settings } = this.#parts;
    const failing = [...this.#known].flatMap(([id, { failure }]) => (failure === undefined ? [] : [[id, failure] as const]));
    return {
      agent_mode: 'legacy',
      interface_driver: 'veth',
      external_interface: settings['network.router'],
      routers: this.#known.size,
      ex_gw_ports: await store.router_ports.count({ kind: 'gateway' }),
      interfaces: await store.router_ports.count({ kind: 'interface' }),
      floating_ips: await store.floating_ips.count(),
      failing_routers: Object.fromEntries(failing.slice(0, mostFailuresShown)),
    };
  }

  async #run(isCheck: boolean): Promise<boolean> {
    try {
      return await this.#bringAllUp(isCheck);
    } finally {
      if (!this.#stop.signal.aborted) await this.#setRouters();
    }
  }

  /** @returns whether nothing has to be done again, except for routers that tell so */
  async #bringAllUp(isCheck: boolean): Promise<boolean> {
    const { signal } = this.#stop;
    const { settings, store } = this.#parts;
    const { routers, idle, unreadable } = await readRouters(store);
    const before = new Map(this.#known);
    const areGone = await this.#removeOthers(new Set(routers.map(({ wanted }) => wanted.id)));
    for (const { id, reason } of unreadable) {
      const unread: Applied = { digest: '', failure: reason };
      this.#known.set(id, unread);
      this.#report(id, before.get(id), unread);
    }
    for (const floating of idle.floating) await this.#setFloating(floating, 'DOWN');
    for (const port of idle.ports) await this.#setPort(port, 'DOWN');
    if (routers.length === 0) return areGone;
    const host = await readHostLinks(signal);
    const limits = { hostAddresses: hostAddresses(settings), allowed: settings['network.router_private'] };
    const slots = new Semaphore(routersAtOnce);
    const done = routers.map((rows) => slots.run(() => this.#bringUp(rows, { host, limits, isCheck }), signal));
    const results = await Promise.allSettled(done);
    const broken = results.find((result) => result.status === 'rejected');
    if (broken) throw broken.reason;
    return areGone;
  }

  /** One that cannot be removed holds up no other. @returns whether all are gone */
  async #removeOthers(wanted: ReadonlySet<string>): Promise<boolean> {
    const { log } = this.#parts;
    const { signal } = this.#stop;
    for (const id of this.#known.keys()) if (!wanted.has(id)) this.#known.delete(id);
    const others = (await this.#namespaces.list()).filter((id) => !wanted.has(id));
    const slots = new Semaphore(routersAtOnce);
    const remove = async (router: string) => {
      const error = await this.#namespaces.remove(router, signal).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      signal.throwIfAborted();
      if (error === undefined) log.info({ router }, 'ended the data path of a router');
      else log.error({ err: error, router }, 'could not end the data path of a router; retrying');
      return error === undefined;
    };
    const done = await Promise.all(others.map((id) => slots.run(() => remove(id), signal)));
    return done.every(Boolean);
  }

  async #bringUp(rows: RouterRows, { host, limits, isCheck }: Pass): Promise<void> {
    const { id } = rows.wanted;
    // Not of the rules, which may be long, and follow from these.
    const digest = createHash('sha256')
      .update(JSON.stringify([rows.wanted, limits]))
      .digest('base64');
    const known = this.#known.get(id);
    const isSame = known?.digest === digest;
    if (isCheck || isDue(known, { digest, now: performance.now() })) {
      const applied: Applied = await this.#apply(rows.wanted, { limits, host, loaded: isSame ? known.loaded : undefined }).then(
        (loaded) => ({ digest, loaded }),
        (error: unknown) =>
          failed(known, { digest, now: performance.now() }, error instanceof Fault ? error.message : String(error)),
      );
      this.#stop.signal.throwIfAborted();
      this.#known.set(id, applied);
      this.#report(id, known, applied);
    }
    const isUp = this.#known.get(id)?.failure === undefined;
    for (const floating of rows.floating) await this.#setFloating(floating, isUp ? 'ACTIVE' : 'ERROR');
    for (const port of rows.ports) await this.#setPort(port, isUp ? 'ACTIVE' : 'DOWN');
  }

  /** @throws Fault `toolFailed` */
  async #apply(
    router: WantedRouter,
    { limits, host, loaded }: Pick<Pass, 'limits' | 'host'> & { loaded: string | undefined },
  ): Promise<string> {
    const { settings } = this.#parts;
    const options = { namespaces: this.#namespaces, router, loaded, wires: wiresOf(settings), host, signal: this.#stop.signal };
    return bringUp({ ...options, rules: rulesetOf(router, limits) });
  }

  #report(router: string, before: Applied | undefined, { failure }: Applied): void {
    const { log } = this.#parts;
    if (failure === undefined) {
      if (!before || before.failure !== undefined) log.info({ router }, 'a router forwards packets');
    } else if (failure !== before?.failure) {
      log.error({ router, reason: failure }, 'a router does not forward as it should; retrying');
    }
  }

  /** A router whose data path is not as it should be is ERROR. */
  async #setRouters(): Promise<void> {
    const { routers } = this.#parts.store;
    const failing = new Set([...this.#known].flatMap(([id, { failure }]) => (failure === undefined ? [] : [id])));
    for (const { id } of await routers.pick(['id'], { status: 'ERROR' }))
      if (!failing.delete(id)) await routers.update({ id }, { status: 'ACTIVE' });
    for (const id of failing) await routers.update({ id }, { status: 'ERROR' });
  }

  /** Not if it was changed since it was read: the change has woken us. */
  async #setFloating({ id, status: before, revision_number }: FloatingIp, status: FloatingIp['status']): Promise<void> {
    if (before !== status) await this.#parts.store.floating_ips.update({ id, revision_number }, { status });
  }

  async #setPort({ id, status: before }: Port, status: Port['status']): Promise<void> {
    if (before !== status) await this.#parts.store.ports.update({ id }, { status });
  }
}

/** Without the setting `network.router`: nothing of an earlier data path stays. */
export async function endRouterPath({ store, settings, log }: Parts): Promise<void> {
  const namespaces = new Namespaces(settings.state_dir);
  for (const id of await namespaces.list())
    await namespaces.remove(id, AbortSignal.timeout(removeMs)).catch((error: unknown) => {
      log.warn(
        { err: error, router: id },
        `the namespace of a router stays: run "busybox umount ${namespaces.fileOf(id)}" as root`,
      );
    });
  await store.routers.update({ status: 'ERROR' }, { status: 'ACTIVE' });
  await store.floating_ips.update({ status: ['ACTIVE', 'ERROR'] }, { status: 'DOWN' });
  const ports = (await store.router_ports.pick(['port_id'])).map(({ port_id }) => port_id);
  for (const id of ports) await store.ports.update({ id, status: 'ACTIVE' }, { status: 'DOWN' });
}
