/** The stages of a check, in order. A failed stage fails the run, but later stages still run. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { whyNoPostgres } from '#test/a-postgres.ts';
import { imageVariable, migrateImage } from '#test/a-store.ts';
import { withPreparedOpenstack } from '#test/client/prepared-openstack.ts';
import { statementsVariable } from '#test/noted-statements.ts';
import { checkImports } from './imports.ts';
import { enoughTests, storeTests, withPostgres } from './postgres.ts';
import { provideRecordings } from './recordings.ts';
import { checkRules } from './rules.ts';
import { type Program, runProgram } from './run-program.ts';
import { runTests } from './run-tests.ts';
import { type Finding, listSources, root } from './sources.ts';
import type { SkippedTest, TestCounts } from './test-counts.ts';

export type Group = 'static' | 'unit' | 'postgres' | 'client' | 'whole';
type TestStage = {
  covers: (path: string) => boolean;
  concurrency: number;
  fileSeconds: number;
  /** Whether files share processes. */
  together?: boolean;
  /**
   * Only tests that open a store, each on a PostgreSQL database; after the unit tests, those that are enough
   * (docs/decisions/0069-postgresql-by-statements.md).
   */
  onPostgres?: boolean;
  /** Whether the `openstack` client is loaded once for all files. */
  withOpenstack?: boolean;
  /** Files that take far longer than others, and begin first: otherwise one of them would run alone at the end. */
  first?: readonly string[];
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
  {
    name: 'types',
    group: 'static',
    program: { command: 'tsc', args: ['--pretty', 'false', '--incremental', '--tsBuildInfoFile', '.cache/types.tsbuildinfo'] },
  },
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
      together: true,
    },
  },
  {
    name: 'tests on PostgreSQL',
    group: 'postgres',
    tests: {
      covers: (path) => isIn(path, ['src/store/', 'src/services/', 'src/api/', 'src/engine/']),
      concurrency: Math.max(2, availableParallelism()),
      fileSeconds: 180,
      together: true,
      onPostgres: true,
    },
  },
  {
    name: 'client tests',
    group: 'client',
    tests: {
      covers: (path) => isIn(path, clientFolders),
      // They wait more than they compute: the client asks every two or ten seconds whether a node is ready.
      concurrency: 2 * Math.max(2, availableParallelism()),
      fileSeconds: 900,
      withOpenstack: true,
      first: ['test/client/referees/ironicclient.test.ts', 'test/client/instances.test.ts'],
    },
  },
  {
    name: 'whole-system tests',
    group: 'whole',
    // Each lab has its own network, and an emulated machine computes on one core.
    tests: { covers: (path) => isIn(path, wholeFolders), concurrency: Math.max(2, availableParallelism()), fileSeconds: 2400 },
  },
];

type Outcome = { name: string; seconds: number; problem: string | undefined; tests?: TestCounts };

export type CheckRequest = { groups: readonly Group[]; paths: readonly string[]; signal: AbortSignal };

/** Runs the stages of the selected groups, prints a summary and returns whether all passed. */
export async function runStages(request: CheckRequest): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-check-'));
  try {
    return await runAll(request, folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function runAll({ groups, paths, signal }: CheckRequest, folder: string): Promise<boolean> {
  const outcomes: Outcome[] = [];
  const notes = groups.includes('unit') && groups.includes('postgres') && paths.length === 0 ? join(folder, 'notes') : undefined;
  let env: Record<string, string> | undefined;
  const surroundings = async () => {
    env ??= await prepare(folder, notes);
    return { paths, signal, notes, env };
  };
  for (const stage of stageTable.filter(({ group }) => groups.includes(group))) {
    if (signal.aborted) break;
    process.stdout.write(`\n== ${stage.name}\n`);
    const start = performance.now();
    const result = await runStage(stage, surroundings, signal);
    outcomes.push({ name: stage.name, seconds: (performance.now() - start) / 1000, ...result });
  }
  printSummary(outcomes, signal.aborted);
  return !signal.aborted && outcomes.every(({ problem }) => problem === undefined);
}

type Surroundings = {
  paths: readonly string[];
  signal: AbortSignal;
  /** Folder in which the unit tests note what they have the database do, for the choice of those on PostgreSQL. */
  notes: string | undefined;
  env: Record<string, string>;
};

/** @returns the environment of all tests */
async function prepare(folder: string, notes: string | undefined): Promise<Record<string, string>> {
  const image = join(folder, 'migrated.sqlite');
  await writeFile(image, await migrateImage());
  return { ...provideRecordings(), [imageVariable]: image, ...(notes && { [statementsVariable]: notes }) };
}

async function runStage(
  stage: Stage,
  surroundings: () => Promise<Surroundings>,
  signal: AbortSignal,
): Promise<Pick<Outcome, 'problem' | 'tests'>> {
  if ('program' in stage) return { problem: await runProgram(stage.program, signal) };
  if ('findings' in stage) return { problem: printFindings(stage.findings(listSources())) };
  return runTestStage(stage.tests, await surroundings());
}

async function runTestStage(
  stage: TestStage,
  { paths, signal, notes, env }: Surroundings,
): Promise<Pick<Outcome, 'problem' | 'tests'>> {
  const files = testFiles(stage, paths, notes);
  if (files.length === 0) return { problem: paths.length === 0 ? 'no test files found' : undefined };
  const reason = stage.onPostgres ? await whyNoPostgres() : undefined;
  if (reason !== undefined) return { problem: undefined, tests: allSkipped(files, reason) };
  const run = (more: Record<string, string>) => runTests({ ...stage, files, signal, env: { ...env, ...more } });
  const tests = await surround(stage)(run);
  return { tests, problem: tests.failed > 0 ? `${tests.failed} failed` : undefined };
}

function surround({ onPostgres, withOpenstack }: TestStage): typeof withPostgres {
  if (onPostgres) return withPostgres;
  return withOpenstack ? withPreparedOpenstack : (work) => work({});
}

function allSkipped(files: readonly string[], reason: string): TestCounts {
  const skipped = files.map((file) => ({ file: relative(root, file), name: 'all tests', reason }));
  return { passed: 0, failed: 0, failures: [], skipped, durations: [] };
}

function testFiles({ covers, onPostgres, first = [] }: TestStage, paths: readonly string[], notes: string | undefined): string[] {
  const sources = listSources();
  const onStore = onPostgres ? storeTests(sources) : undefined;
  const found = sources
    .map(({ path }) => path)
    .filter((path) => path.endsWith('.test.ts') && covers(path) && (onStore?.has(path) ?? true))
    .filter((path) => paths.length === 0 || paths.some((part) => path.startsWith(part)));
  const enough = onPostgres && notes !== undefined ? enoughTests(found, notes) : found;
  if (enough.length < found.length) process.stdout.write(`${enough.length} of ${found.length} files do all that the others do\n`);
  return [...first.filter((path) => enough.includes(path)), ...enough.filter((path) => !first.includes(path))].map(
    (path) => `${root}/${path}`,
  );
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
