import type { RedfishLimits } from '#wire/redfish/client.ts';
import { createRedfishClientPool } from '#wire/redfish/client-pool.ts';
import type { BiosInterface, FirmwareInterface, ManagementInterface, PowerInterface, VendorInterface } from '../interfaces.ts';
import { createRedfishAccounts } from './accounts.ts';
import { createAskRedfish, type RedfishReport } from './ask-redfish.ts';
import { createRedfishBios } from './bios.ts';
import { createWatchPower, type EventTimes, type RedfishEvents } from './events.ts';
import { createOnSystem } from './find-system.ts';
import { createRedfishFirmware } from './firmware.ts';
import type { UpdateTimes } from './firmware-update.ts';
import { createRedfishLog } from './log.ts';
import { createRedfishManagement } from './management.ts';
import { createRedfishPower, type Patience } from './power.ts';
import { createRedfishSecureBoot } from './secure-boot.ts';
import { createRedfishSensors } from './sensors.ts';
import { createRedfishVendor, type RawPaths } from './vendor.ts';

export type { RedfishReport } from './ask-redfish.ts';
export { createEventPosts } from './event-posts.ts';
export type { RedfishEvents } from './events.ts';
export type { RawPaths } from './vendor.ts';

export type RedfishDriver = {
  readonly power: PowerInterface;
  readonly management: ManagementInterface;
  readonly bios: BiosInterface;
  readonly firmware: FirmwareInterface;
  readonly vendor: VendorInterface;
  /** Ends what is under way and all sessions politely. */
  close(): Promise<void>;
};

export type RedfishDriverOptions = {
  readonly limits?: Partial<RedfishLimits>;
  readonly patience?: Patience;
  /** Where BMCs can send events to; without it, only those that offer a stream tell of changes. */
  readonly events?: RedfishEvents | undefined;
  readonly eventTimes?: EventTimes;
  readonly firmwareTimes?: UpdateTimes;
  /** The setting `redfish.raw_paths`. */
  readonly rawPaths?: RawPaths;
  /** Told of each conversation with a BMC, its duration and result. */
  readonly report?: (report: RedfishReport) => void;
};

export function createRedfishDriver(options: RedfishDriverOptions = {}): RedfishDriver {
  const { limits, patience, events, eventTimes, firmwareTimes, rawPaths = 'none', report } = options;
  const pool = createRedfishClientPool(limits);
  const ask = createAskRedfish(pool, report);
  const onSystem = createOnSystem(ask);
  return {
    power: createRedfishPower(onSystem, createWatchPower(onSystem, events, eventTimes), patience),
    management: {
      ...createRedfishManagement(onSystem, patience),
      ...createRedfishSensors(onSystem),
      ...createRedfishLog(onSystem),
      ...createRedfishSecureBoot(onSystem),
      ...createRedfishAccounts(ask),
    },
    bios: createRedfishBios(onSystem),
    firmware: createRedfishFirmware(onSystem, firmwareTimes),
    vendor: createRedfishVendor({ onSystem, rawPaths }),
    close: () => pool.close(),
  };
}
