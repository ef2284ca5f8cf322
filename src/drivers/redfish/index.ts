import type { RedfishLimits } from '#wire/redfish/client.ts';
import { createRedfishClientPool } from '#wire/redfish/client-pool.ts';
import type {
  BiosInterface,
  FirmwareInterface,
  InspectInterface,
  ManagementInterface,
  PowerInterface,
  RaidInterface,
  VendorInterface,
} from '../interfaces.ts';
import { createRedfishAccounts } from './accounts.ts';
import { createAskRedfish, type RedfishReport } from './ask-redfish.ts';
import { createRedfishBios } from './bios.ts';
import { createWatchPower, type EventTimes, type RedfishEvents } from './events.ts';
import { createWithSystem } from './find-system.ts';
import { createRedfishFirmware } from './firmware.ts';
import type { UpdateTimes } from './firmware-update.ts';
import { createRedfishInspect } from './inspect.ts';
import { createRedfishLog } from './log.ts';
import { createRedfishManagement } from './management.ts';
import { createRedfishPower, type PollTiming } from './power.ts';
import { createRedfishRaid, type RaidTimes } from './raid.ts';
import { createRedfishSecureBoot } from './secure-boot.ts';
import { createRedfishSensors } from './sensors.ts';
import { createRedfishVendor, type RawPaths } from './vendor.ts';

export type { RedfishReport } from './ask-redfish.ts';
export { EventPosts } from './event-posts.ts';
export type { RedfishEvents } from './events.ts';
export type { RawPaths } from './vendor.ts';

export type RedfishDriver = {
  readonly power: PowerInterface;
  readonly management: ManagementInterface;
  readonly bios: BiosInterface;
  readonly firmware: FirmwareInterface;
  readonly inspect: InspectInterface;
  readonly vendor: VendorInterface;
  readonly raid: RaidInterface;
  /** Aborts requests in progress and deletes all sessions. */
  close(): Promise<void>;
};

export type RedfishDriverOptions = {
  readonly limits?: Partial<RedfishLimits>;
  readonly pollTiming?: PollTiming;
  /** Listener for events; without it, only BMCs with an event stream report changes. */
  readonly events?: RedfishEvents | undefined;
  readonly eventTimes?: EventTimes;
  readonly firmwareTimes?: UpdateTimes;
  readonly raidTimes?: RaidTimes;
  /** The setting `redfish.raw_paths`. */
  readonly rawPaths?: RawPaths;
  /** Receives each call to a BMC with its duration and result. */
  readonly report?: (report: RedfishReport) => void;
};

export function createRedfishDriver(options: RedfishDriverOptions = {}): RedfishDriver {
  const { limits, pollTiming, events, eventTimes, firmwareTimes, raidTimes, rawPaths = 'none', report } = options;
  const pool = createRedfishClientPool(limits);
  const ask = createAskRedfish(pool, report);
  const withSystem = createWithSystem(ask);
  return {
    power: createRedfishPower(withSystem, createWatchPower(withSystem, events, eventTimes), pollTiming),
    management: {
      ...createRedfishManagement(withSystem, pollTiming),
      ...createRedfishSensors(withSystem),
      ...createRedfishLog(withSystem),
      ...createRedfishSecureBoot(withSystem),
      ...createRedfishAccounts(ask),
    },
    bios: createRedfishBios(withSystem),
    firmware: createRedfishFirmware(withSystem, firmwareTimes),
    raid: createRedfishRaid(withSystem, raidTimes),
    inspect: createRedfishInspect(withSystem),
    vendor: createRedfishVendor({ withSystem, rawPaths }),
    close: () => pool.close(),
  };
}
