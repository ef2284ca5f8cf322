/** Maps addresses to MACs, to identify the machine that sent a request. */
import { readFile } from 'node:fs/promises';
import type { Requester } from '#domain/requesters.ts';
import type { Plans } from './plans.ts';

type Options = {
  plans: Plans;
  /** Whether Ingot serves DHCP here. */
  isServed: boolean;
  /** Text of /proc/net/arp; tests inject their own. */
  readNeighbours?: () => Promise<string>;
};

export class MachineAddresses {
  readonly #leased = new Map<string, string>();
  readonly #plans: Plans;
  readonly #isServed: boolean;
  readonly #readNeighbours: () => Promise<string>;

  constructor({ plans, isServed, readNeighbours = () => readFile('/proc/net/arp', 'utf8') }: Options) {
    this.#plans = plans;
    this.#isServed = isServed;
    this.#readNeighbours = readNeighbours;
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
    return this.#leased.get(address) ?? this.#plans.ownerOf(address);
  }

  /** Includes the kernel's neighbour table: an address can be used without a DHCP lease. */
  async requester(address: string): Promise<Requester> {
    const promised = this.macOf(address);
    const seen = neighbourIn(await this.#readNeighbours().catch(() => ''), address);
    return { address, macs: [promised, seen].filter((mac) => mac !== undefined), isServed: this.#isServed };
  }

  /**
   * The machine of `macOf`, unless the neighbour table has another MAC for the address: then the request is not its
   * own.
   */
  async machineAt(address: string): Promise<string | undefined> {
    const [mac, ...others] = new Set((await this.requester(address)).macs);
    return others.length === 0 && mac === this.macOf(address) ? mac : undefined;
  }

  /** As `macOf`; for an address not leased here, the MAC in the neighbour table. */
  async likelyMacOf(address: string): Promise<string | undefined> {
    return this.macOf(address) ?? neighbourIn(await this.#readNeighbours().catch(() => ''), address);
  }
}

/** ATF_COM of if_arp.h: the entry is complete. */
const isComplete = 0x02;

/**
 * proc(5): `IP address, HW type, Flags, HW address, Mask, Device`; type 0x1 is Ethernet. InfiniBand addresses are
 * truncated.
 */
export function neighbourIn(table: string, address: string): string | undefined {
  for (const line of table.split('\n')) {
    const [ip, type, flags, mac] = line.trim().split(/\s+/);
    if (ip === address && type === '0x1' && Number(flags) & isComplete) return mac?.toLowerCase();
  }
  return undefined;
}
