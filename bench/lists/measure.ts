/** How long lists, scheduling and the removal of old records block a process with ten thousand nodes. */
import { type LargeSite, openLargeSite, type SiteSize } from '#test/a-large-site.ts';

/**
 * Medians in milliseconds: processor time, unaffected by other programs, and wall time. `bytes`: size of the response.
 */
export type Timing = { title: string; cpu: number; wall: number; bytes?: number };
export type ListFindings = {
  started: string;
  host: string;
  size: SiteSize;
  routes: Timing[];
  choices: Timing[];
  prune: PruneFindings;
};
export type PruneFindings = { operations: number; events: number; seconds: number; longestMs: number };

export const largeSize: SiteSize = {
  ...{ nodes: 10_000, servers: 5000, nics: 100_000, ports: 100_000 },
  ...{ events: 100_000, operations: 20_000 },
};

const repeats = 5;
const versions = { 'openstack-api-version': 'compute 2.90', 'x-openstack-ironic-api-version': '1.78' };

/** Pages of the default size, and the requests that lead to them. */
const routes = (site: LargeSite): readonly (readonly [url: string, headers?: Record<string, string>])[] => [
  ['/baremetal/v1/nodes'],
  ['/baremetal/v1/nodes?limit=50'],
  ['/baremetal/v1/nodes?limit=50&sort_key=name'],
  ['/baremetal/v1/nodes?limit=50&provision_state=available'],
  ['/baremetal/v1/nodes/detail?limit=50'],
  ['/baremetal/v1/ports'],
  ['/baremetal/v1/ports?limit=50&detail=true'],
  ['/baremetal/v1/ports?limit=50&sort_key=address'],
  [`/baremetal/v1/nodes/${site.busyNode}/ports`],
  [`/baremetal/v1/nodes/${site.busyNode}/history`],
  [`/baremetal/v1/nodes/${site.busyNode}/events`],
  [`/baremetal/v1/nodes/${site.busyNode}/operations`],
  ['/compute/v2.1/servers'],
  ['/compute/v2.1/servers?limit=50'],
  ['/compute/v2.1/servers/detail?limit=50&all_tenants=1'],
  ['/compute/v2.1/servers?name=server-4999'],
  [`/compute/v2.1/servers/${site.server}/os-instance-actions`],
  [`/compute/v2.1/servers/${site.server}/os-ingot-events`],
  ['/compute/v2.1/os-hypervisors'],
  ['/compute/v2.1/os-hypervisors/detail?limit=50'],
  ['/compute/v2.1/os-hypervisors?hypervisor_hostname_pattern=node-9999'],
  ['/compute/v2.1/os-hypervisors/statistics', { 'openstack-api-version': 'compute 2.60' }],
  ['/compute/v2.1/os-baremetal-nodes'],
  ['/compute/v2.1/os-baremetal-nodes?limit=50'],
  ['/compute/v2.1/limits'],
  ['/compute/v2.1/os-simple-tenant-usage'],
  ['/network/v2.0/ports'],
  ['/network/v2.0/ports?limit=50'],
  ['/network/v2.0/ports?fixed_ips=ip_address%3D10.1.0.9'],
  [`/network/v2.0/ports?device_id=${site.server}`],
  ['/network/v2.0/networks'],
];

/** Each scheduling claims a node. */
const choices: readonly { title: string; flavor: NonNullable<Parameters<LargeSite['createServer']>[0]> }[] = [
  { title: 'a server on any free node', flavor: {} },
  { title: 'a server on the largest', flavor: { ram: 200_000 } },
  {
    title: 'a server by capability',
    flavor: { extra_specs: { 'capabilities:boot_mode': 'uefi', 'trait:CUSTOM_A': 'required' } },
  },
  { title: 'no server: too much memory asked', flavor: { ram: 1_000_000 } },
  { title: 'no server: a capability no node has', flavor: { extra_specs: { 'capabilities:gpu': 'yes' } } },
];

export async function measureLists(
  size: SiteSize,
  announce: (line: string) => void,
): Promise<Omit<ListFindings, 'started' | 'host'>> {
  announce(`filling a database: ${size.nodes} nodes, ${size.nics} NICs, ${size.ports} ports, ${size.events} events`);
  const site = await openLargeSite(size, { onDisk: true });
  try {
    announce('reading lists');
    const routeTimings = [];
    for (const [url, headers] of routes(site)) routeTimings.push(await timeRoute(site, url, { ...versions, ...headers }));
    announce('choosing nodes');
    const choiceTimings = [];
    for (const { title, flavor } of choices) choiceTimings.push(await timed(title, () => site.createServer(flavor)));
    announce('removing old records');
    return { size, routes: routeTimings, choices: choiceTimings, prune: await timePrune(site, size) };
  } finally {
    await site.close();
  }
}

async function timeRoute(site: LargeSite, url: string, headers: Record<string, string>): Promise<Timing> {
  let bytes = 0;
  const timing = await timed(url, async () => {
    const { status, body } = await site.fixture.ask({ method: 'GET', url, headers });
    if (status !== 200) throw new Error(`${url}: ${status} ${JSON.stringify(body).slice(0, 300)}`);
    bytes = JSON.stringify(body).length;
  });
  return { ...timing, bytes };
}

async function timed(title: string, work: () => Promise<unknown>): Promise<Timing> {
  const rounds: { cpu: number; wall: number }[] = [];
  for (let round = 0; round <= repeats; round++) {
    const began = { at: performance.now(), cpu: process.cpuUsage() };
    await work();
    const { user, system } = process.cpuUsage(began.cpu);
    // Warm-up: the first run compiles everything.
    if (round > 0) rounds.push({ cpu: (user + system) / 1000, wall: performance.now() - began.at });
  }
  return { title, cpu: median(rounds.map(({ cpu }) => cpu)), wall: median(rounds.map(({ wall }) => wall)) };
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;
}

/** Half of the records are old. Without pauses: the seconds are net work. */
async function timePrune(site: LargeSite, { operations }: SiteSize): Promise<PruneFindings> {
  const days = Math.floor((operations * 10) / 2 / 1440);
  const began = process.cpuUsage();
  let turn = began;
  let longestMs = 0;
  const pruned = await site.prune({ days, perNode: 1 }, async () => {
    const { user, system } = process.cpuUsage(turn);
    longestMs = Math.max(longestMs, (user + system) / 1000);
    await new Promise(setImmediate);
    turn = process.cpuUsage();
  });
  const { user, system } = process.cpuUsage(began);
  return { ...pruned, longestMs, seconds: (user + system) / 1e6 };
}
