/** Ten thousand nodes on one process: accuracy and age of their power states, and the resources that polling takes. */
import { readdirSync } from 'node:fs';
import { pause } from '#async/timers.ts';
import type { CloudClient } from '#demo/cloud-client.ts';
import { type Farm, type FarmMachine, startFarm } from '#lab/farm/farm.ts';
import { readUsage } from '../process-meter.ts';
import { type MeteredIngot, startMeteredIngot } from './ingot-on-host.ts';

export type FleetOptions = {
  folder: string;
  nodes: number;
  minutes: number;
  signal: AbortSignal;
  announce(line: string): void;
};

/** One snapshot of all measures. Times in seconds, memory in bytes. */
export type Census = {
  at: number;
  /** Reachable nodes whose state is known. */
  known: number;
  reachable: number;
  wrong: number;
  oldest: number;
  /** Nodes that report that their power control does not respond. */
  failing: number;
  rss: number;
  sockets: number;
  cpuShare: number;
  loopP99Ms: number;
  loopMaxMs: number;
};

export type FleetFindings = {
  nodes: number;
  minutes: number;
  shares: Readonly<Record<string, number>>;
  /** Packet loss in each direction. */
  loss: number;
  enrolSeconds: number;
  /** From the end of enrolment until every reachable state was known. */
  knownAfter: number | undefined;
  /** Only the censuses after that moment. */
  censuses: readonly Census[];
  farm: { commands: number; logins: number; cpuSeconds: number };
};

const shares = { slow: 0.05, dead: 0.02, 'refuses-password': 0.01 };
/** Packet loss of every BMC, on receipt and again on sending. */
const loss = 0.05;
const unreachable: readonly string[] = ['dead', 'refuses-password'];
const censusEveryMs = 15_000;
const enrolAtOnce = 16;
/** Deadline by which all states must be known. */
const settleMs = 300_000;

export async function measureFleet(options: FleetOptions): Promise<FleetFindings> {
  const { folder, nodes, announce } = options;
  const farm = await startFarm({ count: nodes, stateDir: `${folder}/farm`, profiles: shares });
  await farm.setBmcProfile('all', { dropRate: loss });
  announce(`${nodes} BMCs are up`);
  const ingot = await startMeteredIngot(`${folder}/ingot`).catch(async (error: unknown) => {
    await farm.stop();
    throw error;
  });
  try {
    return await watch({ ...options, farm, ingot });
  } finally {
    await ingot.stop();
    await farm.stop();
  }
}

type Watch = FleetOptions & { farm: Farm; ingot: MeteredIngot };

async function watch(parts: Watch): Promise<FleetFindings> {
  const { farm, ingot, nodes, minutes, signal, announce } = parts;
  const begun = performance.now();
  await enrol(ingot.cloud, farm.machines, signal);
  const enrolled = performance.now();
  announce(`enrolled in ${seconds(enrolled - begun)} s`);
  const censuses: Census[] = [];
  let knownAt: number | undefined;
  const take = censusTaker(parts);
  for (;;) {
    await pause(censusEveryMs, signal);
    const census = await take();
    announce(describe(census));
    if (knownAt === undefined && census.known === census.reachable) knownAt = performance.now();
    if (knownAt !== undefined) censuses.push(census);
    if (performance.now() > (knownAt === undefined ? enrolled + settleMs : knownAt + minutes * 60_000)) break;
  }
  const { commands, logins, cpu_seconds } = await farm.counters();
  return {
    ...{ nodes, minutes, shares, loss, censuses },
    enrolSeconds: (enrolled - begun) / 1000,
    knownAfter: knownAt === undefined ? undefined : (knownAt - enrolled) / 1000,
    farm: { commands, logins, cpuSeconds: cpu_seconds },
  };
}

/** With a microversion at which nodes were enrolled ready for use. */
async function enrol(cloud: CloudClient, machines: readonly FarmMachine[], signal: AbortSignal): Promise<void> {
  const headers = { 'x-openstack-ironic-api-version': '1.10' };
  const queue = machines.values();
  const work = async () => {
    for (const { name, address, port, user, password } of queue) {
      signal.throwIfAborted();
      const driver_info = { ipmi_address: address, ipmi_port: port, ipmi_username: user, ipmi_password: password };
      await cloud.call('/baremetal/v1/nodes', { method: 'POST', headers, body: { driver: 'ipmi', name, driver_info } });
    }
  };
  await Promise.all(Array.from({ length: enrolAtOnce }, work));
}

type NodeRow = {
  name: string;
  power_state: string | null;
  fault: string | null;
  driver_internal_info: { bmc_health?: { answered_at: string | null } };
};

function censusTaker({ farm, ingot }: Watch): () => Promise<Census> {
  const kinds = new Map(farm.machines.map(({ name, profile }) => [name, profile]));
  let before = { at: performance.now(), cpu: readUsage(ingot.pid).cpuSeconds };
  return async () => {
    const usage = readUsage(ingot.pid);
    const now = { at: performance.now(), cpu: usage.cpuSeconds };
    const cpuShare = (now.cpu - before.cpu) / ((now.at - before.at) / 1000);
    before = now;
    const rows = (await listNodes(ingot.cloud)).map((row) => ({ ...row, kind: kinds.get(row.name) ?? 'default' }));
    const truth = await farm.powers();
    const reachable = rows.filter(({ kind }) => !unreachable.includes(kind));
    const known = reachable.filter(({ power_state }) => power_state !== null);
    const loop = ingot.loop();
    return {
      at: now.at / 1000,
      known: known.length,
      reachable: reachable.length,
      wrong: known.filter(({ name, power_state }) => power_state !== `power ${truth[name]}`).length,
      oldest: Math.max(0, ...known.map(ageOf)),
      failing: rows.filter(({ fault }) => fault !== null).length,
      rss: usage.rss,
      sockets: readdirSync(`/proc/${ingot.pid}/fd`).length,
      cpuShare,
      loopP99Ms: loop?.p99 ?? 0,
      loopMaxMs: loop?.max ?? 0,
    };
  };
}

function ageOf({ driver_internal_info }: NodeRow): number {
  const answered = driver_internal_info.bmc_health?.answered_at;
  return answered ? (Date.now() - Date.parse(answered)) / 1000 : Number.POSITIVE_INFINITY;
}

async function listNodes(cloud: CloudClient): Promise<NodeRow[]> {
  const headers = { 'x-openstack-ironic-api-version': '1.78' };
  const rows: NodeRow[] = [];
  let path: string | undefined = '/baremetal/v1/nodes?fields=name,power_state,fault,driver_internal_info&limit=1000';
  while (path !== undefined) {
    const page: { nodes: NodeRow[]; next?: string } = await cloud.call(path, { headers });
    rows.push(...page.nodes);
    path = page.next && new URL(page.next).pathname + new URL(page.next).search;
  }
  return rows;
}

function describe(census: Census): string {
  const { known, reachable, wrong, oldest, failing, rss, sockets, cpuShare, loopP99Ms } = census;
  return [
    `${known} of ${reachable} known, ${wrong} wrong, oldest ${oldest.toFixed(1)} s, ${failing} failing`,
    `${Math.round(rss / 2 ** 20)} MiB, ${sockets} descriptors, ${Math.round(cpuShare * 100)} % of a processor`,
    `event loop p99 ${loopP99Ms.toFixed(1)} ms late`,
  ].join('; ');
}

const seconds = (ms: number) => (ms / 1000).toFixed(1);
