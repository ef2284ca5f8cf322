/**
 * `ingot serve` that kills itself by SIGKILL around every step of the operations named in CRASH_KINDS (`deploy`, or
 * `undo of deploy` for its rollback), at each moment once across all restarts: the file `crash-moments` in the state
 * folder records them.
 */
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import type { StepHook } from '#engine/worker/bound-operations.ts';
import type { CleanTimes } from '#engine/worker/define-operation.ts';
import { serve } from '#serve.ts';
import { readSettings } from '#settings.ts';
import { momentOf, momentsFile, wayOf } from './crash-moments.ts';

const settings = readSettings({ env: process.env });
const kinds = (process.env['CRASH_KINDS'] ?? '').split(',');
const file = join(settings.state_dir, momentsFile);
const known = new Set(readText(file).split('\n'));

const onStep: StepHook = (when, operation, step) => {
  if (!kinds.includes(wayOf(operation))) return;
  const moment = momentOf(when, operation, step);
  if (known.has(moment)) return;
  // Recorded before the kill, or the next start would die here again.
  const descriptor = openSync(file, 'a');
  writeSync(descriptor, `${moment}\n`);
  fsyncSync(descriptor);
  closeSync(descriptor);
  process.kill(process.pid, 'SIGKILL');
};

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** A simulated BMC is fast. */
const cleanTimes: CleanTimes = { poll: 200, lastWords: 200, flash: 5000 };
const hooks = { onStep, cleanTimes };
const running = await serve(settings, hooks);
process.stdout.write(`Ingot serves ${running.url}\n`);
// A killed process would never write the compile cache, and there are many starts to come.
flushCompileCache();
const signalled = new Promise<undefined>((resolve) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(undefined));
});
const failure = await Promise.race([signalled, running.failed]);
await running.close();
if (failure) throw failure;
