/** Power states of one farm polled in three ways: `ipmitool` processes, our client with kept and with new sessions. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type FarmMachine, startFarm } from '#lab/farm/farm.ts';
import { readUsage } from '../process-meter.ts';

export type Polling = { polls: number; failures: number; seconds: number; cpuSeconds: number };
export const pollWays = ['ipmitool', 'new', 'kept'] as const;
export type PollWay = (typeof pollWays)[number];
export type PollRates = Record<PollWay, Polling>;

export type PollOptions = { folder: string; signal: AbortSignal; announce(line: string): void };

const machineCount = 200;
const seconds = 10;
/** As many processes as Ironic's default number of power workers. */
const processesAtOnce = 8;
const requestsAtOnce = 64;
const run = promisify(execFile);
const worker = fileURLToPath(new URL('poll-worker.ts', import.meta.url));

export async function measurePollRates({ folder, signal, announce }: PollOptions): Promise<PollRates> {
  const farm = await startFarm({ count: machineCount, stateDir: folder });
  try {
    announce(`${machineCount} BMCs: ipmitool, ${processesAtOnce} processes at once`);
    const ipmitool = await pollByIpmitool(farm.machines, signal);
    announce('the same: our client, a new session each time');
    const fresh = await pollByClient(folder, 'new', signal);
    announce('the same: our client, sessions kept');
    return { ipmitool, new: fresh, kept: await pollByClient(folder, 'kept', signal) };
  } finally {
    await farm.stop();
  }
}

/** Processor time of children counts once they have exited, which all have. */
async function pollByIpmitool(machines: readonly FarmMachine[], signal: AbortSignal): Promise<Polling> {
  const before = readUsage(process.pid).toolCpuSeconds;
  const begun = performance.now();
  const end = begun + seconds * 1000;
  let next = 0;
  let polls = 0;
  let failures = 0;
  const work = async () => {
    while (performance.now() < end && !signal.aborted) {
      next = (next + 1) % machines.length;
      const { address, port, user, password } = machines[next] as FarmMachine;
      const target = ['-I', 'lanplus', '-H', address, '-p', String(port), '-U', user, '-E'];
      await run('ipmitool', [...target, 'power', 'status'], { env: { ...process.env, IPMI_PASSWORD: password } }).then(
        () => (polls += 1),
        () => (failures += 1),
      );
    }
  };
  await Promise.all(Array.from({ length: processesAtOnce }, work));
  const cpuSeconds = readUsage(process.pid).toolCpuSeconds - before;
  return { polls, failures, seconds: (performance.now() - begun) / 1000, cpuSeconds };
}

async function pollByClient(folder: string, way: 'kept' | 'new', signal: AbortSignal): Promise<Polling> {
  const args = [worker, folder, way, String(machineCount), String(seconds), String(requestsAtOnce)];
  const { stdout } = await run(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], { signal });
  return JSON.parse(stdout) as Polling;
}

/** Processor seconds of one poll. */
export function cpuEach({ polls, cpuSeconds }: Polling): number {
  return cpuSeconds / polls;
}
