/** `ingot bench`: measures deployments by both chains in the lab, compared with a manual deployment. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { cacheFolder } from '#build/cache.ts';
import { parseOptions } from '#commands/options.ts';
import { runApiBench } from './api/command.ts';
import { runBmcBench } from './bmc/command.ts';
import { runBodiesBench } from './bodies/command.ts';
import { runCloudBench } from './cloud/command.ts';
import { runFuzzBench } from './fuzz/command.ts';
import { runHoldsBench } from './holds/command.ts';
import { runLifecycleBench } from './lifecycle/command.ts';
import { runListsBench } from './lists/command.ts';
import { reportOf } from './report.ts';
import { runBenchmark } from './run.ts';
import { renderFindings } from './table.ts';

const usage = `Usage: npm run bench [-- --json FILE] [-- --together]
       ingot bench [--json FILE] [--together]
       npm run bench -- api …: the bare metal API, see npm run bench -- api --help
       npm run bench -- bmc …: many BMCs, see npm run bench -- bmc --help
       npm run bench -- bodies …: the largest bodies, see npm run bench -- bodies --help
       npm run bench -- cloud …: identity, images and networks, see npm run bench -- cloud --help
       npm run bench -- fuzz …: hostile input for every parser, see npm run bench -- fuzz --help
       npm run bench -- holds …: lists of large records, see npm run bench -- holds --help
       npm run bench -- lifecycle …: many nodes from enrolment to deployment and back, see npm run bench -- lifecycle --help
       npm run bench -- lists …: lists and choices among ten thousand nodes, see npm run bench -- lists --help

Starts Ingot and a virtual rack, then measures, one after the other on machines of one kind: an image written by
curl | zstd -d | dd without Ingot, a deployment by chain A (PXE + iSCSI, partition image), and one by chain B
(iPXE + HTTP, whole-disk image). Prints seconds per phase, image write rates and their ratios, memory and processor time.
docs/performance.md tells what the figures mean. Needs root; nothing else should use the machine meanwhile.

  --json FILE   writes the findings there too
  --together    then deploys by both chains at once, on two more machines
`;

export async function runBenchCommand(args: string[]): Promise<number> {
  if (args[0] === 'api') return runApiBench(args.slice(1));
  if (args[0] === 'bmc') return runBmcBench(args.slice(1));
  if (args[0] === 'bodies') return runBodiesBench(args.slice(1));
  if (args[0] === 'cloud') return runCloudBench(args.slice(1));
  if (args[0] === 'fuzz') return runFuzzBench(args.slice(1));
  if (args[0] === 'holds') return runHoldsBench(args.slice(1));
  if (args[0] === 'lifecycle') return runLifecycleBench(args.slice(1));
  if (args[0] === 'lists') return runListsBench(args.slice(1));
  const { flags, switches, isHelp } = parseOptions(args, { valueNames: ['json'], switchNames: ['together'] });
  if (isHelp) {
    process.stdout.write(usage);
    return 0;
  }
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interruption.abort());
  const findings = await runBenchmark({
    folder: join(cacheFolder, 'bench'),
    isTogether: switches.has('together'),
    signal: interruption.signal,
    announce: (line) => process.stderr.write(`==> ${line}\n`),
  });
  if (!findings) return 130;
  process.stdout.write(renderFindings(findings));
  if (flags['json']) await writeJson(resolve(flags['json']), reportOf(findings));
  return 0;
}

async function writeJson(file: string, value: unknown): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(value, null, 2)}\n`);
}
