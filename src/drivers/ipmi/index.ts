import { createIpmiClientPool } from '#wire/ipmi/client-pool.ts';
import type { Timings } from '#wire/ipmi/timings.ts';
import { type Datagrams, udp } from '#wire/udp/datagrams.ts';
import type { ManagementInterface, PowerInterface } from '../interfaces.ts';
import { type BmcReport, createAskBmc } from './ask-bmc.ts';
import { createIpmiManagement } from './management.ts';
import { createIpmiPower } from './power.ts';

export type { BmcReport } from './ask-bmc.ts';

export type IpmiDriver = {
  readonly power: PowerInterface;
  readonly management: ManagementInterface;
  /** Ends what is under way and closes all sessions politely. */
  close(): Promise<void>;
};

export type IpmiDriverOptions = {
  readonly datagrams?: Datagrams;
  readonly timings?: Timings;
  /** Told of each command to a BMC, its duration and result. */
  readonly report?: (report: BmcReport) => void;
};

export function createIpmiDriver({ datagrams = udp, timings, report }: IpmiDriverOptions = {}): IpmiDriver {
  const pool = createIpmiClientPool(datagrams, timings);
  const ask = createAskBmc(pool, report);
  return { power: createIpmiPower(ask), management: createIpmiManagement(ask), close: () => pool.close() };
}
