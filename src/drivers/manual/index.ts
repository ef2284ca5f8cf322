import type { PowerInterface, VendorInterface } from '../interfaces.ts';
import { createManualPower } from './power.ts';
import { type Confirm, createManualVendor } from './vendor.ts';

export type ManualDriver = { readonly power: PowerInterface; readonly vendor: VendorInterface };

export type ManualParts = {
  /** The setting `manual.wait`: how long a person is waited for. */
  readonly waitSeconds: number;
  /** Brings a person's word to the engine. */
  readonly confirm: Confirm;
};

export function createManualDriver({ waitSeconds, confirm }: ManualParts): ManualDriver {
  return { power: createManualPower(waitSeconds), vendor: createManualVendor(confirm) };
}
