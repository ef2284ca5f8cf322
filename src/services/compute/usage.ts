/** What servers use of the cloud: counted now, and by period. */
import { Fault } from '#domain/faults.ts';
import { liveVmStates, type Server } from '#store/tables/servers.ts';
import type { ComputeContext } from './context.ts';

const counted = ['id', 'name', 'project_id', 'flavor', 'vm_state', 'launched_at'] as const;
export type CountedServer = Pick<Server, (typeof counted)[number]>;

/** Without user data, which may be 64 KiB per server. */
export function liveServers({ store }: Pick<ComputeContext, 'store'>, project_id?: string): Promise<CountedServer[]> {
  return store.servers.pick(counted, { ...(project_id && { project_id }), vm_state: liveVmStates });
}

export type InUse = { readonly instances: number; readonly cores: number; readonly ram: number };

export function usedBy(servers: readonly CountedServer[]): InUse {
  const sum = (amountOf: (server: CountedServer) => number) => servers.reduce((total, server) => total + amountOf(server), 0);
  return { instances: servers.length, cores: sum(({ flavor }) => flavor.vcpus), ram: sum(({ flavor }) => flavor.ram) };
}

export type Period = { readonly start: number; readonly stop: number };

/** Default: the last four weeks. */
export function readPeriod(query: { start?: string; end?: string }): Period {
  const read = (text: string | undefined, otherwise: number) => {
    if (text === undefined) return otherwise;
    const time = Date.parse(/[zZ]$/.test(text) ? text : `${text.replace(' ', 'T')}Z`);
    const day = Number.isNaN(time) ? Date.parse(text) : time;
    if (Number.isNaN(day)) throw new Fault('badRequest', { detail: `Invalid time ${text}: it must be ISO 8601.` });
    return day;
  };
  const stop = read(query.end, Date.now());
  const start = read(query.start, stop - 4 * 7 * 24 * 3_600_000);
  if (start >= stop)
    throw new Fault('badRequest', { detail: 'Invalid start time. The start time cannot occur after the end time.' });
  return { start, stop };
}

export type ServerUsage = CountedServer & {
  /** Hours of the period in which it had its machine. */
  readonly hours: number;
  /** Seconds until now. */
  readonly uptime: number;
};

export function usageOf(server: CountedServer, { start, stop }: Period): ServerUsage {
  const now = Date.now();
  const { launched_at } = server;
  const from = Math.max(launched_at ? Date.parse(launched_at) : stop, start);
  const hours = Math.max(Math.min(stop, now) - from, 0) / 3_600_000;
  return { ...server, hours, uptime: launched_at ? Math.floor((now - Date.parse(launched_at)) / 1000) : 0 };
}
