/** Findings of the API benchmark as lines of text. Pure. */
import type { Memory } from './ingot-process.ts';
import type { SizeFindings, Timing } from './measure.ts';

export type ApiFindings = {
  started: string;
  host: string;
  ingot: {
    /** Milliseconds: median of several starts with a database. */
    startMs: number;
    /** At rest after a start, without nodes and with those of the largest size. */
    empty: Memory;
    loaded: Memory;
    sizes: SizeFindings[];
  };
  peer?: { sizes: SizeFindings[] } | undefined;
};

const labelWidth = 20;
const cellWidth = 12;

export function renderApiFindings({ started, host, ingot, peer }: ApiFindings): string {
  const most = ingot.sizes.at(-1)?.nodes ?? 0;
  return [
    `Ingot benchmark of the bare metal API, ${started}`,
    host,
    '',
    `start to the first reply: ${ingot.startMs.toFixed(0)} ms`,
    `memory at rest: ${atRest(ingot.empty)} without nodes, ${atRest(ingot.loaded)} with ${most} nodes`,
    ...ingot.sizes.flatMap((size) => [
      '',
      ...sizeLines(
        size,
        peer?.sizes.find(({ nodes }) => nodes === size.nodes),
      ),
    ]),
    '',
  ].join('\n');
}

function atRest({ pss, rss }: Memory): string {
  return `${mebibytes(pss)} MiB (PSS; resident ${mebibytes(rss)})`;
}

function sizeLines(size: SizeFindings, peer: SizeFindings | undefined): string[] {
  const heads = ['CPU ms', 'p50 ms', 'p99 ms'];
  const peerHeads = peer ? [...heads.map((head) => `peer ${head}`), 'CPU ratio', 'p50 ratio'] : [];
  return [
    line(`${size.nodes} nodes`, [...heads, ...peerHeads]),
    ...size.timings.map((timing) =>
      timingLine(
        timing,
        peer?.timings.find(({ title }) => title === timing.title),
      ),
    ),
    enrolmentLine(size, peer),
    line('memory (PSS), MiB', [optional(size.pss, mebibytes), ...(peer ? ['', '', optional(peer.pss, mebibytes)] : [])]),
  ];
}

function timingLine({ title, cpu, p50, p99 }: Timing, peer: Timing | undefined): string {
  const own = [optional(cpu, milliseconds), milliseconds(p50), milliseconds(p99)];
  if (!peer) return line(title, own);
  const theirs = [optional(peer.cpu, milliseconds), milliseconds(peer.p50), milliseconds(peer.p99)];
  return line(title, [...own, ...theirs, ratio(peer.cpu, cpu), ratio(peer.p50, p50)]);
}

function enrolmentLine({ enrolled }: SizeFindings, peer: SizeFindings | undefined): string {
  const cell = ({ perSecond, cpu }: SizeFindings['enrolled']) => [optional(cpu, milliseconds), `${perSecond.toFixed(0)}/s`, ''];
  if (!peer) return line('enrolment', cell(enrolled));
  const ratios = [ratio(peer.enrolled.cpu, enrolled.cpu), ratio(enrolled.perSecond, peer.enrolled.perSecond)];
  return line('enrolment', [...cell(enrolled), ...cell(peer.enrolled), ...ratios]);
}

function line(label: string, cells: readonly string[]): string {
  return (label.padEnd(labelWidth) + cells.map((cell) => cell.padStart(cellWidth)).join('')).trimEnd();
}

/** Above 1: the peer needs more. */
function ratio(peer: number | undefined, own: number | undefined): string {
  return peer === undefined || own === undefined || own === 0 ? '-' : `${(peer / own).toFixed(1)}×`;
}

function optional(value: number | undefined, render: (value: number) => string): string {
  return value === undefined ? '-' : render(value);
}

const milliseconds = (value: number) => value.toFixed(2);
const mebibytes = (value: number) => (value / 1024 ** 2).toFixed(0);
