/** Connection limits of each listener, from the settings and the file descriptor limit of this process. */
import { readFileSync } from 'node:fs';
import { BlockList, isIPv6 } from 'node:net';
import type { ConnectionLimits } from './connection-table.ts';
import type { Log } from './parts.ts';
import type { BootServerSettings } from './settings.ts';

export type Connections = Readonly<Record<'api' | 'provisioning' | 'deployHelper' | 'events', ConnectionLimits>>;

/** The classic ramdisk posts once. */
const deployHelper = { total: 256, perAddress: 16 };
/** TLS takes about 50 kB per connection. A BMC that gets no connection is polled like one without events. */
const events = { total: 1000, perAddress: 16 };
/** Share of the descriptors reserved for the database, files, child processes and BMC connections. */
const reservedShare = 0.25;
/** Below this limit the server would be unusable. */
const fewest = 16;

/** @param descriptors the limit of this process; Node.js has raised the soft limit to the hard one at its start */
export function fitConnections(
  settings: BootServerSettings,
  log: Pick<Log, 'info'>,
  descriptors = readDescriptorLimit(),
): Connections {
  const wanted: Connections = {
    api: {
      total: settings['api.connections'],
      perAddress: settings['api.connections_per_address'],
      proxies: listOf(settings['api.trusted_proxies']),
    },
    provisioning: { total: settings['provisioning.connections'], perAddress: settings['provisioning.connections_per_address'] },
    deployHelper,
    events,
  };
  const all = Object.values(wanted).reduce((sum, { total }) => sum + total, 0);
  const free = Math.floor(descriptors * (1 - reservedShare));
  if (all <= free) return wanted;
  const message =
    'the limit of open files is lower than the configured connections; raise it on sites with thousands of machines';
  log.info({ wanted: all, taken: free, descriptors }, message);
  const fit = (limits: ConnectionLimits) => ({
    ...limits,
    total: Math.max(fewest, Math.floor((limits.total * free) / all)),
  });
  return {
    api: fit(wanted.api),
    provisioning: fit(wanted.provisioning),
    deployHelper: fit(deployHelper),
    events: fit(events),
  };
}

function listOf(proxies: readonly string[]): BlockList {
  const list = new BlockList();
  for (const proxy of proxies) {
    const [address = '', prefix] = proxy.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
}

/** proc(5): `Max open files  soft  hard  files`. Infinity if it is not reported. */
function readDescriptorLimit(): number {
  try {
    return Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Infinity);
  } catch {
    return Infinity;
  }
}
