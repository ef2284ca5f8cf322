/** A machine with several power cords: on while any of them is on, off when none is. */
import { Fault } from '#domain/faults.ts';
import type { PowerState } from '#domain/power-states.ts';
import type { CallOptions } from './interfaces.ts';

export type PowerCord = {
  /** Display name: `outlet 3 of the PDU at 192.0.2.1`. */
  readonly name: string;
  readonly state: Promise<PowerState>;
};

/** Sends a notice for cords that are off while the machine is on. Throws the first error if no cord is known as on. */
export async function stateByCords(cords: readonly PowerCord[], { signal, notice }: CallOptions): Promise<PowerState> {
  const states = await Promise.allSettled(cords.map(({ state }) => state));
  signal?.throwIfAborted();
  const isOn = states.some((state) => state.status === 'fulfilled' && state.value === 'power on');
  if (!isOn) {
    throwFirst(states);
    return 'power off';
  }
  const odd = states.flatMap((state, at) => reportOddCords(state, cords[at]?.name ?? ''));
  if (odd.length > 0) notice?.(`runs on fewer power cords than configured: ${odd.join('; ')}`);
  return 'power on';
}

function reportOddCords(state: PromiseSettledResult<PowerState>, cord: string): string[] {
  if (state.status === 'rejected') return [state.reason instanceof Fault ? state.reason.message : `${cord} is not known`];
  return state.value === 'power on' ? [] : [`${cord} is off`];
}

/** Tries every cord, even if others fail; then throws the first error. */
export async function eachCord<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const ends = await Promise.allSettled(work);
  throwFirst(ends);
  return ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
}

function throwFirst(ends: readonly PromiseSettledResult<unknown>[]): void {
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}
