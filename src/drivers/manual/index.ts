import type { PowerInterface, VendorInterface } from '../interfaces.ts';
import { createManualPower } from './power.ts';
import { type Confirm, createManualVendor } from './vendor.ts';

export type ManualDriver = { readonly power: PowerInterface; readonly vendor: VendorInterface };

export type ManualParts = {
  /** The setting `manual.wait`: timeout for the operator's confirmation. */
  readonly waitSeconds: number;
  /** Passes an operator's confirmation to the engine. */
  readonly confirm: Confirm;
};

export function createManualDriver({ waitSeconds, confirm }: ManualParts): ManualDriver {
  return { power: createManualPower(waitSeconds), vendor: createManualVendor(confirm) };
}
