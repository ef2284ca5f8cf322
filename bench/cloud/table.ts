/** Findings of the cloud benchmark as lines of text. Pure. */
import type { Measured } from './load.ts';
import type { CloudFindings, Flatness } from './measure.ts';

const labelWidth = 32;
const cellWidth = 12;

export function renderCloudFindings({ started, host, rows, calls, flat }: CloudFindings): string {
  const lines = calls.flatMap(({ title, ingot, peer }) => [
    title,
    ...ingot.flatMap((own, index) => {
      const other = peer?.[index];
      return [
        line(`  ${own.connections} connections: Ingot`, ...figures(own)),
        ...(other ? [line('    Keystone, Glance, Neutron', ...figures(other)), line('    times', ...ratios(own, other))] : []),
      ];
    }),
  ]);
  return `${[
    `Ingot benchmark of the cloud's APIs, ${started}`,
    ...[host, `${rows} images, networks and ports; milliseconds`, ''],
    line('', 'CPU', 'p50', 'p99', 'requests/s', 'refused'),
    ...lines,
    ...['', 'Ingot: CPU of a page, by the rows of the list', ...flatLines(flat)],
  ].join('\n')}\n`;
}

function figures({ cpu, p50, p99, perSecond, refused }: Measured): string[] {
  return [...[cpu, p50, p99, perSecond].map(digits), ...(refused > 0 ? [`${refused}`] : [])];
}

function ratios(own: Measured, other: Measured): string[] {
  const [cpu, p50, p99] = [other.cpu / own.cpu, other.p50 / own.p50, other.p99 / own.p99];
  return [cpu, p50, p99, own.perSecond / other.perSecond].map((ratio) => `${ratio.toFixed(0)}×`);
}

function flatLines(flat: readonly Flatness[]): string[] {
  const sizes = Object.keys(flat[0]?.cpu ?? {});
  return [line('', ...sizes), ...flat.map(({ title, cpu }) => line(`  ${title}`, ...Object.values(cpu).map(digits)))];
}

const digits = (value: number) => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);

function line(label: string, ...cells: string[]): string {
  return (label.padEnd(labelWidth) + cells.map((cell) => cell.padStart(cellWidth)).join('')).trimEnd();
}
