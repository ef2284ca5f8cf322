/** Findings of the BMC benchmark as lines of text. Pure. */
import type { Census, FleetFindings } from './fleet.ts';
import { cpuEach, type PollRates, pollWays } from './poll-rates.ts';

export type BmcFindings = { started: string; host: string; rates?: PollRates; fleet?: FleetFindings };

const titles = { ipmitool: 'ipmitool -I lanplus', new: 'Ingot, a new session each', kept: 'Ingot, sessions kept' } as const;

export function renderBmcFindings({ started, host, rates, fleet }: BmcFindings): string {
  const lines = [`Ingot benchmark of BMCs, ${started}`, host, ''];
  if (rates) lines.push(...rateLines(rates), '');
  if (fleet) lines.push(...fleetLines(fleet));
  return `${lines.join('\n').trimEnd()}\n`;
}

function rateLines(rates: PollRates): string[] {
  const peer = rates.ipmitool;
  const head = ['power status of 200 BMCs', 'polls/s', 'CPU ms each', 'failed', 'polls/s, ratio', 'CPU, times less'];
  const rows = pollWays.map((way) => {
    const { polls, failures, seconds } = rates[way];
    const rate = polls / seconds;
    const ratios = [rate / (peer.polls / peer.seconds), cpuEach(peer) / cpuEach(rates[way])].map(
      (ratio) => `${ratio.toFixed(1)}×`,
    );
    return [titles[way], rate.toFixed(0), (cpuEach(rates[way]) * 1000).toFixed(3), String(failures), ...ratios];
  });
  return [head, ...rows].map(([label = '', ...cells]) => label.padEnd(28) + cells.map((cell) => cell.padStart(17)).join(''));
}

function fleetLines(fleet: FleetFindings): string[] {
  const { nodes, minutes, shares, loss, enrolSeconds, knownAfter, censuses, farm } = fleet;
  const kinds = [...Object.entries(shares), ['packets lost each way', loss] as const].map(
    ([name, share]) => `${(share * 100).toFixed(0)} % ${name}`,
  );
  const most = (pick: (census: Census) => number) => Math.max(...censuses.map(pick));
  const [first, last] = [censuses[0], censuses.at(-1)];
  const table: [string, string][] = [
    ['enrolled in', `${enrolSeconds.toFixed(1)} s`],
    ['every reachable state known', knownAfter === undefined ? 'never' : `${knownAfter.toFixed(0)} s later`],
  ];
  if (first && last) {
    table.push(
      ['from then on, over', `${minutes} min`],
      ['  oldest state', `${most(({ oldest }) => oldest).toFixed(1)} s`],
      ['  unknown, wrong', `${most(({ known, reachable }) => reachable - known)}, ${most(({ wrong }) => wrong)}`],
      [
        '  event loop p99, median and worst',
        `${median(censuses.map(({ loopP99Ms }) => loopP99Ms))}, ${most(({ loopP99Ms }) => loopP99Ms).toFixed(1)} ms late`,
      ],
      ['  processor', `${median(censuses.map(({ cpuShare }) => cpuShare * 100))} % of one`],
      ['  memory: first, last, most', [first.rss, last.rss, most(({ rss }) => rss)].map(mebibytes).join(', ')],
      ['  descriptors: first, last', `${first.sockets}, ${last.sockets}`],
      ['  nodes that say their BMC fails', String(last.failing)],
    );
  }
  table.push(['farm: commands, logins, CPU s', `${farm.commands}, ${farm.logins}, ${farm.cpuSeconds.toFixed(1)}`]);
  return [
    `${nodes} nodes on one process (${kinds.join(', ')})`,
    ...table.map(([label, value]) => `  ${label.padEnd(36)}${value}`),
  ];
}

function median(values: readonly number[]): string {
  return ([...values].sort((left, right) => left - right)[values.length >> 1] ?? 0).toFixed(1);
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
