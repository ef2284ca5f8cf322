/** `ingot bench lists`: lists, scheduling and the removal of old records, with ten thousand nodes. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release } from 'node:os';
import { dirname, resolve } from 'node:path';
import { parseOptions } from '#commands/options.ts';
import { largeSize, measureLists } from './measure.ts';
import { renderListFindings } from './table.ts';

const usage = `Usage: npm run bench -- lists [--nodes N] [--json FILE]

Fills a database in a temporary folder (10,000 nodes, 100,000 NICs, ports and events), then measures in this process how long every list of the
API takes for a page of its default size, how long a server's request for a node takes, and how long the removal of old records
holds up everything else. No network, no root. docs/performance.md tells what the figures mean.

  --nodes N     instead of 10000; the rest in proportion
  --json FILE   writes the findings there too
`;

export async function runListsBench(args: string[]): Promise<number> {
  const { flags, isHelp } = parseOptions(args, { valueNames: ['nodes', 'json'] });
  if (isHelp) {
    process.stdout.write(usage);
    return 0;
  }
  const nodes = Number(flags['nodes'] ?? largeSize.nodes);
  if (!Number.isSafeInteger(nodes) || nodes < 100)
    throw new Error(`--nodes must be a whole number from 100, not '${flags['nodes']}'`);
  const scale = (count: number) => Math.round((count * nodes) / largeSize.nodes);
  const size = Object.fromEntries(Object.entries(largeSize).map(([name, count]) => [name, scale(count)])) as typeof largeSize;
  const findings = {
    started: new Date().toISOString(),
    host: `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}, Linux ${release()}, Node.js ${process.version}`,
    ...(await measureLists(size, (line) => void process.stderr.write(`==> ${line}\n`))),
  };
  process.stdout.write(renderListFindings(findings));
  if (flags['json']) {
    mkdirSync(dirname(resolve(flags['json'])), { recursive: true });
    writeFileSync(resolve(flags['json']), `${JSON.stringify(findings, null, 2)}\n`);
  }
  return 0;
}
