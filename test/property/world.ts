/** Everything outside of Ingot's database: time, chance, machines, boot files, and the process that is killed and restarted. */
import { pino } from 'pino';
import type { BootPlan } from '#drivers/interfaces.ts';
import type { Engine } from '#engine/contract.ts';
import { createEngine } from '#engine/engine.ts';
import type { Settings } from '#settings.ts';
import type { Store } from '#store/store.ts';
import { IngotIsDown, isDatabaseFailure, type Machine, type Surroundings } from './contract.ts';
import { CrashingDatabase, type Fate, ProcessAccess } from './crashing-database.ts';
import type { FakeClock } from './fake-clock.ts';
import { noFetcher, roomDrivers, roomImages } from './room-drivers.ts';
import type { Random } from './seeded-random.ts';
import { SimulatedMachine } from './simulated-machine.ts';

const silent = pino({ level: 'silent' });

export type WorldParts = {
  clock: FakeClock;
  random: Random;
  template: Uint8Array;
  settings: Settings;
  machines: number;
  /** A file that stands for a config drive. */
  configDrive: string;
};

type Process = { access: ProcessAccess; store: Store; engine: Engine; ended: PromiseWithResolvers<never>; isUp: boolean };

export class World implements Surroundings {
  readonly clock: FakeClock;
  readonly random: Random;
  readonly database: CrashingDatabase;
  readonly machines: readonly SimulatedMachine[];
  readonly plans = new Map<string, BootPlan>();
  readonly settings: Settings;
  /** What must not have happened. */
  readonly violations: string[] = [];
  readonly log: string[] = [];
  /** Requests that have not been answered. */
  readonly pending = new Set<string>();
  /** Writes and BMC commands until the process is killed. */
  killIn: number | undefined;
  /** The database refuses this many writes. */
  refusals = 0;
  /** Until this time it refuses all. */
  fullUntil = 0;
  diskChanges = 0;
  #process: Process | undefined;
  readonly #configDrive: string;
  #isBuried = true;

  constructor(parts: WorldParts) {
    this.clock = parts.clock;
    this.random = parts.random;
    this.settings = parts.settings;
    this.#configDrive = parts.configDrive;
    this.database = new CrashingDatabase(parts.template);
    this.machines = Array.from({ length: parts.machines }, (_, index) => new SimulatedMachine(this, index + 1));
    for (const machine of this.machines) {
      machine.bmc.onCommand = (target) => this.#checkReserved(machine, target);
      machine.bmc.onSpoiled = (what) => this.violate(`machine ${machine.number}: ${what} while its firmware is being written`);
    }
  }

  note(text: string): void {
    const seconds = (this.clock.now - Date.UTC(2026, 0, 1)) / 1000;
    this.log.push(`${seconds.toFixed(1).padStart(9)} s  ${text}`);
  }

  violate(text: string): void {
    this.violations.push(text);
    this.note(`VIOLATED: ${text}`);
  }

  /** An error that is no refusal. */
  report(who: string, error: unknown): void {
    this.violate(`${who}: ${(error as Error).stack ?? String(error)}`);
  }

  /** Grows with each write of this process, and each change of a disk. */
  get changes(): number {
    return (this.#process?.access.writes ?? 0) + this.diskChanges;
  }

  get isUp(): boolean {
    return this.#process?.isUp === true && !this.#process.access.isDead;
  }

  get store(): Store | undefined {
    return this.#process?.store;
  }

  /** @throws IngotIsDown */
  async ask<T>(call: (engine: Engine) => Promise<T>): Promise<T> {
    const running = this.#process;
    if (!running || !this.isUp) throw new IngotIsDown();
    try {
      return await Promise.race([call(running.engine), running.ended.promise]);
    } catch (error) {
      throw running.access.isDead ? new IngotIsDown() : error;
    }
  }

  start(): void {
    const ended = Promise.withResolvers<never>();
    ended.promise.catch(() => {});
    const access = new ProcessAccess(
      () => this.#fate(),
      () => this.#died(),
    );
    const store = this.database.open(access);
    const engine = createEngine({
      store,
      settings: this.settings,
      drivers: roomDrivers(this, access),
      boot: this.#publisher(access),
      images: roomImages(this.#configDrive),
      fetcher: noFetcher,
      log: silent,
    });
    const running = { access, store, engine, ended, isUp: false };
    this.#process = running;
    this.#isBuried = false;
    this.note('Ingot starts');
    engine.start().then(
      () => {
        running.isUp = true;
      },
      (error: unknown) => this.#failedToStart(access, error),
    );
  }

  kill(): void {
    this.#process?.access.kill();
  }

  /** As by SIGTERM. */
  async stop(): Promise<void> {
    const running = this.#process;
    if (!running || !this.isUp) return;
    running.isUp = false;
    await running.engine.stop();
    await running.store.events.close().catch(() => {});
    running.access.kill();
  }

  /** Lets time pass up to the next timer. False: there is none until then. */
  async step(until: number): Promise<boolean> {
    const hasMoved = await this.clock.step(until);
    if (this.#process?.access.isDead && !this.#isBuried) {
      this.#isBuried = true;
      this.clock.dropTimersOfIngot();
    }
    return hasMoved;
  }

  bootTokenOf(nodeUuid: string | undefined): string | undefined {
    return /ingot\.token=([^\s"]+)/.exec(this.plans.get(nodeUuid ?? '')?.ipxe_script ?? '')?.[1];
  }

  otherMachine({ number }: Pick<Machine, 'number'>): SimulatedMachine {
    return this.machines[number % this.machines.length] as SimulatedMachine;
  }

  machineOf(nodeUuid: string): SimulatedMachine | undefined {
    return this.machines.find((machine) => machine.nodeUuid === nodeUuid);
  }

  close(): void {
    this.clock.dropTimersOfIngot();
    this.database.close();
  }

  /** A power command arrives while the operation that has sent it holds the node. */
  #checkReserved({ number, nodeUuid = '' }: SimulatedMachine, target: string): void {
    const sql = 'SELECT operation_id FROM nodes WHERE uuid = ? AND operation_id IS NOT NULL';
    if (this.database.read(sql, nodeUuid).length === 0) this.violate(`${target} of machine ${number} without an operation`);
  }

  #failedToStart(access: ProcessAccess, error: unknown): void {
    if (access.isDead) return;
    if (!isDatabaseFailure(error)) this.report('the start', error);
    access.kill();
  }

  #fate(): Fate {
    if (this.killIn !== undefined && --this.killIn < 0) {
      this.killIn = undefined;
      return 'die';
    }
    if (this.fullUntil > this.clock.now) return 'refuse';
    if (this.refusals === 0) return 'go on';
    this.refusals -= 1;
    return 'refuse';
  }

  #died(): void {
    this.note('Ingot ends');
    this.#process?.ended.reject(new IngotIsDown());
    this.clock.world(this.random.integer(10, 90) * 1000, () => this.start());
  }

  /** The machine gets its ramdisk once. */
  #spend(uuid: string): void {
    const { ipxe_script: _, ...rest } = this.plans.get(uuid) ?? {};
    if ('node_uuid' in rest) this.plans.set(uuid, rest as BootPlan);
  }

  #publisher(access: ProcessAccess) {
    const ifAlive = (act: () => void) => async () => {
      if (!access.isDead) act();
    };
    return {
      addresses: { http_url: 'http://192.0.2.1:8088', tftp_address: '192.0.2.1' },
      tftpRoot: '/nonexistent/tftp',
      publish: (plan: BootPlan) => ifAlive(() => this.plans.set(plan.node_uuid, plan))(),
      spend: (uuid: string) => ifAlive(() => this.#spend(uuid))(),
      withdraw: (uuid: string) => ifAlive(() => this.plans.delete(uuid))(),
      plannedNodes: () => [...this.plans.keys()],
    };
  }
}
