/** Findings of a benchmark as lines of text. Pure. */
import { phaseNames } from '#demo/phases.ts';
import { type ChainName, chainNames, chainTable } from './chains.ts';
import { type PeerWay, peerWays } from './peer-report.ts';
import { type Deployed, type Findings, ratesOf } from './report.ts';

type Column = { heading: string; subheading: string; chain: ChainName; deployed: Deployed };
type Line = readonly [label: string, ...cells: (string | undefined)[]];

const labelWidth = 36;
const cellWidth = 18;

export function renderFindings(findings: Findings): string {
  const columns = columnsOf(findings);
  const sections: [string, Line[]][] = [
    ['Seconds', phaseLines(columns)],
    ['Image write', writeLines(findings, columns)],
    ['Ingot', ingotLines(findings)],
    ['Processors taken by other programs', bystanderLines(findings)],
  ];
  const head = [
    line('', ...columns.map(({ heading }) => heading)),
    line('', ...columns.map(({ subheading }) => subheading)),
    ...sections.flatMap(([title, lines]) => [title, ...lines.map(([label, ...cells]) => line(`  ${label}`, ...cells))]),
  ];
  const host = Object.entries(findings.host).map(([name, value]) => line(name, value).replace(/ {2,}/, '  '));
  return `${[`Ingot benchmark, ${findings.started}`, ...host, '', ...head].join('\n')}\n`;
}

function columnsOf({ alone, together }: Findings): Column[] {
  const column = (heading: string, deployed: Record<ChainName, Deployed>) => (chain: ChainName) => ({
    heading: `${heading} ${chain}`,
    subheading: chainTable[chain].label,
    chain,
    deployed: deployed[chain],
  });
  return [...chainNames.map(column('chain', alone)), ...(together ? chainNames.map(column('at once:', together.deployed)) : [])];
}

function phaseLines(columns: readonly Column[]): Line[] {
  const sum = ({ deployed }: Column) => phaseNames.reduce((total, name) => total + deployed.phases[name], 0);
  return [
    ...phaseNames.map((name): Line => [name, ...columns.map(({ deployed }) => deployed.phases[name].toFixed(1))]),
    ['sum', ...columns.map((column) => sum(column).toFixed(1))],
  ];
}

const peerTitles: Readonly<Record<PeerWay, string>> = {
  plain: 'curl | zstd -d | dd',
  sparse: 'the same, dd conv=sparse',
};

function writeLines(findings: Findings, columns: readonly Column[]): Line[] {
  const rates = columns.map(({ chain, deployed }) => ratesOf(findings, chain, deployed));
  const data = columns.map(({ chain }) => findings.images[chainTable[chain].image].dataBytes);
  return [
    ['disk of the image, MB', ...columns.map(({ deployed }) => megabytes(deployed.write?.diskBytes))],
    ['data in it, MB', ...data.map(megabytes)],
    ['seconds', ...columns.map(({ deployed }) => deployed.write?.seconds.toFixed(1))],
    ['MB/s of data', ...rates.map((rate) => rate?.mbPerSecond.toFixed(1))],
    ...peerWays.flatMap((way): Line[] => [
      [`${peerTitles[way]}, MB/s`, ...rates.map((rate) => rate?.peer[way]?.mbPerSecond.toFixed(1))],
      [way === 'plain' ? 'Ingot to that' : 'Ingot to that one', ...rates.map((rate) => times(rate?.peer[way]?.ratio))],
    ]),
  ];
}

function ingotLines({ rest, alone, together }: Findings): Line[] {
  const uses = [...chainNames.map((chain) => alone[chain].use), ...(together ? [together.use] : [])];
  return [
    ['memory at rest: just started, MiB', mebibytes(rest.started)],
    ['memory at rest: ready, idle, MiB', mebibytes(rest.idle)],
    ['memory at rest: afterwards, MiB', mebibytes(rest.afterwards)],
    ['memory before the deploy, MiB', ...uses.map(({ before }) => mebibytes(before))],
    ['memory in the deploy, most, MiB', ...uses.map(({ peak }) => mebibytes(peak))],
    ['processor seconds of Ingot', ...uses.map(({ cpuSeconds }) => cpuSeconds.toFixed(1))],
    ['processor seconds of its tools', ...uses.map(({ toolCpuSeconds }) => toolCpuSeconds.toFixed(1))],
  ];
}

function bystanderLines({ peer, alone, together }: Findings): Line[] {
  const shares = [...chainNames.map((chain) => alone[chain].others), ...(together ? [together.others] : [])];
  return [
    ['while deploying', ...shares.map(percent)],
    ['while the peer wrote', percent(peer.others)],
  ];
}

function line(label: string, ...cells: (string | undefined)[]): string {
  return (label.padEnd(labelWidth) + cells.map((cell) => (cell ?? '-').padStart(cellWidth)).join('')).trimEnd();
}

function megabytes(bytes: number | undefined): string | undefined {
  return bytes === undefined ? undefined : (bytes / 1e6).toFixed(0);
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 ** 2).toFixed(0);
}

function times(ratio: number | undefined): string | undefined {
  return ratio === undefined ? undefined : `${ratio.toFixed(2)}×`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
