/** Shared by all interfaces of a fake machine: one BMC with latency and occasional failures. */
import { pause } from '#async/timers.ts';
import { Fault } from '#domain/faults.ts';
import type { CallOptions, NodeFacts } from '../interfaces.ts';
import { anyCommand, type Behaviour, type FakeSettings, readBehaviour } from './behaviour.ts';
import { FakeMachines } from './machines.ts';

/** Failures that affect every command. */
const wholeTable = {
  'bmc unreachable': (address: string) =>
    new Fault('bmcUnreachable', {
      address,
      attempts: 1,
      seconds: 0,
      detail: 'simulated timeout (fake_fail, fake_fail_rate)',
    }),
  'bmc refuses': (address: string) => new Fault('bmcRefused', { address, detail: 'simulated by fake_fail' }),
} as const;

export class FakeBmc {
  readonly machines = new FakeMachines();
  readonly #settings: FakeSettings;

  constructor(settings: FakeSettings) {
    this.#settings = settings;
  }

  behaviour(node: NodeFacts): Behaviour {
    return readBehaviour(node, this.#settings);
  }

  /** Waits for the latency of a command, then throws like a real BMC driver if the node is configured to fail it. */
  async ask(node: NodeFacts, command: string, { signal }: CallOptions = {}): Promise<Behaviour> {
    const behaviour = this.behaviour(node);
    const [least, most] = behaviour.delayMs;
    const ms = most > least ? least + (most - least) * this.machines.draw(node, behaviour.seed, 'delay') : most;
    await this.wait(ms, signal);
    const address = `fake:${node.name ?? node.uuid}`;
    for (const [name, fault] of Object.entries(wholeTable)) if (this.#fails(node, name, behaviour)) throw fault(address);
    const { failRates } = behaviour;
    if (this.#fails(node, command, behaviour, failRates.get(command) ?? failRates.get(anyCommand)))
      throw new Fault('bmcError', { address, command, detail: 'simulated failure (fake_fail)' });
    return behaviour;
  }

  /** A deploy step fails only by its own name. */
  failsStep(node: NodeFacts, step: string): boolean {
    return this.#fails(node, step, this.behaviour(node));
  }

  async wait(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms > 0) await pause(ms, signal, { ref: false });
  }

  #fails(node: NodeFacts, command: string, { fails, failRates, seed }: Behaviour, rate = failRates.get(command) ?? 0): boolean {
    return fails.includes(command) || (rate > 0 && this.machines.draw(node, seed, command) < rate);
  }
}
