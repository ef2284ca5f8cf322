/** Many runs, and the reduction of one that failed to the actions that matter. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migratedTemplate } from './crashing-database.ts';
import { type Action, type Outcome, planActions, runOnce } from './one-run.ts';

export type Run = (seed: number, actions?: readonly Action[]) => Promise<Outcome>;

export async function openRuns(): Promise<{ run: Run; close(): Promise<void> }> {
  const stateDir = await mkdtemp(join(tmpdir(), 'ingot-property-'));
  const configDrive = join(stateDir, 'config-drive');
  await writeFile(configDrive, 'a config drive');
  const parts = { template: await migratedTemplate(), stateDir, configDrive };
  return {
    run: (seed, actions = planActions(seed)) => runOnce(parts, seed, actions),
    close: () => rm(stateDir, { recursive: true }),
  };
}

/** Without uuids and times. */
const kindOf = (text: string) => text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}|\d+/g, '#').slice(0, 80);

/** Leaves out actions as long as the same is violated. @returns the report */
export async function reduce(run: Run, seed: number, outcome: Outcome): Promise<string> {
  const kind = kindOf(outcome.violations[0] ?? '');
  let kept = planActions(seed);
  let last = outcome;
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < kept.length; ) {
      const fewer = kept.filter((_, index) => index < start || index >= start + size);
      const tried = await run(seed, fewer);
      if (tried.violations.some((text) => kindOf(text) === kind)) [kept, last] = [fewer, tried];
      else start += size;
    }
  }
  const lines = [
    `seed ${seed} violates: ${last.violations.join('\n  ')}`,
    ...last.log,
    `again: test/property/main.ts --seed ${seed} --runs 1`,
  ];
  return `${lines.join('\n')}\n\n`;
}
