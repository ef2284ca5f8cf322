/** `npm run nightly [-- JOB…]`: the checks that take too long for each change, in sequence, each with a timeout. */
import { type Job, jobTable } from './jobs.ts';
import { printSummary, runJobs } from './run-jobs.ts';

const help = `Usage: npm run nightly [-- JOB…]

Runs these jobs, or those named, one after the other, and ends with a summary; exit code 1 if one failed. Needs root.
What each printed is in .cache/nightly/JOB.log, too.

${jobTable.map(({ name, what, minutes }) => `  ${name.padEnd(14)}${what} (at most ${minutes} minutes)`).join('\n')}
`;

const words = process.argv.slice(2);
const unknown = words.find((word) => !word.startsWith('-') && !jobTable.some(({ name }) => name === word));
if (words.includes('--help') || words.includes('-h')) {
  process.stdout.write(help);
} else if (unknown !== undefined || words.some((word) => word.startsWith('-'))) {
  process.stderr.write(`nightly: unknown job or option '${unknown ?? words.find((word) => word.startsWith('-'))}'\n\n${help}`);
  process.exitCode = 2;
} else {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(new Error(signal)));
  const wanted: readonly Job[] = words.length === 0 ? jobTable : jobTable.filter(({ name }) => words.includes(name));
  const outcomes = await runJobs(wanted, stop.signal);
  const unwanted = jobTable.filter((job) => !wanted.includes(job)).map(({ name }) => name);
  printSummary(outcomes, unwanted);
  process.exitCode = outcomes.length === wanted.length && outcomes.every(({ problem }) => problem === undefined) ? 0 : 1;
}
