/** Runs a suite of Python tests that another project wrote, and holds a table of those left out against it. */
import { strict as assert } from 'node:assert';
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const python = '/usr/bin/python3';
const packages = '/usr/lib/python3/dist-packages';
const runner = fileURLToPath(new URL('run-suite.py', import.meta.url));

export type Suite = {
  /** Folder of the tests below Python's packages; its module names are shortened by it. */
  readonly folder: string;
  /** Names of the modules there; default all. */
  readonly modules?: readonly string[];
  /** Modules that the tests import, and the Debian packages that bring them. */
  readonly needs: Readonly<Record<string, string>>;
};

type Outcome = { readonly test: string; readonly outcome: 'passed' | 'failed' | 'skipped'; readonly words: string };

/** The reason to skip the suite, or false. */
export function whyNotRun({ needs }: Suite): string | false {
  const { status } = spawnSync(python, ['-c', `import ${Object.keys(needs).join(', ')}`]);
  return status === 0 ? false : `Python modules are missing (apt: ${Object.values(needs).join(' ')})`;
}

/** Reasons by the names of tests, without the module path of the suite; the name of a module or class means all its tests. */
export type Reasons = Readonly<Record<string, string>>;

export type Place = { readonly env: NodeJS.ProcessEnv; readonly cwd: string };
type Surroundings = Place & {
  /** More places, each with a process and an Ingot of its own: for tests that expect to be alone. */
  readonly others?: readonly Place[];
  /** Tests that must not pass. */
  readonly leftOut: Reasons;
  /** Tests that are not run. */
  readonly notRun?: Reasons;
  /** How many processes share the classes of tests; default one for each place. */
  readonly shares?: number;
};

/** A subtest for each test of the suite: it passes, or is left out and does not. */
export async function holdSuite(t: TestContext, suite: Suite, surroundings: Surroundings): Promise<void> {
  const { leftOut } = surroundings;
  const outcomes = await run(suite, surroundings);
  assert.ok(outcomes.length > 0, 'no test was run');
  const rowOf = (test: string) => Object.keys(leftOut).find((row) => test === row || test.startsWith(`${row}.`));
  for (const { test, outcome, words } of outcomes)
    await t.test(test, () => {
      const row = rowOf(test);
      if (row === undefined) assert.equal(outcome, 'passed', inShort(words));
      else assert.notEqual(outcome, 'passed', `it passes: it need not be left out for this reason: ${leftOut[row]}`);
    });
  await t.test('the tests that are left out are there', () => {
    const used = new Set(outcomes.map(({ test }) => rowOf(test)));
    assert.deepEqual(
      Object.keys(leftOut).filter((row) => !used.has(row)),
      [],
    );
  });
}

/** The last line of a traceback says what is wrong; the client's log before it is long. */
function inShort(words: string): string {
  const last = words.trimEnd().split('\n').at(-1) ?? '';
  return `${last.slice(0, 500)}\n${words.slice(-6000)}`;
}

async function run(suite: Suite, surroundings: Surroundings): Promise<Outcome[]> {
  const { env, cwd, others = [], notRun = {} } = surroundings;
  const places = [{ env, cwd }, ...others];
  const { shares = places.length } = surroundings;
  const runs = Array.from({ length: shares }, (_, share) =>
    runShare(suite, places[share % places.length] as Place, notRun, [String(share), String(shares)]),
  );
  return (await Promise.all(runs)).flat();
}

async function runShare(
  { folder, modules = [] }: Suite,
  { env, cwd }: Place,
  notRun: Reasons,
  share: readonly string[],
): Promise<Outcome[]> {
  const prefix = `${folder.replaceAll('/', '.')}.`;
  const without = Object.keys(notRun).map((test) => `${prefix}${test}`);
  const where = [`${packages}/${folder}`, packages, modules.join()];
  const child = spawn(python, ['-W', 'ignore', runner, ...share, ...where, ...without], {
    env: { ...env, PYTHONWARNINGS: 'ignore' },
    cwd,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => (errors = (errors + chunk).slice(-20_000)));
  const ended = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  const outcomes: Outcome[] = [];
  for await (const line of createInterface({ input: child.stdio[3] as Readable })) {
    const { test, ...rest } = JSON.parse(line) as Outcome;
    outcomes.push({ ...rest, test: test.replace(prefix, '') });
  }
  assert.equal(await ended, 0, errors);
  return outcomes;
}
