/** `ingot bench lifecycle`: many nodes from enrolment to deployment at once and back, with the API measured meanwhile. */
import { rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release } from 'node:os';
import { join } from 'node:path';
import { cacheFolder } from '#build/cache.ts';
import { uploadImage } from '#demo/main-job.ts';
import { startIngot } from '../api/ingot-process.ts';
import { peerFrom } from '../api/peer.ts';
import { runSizedBench } from '../sized-command.ts';
import { Lifecycle, type LifecycleFindings, type LifecycleOptions } from './measure.ts';
import { type AllLifecycles, renderLifecycles } from './table.ts';

const usage = `Usage: npm run bench -- lifecycle [--sizes N,N,…] [--json FILE]

Starts Ingot as a process of its own, and leads fake nodes through their lifecycle by the bare metal API, all at once: enrolment;
manage, provide, instance_info and active; deleted, which cleans; deletion. A user reads nodes and lists meanwhile. Prints
seconds, processor time of the server, and the latency of those requests. No root. docs/performance.md has the figures.

  --sizes N,N   numbers of nodes, at most 1000 (100,1000)
  --json FILE   writes the findings there too

  INGOT_PEER_URL=http://127.0.0.1:PORT   an Ironic without authentication that does the same with the smallest number of nodes
`;

type Options = Omit<LifecycleOptions, 'instanceInfo'> & { sizes: readonly number[] };

export function runLifecycleBench(args: string[]): Promise<number> {
  return runSizedBench(args, { usage, readSizes, measure: (options) => benchLifecycle(options), render: renderLifecycles });
}

/** @param folder of Ingot's state, created anew for each size */
export async function benchLifecycle(options: Options, folder = join(cacheFolder, 'bench-lifecycle')): Promise<AllLifecycles> {
  const host = `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}, Linux ${release()}, Node.js ${process.version}`;
  const started = new Date().toISOString();
  const ingot: LifecycleFindings[] = [];
  for (const nodes of options.sizes) ingot.push(await measureIngot(folder, nodes, options));
  return { started, host, ingot, peer: await measurePeer(options) };
}

async function measureIngot(folder: string, nodes: number, options: Options): Promise<LifecycleFindings> {
  rmSync(folder, { recursive: true, force: true });
  const { target, cloud, stop } = await startIngot(folder);
  try {
    const path = join(folder, 'image');
    writeFileSync(path, Buffer.alloc(1 << 20));
    const image = await uploadImage(cloud, { name: 'bench', path, disk_format: 'raw', container_format: 'bare' });
    return await new Lifecycle(target, nodes, { ...options, instanceInfo: { image_source: image, root_gb: 10 } }).measure();
  } finally {
    await stop();
  }
}

async function measurePeer(options: Options): Promise<LifecycleFindings | undefined> {
  const target = peerFrom(process.env);
  const [nodes] = options.sizes;
  if (!target || nodes === undefined) return undefined;
  const instanceInfo = { image_source: 'http://127.0.0.1:8080/image', image_checksum: '0'.repeat(32), root_gb: 10 };
  return new Lifecycle(target, nodes, { ...options, instanceInfo }).measure().finally(() => target.close());
}

function readSizes(text = '100,1000'): number[] {
  const sizes = text.split(',').map(Number);
  const mostAtOnce = 1000;
  if (!sizes.every((size) => Number.isSafeInteger(size) && size > 0 && size <= mostAtOnce))
    throw new Error(`--sizes must be whole numbers up to ${mostAtOnce}, not '${text}'`);
  return sizes;
}
