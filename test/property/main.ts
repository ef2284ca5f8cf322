/** `main.ts [--seed N] [--runs N]`: runs from this seed on; the first that violates something is reduced and printed. */
import { parseArgs } from 'node:util';
import { openRuns, reduce } from './runs.ts';

const { values } = parseArgs({
  options: { seed: { type: 'string' }, runs: { type: 'string' }, verbose: { type: 'boolean' }, fast: { type: 'boolean' } },
});
const first = Number(values.seed ?? Date.now() % 1_000_000);
const runs = Number(values.runs ?? 1000);
const { run, close } = await openRuns();
let failed = 0;
const started = performance.now();
for (let seed = first; seed < first + runs; seed++) {
  const outcome = await run(seed);
  if (values.verbose) process.stdout.write(`${outcome.log.join('\n')}\n`);
  if (outcome.violations.length === 0) continue;
  failed += 1;
  if (values.fast) process.stdout.write(`seed ${seed} violates: ${outcome.violations[0]}\n`);
  else process.stdout.write(await reduce(run, seed, outcome));
}
await close();
const seconds = ((performance.now() - started) / 1000).toFixed(1);
process.stdout.write(`${runs} runs from seed ${first} in ${seconds} s, ${failed} failed\n`);
process.exitCode = failed > 0 ? 1 : 0;
