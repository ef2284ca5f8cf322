import type { Chassis } from './chassis.ts';

export type ChassisDeed = 'power up' | 'reset' | 'power cycle' | 'nmi';

/** The same machine; `told` is called before each command to it. */
export function watchChassis(chassis: Chassis, onCommand: (deed: ChassisDeed) => void, after: () => void): Chassis {
  const deed = (what: ChassisDeed | undefined, act: () => void | Promise<void>) => () => {
    if (what && (what === 'power up') === (chassis.power() === 'off')) onCommand(what);
    const done = act();
    if (done) return done.then(after);
    return after();
  };
  const { injectNmi, openConsole, changeMedium, medium, onMedium, onPower } = chassis;
  return {
    power: () => chassis.power(),
    powerOn: deed('power up', () => chassis.powerOn()),
    powerOff: deed(undefined, () => chassis.powerOff()),
    reset: deed('reset', () => chassis.reset()),
    powerCycle: deed('power cycle', () => chassis.powerCycle()),
    softOff: deed(undefined, () => chassis.softOff()),
    get bootOverride() {
      return chassis.bootOverride;
    },
    get firmware() {
      return chassis.firmware ?? 'bios';
    },
    ...(injectNmi && { injectNmi: deed('nmi', () => injectNmi.call(chassis)) }),
    ...(openConsole && { openConsole: () => openConsole.call(chassis) }),
    ...(changeMedium && { changeMedium: (...change) => changeMedium.call(chassis, ...change) }),
    ...(medium && { medium: (device) => medium.call(chassis, device) }),
    ...(onMedium && { onMedium: (listener) => onMedium.call(chassis, listener) }),
    ...(onPower && { onPower: (listener) => onPower.call(chassis, listener) }),
  };
}
