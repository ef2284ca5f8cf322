import { createIpmiClientPool } from '#wire/ipmi/client-pool.ts';
import type { Timings } from '#wire/ipmi/timings.ts';
import type { Datagrams } from '#wire/udp/datagrams.ts';
import { openSharedUdp, type SharedUdpStats } from '#wire/udp/shared-udp.ts';
import type { ManagementInterface, PowerInterface } from '../interfaces.ts';
import { createAskBmc } from './ask-bmc.ts';
import { createIpmiManagement } from './management.ts';
import { createIpmiPower } from './power.ts';

export type IpmiDriver = {
  readonly power: PowerInterface;
  readonly management: ManagementInterface;
  stats(): IpmiStats;
  /** Ends what is under way and closes all sessions politely. */
  close(): Promise<void>;
};

export type IpmiStats = {
  readonly clients: number;
  readonly sessions: { readonly limit: number; readonly open: number; readonly resting: number; readonly waiting: number };
  readonly packets: SharedUdpStats;
};

export type IpmiDriverOptions = {
  /** All BMCs together; 0 = without limit. */
  readonly packetsPerSecond?: number;
  /** Sessions at once, all BMCs together; 0 = one for each BMC. */
  readonly sessions?: number;
  /** For tests: a network that misbehaves. */
  readonly datagrams?: Datagrams;
  readonly timings?: Timings;
};

export function createIpmiDriver({ packetsPerSecond = 0, sessions = 0, datagrams, timings }: IpmiDriverOptions = {}): IpmiDriver {
  const sockets = openSharedUdp({ packetsPerSecond });
  const pool = createIpmiClientPool({ datagrams: datagrams ?? sockets, sessions, ...(timings && { timings }) });
  const ask = createAskBmc(pool);
  return {
    power: createIpmiPower(ask),
    management: createIpmiManagement(ask),
    stats: () => ({ ...pool.stats(), packets: sockets.stats() }),
    async close() {
      await pool.close();
      sockets.close();
    },
  };
}
