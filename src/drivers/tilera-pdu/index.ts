import { Fault } from '#domain/faults.ts';
import type { PowerInterface } from '../interfaces.ts';
import { createTileraPower, type TileraOptions } from './power.ts';

export type { TileraOptions } from './power.ts';

export type TileraPduDriver = {
  readonly power: PowerInterface;
  /** Kills the runs in progress. */
  close(): Promise<void>;
};

export function createTileraPduDriver(options: TileraOptions): TileraPduDriver {
  const stop = new AbortController();
  return {
    power: createTileraPower(options, stop.signal),
    close: async () => stop.abort(new Fault('interrupted', { what: 'The PDU manager', why: 'Ingot is stopping' })),
  };
}
