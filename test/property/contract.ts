/** What the parts of the simulation know of each other. */
import type { Engine } from '#engine/contract.ts';
import type { Settings } from '#settings.ts';
import type { FakeClock } from './fake-clock.ts';
import type { Random } from './seeded-random.ts';
import type { SimulatedBmc } from './simulated-bmc.ts';

export type SimulatedDisk = {
  readonly serial: string;
  /** The operation that has written a tenant's data to it. */
  mark: string | undefined;
  isBootable: boolean;
};

/** As its agent and its BMC's driver see it. */
export type Machine = {
  readonly world: Surroundings;
  readonly number: number;
  readonly mac: string;
  readonly address: string;
  readonly disk: SimulatedDisk;
  readonly bmc: SimulatedBmc;
  setPower(on: boolean, restarts?: boolean): void;
};

export type Surroundings = {
  readonly clock: FakeClock;
  readonly random: Random;
  readonly settings: Settings;
  /** @throws IngotIsDown */
  ask<T>(call: (engine: Engine) => Promise<T>): Promise<T>;
  /** An error that is no refusal. */
  report(who: string, error: unknown): void;
  /** The token that the node's published boot files contain. */
  bootTokenOf(nodeUuid: string | undefined): string | undefined;
  machineOf(nodeUuid: string): Machine | undefined;
  otherMachine(than: Pick<Machine, 'number'>): Machine;
};

export class IngotIsDown extends Error {}

export function isDatabaseFailure(error: unknown): boolean {
  return error instanceof Error && (error as { code?: string }).code === 'ERR_SQLITE_ERROR';
}
