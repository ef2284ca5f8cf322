/**
 * A machine: power, a disk that carries the mark of the tenant whose data is on it, and firmware that acts on the
 * published boot plan.
 */
import type { PowerState } from '#domain/power-states.ts';
import type { Machine, SimulatedDisk, Surroundings } from './contract.ts';
import { type AgentMood, runAgent } from './simulated-agent.ts';
import { SimulatedBmc } from './simulated-bmc.ts';

const lateSeconds = 5000;

export class SimulatedMachine implements Machine {
  readonly world: Surroundings;
  readonly number: number;
  readonly bmc: SimulatedBmc;
  readonly disk: SimulatedDisk;
  /** The moods of the next boots; without one, its agent does its work. */
  readonly moods: AgentMood[] = [];
  /** Undefined: it is not enrolled. */
  nodeUuid: string | undefined;
  #boot: AbortController | undefined;

  constructor(world: Surroundings, number: number) {
    this.world = world;
    this.number = number;
    this.disk = { serial: `disk-${number}`, mark: undefined, isBootable: false };
    this.bmc = new SimulatedBmc(`bmc-${number}`, { clock: world.clock, random: world.random, chassis: this });
  }

  get mac(): string {
    return `52:54:00:00:00:0${this.number}`;
  }

  get address(): string {
    return `10.0.0.${this.number}`;
  }

  get power(): PowerState {
    return this.#boot ? 'power on' : 'power off';
  }

  setPower(on: boolean, restarts = false): void {
    if (this.#boot && (!on || restarts)) {
      this.#boot.abort();
      this.#boot = undefined;
    }
    if (on && !this.#boot) this.#start();
  }

  #start(): void {
    const boot = new AbortController();
    this.#boot = boot;
    const mood = this.moods.shift() ?? 'works';
    const { clock, random } = this.world;
    const seconds = mood === 'boots late' ? lateSeconds : random.integer(20, 120);
    if (mood !== 'never boots') clock.world(seconds * 1000, () => this.#load(boot.signal, mood));
  }

  /** As firmware that tries the network first, unless the BMC says otherwise. */
  #load(boot: AbortSignal, mood: AgentMood): void {
    if (boot.aborted) return;
    const { bootDevice } = this.bmc;
    if (bootDevice && !bootDevice.persistent) this.bmc.bootDevice = undefined;
    const token = this.world.bootTokenOf(this.nodeUuid);
    if (token === undefined || (bootDevice?.device === 'disk' && this.disk.isBootable)) return;
    void runAgent({ machine: this, boot, mood, token });
  }
}
