/** A BMC as seen by its driver: latency, and troubles that last for a time. */
import { raceAbort } from '#async/abort.ts';
import { Fault } from '#domain/faults.ts';
import type { PowerState } from '#domain/power-states.ts';
import type { CallOptions, NodeFacts, PowerTarget } from '#drivers/interfaces.ts';
import type { FakeClock } from './fake-clock.ts';
import type { Random } from './seeded-random.ts';

/**
 * `late`: no response, although the command takes effect. `stuck`: commands are accepted without effect. `lies`: reports
 * the other power state.
 */
export const bmcTroubles = ['unreachable', 'hangs', 'refuses', 'fails', 'late', 'stuck', 'lies'] as const;
export type BmcTrouble = (typeof bmcTroubles)[number];

/** What its commands act on. */
export type Chassis = { readonly power: PowerState; setPower(on: boolean, restarts: boolean): void };

/** The process that asks. A killed one gets no answer, and what it has not sent is never sent. */
export type Caller = {
  readonly isDead: boolean;
  /** A moment at which the process may be killed. */
  mayDie(): void;
};

const never = () => new Promise<never>(() => {});
/** Longer than this no driver waits (milliseconds). */
const hangMs = 14_000;

export class SimulatedBmc {
  readonly name: string;
  password = 'first';
  bootDevice: { device: 'pxe' | 'disk'; persistent: boolean } | undefined;
  /** Power commands that have arrived. */
  onCommand: (target: string) => void = () => {};
  /** What must not happen while firmware is being written. */
  onSpoiled: (what: string) => void = () => {};
  readonly #outcomes = new Map<string, 'done' | 'failed'>();
  readonly #clock: FakeClock;
  readonly #random: Random;
  readonly #chassis: Chassis;
  #update: { task: string; until: number; fails: boolean } | undefined;
  #updates = 0;
  #version = 1;
  #trouble: { kind: BmcTrouble; until: number } | undefined;

  constructor(name: string, parts: { clock: FakeClock; random: Random; chassis: Chassis }) {
    this.name = name;
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#chassis = parts.chassis;
  }

  /** @param seconds infinite: until it is cured */
  trouble(kind: BmcTrouble, seconds: number): void {
    this.#trouble = { kind, until: this.#clock.now + seconds * 1000 };
  }

  restart(): void {
    this.#finishUpdate();
    if (this.#update) this.onSpoiled('a restart of the BMC');
    this.trouble('unreachable', 60);
  }

  cure(): void {
    this.#trouble = undefined;
  }

  get #kind(): BmcTrouble | undefined {
    return this.#trouble && this.#trouble.until > this.#clock.now ? this.#trouble.kind : undefined;
  }

  async getPower(caller: Caller, node: NodeFacts, options: CallOptions = {}): Promise<PowerState> {
    await this.#exchange(caller, node, options);
    const { power } = this.#chassis;
    if (this.#kind !== 'lies') return power;
    return power === 'power on' ? 'power off' : 'power on';
  }

  async setPower(caller: Caller, node: NodeFacts, target: PowerTarget): Promise<void> {
    await this.#command(caller, node, () => {
      this.onCommand(target);
      if (this.#kind === 'stuck') return;
      const isOff = target === 'power off' || target === 'soft power off';
      this.#finishUpdate();
      if (this.#update && target !== 'power on') this.onSpoiled(target);
      this.#chassis.setPower(!isOff, target === 'reset' || target === 'power cycle');
    });
  }

  async setBootDevice(caller: Caller, node: NodeFacts, device: string, persistent: boolean): Promise<void> {
    await this.#command(caller, node, () => {
      if (device === 'pxe' || device === 'disk') this.bootDevice = { device, persistent };
    });
  }

  async changePassword(caller: Caller, node: NodeFacts, password: string): Promise<void> {
    await this.#command(caller, node, () => {
      this.password = password;
    });
  }

  async read<T>(caller: Caller, node: NodeFacts, options: CallOptions | undefined, value: () => T): Promise<T> {
    await this.#exchange(caller, node, options);
    return value();
  }

  async readVersion(caller: Caller, node: NodeFacts, options?: CallOptions): Promise<string> {
    return this.read(caller, node, options, () => {
      this.#finishUpdate();
      return `${this.#version}`;
    });
  }

  /** @returns the task */
  async startUpdate(caller: Caller, node: NodeFacts): Promise<string> {
    let task = '';
    await this.#command(caller, node, () => {
      this.#finishUpdate();
      if (this.#update) this.onSpoiled('another update arrived');
      this.#updates += 1;
      task = `task ${this.#updates}`;
      const seconds = this.#random.pick([10, 300, 3000]);
      this.#update = { task, until: this.#clock.now + seconds * 1000, fails: this.#random.chance(0.2) };
      this.#outcomes.set(task, this.#update.fails ? 'failed' : 'done');
    }).catch((error: unknown) => {
      // What it has accepted it does not refuse; its answer is lost.
      if (task === '') throw error;
      throw new Fault('bmcUnreachable', { device: 'BMC', address: this.name, attempts: 1, seconds: 1, detail: 'simulated' });
    });
    return task;
  }

  pollUpdate(caller: Caller, node: NodeFacts, task: string, options?: CallOptions): Promise<'working' | 'done' | 'failed'> {
    return this.read(caller, node, options, () => {
      this.#finishUpdate();
      return this.#update?.task === task ? 'working' : (this.#outcomes.get(task) ?? 'failed');
    });
  }

  #finishUpdate(): void {
    if (!this.#update || this.#update.until > this.#clock.now) return;
    if (!this.#update.fails) this.#version += 1;
    this.#update = undefined;
  }

  /** The process may be killed before the request is sent, and before its response arrives. */
  async #command(caller: Caller, node: NodeFacts, act: () => void): Promise<void> {
    caller.mayDie();
    if (caller.isDead) return never();
    const isLate = this.#kind === 'late';
    const isEarly = isLate || this.#random.chance(0.5);
    if (isEarly && this.#accepts(node) && !this.#isSilent) act();
    caller.mayDie();
    await this.#exchange(caller, node, {});
    if (!isEarly) act();
  }

  get #isSilent(): boolean {
    return this.#kind === 'unreachable' || this.#kind === 'hangs' || this.#kind === 'fails';
  }

  #accepts({ driver_info }: NodeFacts): boolean {
    return this.#kind !== 'refuses' && driver_info['room_password'] === this.password;
  }

  async #exchange(caller: Caller, node: NodeFacts, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const ms = this.#kind === 'hangs' ? hangMs : this.#random.pick([5, 50, 500, 3500]);
    await raceAbort(this.#clock.pause(ms), signal);
    if (caller.isDead) return never();
    const address = this.name;
    if (this.#kind === 'unreachable' || this.#kind === 'hangs' || this.#kind === 'late')
      throw new Fault('bmcUnreachable', { device: 'BMC', address, attempts: 3, seconds: ms / 1000, detail: 'simulated' });
    if (!this.#accepts(node)) throw new Fault('bmcRefused', { device: 'BMC', address, detail: 'simulated' });
    if (this.#kind === 'fails')
      throw new Fault('bmcError', { device: 'BMC', address, command: 'a command', detail: 'simulated' });
  }
}
