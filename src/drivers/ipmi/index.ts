import { createIpmiClientPool } from '#wire/ipmi/client-pool.ts';
import { defaultTimings, type Timings } from '#wire/ipmi/timings.ts';
import type { Datagrams } from '#wire/udp/datagrams.ts';
import { openSharedUdp, type SharedUdpStats } from '#wire/udp/shared-udp.ts';
import type { ConsoleInterface, ManagementInterface, PowerInterface, VendorInterface } from '../interfaces.ts';
import { createAskBmc } from './ask-bmc.ts';
import { createIpmiConsole, SerialLines } from './console.ts';
import { createIpmiManagement } from './management.ts';
import { createIpmiPower } from './power.ts';
import { createIpmiVendor, type RawPolicy } from './vendor.ts';

export type { RawPolicy } from './vendor.ts';

export type IpmiDriver = {
  readonly power: PowerInterface;
  readonly management: ManagementInterface;
  readonly console: ConsoleInterface;
  readonly vendor: VendorInterface;
  stats(): IpmiStats;
  /** Aborts requests in progress and closes all sessions with Close Session. */
  close(): Promise<void>;
};

export type IpmiStats = {
  readonly clients: number;
  readonly sessions: { readonly limit: number; readonly open: number; readonly resting: number; readonly waiting: number };
  readonly packets: SharedUdpStats;
};

export type IpmiDriverOptions = {
  /** Rate limit over all BMCs; 0 = unlimited. */
  readonly packetsPerSecond?: number;
  /** Concurrent sessions over all BMCs; 0 = one for each BMC. */
  readonly sessions?: number;
  /** Which raw commands are allowed; default: none. */
  readonly rawCommands?: RawPolicy;
  /** For tests: an unreliable network. */
  readonly datagrams?: Datagrams;
  readonly timings?: Timings;
};

export function createIpmiDriver(options: IpmiDriverOptions = {}): IpmiDriver {
  const { packetsPerSecond = 0, sessions = 0, rawCommands = 'none', timings = defaultTimings } = options;
  const sockets = openSharedUdp({ packetsPerSecond });
  const network = { datagrams: options.datagrams ?? sockets, timings };
  const pool = createIpmiClientPool({ ...network, sessions });
  const ask = createAskBmc(pool);
  const serialLines = new SerialLines(network);
  return {
    power: createIpmiPower(ask),
    management: createIpmiManagement(ask),
    console: createIpmiConsole(serialLines),
    vendor: createIpmiVendor(ask, rawCommands),
    stats: () => ({ ...pool.stats(), packets: sockets.stats() }),
    async close() {
      await Promise.all([serialLines.close(), pool.close()]);
      sockets.close();
    },
  };
}
