/** The stages of a check, in order. A failed stage fails the run, but later stages still run. */
import { availableParallelism } from 'node:os';
import { relative } from 'node:path';
import { whyNoPostgres } from '#test/a-postgres.ts';
import { checkImports } from './imports.ts';
import { storeTests, withPostgres } from './postgres.ts';
import { provideRecordings } from './recordings.ts';
import { checkRules } from './rules.ts';
import { type Program, runProgram } from './run-program.ts';
import { runTests, type SkippedTest, type TestCounts } from './run-tests.ts';
import { type Finding, listSources, root } from './sources.ts';

export type Group = 'static' | 'unit' | 'postgres' | 'client' | 'whole';
type TestStage = {
  covers: (path: string) => boolean;
  concurrency: number;
  fileSeconds: number;
  /** Only tests that open a store, each on a PostgreSQL database. */
  onPostgres?: boolean;
};
type Stage = { name: string; group: Group } & (
  | { program: Program }
  | { findings: (files: ReturnType<typeof listSources>) => Finding[] }
  | { tests: TestStage }
);

/** Tests here start whole programs and machines; all other tests are unit tests, wherever they are. */
const clientFolders = ['test/client/'];
const wholeFolders = ['test/crash/', 'test/whole/'];

const stageTable: readonly Stage[] = [
  { name: 'types', group: 'static', program: { command: 'tsc', args: ['--pretty', 'false'] } },
  { name: 'lint and format', group: 'static', program: { command: 'biome', args: ['check'] } },
  { name: 'allowed imports', group: 'static', findings: checkImports },
  { name: 'own rules', group: 'static', findings: checkRules },
  {
    name: 'unit tests',
    group: 'unit',
    tests: {
      covers: (path) => !isIn(path, [...clientFolders, ...wholeFolders]),
      concurrency: Math.max(2, availableParallelism()),
      fileSeconds: 180,
    },
  },
  {
    name: 'tests on PostgreSQL',
    group: 'postgres',
    tests: {
      covers: (path) => isIn(path, ['src/store/', 'src/services/', 'src/api/', 'src/engine/']),
      concurrency: Math.max(2, availableParallelism()),
      fileSeconds: 180,
      onPostgres: true,
    },
  },
  {
    name: 'client tests',
    group: 'client',
    tests: { covers: (path) => isIn(path, clientFolders), concurrency: Math.max(2, availableParallelism()), fileSeconds: 900 },
  },
  {
    name: 'whole-system tests',
    group: 'whole',
    tests: { covers: (path) => isIn(path, wholeFolders), concurrency: 1, fileSeconds: 2400 },
  },
];

type Outcome = { name: string; seconds: number; problem: string | undefined; tests?: TestCounts };

export type CheckRequest = { groups: readonly Group[]; paths: readonly string[]; signal: AbortSignal };

/** Runs the stages of the selected groups, prints a summary and returns whether all passed. */
export async function runStages({ groups, paths, signal }: CheckRequest): Promise<boolean> {
  const outcomes: Outcome[] = [];
  for (const stage of stageTable.filter(({ group }) => groups.includes(group))) {
    if (signal.aborted) break;
    process.stdout.write(`\n== ${stage.name}\n`);
    const start = performance.now();
    const result = await runStage(stage, paths, signal);
    outcomes.push({ name: stage.name, seconds: (performance.now() - start) / 1000, ...result });
  }
  printSummary(outcomes, signal.aborted);
  return !signal.aborted && outcomes.every(({ problem }) => problem === undefined);
}

async function runStage(
  stage: Stage,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<Pick<Outcome, 'problem' | 'tests'>> {
  if ('program' in stage) return { problem: await runProgram(stage.program, signal) };
  if ('findings' in stage) return { problem: printFindings(stage.findings(listSources())) };
  const files = testFiles(stage.tests, paths);
  if (files.length === 0) return { problem: paths.length === 0 ? 'no test files found' : undefined };
  const reason = stage.tests.onPostgres ? await whyNoPostgres() : undefined;
  if (reason !== undefined) return { problem: undefined, tests: allSkipped(files, reason) };
  const run = (env: Record<string, string>) =>
    runTests({ ...stage.tests, files, signal, env: { ...provideRecordings(), ...env } });
  const tests = await (stage.tests.onPostgres ? withPostgres(run) : run({}));
  return { tests, problem: tests.failed > 0 ? `${tests.failed} failed` : undefined };
}

function allSkipped(files: readonly string[], reason: string): TestCounts {
  const skipped = files.map((file) => ({ file: relative(root, file), name: 'all tests', reason }));
  return { passed: 0, failed: 0, failures: [], skipped, durations: [] };
}

function testFiles({ covers, onPostgres }: TestStage, paths: readonly string[]): string[] {
  const sources = listSources();
  const onStore = onPostgres ? storeTests(sources) : undefined;
  return sources
    .map(({ path }) => path)
    .filter((path) => path.endsWith('.test.ts') && covers(path) && (onStore?.has(path) ?? true))
    .filter((path) => paths.length === 0 || paths.some((part) => path.startsWith(part)))
    .map((path) => `${root}/${path}`);
}

function isIn(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => path.startsWith(folder));
}

function printFindings(findings: readonly Finding[]): string | undefined {
  for (const { path, line, message } of findings) process.stdout.write(`${path}${line ? `:${line}` : ''}: ${message}\n`);
  return findings.length === 0 ? undefined : `${findings.length} found`;
}

/** Build servers parse the last line: `N passed, N failed, N skipped`. A failed static stage counts as one. */
function printSummary(outcomes: readonly Outcome[], interrupted: boolean): void {
  const lines = outcomes.map(({ name, seconds, problem, tests }) => {
    const counts = tests ? `  ${tests.passed} passed, ${tests.skipped.length} skipped` : '';
    return `${problem ? 'FAILED' : 'ok    '}  ${name} (${seconds.toFixed(1)} s)${counts}${problem ? `  ${problem}` : ''}`;
  });
  const skipped = outcomes.flatMap(({ tests }) => tests?.skipped ?? []);
  const sum = (pick: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + pick(outcome), 0);
  const passed = sum(({ tests, problem }) => tests?.passed ?? (problem ? 0 : 1));
  const failed = sum(({ tests, problem }) => tests?.failed ?? (problem ? 1 : 0));
  process.stdout.write(`\n== summary\n${lines.join('\n')}\ntook ${minutes(sum(({ seconds }) => seconds))}\n`);
  for (const { name, tests } of outcomes) if (tests?.durations.length) process.stdout.write(`${longest(name, tests)}\n`);
  for (const { tests } of outcomes) for (const test of tests?.failures ?? []) process.stdout.write(`failed: ${test}\n`);
  for (const line of gatherSkipped(skipped)) process.stdout.write(`skipped: ${line}\n`);
  if (interrupted) process.stdout.write('interrupted\n');
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped.length} skipped\n`);
}

function longest(stage: string, { durations }: TestCounts): string {
  const first = durations.toSorted((a, b) => b.seconds - a.seconds).slice(0, 6);
  return `longest of ${stage}: ${first.map(({ file, seconds }) => `${file} ${seconds.toFixed(0)} s`).join(', ')}`;
}

function minutes(seconds: number): string {
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** Tests of one file that are skipped for the same reason share one line. */
function gatherSkipped(skipped: readonly SkippedTest[]): string[] {
  const groups = Map.groupBy(skipped, ({ file, reason }) => `${file} ${reason}`);
  return [...groups.values()].map((group) => {
    const [{ file, name, reason }] = group as [SkippedTest];
    return `${file}: ${group.length === 1 ? name : `${group.length} tests`} (${reason})`;
  });
}
