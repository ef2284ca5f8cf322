import type { PowerInterface } from '../interfaces.ts';
import { createIbootPower } from './power.ts';

export type IbootDriver = { readonly power: PowerInterface };

/** @param options.timeout milliseconds for one conversation with a device */
export function createIbootDriver({ timeout = 10_000 }: { timeout?: number } = {}): IbootDriver {
  return { power: createIbootPower(timeout) };
}
