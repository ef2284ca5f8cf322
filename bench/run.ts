/** Sequence of a benchmark. Nothing else runs during a measurement. */
import { join } from 'node:path';
import { type Announce, type LabCloud, startLabCloud } from '#demo/lab-cloud.ts';
import { type PreparedCloud, prepareCloud } from '#demo/prepare-cloud.ts';
import { ServerTimeline } from '#demo/timeline.ts';
import type { MachineRecord } from '#lab/rack.ts';
import { type ChainName, chainTable } from './chains.ts';
import { hostFacts } from './host-facts.ts';
import { type Deployment, deploy, type Measured, measured, pidOf } from './measure-deploy.ts';
import { runPeer } from './peer-machine.ts';
import { compressImage, dataBytesOf } from './plain-image.ts';
import { readUsage } from './process-meter.ts';
import type { Findings } from './report.ts';

export type BenchmarkOptions = {
  /** Folder for states, disks and the peer's image. */
  folder: string;
  isTogether: boolean;
  signal: AbortSignal;
  announce: Announce;
};

const namespace = 'ingot-bench';

/** Undefined if it was interrupted; everything is down then. */
export async function runBenchmark(options: BenchmarkOptions): Promise<Findings | undefined> {
  const { folder, isTogether, signal, announce } = options;
  const lab = await startLabCloud({
    rack: { machines: isTogether ? 4 : 2, namespace, stateDir: join(folder, 'rack') },
    stateDir: join(folder, 'state'),
    announce,
  });
  try {
    const interrupted = new Promise<undefined>((resolve) => {
      if (signal.aborted) resolve(undefined);
      signal.addEventListener('abort', () => resolve(undefined));
    });
    return await Promise.race([measure(lab, options), interrupted]);
  } finally {
    announce('taking everything down');
    await lab.close();
  }
}

async function measure(lab: LabCloud, options: BenchmarkOptions): Promise<Findings> {
  const { announce, isTogether, signal } = options;
  const started = new Date().toISOString();
  const memory = () => readUsage(pidOf(lab)).rss;
  const host = await hostFacts(lab.rack, lab.ramdisk);
  const startMemory = memory();
  const prepared = await prepareCloud(lab, announce);
  const peer = await measurePeer(lab, options);
  const idle = memory();
  const alone = {
    A: await deployAlone(lab, { prepared, chain: 'A', announce, signal }),
    B: await deployAlone(lab, { prepared, chain: 'B', announce, signal }),
  };
  const together = isTogether ? await deployTogether(lab, { prepared, announce, signal }) : undefined;
  const images = {
    partition: { dataBytes: await dataBytesOf(lab.images.partition) },
    'whole-disk': { dataBytes: await dataBytesOf(lab.images.wholeDisk) },
  };
  const rest = { started: startMemory, idle, afterwards: memory() };
  return { started, host, images, rest, peer, alone, ...(together && { together }) };
}

async function measurePeer(lab: LabCloud, { folder, signal, announce }: BenchmarkOptions): Promise<Findings['peer']> {
  announce('compressing the image for the peer');
  const { wholeDisk, manifest } = lab.images;
  const imageFile = await compressImage(wholeDisk, { folder: join(folder, 'plain-image'), key: manifest.key });
  announce('peer: curl | zstd -d | dd in a machine of the rack');
  const parts = { rack: lab.rack, ramdisk: lab.ramdisk, imageFile, folder: join(folder, 'peer'), signal };
  const { result: writes, others } = await measured(lab, () => runPeer(parts));
  for (const { way, seconds } of writes) announce(`peer: ${way} in ${seconds.toFixed(1)} s`);
  return { writes, others };
}

type Turn = { prepared: PreparedCloud; chain: ChainName; announce: Announce; signal: AbortSignal };

async function deployAlone(lab: LabCloud, turn: Turn): Promise<Deployment & Measured> {
  const { chain, announce } = turn;
  announce(`chain ${chain} (${chainTable[chain].label}) alone`);
  const { result, ...taken } = await measured(lab, () => deployShown(lab, turn));
  await pullPlugs(lab);
  return { ...result, ...taken };
}

async function deployTogether(lab: LabCloud, turn: Omit<Turn, 'chain'>): Promise<Findings['together']> {
  turn.announce('both chains at once');
  const { result, ...taken } = await measured(lab, () =>
    Promise.all([deployShown(lab, { ...turn, chain: 'A' }), deployShown(lab, { ...turn, chain: 'B' })]),
  );
  await pullPlugs(lab);
  const [A, B] = result;
  return { deployed: { A, B }, ...taken };
}

function deployShown(lab: LabCloud, { prepared, chain, announce, signal }: Turn): Promise<Deployment> {
  const timeline = new ServerTimeline(`chain ${chain}`);
  return deploy(lab, {
    prepared,
    chain,
    signal,
    show: (event) => {
      const line = timeline.add(event);
      if (line) announce(line);
    },
  });
}

/** A running system would take processor time from the next one. Machines that are off are not measured. */
async function pullPlugs({ rack }: LabCloud): Promise<void> {
  const statuses = await rack.status();
  const running = rack.machines.filter(({ name }: MachineRecord) =>
    statuses.some((status) => status.name === name && status.power === 'on'),
  );
  await Promise.all(running.map(({ name }) => rack.power(name, 'off')));
}
