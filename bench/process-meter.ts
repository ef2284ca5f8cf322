/** Resource usage of a process, read from Linux's /proc: memory and processor time. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** Current and peak memory in bytes; seconds of processor time, its own and that of its exited children. */
export type Usage = { rss: number; peakRss: number; cpuSeconds: number; toolCpuSeconds: number };

/** Linux reports times in hundredths of a second on every architecture, whatever its own clock does. */
const ticksPerSecond = 100;
const samplePeriodMs = 250;

/** @param status text of /proc/PID/status @param stat text of /proc/PID/stat */
export function parseUsage(status: string, stat: string): Usage {
  const kibibytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? Number.NaN);
  // The program's name is in parentheses and may contain anything; the third field follows the last parenthesis.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const seconds = (field: number) => (Number(fields[field - 3]) + Number(fields[field - 2])) / ticksPerSecond;
  return {
    rss: kibibytes('VmRSS') * 1024,
    peakRss: kibibytes('VmHWM') * 1024,
    cpuSeconds: seconds(14),
    toolCpuSeconds: seconds(16),
  };
}

/** Throws when there is no such process. */
export function readUsage(pid: number): Usage {
  return parseUsage(readFileSync(`/proc/${pid}/status`, 'utf8'), readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/**
 * Bytes of memory, pages that are shared with other processes counted in proportion (PSS). Throws when there is no such
 * process.
 */
export function readPss(pid: number): number {
  return readRollup(pid).pss;
}

/** `rss`: shared pages counted as if no other process had them. */
export function readRollup(pid: number): { pss: number; rss: number } {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(rollup)?.[1] ?? Number.NaN) * 1024;
  return { pss: bytes('Pss'), rss: bytes('Rss') };
}

/** Seconds of processor time of all threads that still run, exact to the nanosecond, where `readUsage` counts ticks. */
export function readThreadSeconds(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce((sum, thread) => sum + Number(readSchedule(pid, thread).split(' ')[0]) / 1e9, 0);
}

/** A thread may end while it is read. */
function readSchedule(pid: number, thread: string): string {
  try {
    return readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8');
  } catch {
    return '0 0 0';
  }
}

/** Usage between a start and an end. `before` and `peak` are bytes. */
export type Consumption = { before: number; peak: number; cpuSeconds: number; toolCpuSeconds: number };

/** Measures one period of a process's life. */
export class ProcessMeter {
  readonly #pid: number;
  readonly #before: Usage;
  readonly #timer: NodeJS.Timeout;
  readonly #countsPeak: boolean;
  #highest: number;

  constructor(pid: number) {
    this.#pid = pid;
    this.#countsPeak = resetPeak(pid);
    this.#before = readUsage(pid);
    this.#highest = this.#before.rss;
    // Only for a kernel that cannot reset its high-water mark; that mark misses no peak.
    this.#timer = setInterval(() => this.#sample(), samplePeriodMs);
    this.#timer.unref();
  }

  end(): Consumption {
    clearInterval(this.#timer);
    const after = readUsage(this.#pid);
    return {
      before: this.#before.rss,
      peak: Math.max(this.#highest, this.#countsPeak ? after.peakRss : after.rss),
      cpuSeconds: after.cpuSeconds - this.#before.cpuSeconds,
      toolCpuSeconds: after.toolCpuSeconds - this.#before.toolCpuSeconds,
    };
  }

  #sample(): void {
    try {
      this.#highest = Math.max(this.#highest, readUsage(this.#pid).rss);
    } catch {
      // It has exited; whoever waits for it reports that.
      clearInterval(this.#timer);
    }
  }
}

/** Resets the kernel's high-water mark to the current usage. @returns whether it did */
function resetPeak(pid: number): boolean {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
    const { rss, peakRss } = readUsage(pid);
    return peakRss < rss * 1.1;
  } catch {
    return false;
  }
}
