/** `ingot bench bmc`: polling the power states of many BMCs, compared with `ipmitool` and for ten thousand nodes. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { cacheFolder } from '#build/cache.ts';
import { parseOptions } from '#commands/options.ts';
import { measureFleet } from './fleet.ts';
import { measurePollRates } from './poll-rates.ts';
import { type BmcFindings, renderBmcFindings } from './table.ts';

const usage = `Usage: npm run bench -- bmc [--nodes N] [--minutes N] [--only rates|fleet] [--json FILE]

Starts farms of virtual BMCs on loopback addresses, then measures
  rates   power status of 200 of them: ipmitool processes, our client with a new session each, our client with kept sessions
  fleet   Ingot with 10,000 nodes, of which 5 % are slow, 2 % dead and 1 % refuse the password; 5 % of all packets are lost each way
Nothing else should use the machine meanwhile. docs/performance.md tells what the figures mean.

  --nodes N     of the fleet (10000)
  --minutes N   how long the fleet is watched once all is known (10)
`;

export async function runBmcBench(args: string[]): Promise<number> {
  const { flags, isHelp } = parseOptions(args, { valueNames: ['nodes', 'minutes', 'only', 'json'] });
  if (isHelp) {
    process.stdout.write(usage);
    return 0;
  }
  const only = flags['only'];
  if (only !== undefined && only !== 'rates' && only !== 'fleet') throw new Error(`--only must be rates or fleet, not '${only}'`);
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interruption.abort());
  const folder = join(cacheFolder, 'bench-bmc');
  const shared = { signal: interruption.signal, announce: (line: string) => void process.stderr.write(`==> ${line}\n`) };
  const findings: BmcFindings = { started: new Date().toISOString(), host: hostLine() };
  if (only !== 'fleet') findings.rates = await measurePollRates({ ...shared, folder: join(folder, 'rates') });
  if (only !== 'rates') {
    const sizes = { nodes: readCount(flags['nodes'], 10_000), minutes: readCount(flags['minutes'], 10) };
    findings.fleet = await measureFleet({ ...shared, ...sizes, folder: join(folder, 'fleet') });
  }
  process.stdout.write(renderBmcFindings(findings));
  if (flags['json']) {
    mkdirSync(dirname(resolve(flags['json'])), { recursive: true });
    writeFileSync(resolve(flags['json']), `${JSON.stringify(findings, null, 2)}\n`);
  }
  return 0;
}

function readCount(text: string | undefined, standard: number): number {
  if (text === undefined) return standard;
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`'${text}' must be a whole number above 0`);
  return Number(text);
}

function hostLine(): string {
  return `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}, Linux ${release()}, Node.js ${process.version}`;
}
