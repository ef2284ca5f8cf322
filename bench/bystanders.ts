/** Processor time that other programs used during a measurement; reported because it makes figures less reliable. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { processesIn } from '#lab/network.ts';
import { readUsage } from './process-meter.ts';

const ticksPerSecond = 100;

/** Seconds in which processors of this host were busy, since it started. @param stat text of /proc/stat */
export function parseBusySeconds(stat: string): number {
  const [user = 0, nice = 0, system = 0, _idle, _wait, irq = 0, softirq = 0, steal = 0] = (stat.split('\n')[0] ?? '')
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq + steal) / ticksPerSecond;
}

/** Ours are this process, those in the lab's namespace, and all their descendants. */
export class BystanderMeter {
  readonly #namespace: string;
  readonly #begun = performance.now();
  readonly #others: number;

  constructor(namespace: string) {
    this.#namespace = namespace;
    this.#others = this.#othersSeconds();
  }

  /** Share of all processors' time, 0 to 1. */
  end(): number {
    const seconds = ((performance.now() - this.#begun) / 1000) * availableParallelism();
    return Math.min(1, Math.max(0, (this.#othersSeconds() - this.#others) / seconds));
  }

  #othersSeconds(): number {
    const ours = [process.pid, ...processesIn(this.#namespace)].map(secondsOf);
    return parseBusySeconds(readFileSync('/proc/stat', 'utf8')) - ours.reduce((sum, seconds) => sum + seconds, 0);
  }
}

function secondsOf(pid: number): number {
  try {
    const { cpuSeconds, toolCpuSeconds } = readUsage(pid);
    return cpuSeconds + toolCpuSeconds;
  } catch {
    // It has just exited; its time is added to its parent's.
    return 0;
  }
}
