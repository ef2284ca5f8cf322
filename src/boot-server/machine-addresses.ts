/** Which MAC has which address, so that TFTP and HTTP requests can be told to belong to a machine. */
import type { Plans } from './plans.ts';

export class MachineAddresses {
  readonly #leased = new Map<string, string>();
  readonly #plans: Plans;

  constructor(plans: Plans) {
    this.#plans = plans;
  }

  /** DHCP gave `address` to `mac`. */
  learn(address: string, mac: string): void {
    this.#leased.set(address, mac);
  }

  forget(address: string): void {
    this.#leased.delete(address);
  }

  /** The latest lease, else the fixed address of a live plan. */
  macOf(address: string): string | undefined {
    return this.#leased.get(address) ?? this.#fixed(address);
  }

  #fixed(address: string): string | undefined {
    for (const plan of this.#plans.all()) {
      const entry = plan.macs.find((candidate) => candidate.address === address);
      if (entry) return entry.mac;
    }
    return undefined;
  }
}
