import type { PowerInterface } from '../interfaces.ts';
import { createIbootPower } from './power.ts';

export type IbootDriver = { readonly power: PowerInterface };

/** @param options.timeout timeout of one exchange with a device in milliseconds */
export function createIbootDriver({ timeout = 10_000 }: { timeout?: number } = {}): IbootDriver {
  return { power: createIbootPower(timeout) };
}
