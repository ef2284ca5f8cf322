import { BootOverride, type BootOverrideRequest } from './boot-override.ts';
import type { Chassis } from './chassis.ts';

export type MemoryChassis = Chassis & {
  /** Every boot since the start, with the boot override that the firmware received. */
  readonly boots: readonly (BootOverrideRequest | undefined)[];
};

/** A machine that is only a power state, for tests and load. */
export function createMemoryChassis(initial: 'on' | 'off' = 'off'): MemoryChassis {
  const bootOverride = new BootOverride();
  const boots: (BootOverrideRequest | undefined)[] = [];
  let power = initial;
  const boot = () => void boots.push(bootOverride.takeForBoot());
  const powerOn = () => {
    if (power === 'on') return;
    power = 'on';
    boot();
  };
  const powerOff = () => {
    power = 'off';
  };
  return {
    bootOverride,
    boots,
    power: () => power,
    powerOn,
    powerOff,
    reset: () => {
      if (power === 'on') boot();
    },
    powerCycle: () => {
      powerOff();
      powerOn();
    },
    softOff: powerOff,
  };
}
