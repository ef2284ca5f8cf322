/** Findings of the lifecycle benchmark as lines of text. Pure. */
import type { LifecycleFindings } from './measure.ts';

export type AllLifecycles = {
  started: string;
  host: string;
  ingot: readonly LifecycleFindings[];
  peer?: LifecycleFindings | undefined;
};

const labelWidth = 22;
const cellWidth = 12;

export function renderLifecycles({ started, host, ingot, peer }: AllLifecycles): string {
  return [
    `Ingot benchmark of the lifecycle of nodes, ${started}`,
    host,
    ...ingot.flatMap((findings) => ['', ...linesOf(findings, peer?.nodes === findings.nodes ? peer : undefined)]),
    '',
  ].join('\n');
}

function linesOf({ nodes, stages, latencies }: LifecycleFindings, peer: LifecycleFindings | undefined): string[] {
  const peerHeads = peer ? ['peer s', 'ratio'] : [];
  const latencyHeads = peer ? ['peer p50', 'peer p99'] : [];
  return [
    line(`${nodes} nodes at once`, ['seconds', 'CPU s', ...peerHeads]),
    ...stages.map(({ title, seconds, cpu }) => {
      const theirs = peer?.stages.find((stage) => stage.title === title);
      const beside = theirs ? [theirs.seconds.toFixed(2), `${(theirs.seconds / seconds).toFixed(1)}×`] : [];
      return line(title, [seconds.toFixed(2), cpu?.toFixed(2) ?? '-', ...beside]);
    }),
    line('the API meanwhile', ['p50 ms', 'p99 ms', 'most ms', 'requests', ...latencyHeads]),
    ...latencies.map(({ title, requests, p50, p99, most }) => {
      const theirs = peer?.latencies.find((latency) => latency.title === title);
      const beside = theirs ? [theirs.p50, theirs.p99].map((ms) => ms.toFixed(1)) : [];
      return line(title, [...[p50, p99, most].map((ms) => ms.toFixed(1)), String(requests), ...beside]);
    }),
  ];
}

function line(label: string, cells: readonly string[]): string {
  return (label.padEnd(labelWidth) + cells.map((cell) => cell.padStart(cellWidth)).join('')).trimEnd();
}
