/** Jobs that take too long to run on each change: a row each. Commands run in the project's folder. */

export type Job = {
  readonly name: string;
  readonly what: string;
  readonly minutes: number;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
};

const node = [process.execPath, '--disable-warning=ExperimentalWarning'];
/** Different inputs each day. */
const seed = String(Math.floor(Date.now() / 86_400_000));

export const jobTable: readonly Job[] = [
  {
    name: 'fresh-debian',
    what: "README's demo and tests on a fresh Debian 12",
    minutes: 90,
    command: [...node, 'check/nightly/fresh-debian.ts', 'npm run demo -- --once', 'npm test'],
  },
  {
    name: 'fuzz',
    what: 'a million inputs for the readers of foreign bytes',
    minutes: 30,
    command: ['bin/ingot', 'bench', 'fuzz', '--count', '1000000', '--seed', seed],
  },
  {
    name: 'fuzz-api',
    what: 'ten times the requests that `npm test` sends to each route',
    minutes: 30,
    command: [...node, '--test', 'test/fuzz-api.test.ts'],
    env: { FUZZ_ROUNDS: '120', FUZZ_SEED: seed },
  },
  {
    name: 'crash',
    what: 'the process killed at every step, again: what depends on moments shows itself by repetition',
    minutes: 60,
    command: ['bin/check', 'whole', 'test/whole/crash'],
  },
  {
    name: 'ironic-oracle',
    what: 'the same requests to the current Ironic (of Debian sid) and to Ingot, replies compared',
    minutes: 45,
    command: [...node, 'test/oracle/main.ts'],
  },
];
