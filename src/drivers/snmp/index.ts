import { SnmpError } from '#wire/snmp/snmp-error.ts';
import type { SnmpTimings } from '#wire/snmp/snmp-peer.ts';
import type { Datagrams } from '#wire/udp/datagrams.ts';
import { openSharedUdp } from '#wire/udp/shared-udp.ts';
import type { PowerInterface } from '../interfaces.ts';
import { createSnmpPower } from './power.ts';
import { SharedPdus } from './shared-pdus.ts';

export type SnmpDriver = {
  readonly power: PowerInterface;
  /** Aborts requests in progress. */
  close(): Promise<void>;
};

export type SnmpDriverOptions = {
  readonly timings?: SnmpTimings;
  /** For tests: an unreliable network. */
  readonly datagrams?: Datagrams;
};

export function createSnmpDriver({ timings, datagrams }: SnmpDriverOptions = {}): SnmpDriver {
  const sockets = openSharedUdp({ sockets: 1 });
  const stop = new AbortController();
  const pdus = new SharedPdus({ datagrams: datagrams ?? sockets, ...(timings && { timings }) });
  return {
    power: createSnmpPower(pdus, stop.signal, timings),
    async close() {
      stop.abort(new SnmpError('closed', 'the client was closed'));
      pdus.close();
      sockets.close();
    },
  };
}
