/** `ingot bench cloud`: the identity, image and network APIs, beside Debian's Keystone, Glance and Neutron. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { cacheFolder } from '#build/cache.ts';
import { parseOptions } from '#commands/options.ts';
import { measureCloud } from './measure.ts';
import { renderCloudFindings } from './table.ts';

const usage = `Usage: npm run bench -- cloud [--rows N] [--alone] [--json FILE]

Measures, over 1, 16 and 64 connections: a token issued and validated, and a page of 100 images, networks and ports among 10,000
of each. First Ingot as a process of its own, then, with the same requests, Keystone, Glance and Neutron of Debian 12 with
MariaDB, behind uWSGI as their packages start them, in a root folder. Prints processor time for each request (of all processes of a
side, with its database), median and 99th percentile as the client sees them, and what a page costs Ingot when a list has 100,
10,000 and 100,000 rows. Needs root and, the first time, a Debian mirror. docs/performance.md tells what the figures mean.

  --rows N      instead of 10000
  --alone       Ingot alone: no root, no mirror
  --json FILE   writes the findings there too
`;

const widths = [1, 16, 64];
const amounts = { ingot: { requests: 300, warmUp: 1000 }, peer: { requests: 32 } };

export async function runCloudBench(args: string[]): Promise<number> {
  const { flags, switches, isHelp } = parseOptions(args, { valueNames: ['rows', 'json'], switchNames: ['alone'] });
  if (isHelp) {
    process.stdout.write(usage);
    return 0;
  }
  const rows = Number(flags['rows'] ?? 10_000);
  if (!Number.isSafeInteger(rows) || rows < 100)
    throw new Error(`--rows must be a whole number from 100, not '${flags['rows']}'`);
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interruption.abort(new Error(signal)));
  const folder = join(cacheFolder, 'bench-cloud');
  rmSync(join(folder, 'ingot'), { recursive: true, force: true });
  const findings = {
    started: new Date().toISOString(),
    host: `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}, Linux ${release()}, Node.js ${process.version}`,
    ...(await measureCloud({
      ...{ folder, rows, widths, sizes: [100, 10_000, 100_000], amounts },
      ...{ hasPeer: !switches.has('alone'), signal: interruption.signal },
      announce: (line) => void process.stderr.write(`==> ${line}\n`),
    })),
  };
  process.stdout.write(renderCloudFindings(findings));
  if (flags['json']) {
    mkdirSync(dirname(resolve(flags['json'])), { recursive: true });
    writeFileSync(resolve(flags['json']), `${JSON.stringify(findings, null, 2)}\n`);
  }
  return 0;
}
