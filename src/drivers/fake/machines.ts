/**
 * State of all fake machines, in memory. A machine is stored once it has been changed; beyond the limit the least
 * recently changed ones are evicted and have the state of their rows again.
 */
import type { Json } from '#domain/json.ts';
import type { PowerState } from '#domain/power-states.ts';
import type { BootDevice, BootMode, IndicatorState, LogEntry, MediaDevice, NodeFacts, RaidVolume } from '../interfaces.ts';

export type FakeMachine = {
  power?: PowerState;
  /** When a soft power off takes effect, on the monotonic clock (ms). */
  offAt?: number;
  boot?: { device: BootDevice; persistent: boolean };
  mode?: BootMode;
  secureBoot?: boolean;
  indicator?: IndicatorState;
  log?: LogEntry[];
  logged?: number;
  media?: Partial<Record<MediaDevice, string>>;
  bios?: Record<string, Json>;
  /** Pending settings, applied at the next boot. */
  biosPending?: Record<string, Json>;
  firmware?: Record<string, string>;
  volumes?: readonly RaidVolume[];
  /** Number of random draws so far, by purpose. */
  draws?: Record<string, number>;
};

const keptMax = 50_000;
const logMax = 16;

const unchanged: Readonly<FakeMachine> = {};

export class FakeMachines {
  readonly #machines = new Map<string, FakeMachine>();

  stateOf(node: Pick<NodeFacts, 'uuid'>): Readonly<FakeMachine> {
    return this.#machines.get(node.uuid) ?? unchanged;
  }

  change(node: Pick<NodeFacts, 'uuid'>): FakeMachine {
    const machine = this.#machines.get(node.uuid) ?? {};
    // Reinserted at the end: eviction starts with the least recently changed.
    this.#machines.delete(node.uuid);
    this.#machines.set(node.uuid, machine);
    const [oldest] = this.#machines.keys();
    if (this.#machines.size > keptMax && oldest !== undefined) this.#machines.delete(oldest);
    return machine;
  }

  power(node: Pick<NodeFacts, 'uuid' | 'power_state'>): PowerState {
    const { power, offAt } = this.stateOf(node);
    if (offAt !== undefined && performance.now() >= offAt) return 'power off';
    return power ?? node.power_state ?? 'power off';
  }

  /** The firmware boots and applies its pending settings. */
  setPower(node: NodeFacts, power: PowerState): void {
    const machine = this.change(node);
    delete machine.offAt;
    machine.power = power;
    if (power === 'power off') return;
    if (machine.boot && !machine.boot.persistent) delete machine.boot;
    if (machine.biosPending) machine.bios = { ...machine.bios, ...machine.biosPending };
    delete machine.biosPending;
  }

  note(node: NodeFacts, entry: Omit<LogEntry, 'id' | 'at'>): void {
    const machine = this.change(node);
    machine.logged = (machine.logged ?? 0) + 1;
    const log = machine.log ?? [];
    log.push({ id: String(machine.logged), at: new Date().toISOString(), ...entry });
    machine.log = log.slice(-logMax);
  }

  /** Number from 0 to 1, deterministic for the same seed, machine, matter and number of the draw. */
  draw(node: Pick<NodeFacts, 'uuid'>, seed: number, matter: string): number {
    const machine = this.change(node);
    machine.draws ??= {};
    const count = machine.draws[matter] ?? 0;
    machine.draws[matter] = count + 1;
    return chance(`${seed} ${node.uuid} ${matter} ${count}`);
  }
}

/** FNV-1a, then the finaliser of MurmurHash3 (32 bit), which spreads inputs that differ in one letter. */
export function chance(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
