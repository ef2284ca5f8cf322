/**
 * Loaded into Ingot's process by `--import`: periodically writes the delay of its event loop to the file METER_FILE.
 */
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const periodMs = 5000;
/** Resolution of the histogram's own timer: the delay that it shows without load. */
export const resolutionMs = 5;

export type LoopSample = { p50: number; p99: number; max: number; heapMb: number };

const file = process.env['METER_FILE'];
if (file) {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  setInterval(() => {
    const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - resolutionMs);
    const sample: LoopSample = {
      p50: late(histogram.percentile(50)),
      p99: late(histogram.percentile(99)),
      max: late(histogram.max),
      heapMb: process.memoryUsage().heapUsed / 1e6,
    };
    writeFileSync(file, JSON.stringify(sample));
    histogram.reset();
  }, periodMs).unref();
}
