import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { ProcessMeter, parseUsage, readPss, readThreadSeconds, readUsage } from './process-meter.ts';

const status = 'Name:\tnode\nVmPeak:\t 1200000 kB\nVmHWM:\t   90000 kB\nVmRSS:\t   80000 kB\n';

test('reads memory and times for any program name', () => {
  const stat = '42 (a) b (c) S 1 42 42 0 -1 4194304 100 200 0 0 150 50 30 20 20 0 11 0 12345 1 2 3';
  assert.deepEqual(parseUsage(status, stat), {
    rss: 80_000 * 1024,
    peakRss: 90_000 * 1024,
    cpuSeconds: 2,
    toolCpuSeconds: 0.5,
  });
});

test('agrees with Node.js about this process', () => {
  const usage = readUsage(process.pid);
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  assert.ok(Math.abs(usage.cpuSeconds - (userCPUTime + systemCPUTime) / 1e6) < 0.1);
  assert.ok(Math.abs(usage.rss - process.memoryUsage.rss()) < 8 * 1024 ** 2);
});

test('divides shared memory proportionally, and adds up the time of threads', () => {
  const { rss, cpuSeconds } = readUsage(process.pid);

  assert.ok(readPss(process.pid) > 0 && readPss(process.pid) <= rss * 1.1);
  assert.ok(Math.abs(readThreadSeconds(process.pid) - cpuSeconds) < 0.2);
});

/** Allocates 64 MiB for a moment, and runs a program that uses processor time. */
const program = `
  let ballast;
  process.stdin.once('data', () => {
    ballast = Buffer.alloc(64 * 1024 ** 2, 1);
    require('node:child_process').spawnSync('sh', ['-c', 'i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done']);
    ballast = undefined; gc();
    console.log('done');
  });
  console.log('ready');`;

test('records the peak of a period and the time of its tools', async () => {
  const child = spawn(process.execPath, ['--expose-gc', '-e', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  const meter = new ProcessMeter(child.pid as number);
  child.stdin.write('go\n');
  await once(child.stdout, 'data');
  const { before, peak, cpuSeconds, toolCpuSeconds } = meter.end();
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.ok(peak - before > 60 * 1024 ** 2, `${before} → ${peak}`);
  assert.ok(cpuSeconds >= 0);
  assert.ok(toolCpuSeconds > 0);
});
