/** `ingot bench api`: processor time and latency of the bare metal API, memory and start time, compared with a peer. */
import { rmSync } from 'node:fs';
import { availableParallelism, cpus, release } from 'node:os';
import { join } from 'node:path';
import { cacheFolder } from '#build/cache.ts';
import { runSizedBench } from '../sized-command.ts';
import { startIngot } from './ingot-process.ts';
import { ApiBench, type MeasureOptions } from './measure.ts';
import { peerFrom } from './peer.ts';
import { type ApiFindings, renderApiFindings } from './table.ts';

const usage = `Usage: npm run bench -- api [--sizes N,N,…] [--json FILE]

Starts Ingot as a process of its own with fake hardware, and measures with each number of nodes, one request after the other:
a list of nodes (a page of at most 1,000), the same with detail, GET and PATCH of one node, and the enrolment of nodes, eight at
once. Prints processor time of the server (user and system), median and 99th percentile as the client sees them, memory at rest
and with nodes, and the time from the start to the first reply. No root. docs/performance.md tells what the figures mean.

  --sizes N,N   numbers of nodes, ascending (100,1000,10000)
  --json FILE   writes the findings there too

  INGOT_PEER_URL=http://127.0.0.1:PORT   an Ironic without authentication that gets the same requests in the same run; its
      nodes are removed afterwards. Needs the hardware type fake-hardware. Processor time and memory are those of the processes
      that listen there, where that is this host
  INGOT_PEER_PIDS=PID,…                  further processes of it, such as its conductor and its database
`;

const starts = 5;

export function runApiBench(args: string[]): Promise<number> {
  return runSizedBench(args, { usage, readSizes, measure: (options) => benchApi(options), render: renderApiFindings });
}

/** @param folder of Ingot's state, created anew */
export async function benchApi(options: MeasureOptions, folder = join(cacheFolder, 'bench-api')): Promise<ApiFindings> {
  rmSync(folder, { recursive: true, force: true });
  const host = `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}, Linux ${release()}, Node.js ${process.version}`;
  const started = new Date().toISOString();
  const rest = await measureRest(folder, options);
  const { target, stop } = await startIngot(folder);
  const sizes = await new ApiBench(target, options).measure().finally(stop);
  const restarted = await startIngot(folder);
  const loaded = await restarted.atRest();
  await restarted.stop();
  return { started, host, ingot: { ...rest, loaded, sizes }, peer: await measurePeer(options) };
}

async function measureRest(folder: string, { announce }: MeasureOptions) {
  announce(`Ingot: ${starts} starts`);
  const times: number[] = [];
  // The first one creates the database.
  for (let start = 0; start <= starts; start++) {
    const { startMs, stop } = await startIngot(folder);
    if (start > 0) times.push(startMs);
    await stop();
  }
  const { atRest, stop } = await startIngot(folder);
  const empty = await atRest();
  await stop();
  return { startMs: times.toSorted((left, right) => left - right)[Math.floor(starts / 2)] ?? Number.NaN, empty };
}

async function measurePeer(options: MeasureOptions): Promise<ApiFindings['peer']> {
  const target = peerFrom(process.env);
  if (!target) return undefined;
  const bench = new ApiBench(target, options);
  try {
    return { sizes: await bench.measure() };
  } finally {
    await bench.clear();
    target.close();
  }
}

function readSizes(text = '100,1000,10000'): number[] {
  const sizes = text.split(',').map(Number);
  const isAscending = sizes.every((size, index) => Number.isSafeInteger(size) && size > (sizes[index - 1] ?? 0));
  if (!isAscending) throw new Error(`--sizes must be whole numbers in ascending order, not '${text}'`);
  return sizes;
}
