/** Findings of fuzzing as lines of text. Pure. */
import type { FuzzFault } from './findings.ts';
import type { FuzzFindings } from './run.ts';

const faultsShown = 40;
const longestHex = 4_000;

export function renderFuzzFindings({ seed, seconds, targets }: FuzzFindings, host: string): string {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const total = {
    target: 'all',
    inputs: sum(targets.map(({ inputs }) => inputs)),
    read: sum(targets.map(({ read }) => read)),
    rejected: sum(targets.map(({ rejected }) => rejected)),
    reasons: [...new Set(targets.flatMap(({ reasons }) => reasons))],
    slowestMs: Math.max(...targets.map(({ slowestMs }) => slowestMs)),
    faults: targets.flatMap(({ faults }) => faults),
  };
  const rows = [...targets, total].map(({ target, inputs, read, rejected, reasons, slowestMs, faults }) => [
    target,
    ...[inputs, read, rejected, reasons.length].map(String),
    slowestMs.toFixed(1),
    String(faults.length),
  ]);
  const head = ['target', 'inputs', 'read', 'rejected', 'reasons', 'slowest, ms', 'faults'];
  const lines = [head, ...rows].map(
    ([label = '', ...cells]) => label.padEnd(36) + cells.map((cell) => cell.padStart(12)).join(''),
  );
  return [
    `Ingot fuzz, seed ${seed}, ${seconds.toFixed(0)} s`,
    host,
    '',
    ...lines,
    ...total.faults.slice(0, faultsShown).flatMap((fault) => faultLines(fault, seed)),
    '',
  ].join('\n');
}

function faultLines({ target, problem, index, hex }: FuzzFault, seed: number): string[] {
  const run = `npm run bench -- fuzz --only ${/\s/.test(target) ? `'${target}'` : target}`;
  const long = hex.length > longestHex;
  return [
    '',
    `fault in ${target}, input ${index}: ${problem}`,
    `  input  ${long ? `${hex.slice(0, longestHex)}… (${hex.length / 2} bytes)` : hex}`,
    `  replay ${long || hex === '' ? `${run} --seed ${seed}` : `${run} --input ${hex}`}`,
  ];
}
