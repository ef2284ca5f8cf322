import type { BootOverride } from './boot-override.ts';

/**
 * The machine as its BMC sees and drives it. A command returns (or resolves) when it has been begun; the BMC answers its
 * caller without waiting, as a real one does, and `power()` tells the effect.
 */
export type Chassis = {
  power(): 'on' | 'off';
  powerOn(): void | Promise<void>;
  /** At once, as if the plug were pulled. */
  powerOff(): void | Promise<void>;
  /** Starts the firmware anew without cutting power. Off stays off. */
  reset(): void | Promise<void>;
  powerCycle(): void | Promise<void>;
  /** Asks the system that runs to shut down (ACPI). It may not. */
  softOff(): void | Promise<void>;
  /** The BMC writes it; the machine calls `takeForBoot()` at each start of its firmware. */
  readonly bootOverride: BootOverride;
};
