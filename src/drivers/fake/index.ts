import type { InterfaceKind } from '#domain/interface-kinds.ts';
import type { InterfaceOf } from '../interfaces.ts';
import type { FakeSettings } from './behaviour.ts';
import { createFakeBios } from './bios.ts';
import { fakeBoot } from './boot.ts';
import { createFakeConsole } from './console.ts';
import { createFakeDeploy } from './deploy.ts';
import { FakeBmc } from './fake-bmc.ts';
import { createFakeFirmware } from './firmware.ts';
import { createFakeInspect } from './inspect.ts';
import { createFakeManagement } from './management.ts';
import { createFakePower } from './power.ts';
import { createFakeRaid } from './raid.ts';
import { createFakeVendor } from './vendor.ts';

export type { FakeSettings } from './behaviour.ts';

export type FakeDriver = { readonly [K in InterfaceKind]: InterfaceOf<K> };

/** All interfaces of a driver share its machines. */
export function createFakeDriver(settings: FakeSettings): FakeDriver {
  const bmc = new FakeBmc(settings);
  return {
    power: createFakePower(bmc),
    management: createFakeManagement(bmc),
    boot: fakeBoot,
    deploy: createFakeDeploy(bmc, settings.deployDelayMs),
    console: createFakeConsole(bmc),
    bios: createFakeBios(bmc),
    firmware: createFakeFirmware(bmc),
    inspect: createFakeInspect(bmc),
    vendor: createFakeVendor(bmc),
    raid: createFakeRaid(bmc),
  };
}
